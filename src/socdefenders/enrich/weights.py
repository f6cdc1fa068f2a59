"""The numbers behind a confidence, in one table with a version, each with where it comes from.

Points are natural logarithms of odds: 0.69 doubles the odds that a value is malicious, -0.69 halves them. The grades
are another project's, as named. The priors, the cap of a report and the penalties are set by hand, so that the worked
examples of docs/enrichment.md come out. How a report loses weight stands in `fading`. Whoever changes a number there or
here raises `VERSION`, which every score carries.
"""

from typing import NamedTuple

from socdefenders.model import IocType

VERSION = 1

_ADDRESS_PRIOR = 0.20
"""What an address falls back to when all reports of it are old: it is shared, and given to others."""
_PRIOR = 0.22
"""With which one sure report of grade C comes to 46 of 100, just below even."""
PRIORS = dict.fromkeys(IocType, _PRIOR) | {IocType.IPV4: _ADDRESS_PRIOR, IocType.IPV6: _ADDRESS_PRIOR}
"""The probability that a value of a type is malicious when nobody says anything about it."""

GRADES = {"A": 100, "B": 75, "C": 50, "D": 25, "E": 0, "F": 50}
"""The Admiralty grade of a source's reliability as 0-100; MISP's taxonomy `admiralty-scale`, which puts F at 50 too."""
SUREST = 0.95
"""The most that one report is believed, whoever makes it."""
NEXT_VOICE = 0.8
"""What a voice counts of the one before it: even independent ones saw some of the same."""


class Warned(NamedTuple):
    """What it counts against a value to stand on one of these warning lists; the heaviest counts, and counts once."""

    name: str
    lists: frozenset[str]
    host: float
    """Points against a domain, an address, a file, and a URL that is nothing but its host."""
    url: float
    """Points against a URL with a path: what lies there may be anybody's."""
    why: str


WARNINGS = (
    Warned(
        "top site",
        frozenset(
            {
                "alexa",
                "bank-website",
                "captive-portals",
                "cisco_top1000",
                "google",
                "microsoft",
                "microsoft-office365",
                "microsoft-win10-connection-endpoints",
                "moz-top500",
                "security-provider-blogpost",
                "whats-my-ip",
            }
        ),
        -6.0,
        -0.92,
        "everybody visits or calls it",
    ),
    Warned(
        "known file",
        frozenset(
            {
                "common-ioc-false-positive",
                "eicar.com",
                "empty-hashes",
                "mozilla-CA",
                "mozilla-IntermediateCA",
                "nioc-filehash",
                "ti-falsepositives",
            }
        ),
        -6.0,
        -0.92,
        "known to be harmless",
    ),
    Warned(
        "popular site",
        frozenset({"cisco_top5k", "cisco_top10k", "cisco_top20k", "majestic_million", "tranco10k"}),
        -4.0,
        -0.92,
        "very many visit it",
    ),
    Warned(
        "shared front",
        frozenset(
            {
                "akamai",
                "apple",
                "cloudflare",
                "fastly",
                "github",
                "google-gmail-sending-ips",
                "microsoft-office365-cn",
                "microsoft-office365-ip",
                "smtp-receiving-ips",
                "smtp-sending-ips",
                "stackpath",
                "wikimedia",
                "zscaler",
            }
        ),
        -4.0,
        -0.92,
        "a CDN or service behind which very many stand",
    ),
    Warned(
        "public resolver",
        frozenset({"public-dns-v4", "public-dns-v6", "public-dns-hostname"}),
        -4.0,
        -0.92,
        "answers everybody's DNS questions",
    ),
    Warned(
        "ranked site",
        frozenset({"google-chrome-crux-1million", "tranco", "university_domains"}),
        -1.0,
        -0.25,
        "on a long list, which holds attacked sites too",
    ),
    Warned(
        "cloud",
        frozenset(
            {
                "amazon-aws",
                "google-gcp",
                "microsoft-azure",
                "microsoft-azure-china",
                "microsoft-azure-germany",
                "microsoft-azure-us-gov",
            }
        ),
        -0.5,
        0.0,
        "rented by the hour, by anybody",
    ),
)
"""By hand: a site of the first 1,000 is malicious itself in less than one report of 400. 0.92 divides the odds by 2.5,
with which a GitHub URL that URLhaus reports comes to 68. Ids are those of docs/knowledge.md."""


class Role(NamedTuple):
    """What a value is according to warning lists that speak neither for nor against it."""

    name: str
    lists: frozenset[str]
    why: str


ROLES = (
    Role("sinkhole", frozenset({"sinkholes"}), "defenders hold it: who calls it is infected, it harms nobody"),
    Role(
        "scanner",
        frozenset(
            {
                "alphastrike-research-nt-scanning",
                "alphastrike-scanning",
                "bufferover-nt-scanning",
                "censys-scanning",
                "coalition-signals-intelligence-nt-scanning",
                "cybergreen-nt-scanning",
                "cyberresilience-nt-scanning",
                "cypex-nt-scanning",
                "f6-nt-scanning",
                "internet-census-nt-scanning",
                "intrinsec-nt-scanning",
                "ipinfo-nt-scanning",
                "ipip-nt-scanning",
                "modat-nt-scanning",
                "modat-scanner",
                "netsecscan-nt-scanning",
                "netsecscan-scanning",
                "onyphe-nt-scanning",
                "onyphe-scanner",
                "probethenet-nt-scanning",
                "rapid7-nt-scanning",
                "research-scanner-nt-scanning",
                "shadowforce-nt-scanning",
                "shadowforce-scanning",
                "shadowserver",
                "shadowserver-nt-scanning",
                "shodan-nt-scanning",
                "shodan-scanning",
                "skipa-nt-scanning",
                "tenable-cloud-ipv4",
                "tenable-cloud-ipv6",
            }
        ),
        "scans the internet for research or inventory",
    ),
)
