"""The language model of an instance, if it has one: what the settings say of it, and its work beside a worker's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from socdefenders.cli.beside import beside
from socdefenders.errors import SettingsError
from socdefenders.seams import Tell
from socdefenders.settings import Settings
from socdefenders.storage.database import Database
from socdefenders.summaries import Endpoint, ModelClient, Summariser


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
async def writing_summaries(settings: Settings, database: Database, report: Tell, warn: Tell) -> AsyncIterator[None]:
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
        async with beside(summariser.run(), warn, "summaries_ended"):
            yield
