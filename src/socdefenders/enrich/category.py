"""What an article is about: one of ten categories, by what its title, its first sentences and the rest speak of.

A phrase in the title weighs most, one in the lead less, one further down little, and no more than a few times.
The classification says the same in more detail, as a slug to read: `banking-trojan`, `exploited-vulnerability`.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from socdefenders.enrich.findings import Category, Classification, Reason, Tagged
from socdefenders.enrich.rules import Rules, table
from socdefenders.enrich.sentences import Sentence

LEAD = 8
"""Sentences behind the title that say what an article is about."""
_CONSIDERED = 80
_IN_TITLE, _IN_LEAD, _IN_BODY = 6.0, 1.5, 0.25
_NAMED_IN_TITLE = 4.0
_MOST_IN_BODY = 3.0
_WEIGHTS = {"research": 0.7}
"""Its words stand in articles of every kind."""
_OF_KIND = {"actor": "threat-intelligence", "ransomware": "ransomware"}
_ELSE = "research"
"""What an article is when nothing speaks for anything."""

CUES = table(
    r"""
vulnerabilities \bcve-\d
    |\bvulnerabilit(?:y|ies)\b
    |zero-?\s?days?\b
    |\bpatch(?:es|ed)?\b
    |patch tuesday
    |security (?:updates?|advisor(?:y|ies)|flaws?|bugs?)
    |\bflaws?\b
    |remote code execution
    |privilege escalation
    |\brce\b
    |proof[- ]of[- ]concept
    |\bbugs? (?:in|fixed|allow)
    |auth\w* bypass
malware \bmalware\b
    |\btrojans?\b
    |\bbotnets?\b
    |\bbackdoors?\b
    |info-?\s?stealers?\b
    |\bstealers?\b
    |\bloaders?\b
    |\bdroppers?\b
    |\brats?\b
    |\bspyware\b
    |\brootkits?\b
    |\bworms?\b
    |key-?\s?loggers?\b
    |crypto-?\s?miners?
    |coin-?\s?miners?
    |\bwipers?\b
    |exploit kits?
    |\beks?\b
    |\bpayloads?\b
    |\badware\b
    |skimmers?\b
    |\bmaldocs?\b
    |malicious (?:\w+ )?(?:apps?|packages?|extensions?|documents?|macros?)
ransomware \bransomware\b
    |double extortion
    |ransom (?:note|demand|payment)s?
    |\blockbit\b
    |data leak site
threat-intelligence \bapt[- ]?\d+
    |\bapts\b
    |\bapt(?: (?:actor|attack|campaign|group|threat)\w*|\W*$)
    |threat actor (?:dubbed|group|known|named|tracked)
    |threat groups?\b
    |espionage
    |intelligence operations?
    |\bhacktivis\w+
    |state-(?:sponsored|backed|aligned)
    |nation[- ]state
    |hacking groups?
    |advanced persistent threat
    |(?:targeted|hacking|apt) campaigns?
    |attributed to
    |\bta\d{3,4}\b
    |\bunc\d{4}\b
    |\bhackers? (?:linked|tied)
data-breaches data (?:breach\w*|dumps?|leaks?|theft)
    |\bbreached (?:accounts?|data|passwords?|records|sites?)
    |\bbreach (?:data|leaks?)
    |dumps? of data
    |have i been pwned|\bhibp\b
    |(?:records|accounts|data|database|information|passwords) ~(?:exposed|leaked|stolen|for sale)
    |(?:exposed|leaked|stole|stolen) ~(?:records|database|customer|personal) ~data
    |notif\w+ ~(?:customers|individuals|patients)
    |personal (?:data|information) of
    |unsecured (?:database|bucket|server)
attacks-breaches cyber-?\s?attacks?\b
    |\bhacked\b
    |\bbreach(?:ed)?\b
    |\bddos\b
    |\boutages?\b
    |supply[- ]chain (?:attack|compromise)
    |\bdefac\w+
    |compromised (?:website|server|site)s?
    |disrupt(?:s|ed) ~(?:operations|services)
    |security incident
    |intrusion
    |hijacked (?:accounts?|domains?|sites?)
    |unauthorized access
    |watering hole
    |drive-by
phishing \b(?:spear-?\s?)?phish\w*
    |\bsmishing\b
    |\bvishing\b
    |\bscam\w*
    |\bbec\b
    |business e-?mail compromise
    |\bmalspam\b
    |credential (?:harvest|phish|theft)\w*
    |(?:e-?mail|social engineering) (?:lures?|attacks?|threats?)
    |malicious (?:e-?mails?|messages?)
    |fake (?:login|site|website|page|invoice)s?
    |\bspam\b
    |typosquat\w*
    |cybersquat\w*
policy \b(?:regulations?|regulators?|legislation|gdpr|lawmakers?|congress|senate|parliament|white house
        |executive order|sanction(?:s|ed)|indict\w*|arrest(?:s|ed)?|sentenced|extradit\w*|prosecut\w*|lawsuits?
        |fined|court|doj|department of justice
        |law enforcement|take-?down|dismantled|guilty|compliance|privacy law|bill|directive|election)\b
research \b(?:survey|study|report finds|trends?|statistics|predictions?|forecast
        |state of (?:cyber|email|encrypted|phish|ransomware|security|the)|annual|quarterly
        |year in review|whitepaper|webinar|gartner|forrester|best practices|lessons|insights?|landscape
        |quadrant|tips|guide|how to|named (?:a|an|as|top)|zero trust|cloud security|casb|sase)\b
tools \b(?:open[- ]source tool|new tool|releas\w+ ~(?:tool|scanner|decrypt\w+|framework|scripts?)|free (?:tool
        |decrypt\w*)|yara rules?|toolkit for|plugin for|github release|decrypt(?:or|er|ion tool)|introducing
        |announcing|now provides|pleased to announce|announc\w+ ~(?:integration|partnership|availability
        |release)|now available|version \d+\.\d+ (?:of|is
        |released))\b
"""
)
"""What speaks for a category."""

TITLE_CUES = table(
    r"""
threat-intelligence \bcyber-?\s?crim(?:e|inals?)\b|\bunderground\b|threat actors?\b
research \bpartnerships?\b
tools \bannouncement\b
"""
)
"""What speaks for one only in a title, because articles of every kind say it somewhere."""

_KINDS = {
    "vulnerabilities": table(
        r"""
exploited-vulnerability exploit\w* ~in the wild
    |attacks (?:against|exploiting|on|targeting|using) ~in the wild
    |attack\w* (?:are|have been|were) (?:actively |already |now )?exploiting
    |actively exploit\w*
    |under (?:active )?(?:attack|exploitation)
    |known exploited
    |zero-?\s?days?
security-update patch tuesday
    |security updates?
    |(?:release|fix|patch)\w* ~(?:flaws?|vulnerabilit\w+|bugs?)
"""
    ),
    "malware": table(
        r"""
rootkit \brootkits?\b|\bbootkits?\b
mobile-malware \bandroid\b|\bios (?:malware|spyware)|google play|mobile (?:malware|banker|trojan)
banking-trojan bank(?:ing|er) (?:trojan|malware)s?|\bbankers?\b
infostealer info-?\s?stealers?
    |\bstealers?\b
    |information[- ]steal\w+
    |steal\w* ~(?:credentials|passwords)
web-skimmer \bskimm(?:er|ing)\w*|\bmagecart\b
exploit-kit exploit (?:kit|pack)s?|drive-?by
wiper \bwipers?\b|data-?wiping
cryptominer crypto-?\s?min\w+|coin-?\s?min\w+|cryptojack\w*
botnet \bbotnets?\b
remote-access-trojan remote access trojan|\brats?\b
loader \bloaders?\b|\bdownloaders?\b|\bdroppers?\b
backdoor \bbackdoors?\b|\bimplants?\b
"""
    ),
    "ransomware": table(
        r"""
ransomware-takedown (?:arrest|indict|seiz|takedown|dismantl|disrupt)\w* ~~ransomware
    |ransomware ~~(?:arrest|indict|seiz|takedown|dismantl)\w*
ransomware-attack (?:hit|victim|attack|target|breach|shut|claim)\w* ~~ransomware
    |ransomware ~~(?:attack|hit|victim|target|shut)\w*
"""
    ),
    "threat-intelligence": table(
        r"""
espionage-campaign espionage
    |state-(?:sponsored|backed|aligned)
    |nation[- ]state
    |\bapts\b
    |\bapt(?: (?:actor|attack|campaign|group|threat)\w*|\W*$)
    |\bapt[- ]?\d+
    |advanced persistent
cybercrime-campaign financially motivated|cyber-?\s?crim\w+|underground|crimeware
"""
    ),
    "data-breaches": table(
        r"""
data-leak \bleak\w*|unsecured|exposed (?:database|bucket|server)
"""
    ),
    "attacks-breaches": table(
        r"""
ddos-attack \bddos\b|denial[- ]of[- ]service
supply-chain-attack supply[- ]chain
website-compromise compromised (?:web ?)?sites?
    |defac\w+
    |watering hole
    |drive-by
    |inject\w* ~(?:script|iframe)
"""
    ),
    "phishing": table(
        r"""
business-email-compromise business e-?mail compromise|\bbec\b
smishing \bsmishing\b|\bsms phishing|text messages?
malicious-email-campaign \bmalspam\b
    |(?:malicious|weaponi[sz]ed) ~attachments?
    |e-?mails? ~(?:deliver|distribut)\w*
credential-phishing credentials?\b|login (?:page|form)s?|fake login
scam \bscams?\b|\bfraud\w*
"""
    ),
    "policy": table(
        r"""
arrest-or-charges \barrest\w*|\bindict\w*|\bsentenced\b|\bcharged\b|extradit\w*|takedown|seiz\w+
sanctions \bsanction\w*
regulation regulat\w+|legislation|gdpr|directive|\bbill\b|\blaw\b
"""
    ),
    "research": table(
        r"""
survey-or-report \bsurvey\b|\bstudy\b|annual|quarterly|report finds|statistics|trends?\b|state of
security-advice best practices|\btips\b|\bguide\b|how to|lessons|zero trust
vendor-announcement quadrant|gartner|forrester|named (?:a|an|as|top)|partnership
"""
    ),
    "tools": table(
        r"""
decryptor decrypt(?:or|er|ion tool)
product-announcement announc\w+|now available|introducing|partnership|integration
"""
    ),
}
"""The kinds of article in a category; what the title says counts three times."""

_PLAIN_KINDS = {
    "vulnerabilities": "vulnerability-disclosure",
    "malware": "malware-analysis",
    "ransomware": "ransomware-analysis",
    "threat-intelligence": "threat-actor-activity",
    "data-breaches": "data-breach",
    "attacks-breaches": "cyberattack",
    "phishing": "phishing-campaign",
    "policy": "policy",
    "research": "security-research",
    "tools": "tool-release",
}
CATEGORIES = tuple(_PLAIN_KINDS)
"""The categories, as the API spells them."""


def categorize(sentences: Sequence[Sentence], named: Sequence[Tagged] = ()) -> Category:
    """Return what an article is about; `named` are the actors and the malware that it names."""
    points: dict[str, float] = defaultdict(float)
    body: dict[str, float] = defaultdict(float)
    said: dict[str, str] = {}
    place = 0
    for sentence in sentences[:_CONSIDERED]:
        place += not sentence.in_title
        weight = _IN_TITLE if sentence.in_title else _IN_LEAD if place <= LEAD else 0.0
        of_title = _title_cues().search(sentence.lower) if sentence.in_title else ()
        for slug, words in dict((*of_title, *_cues().search(sentence.lower))).items():
            said.setdefault(slug, words)
            points[slug] += weight * _WEIGHTS.get(slug, 1.0)
            body[slug] = min(body[slug] + _IN_BODY, _MOST_IN_BODY)
    title = " ".join(sentence.prose for sentence in sentences if sentence.in_title)
    named_in_title = _named_in(title, named)
    for slug, name in named_in_title.items():
        said.setdefault(slug, name)
    scores = {slug: points[slug] + body[slug] + _NAMED_IN_TITLE * (slug in named_in_title) for slug in said}
    ranked = sorted(scores, key=lambda slug: (-scores[slug], CATEGORIES.index(slug)))
    if not ranked:
        return Category(_ELSE, 0, ())
    second = scores[ranked[1]] if len(ranked) > 1 else 0.0
    best = scores[ranked[0]]
    confidence = round(100 * (best - second) / (best + 1))
    return Category(ranked[0], confidence, tuple(Reason(slug, scores[slug], said[slug]) for slug in ranked))


def _named_in(title: str, named: Sequence[Tagged]) -> dict[str, str]:
    """Return what the names in a title speak for; a name of an actor and of malware counts as the first of `named`."""
    by_name = {each.surface.lower(): each for each in reversed(named)}
    return {
        _OF_KIND.get(each.kind, "malware"): each.surface
        for name, each in by_name.items()
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", title, re.IGNORECASE)
    }


def classify(category: Category, sentences: Sequence[Sentence]) -> Classification:
    """Return what kind of article in its category an article is."""
    rules = _kinds()[category.slug]
    counts: dict[str, int] = defaultdict(int)
    for sentence in sentences[: LEAD + 1]:
        for slug, _ in rules.search(sentence.lower):
            counts[slug] += 3 if sentence.in_title else 1
    if not counts:
        return Classification(_PLAIN_KINDS[category.slug], min(category.confidence, 50))
    order = [slug for slug, _ in _KINDS[category.slug]]
    slug = min(counts, key=lambda each: (-counts[each], order.index(each)))
    return Classification(slug, min(95, max(category.confidence, 40 + 10 * counts[slug])))


@cache
def _cues() -> Rules:
    return Rules(CUES)


@cache
def _title_cues() -> Rules:
    return Rules(TITLE_CUES)


@cache
def _kinds() -> dict[str, Rules]:
    return {category: Rules(kinds) for category, kinds in _KINDS.items()}
