"""Write the table of sources in docs/sources.md anew out of the catalog: `python tools/sources.py`."""

import sys
from pathlib import Path

from socdefenders.feeds.catalog import Feed, builtin, written
from socdefenders.model import SourceCategory

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sources.md"
BEGIN, END = "<!-- sources -->\n", "<!-- end of sources -->\n"
HEAD = """| Source | Publisher's page | Format | Tier, grade | Every | On | Licence or terms |
|---|---|---|---|---|---|---|
"""


def listed() -> str:
    """Give what stands between the marks: how many there are, then a table for each category."""
    feeds = list(builtin().values())
    on = sum(feed.enabled for feed in feeds)
    articles = sum(feed.format == "rss" for feed in feeds)
    counted = (
        f"{len(feeds)} sources, {articles} of them RSS or Atom and {len(feeds) - articles} structured; {on} are on."
    )
    tables = (_table(category, feeds) for category in SourceCategory)
    return "\n".join((f"\n{counted}\n", *tables))


def _table(category: SourceCategory, feeds: list[Feed]) -> str:
    chosen = [feed for feed in feeds if feed.category is category]
    return f"### {category.value}\n\n{HEAD}" + "".join(map(_row, chosen))


def _row(feed: Feed) -> str:
    on = "no" if not feed.enabled else f"with `{feed.key}`" if feed.key else "yes"
    what = feed.format if feed.kind.value == "file" else f"{feed.kind.value}, {feed.format}"
    licence = f"[{feed.licence}]({feed.terms})" if feed.terms else feed.licence
    cells = (
        f"`{feed.slug}`",
        f"[{feed.name}]({feed.homepage})",
        f"`{what}`",
        f"{feed.tier}{feed.grade}",
        written(feed.every),
        on,
        licence,
    )
    return f"| {' | '.join(cells)} |\n"


def renewed(page: str) -> str:
    """Give `page` with what the catalog says now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{listed()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is current.\n")
