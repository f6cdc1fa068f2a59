"""What is learnt from an article, without any I/O.

Techniques, actors, malware and sectors with the sentence that names each; category and severity with reasons; a
summary.
"""

from socdefenders.enrich.findings import Category, Classification, Findings, Reason, Severity, Tagged
from socdefenders.enrich.reading import read_article
from socdefenders.enrich.sentences import Span

__all__ = [
    "Category",
    "Classification",
    "Findings",
    "Reason",
    "Severity",
    "Span",
    "Tagged",
    "read_article",
]
