"""PostgreSQL: the schema, the statements, the connections, and the server itself when it is the embedded one."""
