"""Every statement is understood by every PostgreSQL, whatever of it the tests of one version alone run."""

from importlib.resources import files

import asyncpg
import pytest

from socdefenders.storage.sql import load

NAMES = sorted(file.name.removesuffix(".sql") for file in files("socdefenders.storage").joinpath("queries").iterdir())


@pytest.mark.parametrize("name", NAMES)
async def test_every_statement_is_understood(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    refused: dict[str, str] = {}
    try:
        await connection.execute(load("write")["staging"])  # several, which make tables that others work with
        for title, statement in load(name).items():
            if title != "staging":
                try:
                    await connection.prepare(statement)
                except asyncpg.PostgresError as error:
                    refused[title] = str(error)
    finally:
        await connection.close()
    assert not refused
