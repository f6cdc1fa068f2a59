"""What is known beforehand of hosts, addresses, hashes, names and techniques.

Warning lists, the names of actors and malware, ATT&CK and word frequencies are compiled out of
packages into one file, which is mapped into memory and asked at a few microseconds a question.
`docs/knowledge.md` says what is in it and where it lies.
"""

from socdefenders.knowledge.facts import About, ListInfo, Name, Package, Tactic, Technique
from socdefenders.knowledge.lookups import Knowledge
from socdefenders.knowledge.opening import KnowledgeWarning, current, use
from socdefenders.knowledge.store import FILES

__all__ = [
    "FILES",
    "About",
    "Knowledge",
    "KnowledgeWarning",
    "ListInfo",
    "Name",
    "Package",
    "Tactic",
    "Technique",
    "current",
    "use",
]
