"""What is learnt from an article, without any I/O: techniques, actors, malware, sectors, category, severity, summary."""

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
