"""From what is published to what is stored: files that somebody names, and sources that are fetched."""

from socdefenders.ingest.addresses import MAX_LINK
from socdefenders.ingest.batches import (
    BATCH,
    DEFANGED,
    MAX_SOURCE,
    PLAIN,
    REASONS,
    TEXT,
    Batch,
    Options,
    batches,
)
from socdefenders.ingest.loading import load

__all__ = [
    "BATCH",
    "DEFANGED",
    "MAX_LINK",
    "MAX_SOURCE",
    "PLAIN",
    "REASONS",
    "TEXT",
    "Batch",
    "Options",
    "batches",
    "load",
]
