"""Pages: what of a page is its report, how that is written down, and that no page takes long.

All pages are invented; what each rule is for stands in the name of its test.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socdefenders.feeds.markup import MAX_BLOCKS, Block, read
from socdefenders.feeds.page import read_page, visible_text

PROSE = "<p>" + "People who do not exist were sent mail by a group that does not exist either. " * 8 + "</p>"


def main_text(html: bytes | str) -> str:
    return read_page(html).text


def page(report: str, around: str = "", after: str = "") -> str:
    return f"<html><head><title>T</title></head><body>{around}<main>{PROSE}{report}</main>{after}</body></html>"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("evil<b>[.]</b>bad.example", "evil[.]bad.example"),
        ("<span>192</span>.0.2.<i>1</i>", "192.0.2.1"),
        ("ev<wbr>il.example", "evil.example"),
        ("ev&shy;il.exa\u200bmple\u2060/a\ufeffb", "evil.example/ab"),
        ("a\u200d\u200cb.example می\u200cخواهم", "ab.example می\u200cخواهم"),
        ("one.example<br>two.example", "one.example\ntwo.example"),
        ("<p>one.example<p>two.example", "one.example\ntwo.example"),
        ("<div>one.example</div>two.example", "one.example\ntwo.example"),
        ("<x-card>one.example</x-card><x-card>two.example</x-card>", "one.example\ntwo.example"),
        ("one.example<x-card>two.example</x-card>", "one.example\ntwo.example"),
        ("<a href='https://x.example/'>one.example</a><a>two.example</a>", "one.example two.example"),
        ("bad.example<sup>1</sup>", "bad.example 1"),
        ("a &lt; b &amp;&amp; c < d", "a < b && c < d"),
        ("a\n   long&nbsp; \t line", "a long line"),
    ],
)
def test_inline_tags_leave_no_trace_in_a_value_and_blocks_break_lines(html: str, text: str) -> None:
    assert visible_text(f"<p>{html}</p>") == text
    assert main_text(f"<body>{html}</body>") == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><tr><th>Type<th>Value<tr><td>domain<td>bad[.]example</table>", "Type\tValue\ndomain\tbad[.]example"),
        ("<table><tr>\n<td>\n <p>md5</p>\n</td>\n<td><div><p>x</p></div></td></tr></table>", "md5\tx"),
        ("<table><tr><td>a<td><td>c</table>after", "a\t\tc\nafter"),
        ("<table><tr><td>C2<td>a.example<br>b.example<td>443</table>", "C2\ta.example\nb.example\t443"),
        ("<table><tr><td>a<table><tr><td>b<td>c</table><td>d</table>", "a\nb\tc\nd"),
        ("<table><caption>IOCs</caption><thead><tr><th>a</thead><tbody><tr><td>b</table>", "IOCs\na\nb"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "a\nb\nc"),
        ("<dl><dt>C2<dd>a.example<dd>b.example</dl>", "C2\na.example\nb.example"),
        ("<pre><code>one\n<span>two</span>\n\n\tthree</code></pre>", "one\ntwo\nthree"),
        ("<textarea>one\ntwo</textarea>", "one\ntwo"),
        ("<h2>Indicators of Compromise</h2><p>a.example</p>", "Indicators of Compromise\na.example"),
        ("<details><summary>IOCs</summary>a.example</details>", "IOCs\na.example"),
        ("<h3><button>IOCs</button></h3><p>a.example<button>Copy</button></p>", "IOCs\na.example"),
        ("<div style='display:none' hidden aria-hidden=true>a.example</div>", "a.example"),
    ],
)
def test_tables_lists_code_and_headings_keep_their_form(html: str, text: str) -> None:
    assert visible_text(html) == text
    assert main_text(page(html)).endswith("either.\n" + text)


@pytest.mark.parametrize(
    "html",
    [
        "<img src='https://x.example/' alt='x.example'>",
        "<a href='hxxp://x[.]example/'>y</a>",
        "<script>x.example</script>",
        "<style>x.example</style>",
        "<template>x.example</template>",
        "<iframe>x.example</iframe>",
        "<svg><text>x.example</text></svg>",
        "<noscript><p>x.example</p></noscript>",
        "<select><option>x.example</option></select>",
        "<!-- x.example -->",
    ],
)
def test_what_no_reader_sees_is_no_text(html: str) -> None:
    assert "x" not in visible_text(f"<p>y</p>{html}")
    assert ".example" not in main_text(page(html))


CHROME = {
    "navigation": "<nav><ul><li>x.example</ul></nav>",
    "footer": "<footer>x.example</footer>",
    "aside": "<aside><p>x.example</p></aside>",
    "form": "<form>Write to x.example</form>",
    "sidebar": "<div class=leftSidebar>x.example</div>",
    "site's footer": "<div id=site_footer>x.example</div>",
    "role": "<div role=navigation>x.example</div>",
    "breadcrumbs": "<ol class=breadcrumb><li>x.example</ol>",
    "share buttons": "<div class='share-buttons'>x.example</div>",
    "related": "<section class='related-posts'><p>All of x.example</p></section>",
    "newsletter": "<div class=newsletter-signup>x.example</div>",
    "cookies": "<div id=cookie-banner>x.example</div>",
    "comments": "<section id=comments><p>I saw x[.]example too</p></section>",
    "camel": "<div class=relatedArticles>x.example</div>",
    "tags": "<p class=tags>x.example</p>",
    "teasers": "<div><h3>Elsewhere</h3>" + "<div><a href=/a><b>How x.example fell</b></a></div>" * 3 + "</div>",
    "link list": "<ul>" + "<li><a href=/x>We moved to x.example</a>" * 4 + "</ul>",
}


@pytest.mark.parametrize("case", CHROME)
@pytest.mark.parametrize("where", ["inside", "before", "after", "without landmarks"])
def test_parts_of_the_site_are_left_out_wherever_they_stand(case: str, where: str) -> None:
    chrome = CHROME[case]
    html = {
        "inside": page(chrome),
        "before": page("", around=chrome),
        "after": page("", after=chrome),
        "without landmarks": page(chrome).replace("main>", "div>"),
    }[where]
    text = main_text(html)
    assert "x.example" not in text
    assert "x[.]example" not in text
    assert text.count("either.") == 8


@pytest.mark.parametrize(
    "html",
    [
        "<aside><p>Its server is x[.]example today</p></aside>",
        "<div class=sidebar><table><tr><td>x[.]example<td>443</table></div>",
        "<footer><ul><li>x[.]example</ul></footer>",
        "<aside><ul><li><a href=/search>x[.]example</a></ul></aside>",
        f"<aside><p><a href=/search>{'0123abcd' * 8}</a> of x.example</p></aside>",
        f"<form><p>{'0123abcd' * 8} and x.example</p></form>",
    ],
)
def test_values_that_are_written_as_such_are_kept_out_of_boxes_too(html: str) -> None:
    for text in (main_text(page(html)), main_text(page("", after=html))):
        assert "x[.]example" in text or "0123abcd" * 8 in text


def test_a_table_or_code_beside_the_article_belongs_to_the_report_and_a_table_of_links_does_not() -> None:
    beside = "<div><h2>Appendix</h2><div><table><tr><td>x.example<td>c2</table><pre>y.example</pre></div></div>"
    links = "<table>" + "<tr><td><a href=/>Our other pages</a>" * 5 + "</table>"
    html = f"<body><div><article>{PROSE * 3}</article>{beside}{links}<p>Colophon</p></div></body>"
    assert main_text(html).endswith("either.\nx.example\tc2\ny.example")


def test_a_list_of_links_that_show_values_is_a_list_of_values() -> None:
    items = "".join(f"<li><a href='https://scan.example/{n}'>host{n}.example</a>" for n in range(9))
    assert "\n".join(f"host{n}.example" for n in range(9)) in main_text(page(f"<ul>{items}</ul>"))
    titles = "".join(f"<li><a href='/{n}'>Traffic to host{n}[.]example</a>" for n in range(9))
    assert "Traffic to host8[.]example" in main_text(page(f"<ul>{titles}</ul>"))
    hashes = "".join(f"<li><a href='/{n}'>{n:064x}</a>" for n in range(9))
    assert f"{8:064x}" in main_text(page(f"<ul>{hashes}</ul>"))


@pytest.mark.parametrize(
    "wrapped",
    [
        "<form><h1>Title</h1>{}</form>",
        "<div class='has-sidebar tag-menu'>{}</div>",
        "<div class=banner><h1>Title</h1><div>{}</div></div>",
        "<section id=recommendations><h2 id=related>Recommendations</h2>{}</section>",
        "<aside>{}</aside>",
        "<div class=sidebar>{}</div>",
        "<noscript>{}</noscript>",
    ],
)
def test_what_holds_the_report_is_no_chrome_whatever_it_is_called(wrapped: str) -> None:
    colophon = "<p>" + "Set in a typeface that we like. " * 8 + "</p>"
    assert main_text(f"<body>{wrapped.format(PROSE + 'x.example')}{colophon}</body>").count("either.") == 8


def test_an_article_that_is_most_of_the_content_is_the_report() -> None:
    text = main_text(f"<main><h1>Title</h1><article>{PROSE * 2}</article><div>Our team likes tea.example</div></main>")
    assert text.endswith("either.")


def test_small_blocks_of_an_article_are_judged_by_their_names_but_not_by_states_and_subjects() -> None:
    kept = "<div class='has-sidebar no-footer tag-menu category-navigation'><p>x.example</p></div>"
    assert main_text(page(kept)).endswith("x.example")


def test_the_header_with_the_title_is_the_articles_and_another_is_the_sites() -> None:
    titled = "<header><h1>Title</h1><p>By Nobody</p></header>"
    assert main_text(page(titled, around="<header>Example Lab</header>")).endswith("either.\nTitle\nBy Nobody")
    assert "Lab" not in main_text(page("<header>Example Lab</header>").replace("main>", "div>"))


def test_a_section_named_after_its_heading_stays() -> None:
    html = page("<section id=share-of-victims><h2 id=sharing>Sharing</h2><p>x.example</p></section>")
    assert main_text(html).endswith("Sharing\nx.example")


def test_a_page_of_which_nothing_can_be_told_apart_keeps_all_its_text() -> None:
    parts = "".join(f"<div class=comment>{PROSE}<p>n{n}.example</p></div>" for n in range(9))
    text = main_text(f"<body>{parts}</body>")
    assert all(f"n{n}.example" in text for n in range(9))


def test_a_page_says_what_it_is() -> None:
    found = read_page(
        "<html><head><title>Title &amp; more</title><meta property=og:site_name content='Example Lab'>"
        "<link rel=canonical href='https://www.lab.example/a'><meta name=date content=2026-01-02></head>"
        f"<body><h1>Heading</h1>{PROSE}<svg><title>Icon</title></svg></body></html>"
    )
    assert (found.title, found.url, found.site) == ("Title & more", "https://www.lab.example/a", "Example Lab")
    assert found.published_at is not None
    assert found.published_at.isoformat() == "2026-01-02T00:00:00+00:00"
    assert read_page("<meta property=og:title content='1 < 2'>x").title == "1 < 2"
    assert read_page("<h1>Only <i>a</i> heading</h1>").title == "Only a heading"
    assert read_page("<link rel=canonical href='https://[/'>x").site is None


@pytest.mark.parametrize(
    ("head", "url"),
    [
        ("<link rel=canonical href=/a><meta property=og:url content=https://lab.example/b>", "https://lab.example/a"),
        ("<meta property=og:url content='../b?c=1'>", "https://lab.example/b?c=1"),
        ("<link rel=canonical href=//www.lab.example/a>", "https://www.lab.example/a"),
        ("<link rel=canonical href='mailto:x@lab.example'><meta property=og:url content=b>", "https://lab.example/p/b"),
        ("<link rel=canonical href=' HTTPS://lab.example/a '>", "https://lab.example/a"),
        ("<link rel=canonical href='https://[/'>", None),
        ("<link rel=canonical href=''>", None),
        ("", None),
    ],
)
def test_the_address_that_a_page_names_is_read_as_from_where_it_stood(head: str, url: str | None) -> None:
    assert read_page(f"{head}<p>text", "https://lab.example/p/q").url == url


@pytest.mark.parametrize(
    ("charset", "codec", "word"),
    [
        ("utf-8", "utf-8", "bücher"),
        ("iso-8859-1", "utf-8", "bücher"),
        ("ISO-8859-1", "cp1252", "bücher – “x”"),
        ("windows-1251", "cp1251", "пример"),
        ("koi8-r", "koi8_r", "пример"),
        ("shift_jis", "cp932", "日本語ソ"),
        ("iso-2022-jp", "iso2022_jp", "日本語"),
        ("gb2312", "gb18030", "恶意软件"),
        ("euc-kr", "cp949", "한국어"),
        ("utf-8", "utf-16", "пример"),
        ("idna", "utf-8", "bücher"),
        ("no-such", "cp1252", "bücher"),
    ],
)
def test_bytes_are_read_by_their_mark_as_utf8_or_as_the_page_says(charset: str, codec: str, word: str) -> None:
    html = f"<html><head><meta charset='{charset}'></head><body><p>{word} {word}.example</p></body></html>"
    assert main_text(html.encode(codec)) == f"{word} {word}.example"
    older = html.replace("charset='", "http-equiv=Content-Type content='text/html; charset=")
    assert main_text(older.encode(codec)) == f"{word} {word}.example"


TAGS = st.sampled_from([
    "<p>", "</p>", "<div class='sidebar'>", "</div>", "<main>", "</main>", "<article>", "<table>", "<tr>", "<td>",
    "</table>", "<a href=x>", "</a>", "<pre>", "</pre>", "<ul>", "<li>", "<br>", "<script>", "</script>", "<title>",
    "</title>", "<h1>", "</h1>", "<button>", "<sup>", "<svg>", "</svg>", "<noscript>", "<nav>", "<x-y>", "</body>",
    "</html>", "<html lang=x>", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "<", ">", "&#0;", "&#xD800;", "&", "\0",
    "\x01", "\x02", "\x03", "\x0b", "\n", "\t", " ", "\ud800", "\u2028", "bad[.]example", "a" * 70,
    "<meta charset=utf-16>", "<p class='", "'", '"', "</", "<frameset>", "<template>", "<select>",
])  # fmt: skip
PAGES = st.one_of(st.text(), st.lists(TAGS, max_size=60).map("".join))


@settings(max_examples=500, deadline=None)
@given(html=PAGES | st.binary() | PAGES.map(lambda text: text.encode("utf-8", "replace")))
def test_any_text_and_any_bytes_are_a_page(html: str | bytes) -> None:
    texts = [main_text(html)] + ([visible_text(html)] if isinstance(html, str) else [])
    for text in texts:
        assert not {"\0", "\1", "\2", "\3", "\r"} & set(text)
        assert all(line and line == line.strip() for line in text.split("\n")) or not text
        text.encode()  # nothing that cannot be stored


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.from_regex(r"[a-z0-9]{1,9}(\[\.\]|\.)[a-z]{2,6}", fullmatch=True), min_size=1, max_size=9))
def test_every_value_of_a_report_comes_out_whole_and_alone(words: list[str]) -> None:
    def split(word: str) -> str:
        return "<i>" + word[: len(word) // 2] + "</i><wbr>" + word[len(word) // 2 :]

    for form, joint in (("<li>{}</li>", "\n"), ("<p>{}</p>", "\n"), ("<td>{}</td>", "\t"), ("{}<br>", "\n")):
        body = "".join(form.format(split(word)) for word in words)
        html = page(f"<table><tr>{body}</tr></table>" if joint == "\t" else f"<div>{body}</div>")
        assert main_text(html).endswith("either.\n" + joint.join(words))


SIZE = 2 << 20


def repeated(piece: str) -> str:
    return piece * (SIZE // len(piece.encode()))


HOSTILE = {
    "nested": lambda: repeated("<div>") + "x.example",
    "nested chrome": lambda: repeated("<div class='sidebar related'>a"),
    "nested, and closed wrongly": lambda: repeated("<div></b>"),
    "nested to the limit": lambda: "<div>" * 499 + repeated("</b>"),
    "paragraphs": lambda: repeated("<p>a"),
    "links": lambda: repeated("<a href=x>a</a>"),
    "code": lambda: repeated("<pre>a\n\n"),
    "a table": lambda: "<table>" + repeated("<tr><td>a<td>b[.]c"),
    "articles": lambda: repeated("<article>a b c"),
    "attributes": lambda: "<div " + " ".join(f"a{n}" for n in range(250_000)) + ">x",
    "one class": lambda: f"<div class='{repeated('nav-')}'>x",
    "classes": lambda: "".join(f"<div class='related-{n}-{'b-' * 90}'>a</div>" for n in range(SIZE // 225)),
    "signs": lambda: repeated("<"),
    "zeros": lambda: repeated("\0"),
    "spaces": lambda: "<p>" + repeated(" \n"),
    "brackets": lambda: "<p>" + repeated("[.]"),
    "hex": lambda: "<p>" + repeated("0123456789abcdef"),
    "a comment": lambda: repeated("<!-- "),
    "an open tag": lambda: "<p class='" + repeated("<p "),
    "a script": lambda: "<script>" + repeated("</scrip"),
    "soft hyphens": lambda: "<p>" + repeated("a\u00ad"),
    "joiners": lambda: "<p>a" + repeated("\u200d"),
    "meta": lambda: repeated("<meta charset "),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_the_worst_pages_take_time_in_proportion_to_their_size(case: str) -> None:
    html = HOSTILE[case]()
    started = time.process_time()
    main_text(html.encode("utf-8"))
    assert time.process_time() - started < 4, "a second at most where nothing else runs"


def test_nothing_is_lost_where_tags_nest_deeper_than_browsers_allow() -> None:
    text = main_text("<body>" + "<div><font>" * 3000 + "x.example</font></div><p>y.example</p>" + "<li>z.example" * 9)
    assert text.split("\n") == ["x.example", "y.example", *["z.example"] * 9]


def test_the_content_goes_on_below_tags_that_are_never_closed() -> None:
    broken = "".join(f"<li><font color=red>n{n}.example</li>" for n in range(2000))
    text = main_text(page(f"{PROSE * 60}<ul><font>{'<font><b>' * 300}{broken}</ul><p>last.example</p>"))
    assert text.count(".example") == 2001
    assert text.endswith("n1999.example\nlast.example")


def test_a_page_of_very_many_blocks_keeps_its_lines() -> None:
    rows = "".join(f"<tr><td>domain<td>h{n}.example" for n in range(60_000))
    html = f"<table>{rows}</table>"
    lines = main_text(html).split("\n")
    assert (len(lines), lines[0], lines[-1]) == (60_000, "domain\th0.example", "domain\th59999.example")
    blocks, waiting = 0, [read(html).root]
    while waiting:
        inner = [part for part in waiting.pop().parts if isinstance(part, Block)]
        blocks += len(inner)
        waiting += inner
    assert blocks == MAX_BLOCKS


@pytest.mark.parametrize("depth", [498, 499, 500, 70_000])
def test_a_page_that_ends_deep_inside_is_read(depth: int) -> None:
    assert main_text("<b>" * depth + "evil[.]example") == "evil[.]example"


def test_nothing_of_a_long_page_is_lost() -> None:
    html = "<body>" + "<p>" + "word " * (1 << 20) + "<p>last[.]example"
    assert len(html) > 5 << 20
    assert main_text(html).endswith("\nlast[.]example")
    assert visible_text(html).endswith("\nlast[.]example")
    assert visible_text("word " * (1 << 20) + "last[.]example").endswith(" last[.]example")
