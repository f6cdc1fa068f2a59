"""The demonstration set names nothing that exists, and shows what a search is for."""

import hashlib
import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(path for path in EXAMPLES.rglob("*") if path.is_file())
DEMO_ADDRESS = "198.51.100.23"
DOCUMENTATION = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
# Names of XML vocabularies and of the public catalogue of techniques; none is an indicator.
REFERENCES = {"www.w3.org", "purl.org", "attack.mitre.org"}


def refanged(path: Path) -> str:
    """The text of a file with the styles of defanging that the set uses undone."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\s?[\[(](?:\.|dot)[\])]\s?", ".", text)
    text = re.sub(r"\s?\[(?:@|at)\]\s?", "@", text)
    return text.replace("[:]", ":").replace("hxxp", "http")


each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


@each_file
def test_every_address_is_of_a_documentation_range(path: Path) -> None:
    text = refanged(path)
    found = re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)", text) + re.findall(r"\b2001:[0-9a-f:]+", text)
    assert all(any(ip_address(value) in network for network in DOCUMENTATION) for value in found)


@each_file
def test_every_host_of_a_url_or_mail_is_fictional(path: Path) -> None:
    hosts = set(re.findall(r"(?:https?://|@)([A-Za-z0-9.-]+\.[a-z]{2,})", refanged(path)))
    assert {host for host in hosts - REFERENCES if not host.endswith(".example")} == set()


@each_file
def test_every_cve_is_of_a_year_to_come(path: Path) -> None:
    assert set(re.findall(r"CVE-(\d{4})", refanged(path))) <= {"2099"}


def test_no_hash_is_that_of_nothing() -> None:
    empty = {hashlib.new(kind, b"").hexdigest() for kind in ("md5", "sha1", "sha256", "sha512")}
    assert not any(value in path.read_text(encoding="utf-8") for path in FILES for value in empty)


def test_the_demo_address_stands_in_articles_and_in_feeds() -> None:
    """So that the first search a user makes shows several sources and related indicators."""
    holding = [path for path in FILES if DEMO_ADDRESS in refanged(path)]
    articles = [path for path in holding if path.suffix in {".html", ".md"}]
    assert len(articles) >= 2
    assert len(holding) - len(articles) >= 3
    main = next(path for path in articles if "copper-heron" in path.name)
    assert len(set(re.findall(r"<td>([^<]+)</td><td>[^<]*</td></tr>", main.read_text(encoding="utf-8")))) > 10


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".json"], ids=lambda path: path.parent.name)
def test_json_files_are_json(path: Path) -> None:
    assert json.loads(path.read_text(encoding="utf-8"))
