"""What the tests of reading articles know beforehand: invented names, and a few techniques."""

from functools import cache

from socdefenders.enrich import Findings, read_article
from socdefenders.enrich.sentences import Sentence, sentences
from socdefenders.indicators import extract
from socdefenders.knowledge import Knowledge, Name, Tactic, Technique
from socdefenders.knowledge.building import NO_SOURCES
from socdefenders.knowledge.bundle import Bundle
from tests.unit.knowledge.small import PACKAGE, content

EXECUTION = Tactic("execution", "Execution", "TA0002")
NAMES = (
    Name("Quiet Heron", "Quiet Heron", "actor", "mitre-attack", "G9001"),
    Name("UNC 9001", "Quiet Heron", "actor", "threat-actor", None),
    Name("Tin Kettle", "Quiet Heron", "actor", "threat-actor", None),
    Name("Glasspike", "Glasspike", "malware", "malpedia", None),
    Name("GlassSpike", "Glasspike", "malware", "malpedia", None),
    Name("Heron", "Heron", "ransomware", "ransomware", None),
    Name("Tidal", "Tidal", "actor", "threat-actor", None),
    Name("Tidal", "Wavemaker", "malware", "malpedia", None),
    Name("Moorlock", "Moorlock", "actor", "threat-actor", None),
    Name("Moorlock", "Fencepost", "malware", "malpedia", None),
    Name("Oak", "Oak", "ransomware", "ransomware", None),
    Name("Bramble Ransomware", "Bramble Ransomware", "ransomware", "ransomware", None),
    Name("Slate_tern", "Slate_tern", "malware", "malpedia", None),
    Name("CopperFinch", "CopperFinch", "malware", "malpedia", None),
    Name("MudlarkRAT", "MudlarkRAT", "malware", "malpedia", None),
    Name("dUsk Stealer", "dUsk Stealer", "malware", "malpedia", None),
    Name("b1nder", "b1nder", "tool", "tool", None),
    Name("PowerShell", "PowerShell", "tool", "tool", None),
    Name("Energy", "Energy", "sector", "sector", None),
)
TECHNIQUES = (
    Technique("T1059.001", "PowerShell", (EXECUTION,), None, deprecated=False, attack_version="19.2"),
    Technique("T1086", "PowerShell", (EXECUTION,), "T1059.001", deprecated=True, attack_version=""),
    Technique("T9001", "Pulling the Plug", (EXECUTION,), None, deprecated=False, attack_version="19.2"),
    Technique("T9002", "Cloud Accounts", (EXECUTION,), None, deprecated=False, attack_version="19.2"),
    Technique("T9003", "Pulling the Plug Slowly", (EXECUTION,), None, deprecated=False, attack_version="19.2"),
)
WORDS = {"heron": 3.2, "tidal": 3.6, "oak": 4.8, "bramble": 3.1}


@cache
def known() -> Knowledge:
    sources = NO_SOURCES._replace(
        names=NAMES, techniques=TECHNIQUES, words=WORDS, packages=[PACKAGE], attack_version="19.2"
    )
    return Knowledge(Bundle(memoryview(content(sources))))


@cache
def nothing() -> Knowledge:
    return Knowledge(Bundle(memoryview(content(NO_SOURCES))))


def read(text: str, title: str = "Notes") -> Findings:
    return read_article(title, text, extract(text), known())


def split(text: str, title: str = "") -> list[Sentence]:
    return sentences(title, text, extract(text))
