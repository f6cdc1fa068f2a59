"""What an indicator is: reading, writing and finding them, without any I/O."""

from socdefenders.indicators.kinds import detect, parse, reversed_host
from socdefenders.indicators.query import Query, candidates
from socdefenders.indicators.refang import defang, refang

__all__ = ["Query", "candidates", "defang", "detect", "parse", "refang", "reversed_host"]
