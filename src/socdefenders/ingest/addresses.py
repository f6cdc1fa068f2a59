"""The one address of an article, whichever link led to it: as its page names it, without what tells readers apart."""

import re

from socdefenders.errors import InvalidIndicator
from socdefenders.indicators import parse, reversed_host
from socdefenders.indicators.noise import host_of, site
from socdefenders.model import IocType

MAX_LINK = 2_048
"""Characters of the address of an article or a reference, which every record of an answer repeats."""

_TRACKING = {
    "utm_*": "Google Analytics: the campaign; FeedBurner and other makers of feeds add them to every link",
    "_ga": "Google Analytics: the visitor, carried from one site to another",
    "_gl": "the same, newer",
    "gclid": "Google Ads: the click",
    "gclsrc": "Google Ads: which of its products",
    "dclid": "Google's Display and Video: the click",
    "gbraid": "Google Ads: the click, from an app",
    "wbraid": "Google Ads: the click, from the web to an app",
    "msclkid": "Microsoft Advertising: the click",
    "fbclid": "Facebook: the click",
    "igshid": "Instagram: who shared it",
    "igsh": "the same, newer",
    "twclid": "X: the click",
    "ttclid": "TikTok: the click",
    "li_fat_id": "LinkedIn: the visitor",
    "yclid": "Yandex: the click",
    "mc_cid": "Mailchimp: the newsletter",
    "mc_eid": "Mailchimp: its reader",
    "mkt_tok": "Marketo: the reader of a mail",
    "_hsenc": "HubSpot: the reader of a mail",
    "_hsmi": "HubSpot: the mail",
    "mtm_*": "Matomo: the campaign",
    "pk_campaign": "Matomo when it was Piwik: the campaign",
    "pk_kwd": "the same: its keyword",
    "pk_medium": "the same: its medium, as `rss`",
    "pk_source": "the same: its source",
    "xtor": "Piano, formerly AT Internet: the campaign; French publishers put it into their feeds",
}
"""Names of parameters that say how a reader came, and never what is read, each with who makes them. What some sites use
for ends of their own (`id`, `p`, `ref`, `source`) stays."""
_NAMES = re.compile(
    "(?:amp;)*(?:" + "|".join(re.escape(name).replace(r"\*", ".*") for name in _TRACKING) + ")", re.IGNORECASE
)
"""One of them, also where a feed escaped its links twice."""


def address_of(url: str | None) -> tuple[str | None, str | None]:
    """Return the canonical spelling of an article's address without tracking, and the name of its host."""
    if not url:
        return None, None
    try:
        indicator = parse(url, IocType.URL)
    except InvalidIndicator:
        return without_tracking(url), None
    reverse = reversed_host(indicator)
    return without_tracking(indicator.canonical), ".".join(reversed(reverse.split("."))) if reverse else None


def without_tracking(url: str) -> str:
    """Return `url` without parameters that say how a reader came, in the query or the fragment; the rest as it was."""
    rest, hash_, fragment = url.partition("#")
    rest, mark, query = rest.partition("?")
    kept, kept_fragment = _kept(query), _kept(fragment)
    if (kept, kept_fragment) == (query, fragment):
        return url
    return rest + (mark + kept if kept else "") + (hash_ + kept_fragment if kept_fragment else "")


def named_by_page(said: str | None, fetched: str) -> str | None:
    """Return the address that a page gives itself, if it is to be believed; `fetched` is where it came from.

    A page may speak for its own site alone, and one whose template was never finished names the front page everywhere.
    """
    try:
        named, own = parse(said or "", IocType.URL), parse(fetched, IocType.URL)
    except InvalidIndicator:
        return None
    address = without_tracking(named.canonical)
    if (
        not address.startswith(("http://", "https://"))
        or len(address) > MAX_LINK
        or site(host_of(named)) != site(host_of(own))
    ):
        return None
    return None if _is_front(address) and not _is_front(own.canonical) else address


def _kept(parameters: str) -> str:
    """Return those of `a=1&b=2` that do not say how a reader came."""
    pairs = parameters.split("&")
    return "&".join([pair for pair in pairs if not _NAMES.fullmatch(pair.partition("=")[0])])


def _is_front(url: str) -> bool:
    """Whether nothing follows the host of a canonical URL."""
    return url.partition("://")[2].partition("/")[2] == ""
