"""The roles of docs/install.md can be made as it says, by whom it says, and may do what they need and no more."""

import re
from pathlib import Path

import pytest

from socdefenders import search
from socdefenders.accounts import UsageLog, create_key
from socdefenders.errors import StorageError
from socdefenders.storage import migrate
from socdefenders.storage.database import Database, connect
from tests.clusters import Cluster
from tests.db.test_accounts import NOW

PAGE = Path(__file__).resolve().parents[2] / "docs" / "install.md"
SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWNER, API, NAME = "the_owner", "the_api", "installed"


def as_role(dsn: str, role: str) -> str:
    return f"{dsn}&role={role}"


async def typed(dsn: str, script: str) -> None:
    """Run the statements one by one: a database is not made within a transaction."""
    connection = await connect(dsn)
    try:
        for statement in filter(None, script.split(";\n")):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_roles_of_the_documentation_are_made_by_whom_it_says(some_cluster: Cluster) -> None:
    renamed = PAGE.read_text(encoding="utf-8").replace("sd_api", API)
    by_administrator, role, grants = (
        re.sub(r"\bdatabase socdefenders\b", f"database {NAME}", block).replace(" socdefenders", f" {OWNER}")
        for block in SQL.findall(renamed)
    )
    dsn = some_cluster.instance.dsn_of(NAME)
    await typed(some_cluster.instance.dsn, by_administrator)
    try:
        await migrate.upgrade(as_role(dsn, OWNER))
        await typed(dsn, role)
        await typed(as_role(dsn, OWNER), grants)
        async with Database(as_role(dsn, OWNER), size=1) as owned:
            key, _ = await create_key(owned, name="a test", tier="pro", now=NOW)
        async with Database(as_role(dsn, API), size=2) as served:
            assert (await search.find(served, "nothing-reported.example", deadline=20)).complete
            usage = UsageLog(served)
            usage.count(key.id, NOW)
            await usage.flush()
            with pytest.raises(StorageError, match="permission denied"):
                await create_key(served, name="another", tier="pro", now=NOW)
    finally:
        await typed(some_cluster.instance.dsn, f"drop database {NAME} with (force);\ndrop role {API}, {OWNER};\n")
