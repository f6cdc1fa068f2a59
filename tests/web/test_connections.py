"""How many connections an API process takes, as the manual says to whoever must allow them."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from socdefenders.settings import Settings
from socdefenders.storage.database import Database, connect
from socdefenders.web.services import Services, running
from tests.web.serving import WITHIN

DOCS = Path(__file__).resolve().parents[2] / "docs"
TOTALS = {1: 6, 2: 7, 8: 15, 16: 27}
CHECK = 1
"""The one that `/readyz` opens and closes."""
OPEN = "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"


async def borrow_all(database: Database, wanted: int, stack: AsyncExitStack) -> None:
    """Borrow what there is, and be left waiting for one more."""
    for _ in range(wanted):
        await stack.enter_async_context(database.connection())
    one_more = asyncio.ensure_future(stack.enter_async_context(database.connection()))
    stack.callback(one_more.cancel)
    for _ in range(2):  # by when another connection would be there
        await (await connect(database.dsn)).close()
    assert not one_more.done()


@pytest.mark.parametrize("name", ["configuration.md", "operations.md"])
def test_the_manual_gives_the_figure_of_the_default(name: str) -> None:
    total = TOTALS[Settings(data_dir=Path()).database_connections]
    assert f"{total} with the default" in (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("size", "total"), TOTALS.items())
async def test_a_process_takes_as_many_connections_as_the_manual_says(dsn: str, size: int, total: int) -> None:
    services = Services.of(Settings(data_dir=Path(), database_connections=size), dsn)
    async with running(services), AsyncExitStack() as stack, Database(dsn, size=1) as watch:
        (own,) = await watch.fetch("select pg_backend_pid() as pid")
        async with asyncio.timeout(WITHIN):
            while not services.authenticator.listening:
                await watch.execute("select 1")
        await borrow_all(services.database, size, stack)
        await borrow_all(services.database.bounded, max(2, size // 2), stack)
        pids = {row["pid"] for row in await watch.fetch(OPEN)} - {own["pid"]}
        assert len(pids) + CHECK == total
