"""Every format that can be read, in one table."""

from socdefenders.feeds.parsers.abusech import (
    parse_bazaar,
    parse_feodo,
    parse_feodo_json,
    parse_sslbl,
    parse_threatfox,
    parse_threatfox_json,
    parse_urlhaus,
    parse_urlhaus_json,
)
from socdefenders.feeds.parsers.base import Format, Hints, Parser
from socdefenders.feeds.parsers.documents import parse_docx, parse_mail, parse_pdf
from socdefenders.feeds.parsers.generic_json import parse_json
from socdefenders.feeds.parsers.index import parse_index
from socdefenders.feeds.parsers.kev import parse_kev, parse_kev_csv
from socdefenders.feeds.parsers.lists import (
    parse_alienvault,
    parse_c2intel,
    parse_drop,
    parse_drop_json,
    parse_dshield,
    parse_ipsum,
    parse_list,
    parse_openphish,
    parse_urlhaus_text,
)
from socdefenders.feeds.parsers.maltrail import parse_maltrail
from socdefenders.feeds.parsers.misp import parse_misp
from socdefenders.feeds.parsers.otx import parse_otx
from socdefenders.feeds.parsers.phishing import parse_phishtank, parse_phishtank_json, parse_tweetfeed
from socdefenders.feeds.parsers.report import parse_page, parse_report
from socdefenders.feeds.parsers.stix import parse_stix
from socdefenders.feeds.parsers.syndication import parse_syndication
from socdefenders.feeds.parsers.table import parse_table
from socdefenders.model import SourceCategory

__all__ = ["PARSERS", "Format", "Hints", "Parser"]

_BAZAAR = "https://bazaar.abuse.ch/"
_DROP = "https://www.spamhaus.org/drop/"
_FEODO = "https://feodotracker.abuse.ch/"
_KEV = "https://www.cisa.gov/known-exploited-vulnerabilities-catalog"
_PHISHTANK = "https://phishtank.org/"
_THREATFOX = "https://threatfox.abuse.ch/"
_URLHAUS = "https://urlhaus.abuse.ch/"
_INTEL = SourceCategory.THREAT_INTEL
_GOVERNMENT = SourceCategory.GOVERNMENT
_NEWS = SourceCategory.NEWS
_RESEARCH = SourceCategory.RESEARCH

_FORMATS = (
    Format("alienvault", "AlienVault IP reputation", parse_alienvault, "AlienVault", "https://otx.alienvault.com/"),
    Format("c2intelfeeds", "C2IntelFeeds CSV", parse_c2intel, "C2IntelFeeds", "https://github.com/drb-ra/C2IntelFeeds",
           confidence=70),
    Format("csv", "CSV, TSV and their kin, of any publisher", parse_table),
    Format("docx", "report as a Word document", parse_docx, category=_RESEARCH, confidence=60, documents=True),
    Format("dshield", "DShield block list", parse_dshield, "DShield", "https://www.dshield.org/", confidence=60),
    Format("eml", "mail, with the documents attached to it", parse_mail, category=_RESEARCH, confidence=60,
           documents=True),
    Format("feodo", "Feodo Tracker CSV", parse_feodo, "Feodo Tracker", _FEODO, confidence=90),
    Format("feodo-json", "Feodo Tracker JSON", parse_feodo_json, "Feodo Tracker", _FEODO, confidence=90),
    Format("html", "saved web page", parse_page, category=_RESEARCH, confidence=60, documents=True),
    Format("index", "index of other files: MISP manifest and hashes, TAXII manifest", parse_index),
    Format("ipsum", "IPsum: an address and the number of lists that name it", parse_ipsum, "IPsum",
           "https://github.com/stamparm/ipsum"),
    Format("json", "JSON of any publisher: a list of values or of objects", parse_json),
    Format("kev", "CISA Known Exploited Vulnerabilities, JSON", parse_kev, "CISA KEV", _KEV, _GOVERNMENT,
           confidence=100),
    Format("kev-csv", "CISA Known Exploited Vulnerabilities, CSV", parse_kev_csv, "CISA KEV", _KEV, _GOVERNMENT,
           confidence=100),
    Format("list", "plain list, a value a line", parse_list),
    Format("malwarebazaar", "MalwareBazaar CSV", parse_bazaar, "MalwareBazaar", _BAZAAR, confidence=95),
    Format("maltrail", "Maltrail trails", parse_maltrail, "Maltrail", "https://github.com/stamparm/maltrail",
           confidence=60),
    Format("misp", "MISP event", parse_misp, category=_INTEL, confidence=75),
    Format("openphish", "OpenPhish: a URL a line", parse_openphish, "OpenPhish", "https://openphish.com/",
           confidence=80),
    Format("otx", "AlienVault OTX pulses", parse_otx, "AlienVault OTX", "https://otx.alienvault.com/", _INTEL),
    Format("pdf", "report as PDF", parse_pdf, category=_RESEARCH, confidence=60, documents=True),
    Format("phishtank", "PhishTank CSV", parse_phishtank, "PhishTank", _PHISHTANK, confidence=80),
    Format("phishtank-json", "PhishTank JSON", parse_phishtank_json, "PhishTank", _PHISHTANK, confidence=80),
    Format("rss", "RSS or Atom", parse_syndication, category=_NEWS, confidence=60, documents=True),
    Format("spamhaus-drop", "Spamhaus DROP, text", parse_drop, "Spamhaus DROP", _DROP, confidence=90),
    Format("spamhaus-drop-json", "Spamhaus DROP, JSON lines", parse_drop_json, "Spamhaus DROP", _DROP, confidence=90),
    Format("sslbl", "SSLBL certificate CSV", parse_sslbl, "SSLBL", "https://sslbl.abuse.ch/", confidence=90),
    Format("stix", "STIX 2.0 or 2.1 bundle, TAXII envelope", parse_stix, category=_INTEL, confidence=75),
    Format("text", "report as text, Markdown or AsciiDoc", parse_report, category=_RESEARCH, confidence=60,
           documents=True),
    Format("threatfox", "ThreatFox CSV", parse_threatfox, "ThreatFox", _THREATFOX, confidence=75),
    Format("threatfox-json", "ThreatFox JSON export", parse_threatfox_json, "ThreatFox", _THREATFOX, confidence=75),
    Format("tweetfeed", "TweetFeed CSV", parse_tweetfeed, "TweetFeed", "https://tweetfeed.live/", confidence=55),
    Format("urlhaus", "URLhaus CSV", parse_urlhaus, "URLhaus", _URLHAUS, confidence=90),
    Format("urlhaus-json", "URLhaus JSON", parse_urlhaus_json, "URLhaus", _URLHAUS, confidence=90),
    Format("urlhaus-text", "URLhaus: a URL a line", parse_urlhaus_text, "URLhaus", _URLHAUS, confidence=90),
)  # fmt: skip

PARSERS: dict[str, Format] = {each.name: each for each in _FORMATS}
"""The formats by name, as `--format` takes it."""
