"""Every statement is understood by every PostgreSQL, whatever of it the tests of one version alone run."""

from importlib.resources import files

import asyncpg
import pytest

from socdefenders.storage.sql import load

NAMES = sorted(file.name.removesuffix(".sql") for file in files("socdefenders.storage").joinpath("queries").iterdir())
TEMPORARY = ("staging", "fresh")
"""Tables that a connection makes for itself, by the statement that is called as the first of them."""


@pytest.mark.parametrize("name", NAMES)
async def test_every_statement_is_understood(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(load("write")[TEMPORARY[0]])
        for title, statement in load(name).items():
            if ";" in statement.rstrip(";"):
                await connection.execute(statement)
            else:
                try:
                    await connection.prepare(statement)
                except asyncpg.PostgresError as error:
                    pytest.fail(f"{name}: {title}: {error}")
    finally:
        await connection.close()
