"""Indicators are found in running text where they stand, and noise is kept apart with its reason."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socdefenders.indicators import Match, defang, extract, parse, unlikely
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
        ("nothing to see at 12:30:45, std::vector, a::b or v1.2", []),
    ],
)
def test_indicators_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert kept(text) == expected


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("router 192.168.0.1", "reserved"),
        ("connects to 198.51.100.7", "documentation"),
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


def test_plain_hosts_count_in_a_plain_list_but_not_where_the_author_defangs() -> None:
    assert kept("evil-host.com\nbad-host.net\n") == [("domain", "evil-host.com"), ("domain", "bad-host.net")]
    assert kept("evil-host[.]com\nsee www.some-vendor.com/blog") == [("domain", "evil-host.com")]


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
        assert match.start >= last or match.defanged
        last = match.start


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
    ],
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    began = time.process_time()
    extract("http://evil.example/" + piece * (300_000 // len(piece)) + " " + piece * (300_000 // len(piece)))
    assert time.process_time() - began < 5


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
