"""How sure a stored indicator is: by all who report it, as if they had done so just now.

What is stored does not age, because it would have to be written anew every day. Nor do warning lists count in it:
asking them takes as long as a twentieth of the whole import, and newer lists would say something else. Whoever reads
an indicator lets both count, by `enrich.confidence.score`.
"""

from functools import lru_cache

from socdefenders.enrich.confidence import Facts, score
from socdefenders.model import IocType, Report

_NOTHING_KNOWN = Facts()


@lru_cache(maxsize=16_384)
def corroborated(kind: str, reports: tuple[Report, ...]) -> int:
    """Return the confidence of an indicator of a type, 0-100, by all that is reported of it.

    Most indicators have one report, and differ in nothing that counts.
    """
    return score(IocType(kind), _NOTHING_KNOWN, reports).confidence
