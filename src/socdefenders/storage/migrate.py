"""Brings a database to the schema of this version, and refuses one that does not fit.

A migration is `migrations/NNNN_name.sql` and runs in a transaction of its own, which also marks it as
done: whatever stops it, nothing of it stays, and the next upgrade runs it again. Its checksum is kept,
so that a database changed by hand or by another build is found out. One advisory lock keeps two
processes from upgrading at once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from socdefenders.errors import SchemaError, StorageError
from socdefenders.storage import locks
from socdefenders.storage.database import FAILURES, Connection, Record, connect, wrapped

# Other tools keep a table of this name too; ours is known by its columns.
_OURS = """
select count(*) = 2 from pg_attribute
 where attrelid = to_regclass('schema_migrations') and attname in ('checksum', 'finished_at') and not attisdropped
"""

# Any table where ours would stand, but for those of extensions.
_TAKEN = """
select exists (
    select from pg_class c
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'f')
       and not exists (
           select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step, and the checksum of its text."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Status:
    """Where a database stands."""

    current: int
    """0: empty."""
    latest: int
    """The version this package works with."""
    problem: str | None
    """Why it cannot be used or upgraded, in words, or None."""

    @property
    def pending(self) -> int:
        """How many migrations an upgrade would run."""
        return 0 if self.problem else self.latest - self.current


def migrations() -> list[Migration]:
    """Return every step of this version, in order."""
    folder = files("socdefenders.storage").joinpath("migrations")
    steps = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            steps.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return steps


async def status(dsn: str) -> Status:
    """Look, and change nothing."""
    connection = await connect(dsn)
    try:
        return await _status(connection, migrations())
    except FAILURES as error:
        raise wrapped(error, closed=connection.is_closed()) from error
    finally:
        await connection.close()


async def check(dsn: str) -> None:
    """Raise SchemaError unless the database has exactly the schema of this version."""
    found = await status(dsn)
    if found.problem:
        raise SchemaError(found.problem)
    if found.pending:
        raise SchemaError(
            f"The database has schema {found.current}, this version needs {found.latest}; "
            "run `socdefenders db upgrade` first."
        )


async def upgrade(dsn: str, steps: Sequence[Migration] | None = None) -> Status:
    """Run what is pending of `steps`, this version's own unless given; return where the database stood before.

    Raises SchemaError when it cannot be used, StorageError for a step that failed; it and those after it leave nothing.
    """
    steps = migrations() if steps is None else steps
    connection = await connect(dsn, command_timeout=None)
    try:
        await connection.execute("select pg_advisory_lock($1)", locks.MIGRATE)
        found = await _status(connection, steps)
        if found.problem:
            raise SchemaError(found.problem)
        for step in steps[found.current :]:
            await _run(connection, step)
        return found
    except FAILURES as error:
        raise wrapped(error, closed=connection.is_closed()) from error
    finally:
        await connection.close()


async def _run(connection: Connection, step: Migration) -> None:
    mark = "insert into schema_migrations (version, name, checksum, finished_at) values ($1, $2, $3, now())"
    try:
        async with connection.transaction():
            await connection.execute(step.sql)
            await connection.execute(mark, step.version, step.name, step.checksum)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StorageError(
            f"Migration {step.version} needs more rights: {error}. Let the database's owner run "
            "`create extension pg_trgm` and grant this role CREATE on the schema."
        ) from error


async def _status(connection: Connection, steps: Sequence[Migration]) -> Status:
    latest = steps[-1].version
    version = connection.get_server_version()
    if version.major < 14:
        return Status(0, latest, f"PostgreSQL {version.major} is too old; SOC Defenders needs 14 or later.")
    if not await connection.fetchval(_OURS):
        taken = await connection.fetchval(_TAKEN)
        problem = "The database has tables of another application; give SOC Defenders a database of its own."
        return Status(0, latest, problem if taken else None)
    rows = await connection.fetch("select version, checksum, finished_at from schema_migrations order by version")
    return Status(rows[-1]["version"] if rows else 0, latest, _problem(rows, steps))


def _problem(rows: Sequence[Record], steps: Sequence[Migration]) -> str | None:
    """Say why a database with these `rows` of schema_migrations is not one that `steps` made."""
    if rows and rows[-1]["version"] > steps[-1].version:
        return (
            f"The database has schema {rows[-1]['version']}, newer than this version's {steps[-1].version}; "
            "install the newer SOC Defenders again."
        )
    for row, step in zip(rows, steps, strict=False):
        if row["finished_at"] is None:
            return (
                f"Migration {row['version']} did not finish; restore the backup made before it, or undo its traces and "
                "delete its row from schema_migrations."
            )
        if row["version"] != step.version or row["checksum"] != step.checksum:
            return (
                f"Migration {row['version']} was run from another text than this version's; the schema cannot be "
                "trusted. Install the version that made it, or restore a backup."
            )
    return None
