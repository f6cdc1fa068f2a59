"""Every format that can be read, in one table."""

from socdefenders.feeds.parsers.base import Format, Hints, Parser
from socdefenders.feeds.parsers.lists import parse_alienvault, parse_drop, parse_ipsum, parse_list, parse_urls
from socdefenders.feeds.parsers.table import parse_table

__all__ = ["PARSERS", "Format", "Hints", "Parser"]

PARSERS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        Format("alienvault", "AlienVault IP reputation", parse_alienvault, "AlienVault", "https://otx.alienvault.com/"),
        Format("csv", "CSV, TSV and their kin, of any publisher", parse_table),
        Format("drop", "Spamhaus DROP, text", parse_drop, "Spamhaus DROP", "https://www.spamhaus.org/drop/", confidence=90),
        Format("ipsum", "IPsum: an address and the number of lists", parse_ipsum, "IPsum",
               "https://github.com/stamparm/ipsum"),
        Format("list", "plain list, a value a line", parse_list),
        Format("openphish", "OpenPhish: a URL a line", parse_urls, "OpenPhish", "https://openphish.com/", confidence=80),
    )
}  # fmt: skip
