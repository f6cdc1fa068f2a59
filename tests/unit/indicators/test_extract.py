"""Indicators are found in running text where they stand, and noise is kept apart with its reason."""

import time
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from socdefenders.indicators import Match, defang, extract, hosts, noise, normalize, parse, unlikely
from socdefenders.indicators.tokens import tokens
from tests.real_data import DATA, MISSING
from tests.unit.indicators.indicator_values import canonical_values, hostile

HASH = "0123456789abcdef0123456789abcdef"


def kept(text: str, publisher: str | None = None) -> list[tuple[str, str]]:
    return [
        (match.type.value, match.canonical) for match in extract(text, publisher=publisher) if match.suppressed is None
    ]


def only(text: str, publisher: str | None = None) -> Match:
    (match,) = extract(text, publisher=publisher)
    return match


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It calls 198.51.100[.]7 daily.", [("ipv4", "198.51.100.7")]),
        ("It calls hxxp://evil[.]example/a.php.", [("url", "http://evil.example/a.php")]),
        ("(see hxxps[://]evil[.]example/a_(b))", [("url", "https://evil.example/a_(b)")]),
        (
            "evil[.]example, bad[.]example; worse[.]example",
            [("domain", f"{name}.example") for name in ("evil", "bad", "worse")],
        ),
        ("mail ops[@]evil[.]example now", [("email", "ops@evil.example")]),
        ("2001[:]db8[:][:]7 answered", [("ipv6", "2001:db8::7")]),
        (f"dropped {HASH.upper()}.exe there", [("md5", HASH)]),
        ("CVE-2024-12345 and T1059.001", [("cve", "CVE-2024-12345"), ("mitre_attack", "T1059.001")]),
        ("hosts 8[.]8[.]8[.\n]8 in a PDF", [("ipv4", "8.8.8.8")]),
        ("hxxp://a[.]example/x,hxxp://b[.]example/y", [("url", "http://a.example/x"), ("url", "http://b.example/y")]),
        ("bücher[.]example in Latin", [("domain", "xn--bcher-kva.example")]),
        ("stage two at evil[.]example/x/y.bin", [("url", "http://evil.example/x/y.bin")]),
        ("[http://a.some-host.com/x](http://b.some-host.com/y)", [("url", "http://a.some-host.com/x")]),
        ("the group TA2541 used T1566", [("mitre_attack", "T1566")]),
        ("meow://evil[.]example", [("url", "http://evil.example/")]),
        ("\u0130[@]evil-host.com is a host", [("domain", "evil-host.com")]),
        (f"file 8.8.4.4_{HASH}.bin", [("ipv4", "8.8.4.4"), ("md5", HASH)]),
        ("nothing to see at 12:30:45, std::vector, a::b or v1.2", []),
        ("evil [.] example and words .net", [("domain", "evil.example")]),
        ("at 192[.\n]0.2.7 in a PDF", [("ipv4", "192.0.2.7")]),
        (
            "hxxt[:]//evil[.]example/x, hxxts://evil[.]example/y",
            [
                ("url", "http://evil.example/x"),
                ("url", "https://evil.example/y"),
            ],
        ),
        ("mixed hXXps[:]//evil(.)bad[dot]example/a.php?b=1", [("url", "https://evil.bad.example/a.php?b=1")]),
        (
            "j.doe[at]evil[.]example and info.me@evil[.]example",
            [
                ("email", "j.doe@evil.example"),
                ("email", "info.me@evil.example"),
            ],
        ),
        ("CVE‑2024‑12345 and cve_2024_23456", [("cve", "CVE-2024-12345"), ("cve", "CVE-2024-23456")]),
        ("TA0011 by T1071.001", [("mitre_attack", "TA0011"), ("mitre_attack", "T1071.001")]),
        ("::ffff:198[.]51[.]100[.]9 answered", [("ipv4", "198.51.100.9")]),
        (f"SHA-1: {HASH[:20]}\n{HASH[:20]}\n", [("sha1", HASH[:20] * 2)]),
        (f"{HASH}\n{HASH[::-1]}\n", [("md5", HASH), ("md5", HASH[::-1])]),
        (f"{HASH}\nabc.evil[.]example", [("md5", HASH), ("domain", "abc.evil.example")]),
        ("[a](hxxp://evil[.]example/x)and more", [("url", "http://evil.example/x")]),
        ("(hxxp://evil[.]example/x)\u00a0more", [("url", "http://evil.example/x")]),
        ("get('hxxp://evil[.]example/x.exe',$env:tmp)", [("url", "http://evil.example/x.exe")]),
        ("**hxxp://evil[.]example/x***", [("url", "http://evil.example/x")]),
        ("hxxp://evil[.]example/a\\_b", [("url", "http://evil.example/a_b")]),
        ("hxxp://evil[.]example/a\\\\_b", [("url", "http://evil.example/a_b")]),
        ("blocks 198.51.100.0/24evil", []),
        ("calls evil[.]example : 69/check.aspx .", [("url", "http://evil.example:69/check.aspx")]),
        ("open is evil[.]example : 443/tcp .", [("domain", "evil.example")]),
        ("open is evil[.]example : 443/tcp.", [("domain", "evil.example")]),
        ("block 45.33.2.79/32 and 45[.]33[.]2[.]80/32.", [("ipv4", "45.33.2.79"), ("ipv4", "45.33.2.80")]),
        ("it was 45.33.2.129/25, or 45[.]33[.]2[.]130[/]25.", [("ipv4", "45.33.2.129"), ("ipv4", "45.33.2.130")]),
        (
            "it calls 45.33.2.64/26/a and 45.33.2.64/265",
            [("url", "http://45.33.2.64/26/a"), ("url", "http://45.33.2.64/265")],
        ),
        (
            "my[-]own[-]evil[.]example, at hxxp://a[-]b[.]example/c[-]d",
            [("domain", "my-own-evil.example"), ("url", "http://a-b.example/c%5B-%5Dd")],
        ),
        ("hxxps://www[.]bank[.]example@evil[.]example/x", [("url", "https://www.bank.example@evil.example/x")]),
        ("hxxp://user@bank[.]example:pw@evil[.]example/", [("url", "http://user%40bank.example:pw@evil.example/")]),
        ("T1059-PowerShell and CVE-2024-12345_poc", [("mitre_attack", "T1059"), ("cve", "CVE-2024-12345")]),
        (
            "evil（.）example, bad［.］example, worse\u00a0[.]\u00a0example and CVE 2024-12345",
            [
                ("domain", "evil.example"),
                ("domain", "bad.example"),
                ("domain", "worse.example"),
                ("cve", "CVE-2024-12345"),
            ],
        ),
        (r"at \\\\evil[.]example\share\a.exe", [("domain", "evil.example")]),
        ("evil[.]example->bad[.]example", [("domain", "evil.example"), ("domain", "bad.example")]),
        ("- evil[.]example- a server, _bad[.]example_", [("domain", "evil.example"), ("domain", "bad.example")]),
        ("user[@]evil[.]example- wrote", [("email", "user@evil.example")]),
        (
            "at http[s]://evil[.]example/a and h[tt]p://bad[.]example",
            [("url", "https://evil.example/a"), ("url", "http://bad.example/")],
        ),
        ("*.evil.co[.]za resolved", [("domain", "evil.co.za")]),
        ("hxxp://user[@]evil[.]example/a", [("url", "http://user@evil.example/a")]),
        (
            "cve4-1[.]evil[.]example exploits CVE-2024-12345.",
            [("domain", "cve4-1.evil.example"), ("cve", "CVE-2024-12345")],
        ),
        (
            "In Markdown evil\\[.\\]example, user\\[@\\]evil\\[.\\]example",
            [("domain", "evil.example"), ("email", "user@evil.example")],
        ),
        (
            "evil[.]example:8080 and evil[.]example:8080/x",
            [
                ("domain", "evil.example"),
                ("url", "http://evil.example:8080/x"),
            ],
        ),
    ],
)
def test_indicators_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert kept(text) == expected


@pytest.mark.parametrize("host", ["45[.]33[.]2[.]79", "45.33.2.79", "evil[.]example", "bad-host.net"])
@pytest.mark.parametrize("behind", [":443/tcp", ":443/UDP.", "[:]443[/]tcp"])
def test_a_port_and_its_protocol_are_no_path(host: str, behind: str) -> None:
    match = only(f"It calls {host}{behind}")
    assert (match.canonical, match.port) == (host.replace("[.]", "."), 443)
    assert parse(f"{host}{behind}").canonical == match.canonical


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("josé.müller.de[@]evil[.]example", [("domain", "evil.example")]),
        ("Max Ω[.]za[@]evil[.]example", [("domain", "evil.example")]),
        ("josé[.]doe(at)evil[.]example", [("domain", "evil.example")]),
        ("josé[at]evil[.]example", [("domain", "evil.example")]),
        ("почта.doe[@]evil[.]example", [("domain", "evil.example")]),
        ("Müller: doe[@]evil[.]example", [("email", "doe@evil.example")]),
        ("邮箱doe[@]evil[.]example", [("email", "doe@evil.example")]),
        ("hxxp://evil[.]example/abc [@]bad[.]example", [("url", "http://evil.example/abc"), ("domain", "bad.example")]),
    ],
)
def test_an_address_begins_where_its_name_does_or_is_none(text: str, expected: list[tuple[str, str]]) -> None:
    assert kept(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'{"url":"http:\/\/bad-host.net\/a\/b"}', ["http://bad-host.net/a/b"]),
        (r'"hxxp:\\/\\/evil[.]example\\/a"', ["http://evil.example/a"]),
        (r"hxxp://evil[.]example/a\_b\-c", ["http://evil.example/a_b-c"]),
        (r'"hxxp://evil[.]example\nhxxp://bad[.]example"', ["http://evil.example/", "http://bad.example/"]),
        (r'"hxxp://evil[.]example/a\r\nbad[.]example/b"', ["http://evil.example/a", "http://bad.example/b"]),
        (r'"evil[.]example\nbad[.]example\\tlast[.]example"', ["evil.example", "bad.example", "last.example"]),
        (r'"a[@]evil[.]example\nb[@]bad[.]example"', ["a@evil.example", "b@bad.example"]),
        (
            r'"Hosts:\nevil[.]example\n\nbad[.]example too.\nlast[.]example"',
            ["evil.example", "bad.example", "last.example"],
        ),
        (r"http:\\evil[.]example\new\test", ["http://evil.example/new/test"]),
        (r"on \\evil[.]example\share\new.doc", ["evil.example"]),
        (r"\\news[.]example\share", ["news.example"]),
        (r"C:\users\news[.]example", ["news.example"]),
        (r"%TEMP%\rat[.]example", ["rat.example"]),
    ],
)
def test_backslashes_of_strings_and_of_markdown_are_no_part_of_a_value(text: str, expected: list[str]) -> None:
    assert [canonical for _, canonical in kept(text)] == expected


def test_a_hash_glued_to_an_address_is_one_or_the_other() -> None:
    (match,) = extract(f"see {HASH[:-1]}1.2.3.4xyz now")
    assert match.canonical == HASH[:-1] + "1"


def test_a_name_whose_last_label_ends_in_a_digit_is_no_address() -> None:
    text = "It calls http://evil.xn--1/x, evil.xn--1/x and evil-host.com"
    assert kept(text) == [("url", "http://evil.xn--1/x"), ("domain", "evil-host.com")]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("router 192.168.0.1", "reserved"),
        ("connects to 198.51.100.7", "documentation"),
        ("the range 198[.]51[.]100[.]0/24", "network"),
        ("block 45.33.2.64/26.", "network"),
        ("block 45[.]33[.]2[.]128[/]25.", "network"),
        ("45.33.2.64/26", "network"),
        ("a table's 45.33.2.0/24evil", "network"),
        ("block 2001[:]db8[:][:]/32", "network"),
        (f"license: {HASH}", "code"),
        ("as in evil.example", "reserved"),
        ("run setup.py", "file-name"),
        ("the install.sh script", "file-name"),
        ("call session.run first", "code"),
        ("updated to version 9.9.9.9", "version"),
        ("d41d8cd98f00b204e9800998ecf8427e", "empty-file"),
        ("f" * 64, "placeholder"),
        ("see https://github.com/somebody/tool", "benign"),
        ("see example.com", "benign"),
        ("read [the post](https://blog.some-vendor.com/post).", "link"),
        ("Flash 19.0.0.207 is affected", "version"),
        ("WScript.Shell objects", "name"),
        ("reverts commit 0123456789abcdef0123456789abcdef01234567", "code"),
        (f"the AES key ({HASH}) is fixed", "code"),
        (f"rows {HASH[:20]}\n{HASH[:20]}\n", "split"),
        ("1" * 31 + "2" + " is a number", "placeholder"),
        ("the hash of a newline, 68b329da9893e34099c7d8ad5cb9c940", "known-good"),
        ("go to the page www.wikipedia.org", "benign"),
        ("the package com.some-vendor.security", "name"),
        ("Loader.NET is a tool", "name"),
        ("set entry.id from it", "code"),
        ("running instance 2.4.162.1 of it", "version"),
        ('reference = "https://some-vendor.example-blog.com/x"', "link"),
        ("see <https://blog.some-vendor.com/post>", "link"),
        ("mail security@some-vendor.com please", "contact"),
        ("a short abcdef.onion", "name"),
        ("hxxp://redacted[.]redacted[.]com/x", "placeholder"),
        ("www.ev***l.com", "placeholder"),
        ("www.ev*l[.]com was called", "placeholder"),
        ("mail m***n[@]evil[.]example", "placeholder"),
        ("it calls 4*5.33.2.1", "placeholder"),
        ("e[v]il[.]example was called", "placeholder"),
        ("[e]vil[.]example was called", "placeholder"),
        ("hxxp://ev***l[.]example/a", "placeholder"),
        ("hxxp://***l[.]example/a", "placeholder"),
        ("to=a%20evil[.]example", "placeholder"),
        ("C:\\Python39\\Client[.]py", "file-name"),
        ("asks hxxps://ipinfo[.]io/json", "benign"),
        ("References\nhttps://blog.some-vendor.com/post", "link"),
    ],
)
def test_noise_is_kept_with_its_reason(text: str, rule: str) -> None:
    reason = only(text).suppressed
    assert reason is not None
    assert reason.rule == rule


@pytest.mark.parametrize(
    "text", ["router 192[.]168.0.1", "198[.]51[.]100[.]7", "evil[.]example", "setup[.]py", "github[.]com/x/y"]
)
def test_what_its_author_defanged_counts(text: str) -> None:
    match = only(text)
    assert match.defanged
    assert match.suppressed is None


@pytest.mark.parametrize(
    "text",
    [
        "**evil[.]example** was called",
        "the *evil[.]example*",
        "C2**evil[.]example**",
        "*.evil[.]example",
        "* evil[.]example",
        "- ***evil[.]example***",
        "[1]evil[.]example",
        "[link]evil[.]example",
        "**Domain**evil[.]example",
        "name(*evil[.]example)",
        "josé[at]evil[.]example",
        "100% evil[.]example",
    ],
)
def test_marks_and_footnotes_hide_nothing(text: str) -> None:
    assert kept(text) == [("domain", "evil.example")]


def test_plain_hosts_count_in_a_plain_list_but_not_where_the_author_defangs() -> None:
    assert kept("evil-host.com\nbad-host.net\n") == [("domain", "evil-host.com"), ("domain", "bad-host.net")]
    assert kept("evil-host[.]com\nsee www.some-vendor.com/blog") == [("domain", "evil-host.com")]


@pytest.mark.parametrize(
    "text",
    [
        "evil-host[.]com\nthe C2 domain bad-host.net",
        "evil-host[.]com\nbad-host.net\nworse-host.net",
        "evil-host[.]com\nIndicators of compromise\nbad-host.net",
        "evil-host[.]com\nIt talks to bad-host.duckdns.org",
        "evil-host[.]com\nand to abcdefghijklmnop.onion",
    ],
)
def test_a_plain_host_earns_its_place_where_the_author_defangs(text: str) -> None:
    assert len(kept(text)) == len(extract(text))


@pytest.mark.parametrize(
    "value", ["10.0.0.1", "198.51.100.7", "http://10.0.0.1/x", "https://www.example.com/a", "evil.example"]
)
def test_a_text_that_is_nothing_but_a_value_is_a_question_about_it(value: str) -> None:
    assert only(value).suppressed is None
    assert only(f"'{value}'\n").suppressed is None


def test_a_bare_list_may_name_what_everybody_uses() -> None:
    assert kept("mail.yahoo.com\nmail.evil-host.com\nwww.wikipedia.org\n") == [
        ("domain", "mail.yahoo.com"),
        ("domain", "mail.evil-host.com"),
        ("domain", "www.wikipedia.org"),
    ]


def test_who_offers_a_mailbox_says_nothing_of_who_uses_it() -> None:
    assert kept("sent by evil.sender[@]gmail[.]com") == [("email", "evil.sender@gmail.com")]


def test_the_reports_own_address_is_its_publishers() -> None:
    text = (
        "A report\nhttps://blog.some-vendor.com/2026/report\nBy us, www.some-vendor.com\n"
        "It calls the domain evil-host.com now.\n"
    )
    assert kept(text) == [("domain", "evil-host.com")]


def test_below_references_plain_links_do_not_count_and_below_indicators_they_do() -> None:
    text = "Indicators of compromise\nhttp://evil-host.com/a\nReferences\nhttp://other-host.com/b\n"
    assert kept(text) == [("url", "http://evil-host.com/a")]


def test_the_publishers_platform_does_not_hide_what_lies_on_it() -> None:
    assert kept("payload at hxxps://github[.]com/attacker/payload", publisher="github.com") == [
        ("url", "https://github.com/attacker/payload")
    ]


def test_a_reason_names_the_list_behind_it() -> None:
    reason = only("the hash of a newline, 68b329da9893e34099c7d8ad5cb9c940").suppressed
    assert reason is not None
    assert reason.list == "common-ioc-false-positive"
    assert reason.why == "a file or certificate that is known to be good (common-ioc-false-positive)"


@pytest.mark.parametrize("long", ["word " * 60_000, "é. " * 90_000, "[" * 270_000])
def test_offsets_hold_across_windows(long: str) -> None:
    text = f"first[.]example {long}\nsecond[.]example {long} third[.]example"
    found = [match for match in extract(text) if match.defanged]
    assert [match.normalized for match in found] == ["first.example", "second.example", "third.example"]
    assert all(text[match.start : match.end] == match.raw for match in found)


def test_the_publishers_own_hosts_are_noise_even_defanged() -> None:
    text = "press@vendor[.]example, blog.vendor[.]example, notvendor[.]example"
    assert kept(text, publisher="www.vendor.example") == [("domain", "notvendor.example")]


def test_all_occurrences_come_in_order_with_offsets_in_characters() -> None:
    text = "Ünïcödé first: evil[.]example\nthen 😀 again: evil[.]example!"
    found = extract(text)
    assert [text[match.start : match.end] for match in found] == ["evil[.]example"] * 2
    assert [match.raw for match in found] == ["evil[.]example"] * 2


def test_the_context_is_the_sentence_on_one_line() -> None:
    text = "Not this one. The  loader calls\tevil[.]example every day. Nor this one."
    assert only(text).context == "The loader calls evil[.]example every day."


def test_the_context_is_bounded() -> None:
    text = "word " * 500 + "evil[.]example" + " word" * 500
    assert len(only(text).context) <= 300


@given(st.lists(canonical_values, max_size=5), st.sampled_from(["\n", " and ", ", ", "; "]))
def test_what_defang_writes_is_found(values: list[str], glue: str) -> None:
    found = {match.canonical for match in extract(glue.join(map(defang, values)))}
    assert found >= {parse(value).canonical for value in values}


@settings(max_examples=500)
@given(st.lists(hostile, max_size=5).map(" ".join))
def test_any_text_is_read_and_every_span_lies_inside_it(text: str) -> None:
    last = 0
    for match in extract(text):
        assert text[match.start : match.end] == match.raw
        assert match.raw
        assert match.start >= last
        assert parse(match.value, match.type).canonical == match.canonical
        assert match.normalized == normalize(match.value, match.type)
        last = match.start


_NEIGHBOURS = [
    "é",
    "Ω",
    "[@]",
    "@",
    "[.]",
    ".",
    "de",
    "a.com",
    " ",
    "(at)",
    "/x",
    "1.2.3.4",
    "\\n",
    "*",
    "%2F",
    "]",
    "](",
    "'",
    ")",
    "\\/",
    "hxxp://",
    HASH,
]


@settings(max_examples=500)
@given(hostile | st.lists(st.sampled_from(_NEIGHBOURS), max_size=12).map("".join))
def test_no_match_reaches_into_another(text: str) -> None:
    spans = [(match.start, match.end) for match in extract(text)]
    for this, following in pairwise(spans):
        assert this == following or this[1] <= following[0]


@settings(max_examples=300)
@given(hostile)
def test_normalising_is_idempotent(text: str) -> None:
    for match in extract(text):
        assert normalize(match.normalized, match.type) == match.normalized


@pytest.mark.parametrize(
    "piece",
    [
        "a.",
        "1.",
        "[",
        "(",
        "http://",
        "0123456789abcdef",
        ":",
        "a:",
        "a[.]",
        "@",
        "a@",
        "\\",
        "%",
        "é",
        "\ud800.",
        " dot ",
        "/..",
        "a.b'",
        "http:\\\\a,",
        "@a.b",
        "a.com/x',",
        "\n",
        "#\n",
        "iocs ",
        "0123456789abcdef0123\n",
        "iocé",
        "ioc-",
        "ioc[-]",
        "T1234-",
        "cve1-1",
        "0123456789abcdefg",
        "hxxp://a[@]",
        "hxxp://a[.]",
    ],
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    once, twice = (seconds_of(piece * (size // len(piece))) for size in (60_000, 120_000))
    assert twice < 3 * once + 0.3, "twice the time for twice the length, four times where it were quadratic"


@given(
    st.lists(
        st.sampled_from(
            [
                "evil [.] example",
                "a.evil[.]example",
                HASH,
                f"{HASH[:20]}\n{HASH[:20]}",
                "T1059.001-x",
                "no value",
                "é",
                "\n",
            ]
        )
        | st.text("ab.-/ [](),", max_size=20),
        max_size=120,
    ),
    st.sampled_from([" ", ",", "\n", '","']),
)
def test_a_text_reads_the_same_in_windows_of_any_size(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    whole = list(tokens(text))
    assume(all(len(token) <= 200 for _, token in whole))
    for window in (600, 701, 1_000):
        assert list(tokens(text, window)) == whole


def seconds_of(text: str) -> float:
    """CPU time for a text behind a URL and by itself, the best of three runs."""
    times = []
    for _ in range(3):
        began = time.process_time()
        extract(f"http://evil.example/{text} {text}")
        times.append(time.process_time() - began)
    return min(times)


def test_real_reports_are_read_without_harm() -> None:
    files = sorted(path for path in DATA.glob("text/*") if path.suffix in {".md", ".txt"})[:20]
    if not files:
        pytest.skip(MISSING)
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert all(text[match.start : match.end] == match.raw for match in extract(text))


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("10.0.0.1", "reserved"),
        ("127.0.0.1", "reserved"),
        ("fe80::1", "reserved"),
        ("d41d8cd98f00b204e9800998ecf8427e", "empty-file"),
        ("192.0.2.10", None),
        ("2001:db8::10", None),
        ("c2.example", None),
    ],
)
def test_a_feed_cannot_report_what_nobody_is_attacked_from(value: str, rule: str | None) -> None:
    """Documentation values pass: a demonstration's feeds are made of them."""
    reason = unlikely(parse(value))
    assert (reason and reason.rule) == rule


def test_what_judges_a_plain_name_can_come_up() -> None:
    """An ending that is no top-level domain never gets there; a host below another needs no entry."""
    endings = noise.FILE_ENDINGS | noise.WORD_ENDINGS | noise._WORD_COUNTRIES
    assert [ending for ending in endings if not hosts.is_suffix(ending)] == []
    above = {host: host.partition(".")[2] for host in noise.BENIGN_HOSTS}
    assert [host for host, parent in above.items() if noise._known_host(parent)] == []
