"""A publisher for a test."""

from collections.abc import AsyncIterator

import pytest

from tests.fetch.publisher import Publisher, publishing


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with publishing() as running:
        yield running
