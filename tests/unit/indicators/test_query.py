"""Whatever an analyst pastes leads to the normalised values that are stored, or to the fallback."""

import pytest
from hypothesis import given, settings

from socdefenders.errors import InputError
from socdefenders.indicators import Query, candidates, defang, parse
from socdefenders.indicators.query import MOST_CANDIDATES
from socdefenders.model import IocType
from tests.unit.indicators.indicator_values import canonical_values, hints, hostile

SHA256 = "0123456789abcdef" * 4

PASTES = [
    ("192.0.2.1", ["192.0.2.1"]),
    ("192[.]0[.]2[.]1", ["192.0.2.1"]),
    ("192[.\n]0[.]2[.]1", ["192.0.2.1"]),
    ("192.000.002.001", ["192.0.2.1"]),
    ("192.0.2.1/32", ["192.0.2.1"]),
    ("192.0.2.1:8080", ["192.0.2.1", "http://192.0.2.1:8080/", "https://192.0.2.1:8080/"]),
    ("192.0.2.1:443", ["192.0.2.1", "http://192.0.2.1:443/", "https://192.0.2.1/"]),
    ("- 192.0.2.1", ["192.0.2.1"]),
    ("１９２．０．２．１", ["192.0.2.1"]),
    ("192․0․2․1", ["192.0.2.1"]),
    ("[2001:db8::1]/x", ["http://[2001:db8::1]/x", "https://[2001:db8::1]/x"]),
    ("([2001:db8::1]/x)", ["http://[2001:db8::1]/x", "https://[2001:db8::1]/x"]),
    (".user@evil.example", [".user@evil.example"]),
    ("hxxp://１９２．０．２．１/a", ["http://192.0.2.1/a"]),
    ("hxxp://%65vil.example/a", ["http://evil.example/a"]),
    ("IP: 192.0.2.1,", ["192.0.2.1"]),
    ("2001:0DB8:0:0:0:0:0:1", ["2001:db8::1"]),
    ("2001:db8::1%eth0", ["2001:db8::1"]),
    ("[2001:db8::1]", ["2001:db8::1"]),
    ("[2001:db8::1]:80", ["2001:db8::1", "http://[2001:db8::1]/", "https://[2001:db8::1]:80/"]),
    ("EVIL[.]Example", ["evil.example"]),
    ("“evil.example”.", ["evil.example"]),
    ("`evil.example`", ["evil.example"]),
    ("(evil.example)", ["evil.example"]),
    ("<evil.example>", ["evil.example"]),
    ("evil dot example", ["evil.example"]),
    ("*.evil.example", ["evil.example"]),
    ("evil.example:8443", ["evil.example", "http://evil.example:8443/", "https://evil.example:8443/"]),
    ("evil.notatopleveldomain", ["evil.notatopleveldomain"]),
    ("bücher.example", ["xn--bcher-kva.example"]),
    ("xn--bcher-kva.example", ["xn--bcher-kva.example"]),
    ("http://evil.example", ["http://evil.example/"]),
    ("http://evil.example/", ["http://evil.example/"]),
    ("hxxps://Evil[.]example:443/A/../B%2fc.", ["https://evil.example/b%2fc"]),
    ("hxxp[:]//evil[.]example./%7Ea", ["http://evil.example/~a"]),
    ("evil[.]example/a", ["http://evil.example/a", "https://evil.example/a"]),
    ("url: hxxp://evil.example/x", ["http://evil.example/x"]),
    ("http://evil.example/?email=a&hash='1", ["http://evil.example/?email=a&hash='1"]),
    ("user[@]evil[.]example", ["user@evil.example"]),
    (SHA256.upper(), [SHA256]),
    (f"sha256:{SHA256}", [SHA256]),
    ("CVE—2024—12345", ["cve-2024-12345"]),
    ("T1059", ["t1059"]),
    ("t1059.001", ["t1059.001"]),
    ("Foo Bar", ["foo bar"]),
    ("%%%", ["%%%"]),
    ("://", ["://"]),
    ("..", [".."]),
    ("a_b%\\", ["a_b%\\"]),
    ("192.0.2.0/24", ["192.0.2.0/24"]),
]


@pytest.mark.parametrize(("pasted", "normalized"), PASTES)
def test_a_paste_is_understood(pasted: str, normalized: list[str]) -> None:
    assert list(candidates(pasted).normalized) == normalized


@pytest.mark.parametrize(
    ("pasted", "kind", "normalized"),
    [
        ("evil.example", "url", ["http://evil.example/", "https://evil.example/"]),
        ("192.0.2.1:8080", "url", ["http://192.0.2.1:8080/", "https://192.0.2.1:8080/"]),
        ("192.0.2.1:8080", "ipv4", ["192.0.2.1"]),
        ("evil.example", "md5", ["evil.example"]),
    ],
)
def test_a_wanted_type_leaves_only_its_candidates(pasted: str, kind: str, normalized: list[str]) -> None:
    query = candidates(pasted, IocType(kind))
    assert (query.type, list(query.normalized)) == (kind, normalized)


@pytest.mark.parametrize("pasted", ["", "   ", "a", " a ", "x" * 2049, "a\x00b", "a\x1bb", "ab\ud800", "\u200b\u200b"])
def test_what_cannot_be_searched_is_refused_as_q(pasted: str) -> None:
    with pytest.raises(InputError) as caught:
        candidates(pasted)
    assert caught.value.parameter == "q"


@pytest.mark.parametrize(
    ("pasted", "host"),
    [
        ("www.Evil.example", "www.evil.example"),
        ("http://www.evil.example:8080/a", "www.evil.example"),
        ("evil.example/a", "evil.example"),
        ("http://192.0.2.1/", None),
        ("http://www.xn--1/", "www.xn--1"),
        ("192.0.2.1", None),
        ("user@evil.example", None),
        ("evil", None),
    ],
)
def test_a_host_name_is_there_for_the_stage_of_sub_domains(pasted: str, host: str | None) -> None:
    assert candidates(pasted).host == host


def test_the_fallback_looks_for_what_is_stored() -> None:
    assert candidates("hxxp://Evil[.]example/A").text == "http://evil.example/a"
    assert candidates("Evil[.]example/A").text == "evil.example/a"
    assert candidates(" 'Cobalt Stri' ").text == "cobalt stri"


def test_of_a_url_that_is_only_an_address_the_fallback_looks_for_the_address() -> None:
    assert candidates("http://192.0.2.1").text == candidates("hxxp://192[.]0[.]2[.]1/").text == "192.0.2.1"
    assert candidates("http://[2001:db8::1]/").text == "2001:db8::1"
    assert candidates("http://192.0.2.1:8080/").text == "http://192.0.2.1:8080/"
    assert candidates("http://192.0.2.1/a").text == "http://192.0.2.1/a"


@given(canonical_values)
def test_every_stored_value_is_found_by_itself_defanged_quoted_and_in_capitals(value: str) -> None:
    stored = parse(value).normalized
    for pasted in (
        value,
        defang(value),
        f'"{value}"',
        f"<{value}>,",
        f" ({value}) ",
        value.upper(),
        f"“{defang(value)}”.",
    ):
        assert candidates(pasted).normalized[0] == stored


def query_or_none(pasted: str, wanted: IocType | None) -> Query | None:
    try:
        return candidates(pasted, wanted)
    except InputError:
        return None


@settings(max_examples=500)
@given(hostile, hints)
def test_any_text_is_a_query_or_an_input_error(pasted: str, wanted: IocType | None) -> None:
    query = query_or_none(pasted, wanted)
    if query is not None:
        assert 1 <= len(query.normalized) <= MOST_CANDIDATES
        assert len(query.text) <= 2048
        assert query.text == query.text.lower()
