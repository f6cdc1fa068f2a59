"""The language model of an instance, if it has one: what the settings say of it, and its work beside a worker's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from socdefenders.errors import SettingsError
from socdefenders.settings import Settings
from socdefenders.storage.database import Database
from socdefenders.summaries import Endpoint, ModelClient, Summariser
from socdefenders.worker import Report


def endpoint(settings: Settings) -> Endpoint | None:
    """Return where the model is, None when there is to be none; raise SettingsError when only half of it is said."""
    if settings.model_url is None and settings.model_name is None and settings.model_key is None:
        return None
    if settings.model_url is None or settings.model_name is None:
        raise SettingsError("A language model needs both SOCDEFENDERS_MODEL_URL and SOCDEFENDERS_MODEL_NAME.")
    return Endpoint(
        url=settings.model_url,
        model=settings.model_name,
        key=settings.model_key,
        seconds=settings.model_timeout_seconds,
    )


@asynccontextmanager
async def beside(settings: Settings, database: Database, report: Report, warn: Report) -> AsyncIterator[None]:
    """Have articles summarised until the end of the block, if there is a model."""
    place = endpoint(settings)
    if place is None:
        yield
        return
    async with ModelClient(place) as client:
        summariser = Summariser(
            database=database,
            client=client,
            model=place.model,
            tokens_per_day=settings.model_tokens_per_day,
            seconds=place.seconds,
            report=report,
            warn=warn,
        )
        task = asyncio.create_task(summariser.run())
        task.add_done_callback(lambda ended: _tell(ended, warn))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


def _tell(ended: asyncio.Task[None], warn: Report) -> None:
    """Say that a bug has ended the summaries; sources are looked at all the same."""
    error = None if ended.cancelled() else ended.exception()
    if error is not None:
        warn("summaries_ended", error=f"{type(error).__name__}: {error}", exc_info=error)
