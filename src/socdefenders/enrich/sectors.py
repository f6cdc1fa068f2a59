"""Which of CISA's sixteen sectors of critical infrastructure an article says were hit or aimed at.

To be spoken of is not enough: a sector counts where the sentence says that somebody was attacked, and not where an
attacker only passed for it. CISA counts schools to government facilities, shops, hotels and media to commercial ones.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

import re2

from socdefenders.enrich import phrases
from socdefenders.enrich.findings import Tagged, evidence
from socdefenders.enrich.rules import Rules, table
from socdefenders.enrich.sentences import Sentence
from socdefenders.model import Confidence

_BODY = (
    r"(?:sectors?|industr(?:y|ies)|organi[sz]ations?|compan(?:y|ies)|firms?|institutions?|entit(?:y|ies)|providers?"
    r"|agenc(?:y|ies)|operators?|verticals?|facilit(?:y|ies)|businesses|corporations?|contractors?)\b"
)

NAMED = table(
    r"""
chemical \b(?:petro)?chemicals? <body>
commercial-facilities \b(?:retail|hospitality|hotel|gaming|gambling|casino|entertainment|media|restaurant
        |e-?commerce|real estate) <body>
communications \b(?:telecom\w*|telephony|broadcast\w*|communications|mobile network|internet service) <body>
critical-manufacturing \b(?:manufacturing|automotive|automobile|semiconductor|steel|machinery|electronics) <body>
defense-industrial-base \b(?:defen[cs]e|military|aerospace)(?: industrial base| and aerospace
        | and defen[cs]e)? <body>
    |defen[cs]e industrial base
emergency-services \bemergency services\b
energy \b(?:energy|oil|gas|oil (?:and|&) gas|petroleum|power|electric(?:ity|al)?|utility|utilities) <body>
    |\b(?:electric(?:ity|al)?|power) (?:grids?|utilit(?:y|ies))
    |oil (?:and|&) gas\b
financial-services \b(?:financial|financial services|finance|banking|insurance|fintech|investment|credit
        |payments?) <body>
    |financial services\b
food-and-agriculture \b(?:food|agricultur\w*|agribusiness|beverage|food (?:and|&) (?:beverage|agriculture)) <body>
government-facilities \b(?:government\w*|public|education\w*|academic|diplomatic|federal|municipal) <body>
    |public administration
    |\bhigher education\b
healthcare-and-public-health \b(?:health ?-?care|health|medical|hospital|pharmaceutical|pharma|biotech\w*
        |life sciences?) <body>
information-technology \b(?:technology|information technology|high[- ]tech|tech|it|software) (?:sectors?|industr(?:y
        |ies)|verticals?)\b
nuclear \bnuclear (?:power|facilit\w*|plants?|reactors?|energy|sector|industry|research)
transportation-systems \b(?:transport\w*|aviation|airline|shipping|logistics|maritime|rail\w*|freight) <body>
water-and-wastewater \b(?:water|wastewater|sewage) (?:treatment|supply|utilit\w*|systems?|plants?|<body>)
""",
    body=_BODY,
)
"""What names a sector."""

VICTIMS = table(
    r"""
chemical \bchemical plants?\b
commercial-facilities \b(?:retailers?|hotels?|casinos?|restaurants?|hotel chains?|(?:news )?media outlets
        |online stores|e-?commerce (?:sites|stores|websites)|shopping sites)\b
    |\b(?:aim|attack|compromis|hack|infect|spy|surveil|target)\w* ~~journalists\b
communications \b(?:telcos?|telecoms?|telecommunications?|isps|internet service providers|mobile operators?
        |broadcasters?)\b
critical-manufacturing \b(?:manufacturers?|car ?makers?|automakers?)\b
dams \b(?:hydroelectric )?dams?\b
defense-industrial-base \b(?:defen[cs]e (?:contractors?|suppliers?)|armed forces|weapons? manufacturers?)\b
emergency-services \b(?:police departments?|fire departments?|911 (?:dispatch|services?|centers?)
        |ambulance services?)\b
energy \b(?:oil (?:compan|refiner|producer)\w*|pipelines?|power (?:plants?|compan\w+|suppl\w+)|refiner(?:y|ies)
        |gas (?:pipelines?|stations?))\b
financial-services \b(?:banks|central bank|credit unions?|(?:crypto\w* |stock )exchanges?|insurers?|atms
        |swift (?:network|systems?|terminals?)
        |bank customers|banking (?:customers|users|applications|apps))\b
food-and-agriculture \b(?:farms?|food (?:producers?|processors?|suppliers?)|meat (?:processors?|packers?))\b
government-facilities \b(?:government (?:agenc\w+|officials?|employees|departments?|networks?|websites?|bodies)
        |(?:target\w*|against|attacks? on) ~~governments?|ministr(?:y|ies)|embass(?:y|ies)|diplomats?
        |municipalit(?:y|ies)|universit(?:y|ies)|schools?|school districts?|parliaments?|think tanks?|election\w*
        |city of \w+)\b
healthcare-and-public-health \b(?:hospitals?|clinics?|vaccine (?:makers?|manufacturers?|research)|patients
        |medical (?:centers?|research\w*|professionals)|pharmac(?:y|ies))\b
information-technology \b(?:technology (?:compan\w+|firms?|providers?)|it (?:providers?|services|service providers?
        |compan\w+)|managed service providers?|msps|cloud (?:service )?providers?|software (?:compan\w+|vendors?
        |developers?)|hosting providers?)\b
nuclear \bnuclear (?:facilit\w*|plants?|scientists|program\w*)\b
transportation-systems \b(?:airlines?|airports?|railways?|railroads?|shipping compan\w+|trucking|seaports?|freight)\b
water-and-wastewater \bwater (?:utilit\w+|treatment|suppl\w+)
"""
)
"""What belongs to a sector, where the sentence says that it was attacked."""

LISTED = table(
    r"""
chemical \bchemicals?\b
commercial-facilities \b(?:retail|hospitality|entertainment|media|gaming|real estate)\b
communications \b(?:telecom\w*|broadcasting)\b
critical-manufacturing \b(?:manufacturing|automotive|semiconductors?)\b
defense-industrial-base \b(?:defen[cs]e|aerospace|military)\b
energy \b(?:energy|utilities|oil|petroleum|electric)\b
financial-services \b(?:finance|financial|banking|insurance)\b
food-and-agriculture \b(?:agricultur\w*|food)\b
government-facilities \b(?:governments?|governmental|education|academia)\b
healthcare-and-public-health \b(?:health ?-?care|health|medical|pharmaceuticals?)\b
information-technology \b(?:information technology|technology|high[- ]tech)\b
nuclear \bnuclear\b
transportation-systems \b(?:transport\w*|aviation|shipping|logistics|maritime)\b
water-and-wastewater \bwater\b
"""
)
"""What stands in a list of sectors: "energy, water and transportation sectors"."""

_ATTACKED = (
    r"\b(?:target(?:s|ed|ing)?|victims?|attack(?:s|ed|ing)?|against|aim(?:ed|ing)|hits?|compromis\w+|breach\w*"
    r"|affect(?:s|ed|ing)|impact(?:s|ed|ing)|infect(?:s|ed|ing)|infiltrat\w+|intrusions?|disrupt(?:s|ed|ing)?"
    r"|intended for|directed at|stole\w*|espionage|hacked|paralyz\w+|spied|spy"
    r"|(?:cyber|security|cybersecurity) incidents?|(?:gain\w*|sell\w*|sold|unauthori[sz]ed) access)\b"
)
_NO_VICTIM = (
    r"\b(?:impersonat\w+|pretend\w*|spoof\w*|masquerad\w+|pos(?:e|es|ed|ing) as|purport\w*|themed|linked threat"
    r"|disguised|did not|no evidence|not (?:been|seen))\b"
)
_LIST = r"(?:[^,.;]{2,40}, ){0,12}[^,.;]{2,50}\b(?:sectors|industries|verticals)\b.*"
"""The list that a sentence holds, from before these words on; what stands further before is no part of it."""
_ITEM = r"[a-z/-]+(?: [a-z/-]+)?"
_LIST_OF_BODIES = (
    rf"{_ITEM}, (?:{_ITEM},? ){{0,8}}(?:and|or|&) {_ITEM} (?:organi[sz]ations|companies|firms|institutions|businesses"
    r"|sectors?|industry|vertical)\b"
)
"""A list that ends with what is no sector in itself: its words alone are read as those of a list of sectors."""
_UNIVERSITY_CLINIC = r"\buniversity (hospital|clinic)"


def find(sentences: Sequence[Sentence]) -> tuple[Tagged, ...]:
    """Return the sectors that an article says were attacked, those with the most sentences first."""
    attacked, no_victim, advice, listed, bodies, clinic = _conditions()
    named, victims, in_list = _rules()
    found: dict[str, list[tuple[Sentence, str]]] = defaultdict(list)
    for sentence in sentences:
        lower = clinic.sub(rb"\1", sentence.lower)
        if attacked.search(lower) and not no_victim.search(lower) and not advice.search(lower):
            items = listed.search(lower) or bodies.search(lower)
            of_list = items[0] if items else b""
            places = ((in_list, of_list), (victims, lower), (named, lower))
            for sector, words in {each: words for table, text in places for each, words in table.search(text)}.items():
                found[sector].append((sentence, words))
    return tuple(_tagged(sector, found[sector]) for sector in sorted(found, key=lambda each: -len(found[each])))


def _tagged(sector: str, places: Sequence[tuple[Sentence, str]]) -> Tagged:
    sentence, words = next((each for each in places if not each[0].in_title), places[0])
    certain = len(places) > 1 or any(each.in_title for each, _ in places)
    return Tagged(
        name=sector,
        surface=words,
        candidates=(sector,),
        confidence=Confidence.HIGH if certain else Confidence.MEDIUM,
        evidence=evidence(sentence.text),
        how="phrase",
        kind="sector",
    )


@cache
def _conditions() -> "tuple[re2._Regexp, ...]":
    patterns = (_ATTACKED, _NO_VICTIM, phrases.ADVICE, _LIST, _LIST_OF_BODIES, _UNIVERSITY_CLINIC)
    return tuple(re2.compile(each.encode()) for each in patterns)


@cache
def _rules() -> tuple[Rules, Rules, Rules]:
    return Rules(NAMED), Rules(VICTIMS), Rules(LISTED)
