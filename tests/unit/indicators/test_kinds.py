"""One published value becomes one indicator with one canonical spelling, or is refused with the reason."""

import time

import pytest
from hypothesis import given, settings

from socdefenders.errors import InvalidIndicator, Unsupported
from socdefenders.indicators import detect, parse, reversed_host
from socdefenders.indicators.kinds import KINDS
from socdefenders.model import IocType
from tests.unit.indicators.indicator_values import canonical_values, hints, hostile

MD5 = "0123456789abcdef0123456789abcdef"

SPELLINGS = [
    ("192.0.2.1", "ipv4", "192.0.2.1"),
    (" '192[.]0[.]2[.]1', ", "ipv4", "192.0.2.1"),
    ("192.0.2.1/32", "ipv4", "192.0.2.1"),
    ("::ffff:192.0.2.1", "ipv4", "192.0.2.1"),
    ("2001:0DB8:0000:0000:0000:0000:0000:0001", "ipv6", "2001:db8::1"),
    ("[2001:db8::1]", "ipv6", "2001:db8::1"),
    ("2001:db8::1%eth0", "ipv6", "2001:db8::1"),
    ("2001:db8::192.0.2.1", "ipv6", "2001:db8::c000:201"),
    ("2001:db8::/128", "ipv6", "2001:db8::"),
    ("2001:db8::1,", "ipv6", "2001:db8::1"),
    ("Evil.EXAMPLE.", "domain", "evil.example"),
    ("<evil[.]example>;", "domain", "evil.example"),
    ("bücher.example", "domain", "xn--bcher-kva.example"),
    ("BÜCHER。example", "domain", "xn--bcher-kva.example"),
    ("XN--BCHER-KVA.example", "domain", "xn--bcher-kva.example"),
    ("ｅｖｉｌ.example", "domain", "evil.example"),
    ("_dmarc.evil.example", "domain", "_dmarc.evil.example"),
    ("abcdefghij.onion", "domain", "abcdefghij.onion"),
    ("ev\u200bil.example", "domain", "evil.example"),
    ("MailTo:User@Evil.Example", "email", "user@evil.example"),
    ("mailto:user[at]evil(dot)example", "email", "user@evil.example"),
    (MD5.upper(), "md5", MD5),
    (f"`{MD5}01234567`", "sha1", MD5 + "01234567"),
    (MD5 * 2, "sha256", MD5 * 2),
    (MD5 * 4, "sha512", MD5 * 4),
    ("cve‑2024–12345", "cve", "CVE-2024-12345"),
    ("CVE 2024 1234", "cve", "CVE-2024-1234"),
    ("t1059.001", "mitre_attack", "T1059.001"),
    ("T1059/001", "mitre_attack", "T1059.001"),
    ("ta0001", "mitre_attack", "TA0001"),
]


@pytest.mark.parametrize(("written", "kind", "canonical"), SPELLINGS)
def test_every_spelling_has_one_canonical_form(written: str, kind: str, canonical: str) -> None:
    found = parse(written)
    assert (found.type, found.canonical, found.normalized) == (kind, canonical, canonical.lower())


URLS = [
    ("http://evil.example", "http://evil.example/"),
    ("HTTP://Evil.Example/Path?Q=A#Frag", "http://evil.example/Path?Q=A#Frag"),
    ("hxxps[://]evil[.]example[/]x", "https://evil.example/x"),
    ("http://evil.example/?u=hXXps://bad.example/", "http://evil.example/?u=https://bad.example/"),
    ("http://evil.example\\hxxp://bad.example", "http://evil.example/http://bad.example"),
    ("http://evil.example/h%78xp://bad.example", "http://evil.example/http://bad.example"),
    ("hxxp://evil[.]example/hxxp[:]//bad[.]example", "http://evil.example/http://bad.example"),
    ("http://evil.example:80/x", "http://evil.example/x"),
    ("https://evil.example:443", "https://evil.example/"),
    ("https://evil.example:0443", "https://evil.example/"),
    ("http://evil.example:443/", "http://evil.example:443/"),
    ("http://evil.example./x", "http://evil.example/x"),
    ("http://evil.example/a/./b/../c", "http://evil.example/a/c"),
    ("http://evil.example/../../x", "http://evil.example/x"),
    ("http://evil.example/a/%2e%2e/b", "http://evil.example/b"),
    ("http://evil.example/%7euser/%c3%a9", "http://evil.example/~user/%C3%A9"),
    ("http://evil.example/é ü", "http://evil.example/%C3%A9%20%C3%BC"),
    ("http://evil.example/100%/%zz", "http://evil.example/100%/%zz"),
    ("http://evil.example/%%34%31", "http://evil.example/%%34%31"),
    ("http:\\\\evil.example\\a\\b", "http://evil.example/a/b"),
    ("http:/evil.example/a", "http://evil.example/a"),
    ("http://ev\til.example/\na", "http://evil.example/a"),
    ("http://user:Pw@evil.example/", "http://user:Pw@evil.example/"),
    ("http://@evil.example/", "http://evil.example/"),
    ("http://[2001:DB8:0::1]:8080/x", "http://[2001:db8::1]:8080/x"),
    ("http://[2001:db8::1]", "http://[2001:db8::1]/"),
    ("http://0300.0.2.1/x", "http://192.0.2.1/x"),
    ("http://3221225985/x", "http://192.0.2.1/x"),
    ("http://0xc0.0x00.0x02.0x01/", "http://192.0.2.1/"),
    ("http://%65vil.example/", "http://evil.example/"),
    ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    ("tcp://evil.example:4444", "tcp://evil.example:4444/"),
    ("(http://evil.example/a_(b)).", "http://evil.example/a_(b)"),
    ('"http://evil.example/x".', "http://evil.example/x"),
    ("http://evil.example/x[.]exe", "http://evil.example/x.exe"),
    ("http://evil.example/a(.)b", "http://evil.example/a(.)b"),
    ("http://evil.example/x#", "http://evil.example/x"),
    ("evil.example/path", "http://evil.example/path"),
    ("192.0.2.1:8080/bin.sh", "http://192.0.2.1:8080/bin.sh"),
]


@pytest.mark.parametrize(("written", "canonical"), URLS)
def test_every_spelling_of_a_url_has_one_canonical_form(written: str, canonical: str) -> None:
    found = parse(written)
    assert (found.type, found.canonical, found.normalized) == (IocType.URL, canonical, canonical.lower())


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        "evil",
        "evil.notatopleveldomain",
        "256.1.1.1",
        "010.0.0.1",
        "1.2.3",
        "http://",
        "http://nohost/x",
        "12:30:45",
        "http://evil.example:99999/",
        "user@",
        "CVE-24-1",
        "T105",
        "TA0001.001",
        "TA2541",
        "-evil-.example",
        f"{'a' * 64}.example",
        "a b c",
        "192.0.2.1:99999",
        "it’s.evil.example",
        "http://“evil.example/",
    ],
)
def test_what_is_no_indicator_is_refused_as_malformed(value: str) -> None:
    with pytest.raises(InvalidIndicator) as caught:
        parse(value)
    assert not isinstance(caught.value, Unsupported)
    assert detect(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "192.0.2.0/24",
        "192[.]0.2.0/24",
        "2001:db8::/32",
        "192.0.2.1 - 192.0.2.9",
        "*.evil.example",
        "ab" * 28,
        "http://evil.example/" + "a" * 2048,
        "a" * 20_000,
    ],
)
def test_what_is_well_formed_but_not_kept_is_unsupported(value: str) -> None:
    with pytest.raises(Unsupported):
        parse(value)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800"])
@pytest.mark.parametrize("place", ["{}evil.example", "evil{}.example", "http://evil.example/{}", "evil.example{}"])
def test_control_characters_are_refused(character: str, place: str) -> None:
    with pytest.raises(InvalidIndicator):
        parse(place.format(character))


@pytest.mark.parametrize(
    ("value", "hint", "kind", "port"),
    [
        ("192.0.2.1:8080", "ipv4", "ipv4", 8080),
        ("192.0.2.1:65535", "ipv4", "ipv4", 65535),
        ("192.0.2.1|443", "ipv4", "ipv4", 443),
        ("[2001:db8::1]:443", "ipv4", "ipv6", 443),
        ("evil.example:8443", "domain", "domain", 8443),
        ("192.0.2.1", "domain", "ipv4", None),
        ("evil.notatopleveldomain", "domain", "domain", None),
        ("evil.example", "url", "url", None),
        ("192.0.2.1:99", "url", "url", None),
    ],
)
def test_a_publishers_type_is_a_hint(value: str, hint: str, kind: str, port: int | None) -> None:
    found = parse(value, IocType(hint))
    assert (found.type, found.port) == (kind, port)


@pytest.mark.parametrize(
    ("value", "hint"),
    [("evil.example", "ipv4"), (MD5, "sha256"), ("http://evil.example/", "domain"), ("192.0.2.1", "email")],
)
def test_a_publishers_type_that_is_wrong_is_refused_by_name(value: str, hint: str) -> None:
    with pytest.raises(InvalidIndicator, match=hint):
        parse(value, IocType(hint))


def test_the_value_is_as_published_but_refanged() -> None:
    assert parse("hxxp://Evil[.]example/A?b=%7e").value == "http://Evil.example/A?b=%7e"
    assert parse("EVIL[.]example").value == "EVIL.example"


def test_case_of_a_path_tells_indicators_apart_but_not_searches() -> None:
    upper, lower = parse("http://evil.example/A"), parse("http://evil.example/a")
    assert upper.canonical != lower.canonical
    assert upper.normalized == lower.normalized


@pytest.mark.parametrize(
    ("value", "reverse"),
    [
        ("www.evil.example", "example.evil.www"),
        ("http://user@www.evil.example:8080/a.b", "example.evil.www"),
        ("user@evil.example", "example.evil"),
        ("http://192.0.2.1/", None),
        ("http://[2001:db8::1]:80/", None),
        ("http://www.xn--1/", "xn--1.www"),
        ("192.0.2.1", None),
        (MD5, None),
    ],
)
def test_the_host_is_reversed_for_prefix_search(value: str, reverse: str | None) -> None:
    assert reversed_host(parse(value)) == reverse


def test_every_type_has_its_row() -> None:
    assert set(KINDS) == set(IocType)


@given(canonical_values)
def test_a_canonical_value_stays_what_it_is(value: str) -> None:
    assert parse(value).canonical == value


@settings(max_examples=1000)
@given(hostile, hints)
def test_parsing_is_idempotent(value: str, hint: IocType | None) -> None:
    try:
        first = parse(value, hint)
    except InvalidIndicator:
        return
    again = parse(first.canonical, first.type)
    assert (again.type, again.canonical, again.normalized) == (first.type, first.canonical, first.normalized)
    assert parse(first.value, first.type).canonical == first.canonical


@pytest.mark.parametrize(
    "piece", ["a.", "1.", "[", "(", ")", "http://", "0123456789abcdef", ":", "%", "\\", "[.]", " dot ", "@", "."]
)
def test_no_value_takes_long(piece: str) -> None:
    began = time.process_time()
    for value in (piece * 8192, (piece * 8192)[:8192], ("http://evil.example/" + piece * 8192)[:8192]):
        detect(value)
    assert time.process_time() - began < 0.5
