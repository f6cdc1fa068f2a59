"""What an indicator is: reading, writing and finding them, without any I/O."""

from socdefenders.indicators.extract import Match, extract
from socdefenders.indicators.kinds import detect, normalize, parse, reversed_host
from socdefenders.indicators.noise import Reason, unlikely
from socdefenders.indicators.place import Section
from socdefenders.indicators.query import Query, candidates
from socdefenders.indicators.refang import defang, refang

__all__ = [
    "Match",
    "Query",
    "Reason",
    "Section",
    "candidates",
    "defang",
    "detect",
    "extract",
    "normalize",
    "parse",
    "refang",
    "reversed_host",
    "unlikely",
]
