"""How sure a stored indicator is: by all who report it, as if they had done so just now.

What is stored does not age, because it would have to be written anew every day; whoever reads it can.
"""

from functools import lru_cache

from socdefenders.enrich.confidence import Facts, facts, score
from socdefenders.model import IocType, Report


def corroborated(kind: str, value: str, reports: tuple[Report, ...]) -> int:
    """Return the confidence of an indicator, 0-100, by its normalised value and all that is reported of it."""
    known = IocType(kind)
    return _score(known, facts(known, value), reports)


@lru_cache(maxsize=16_384)
def _score(kind: IocType, known: Facts, reports: tuple[Report, ...]) -> int:
    """Most indicators have one report, and differ from others in nothing that counts."""
    return score(kind, known, reports).confidence
