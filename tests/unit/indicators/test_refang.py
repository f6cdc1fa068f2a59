"""Defanging is undone in every form that people use, and nothing else is touched."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from socdefenders.indicators import defang, extract, normalize, parse, refang
from socdefenders.indicators.refang import refang_url
from tests.unit.indicators.indicator_values import canonical_values, links

DOTS = [
    "[.]", "(.)", "{.}", "<.>", "[dot]", "(dot)", "{dot}", "[DOT]", " dot ", "[.", ".]", "\\.", "[ . ]", "[.\n]",
    " [.] ", "[[.]]", "(.]", "。", "．", "{ . )", "[d0t]", "\\\\.", "[\\.]", "\\[.\\]",
    "（.）", "［．］", "[punto]", "\u00a0[.]\u00a0",
]  # fmt: skip
SCHEMES = [
    "hxxp",
    "hXXp",
    "HXXP",
    "h**p",
    "hxtp",
    "htxp",
    "hxp",
    "meow",
    "hxxxp",
    "h##p",
    "hzp",
    "hxzp",
    "httpp",
    "hxxxxp",
    "htttttp",
    "hxxppp",
]
SEPARATORS = ["://", "[:]//", "[://]", "[:/]/", ":\\\\", "[:]\\\\", " :// ", ":[//]", "(:)//", "[:][/][/]", "\\[:\\]//"]


@pytest.mark.parametrize("dot", DOTS)
def test_a_defanged_dot_becomes_a_dot(dot: str) -> None:
    assert refang(f"mail{dot}evil{dot}example") == "mail.evil.example"


@pytest.mark.parametrize("at", ["[at]", "(at)", "[@]", "{at}", "(@)", " [at] ", "[ AT ]", "\\[at\\]"])
def test_a_defanged_at_becomes_an_at(at: str) -> None:
    assert refang(f"user{at}evil[.]example") == "user@evil.example"


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_defanged_scheme_becomes_http(scheme: str, separator: str) -> None:
    assert refang(f"{scheme}{separator}evil[.]example") == "http://evil.example"


@given(st.from_regex(r"(?i)(?:h[tx*#z]{1,6}p{1,3}|hxxt?|meow|f[tx*]p|ftx)s?", fullmatch=True))
def test_whatever_scheme_is_undone_is_found_and_is_the_same_everywhere(scheme: str) -> None:
    written = f"{scheme}://evil[.]example/a"
    plain = refang(written)
    assert plain.lower() in {f"{each}://evil.example/a" for each in ("http", "https", "ftp", "ftps")}
    assert [match.canonical for match in extract(f"It calls {written} now.")] == [plain.lower()]
    assert parse(written).canonical == plain.lower()


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("hxxps://evil[.]example", "https://evil.example"),
        ("fxp://evil[.]example", "ftp://evil.example"),
        ("tcp[:]//evil[.]example[:]99", "tcp://evil.example:99"),
        ("192[.]0[.]2[.]1[:]8080", "192.0.2.1:8080"),
        ("192[.0.2.]1", "192.0.2.1"),
        ("evil[.example]", "evil.example"),
        ("2001[:]db8[:][:]1", "2001:db8::1"),
        ("evil[.]example[/]path", "evil.example/path"),
        ("http[s]://evil[.]example/a", "https://evil.example/a"),
        ("hxxp(s)[:]//evil[.]example/a", "https://evil.example/a"),
        ("h[tt]ps://evil[.]example/a", "https://evil.example/a"),
        ("h(xx)p://evil[.]example", "http://evil.example"),
        ("hxxps\\://evil[.]example/a", "https://evil.example/a"),
    ],
)
def test_mixtures(written: str, plain: str) -> None:
    assert refang(written) == plain


@pytest.mark.parametrize(
    "text",
    [
        "evil,example",
        "a (b) c",
        "http://evil.example/a_(b)",
        "[2001:db8::1]:443",
        "HTTP://EVIL.EXAMPLE",
        "adot.example",
    ],
)
def test_what_is_not_defanged_stays(text: str) -> None:
    assert refang(text) == text


@pytest.mark.parametrize("text", ["{．Ω", "a\\．b", "[．example", "a．]b", "(。example)", "evil[.．]example"])
def test_nothing_is_left_to_undo(text: str) -> None:
    assert refang(refang(text)) == refang(text)


@given(canonical_values)
def test_refang_undoes_defang(value: str) -> None:
    assert refang(defang(value)) == value


@given(links, st.integers(0, 5))
def test_a_url_is_itself_again_with_or_without_its_scheme(url: str, cut: int) -> None:
    value = url.partition("://")[2] if cut == 0 else url
    assume(value[0].isalpha())  # else it may be a network
    written = defang(value)
    assert not re.search(r"(?i)(?:https?|ftp)://|[a-z0-9]\.example", written.partition("://")[2])
    assert refang(written) == refang_url(written) == value
    assert normalize(written) == normalize(value)


_TAILS = [
    "a",
    "(.)",
    "[.]",
    "\\.",
    "(dot)",
    "?x=",
    "[@]",
    "hxxp://",
    "/",
    "[.",
    ".]",
    "{.}",
    "(at)",
    "&",
    "[:]",
    "http://",
]


@pytest.mark.parametrize("scheme", ["hxxp://", "hXXps[:]//", "http://", "tcp://", "hxxp[://]"])
@pytest.mark.parametrize(
    "host", ["evil[.]example", "evil(.)example", "user[@]evil [.] example:8080", "evil dot example"]
)
@given(tail=st.lists(st.sampled_from(_TAILS), max_size=5).map("".join))
def test_a_path_in_a_text_is_read_as_extract_reads_it(scheme: str, host: str, tail: str) -> None:
    assume("](" not in tail)  # where a link of Markdown ends
    text = f"It calls {scheme}{host}/a{tail}z now, and bad(.)example."
    values = [match.value for match in extract(text)]
    assert refang(text) == f"It calls {values[0]} now, and bad.example."


def test_a_path_keeps_what_stands_there_in_earnest() -> None:
    assert refang("see hxxp://evil[.]example/a(.)b?c=d\\.e") == "see http://evil.example/a(.)b?c=d\\.e"
    assert [match.value for match in extract("see hxxp://evil[.]example/a(.)b")] == ["http://evil.example/a(.)b"]
    link = "[hxxp://evil(.)example/a](hxxp://evil(.)example/a)"
    assert refang(link) == "[http://evil.example/a](http://evil.example/a)"


@given(st.text())
def test_refang_takes_any_text(text: str) -> None:
    assert len(refang(text)) <= len(text) + 2 * text.count(":")  # hxp:/ is http://


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("192.0.2.1", "192[.]0[.]2[.]1"),
        ("http://a.evil.example/x.php", "hxxp://a[.]evil[.]example/x.php"),
        ("user@evil.example", "user[@]evil[.]example"),
        ("HTTP://user.name@evil.example/", "hxxp://user.name[@]evil[.]example/"),
        ("evil.example/?u=http://a.bad.example/", "evil[.]example/?u=hxxp://a[.]bad[.]example/"),
        ("evil.example:80/?u=a:b", "evil[.]example:80/?u=a:b"),
        (
            "http://evil.example/r?u=https://a.bad.example/x.y",
            "hxxp://evil[.]example/r?u=hxxps://a[.]bad[.]example/x.y",
        ),
        ("http://evil.example/FTP://bad.example", "hxxp://evil[.]example/FTP[:]//bad[.]example"),
        ("ftp:///32", "fxp://32"),
        ("http:////192.0.2.1/a", "hxxp://192[.]0[.]2[.]1/a"),
        ("file:///a.b", "file:///a.b"),
        ("2001:db8::1", "2001[:]db8[:][:]1"),
        ("T1059.001", "T1059.001"),
        ("CVE-2024-12345", "CVE-2024-12345"),
    ],
)
def test_defang_breaks_what_a_mail_program_would_link(value: str, written: str) -> None:
    assert defang(value) == written
