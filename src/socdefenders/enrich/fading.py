"""How an indicator fades: how long each type counts as active after its last report, and what is left meanwhile.

An address is soon somebody else's, a file stays what it is. The curve is the one of MISP's decaying models (Mokaddem
et al. 2018, "Taxonomy driven indicator scoring in MISP threat intelligence platforms"),

    1 - (age / lifetime)^(1 / (3 pound))

with the lifetimes and pounds of OpenCTI's built-in rules (decayRule-domain.ts), because they tell the types apart.
After 1, 7, 30 and 90 days they retain

    addresses, URLs    .90  .68  .24   0
    domains            .93  .83  .67  .44
    files             1.00  .99  .95  .84

Nothing is retained at the end of the lifetime, and that is when an indicator counts as inactive.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from socdefenders.model import IocType


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """Days after its last report for which an indicator counts as active, by the kind of its type."""

    address: int = 47
    domain: int = 300
    url: int = 47
    file: int = 460


STANDARD = Lifetimes()

KINDS = {
    IocType.IPV4: "address",
    IocType.IPV6: "address",
    IocType.DOMAIN: "domain",
    IocType.EMAIL: "domain",
    IocType.URL: "url",
    IocType.MD5: "file",
    IocType.SHA1: "file",
    IocType.SHA256: "file",
    IocType.SHA512: "file",
}
"""What fades, and as what; vulnerabilities and techniques are facts, and do not."""
POUNDS = {"address": 0.55, "domain": 0.7, "url": 0.55, "file": 0.3}
"""Above 1/3 the first days take most, below it they take least."""


def lifetime(ioc_type: IocType, lifetimes: Lifetimes = STANDARD) -> timedelta | None:
    """Return for how long after its last report an indicator counts as active; None: it does not fade."""
    kind = KINDS.get(ioc_type)
    return None if kind is None else timedelta(days=getattr(lifetimes, kind))


def retained(ioc_type: IocType, age: timedelta, lifetimes: Lifetimes = STANDARD) -> float:
    """Return which part, 1 to 0, a report of `age` still counts for; what has yet to come is new."""
    whole = lifetime(ioc_type, lifetimes)
    if whole is None or age <= timedelta():
        return 1.0
    gone: float = (age / whole) ** (1 / (3 * POUNDS[KINDS[ioc_type]]))
    return max(0.0, 1.0 - gone)


def inactive_before(now: datetime, lifetimes: Lifetimes = STANDARD) -> dict[IocType, datetime]:
    """Return for each type that fades the time before which its last report makes an indicator inactive."""
    return {each: now - whole for each in KINDS if (whole := lifetime(each, lifetimes)) is not None}
