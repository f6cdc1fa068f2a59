"""Documents: what is read of PDF, Word documents and mail, and that none of them costs more than it may."""

import io
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders.errors import FeedError
from socdefenders.feeds import detect, items, recognise, walk
from socdefenders.feeds.documents import Text, kind, pdf_process, read_text
from socdefenders.feeds.documents.base import MAX_TEXT, Budget
from socdefenders.feeds.documents.mail import read_mail
from socdefenders.feeds.documents.pdf import _failure, read_pdf
from socdefenders.feeds.documents.word import read_word
from socdefenders.model import Document, Rejected
from tests.documents import W, docx, mail, paragraph, pdf, written

LINES = "First 198[.]51[.]100[.]7\nSecond hxxp://bad[.]example/a"


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """What is read inside is refused in these words, and the name of the file."""
    with pytest.raises(FeedError) as caught:
        yield
    assert caught.value.message.startswith("in: ")
    for word in words:
        assert word in caught.value.message


def read_or_refused(data: bytes, read: Callable[..., Text] = read_text, **options: int) -> Text | None:
    """What is read of a file, or None when it is refused in one line that begins with its name."""
    try:
        found = read(data, "in", **options)
    except FeedError as error:
        said = error.message
    else:
        assert "\0" not in found.text
        return found
    assert said.startswith("in: ")
    assert "\n" not in said
    return None


def no_attachments(_data: bytes, name: str) -> Text:
    raise FeedError(f"{name}: refused.")


# What is read


@pytest.mark.parametrize("data", [pdf(LINES), docx(*LINES.split("\n"))], ids=["pdf", "docx"])
def test_the_lines_of_a_document_stay_lines(data: bytes) -> None:
    assert read_text(data, "in").text == LINES


def test_the_text_of_a_pdf_is_that_of_its_pages_with_the_links_after_each() -> None:
    found = read_text(pdf("One", "Two", links=["http://a.example/x", "http://b.example/"], title="T"), "in")
    assert found.text == "One\n\nTwo\n\nhttp://a.example/x\nhttp://b.example/"
    assert (found.title, f"{found.published_at:%Y-%m-%d}") == ("T", "2026-05-04")


def test_a_pdf_encrypted_to_forbid_printing_is_read_and_one_with_a_password_is_not() -> None:
    assert read_text(pdf("Free", password=""), "in").text == "Free"
    with refused("encrypted with a password"):
        read_text(pdf("Secret", password="harbour"), "in")


def test_a_pdf_without_text_says_so_and_one_with_links_alone_is_read() -> None:
    with refused("no text in it", "OCR"):
        read_text(pdf("", ""), "in")
    assert read_text(pdf("", links=["http://a.example/"]), "in").text == "http://a.example/"


def test_of_a_damaged_pdf_the_pages_that_can_be_read_are_kept_and_the_others_named() -> None:
    found = read_text(pdf("One", "Two", "Three", content=b" " * (80 << 20)), "in")
    assert found.text == "One\n\nTwo"
    assert found.left_out == ("page 3 cannot be read",)


def test_the_two_bounds_of_a_pdfs_text_agree() -> None:
    assert pdf_process.MAX_TEXT == MAX_TEXT


def test_a_table_of_word_is_a_line_a_row_and_what_was_deleted_or_repeated_is_not_read() -> None:
    row = "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>".format(paragraph("domain"), paragraph("bad[.]example"))
    boxes = f"<w:p><mc:Choice>{paragraph('box')}</mc:Choice><mc:Fallback>{paragraph('box')}</mc:Fallback></w:p>"
    gone = "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    spaces = "<w:p><w:r><w:t>a</w:t><w:br/><w:t>b</w:t><w:tab/><w:t>c</w:t></w:r></w:p>"
    body = f"<w:tbl>{row}</w:tbl>{boxes}{gone}{spaces}"
    names = f'<w:document xmlns:w="{W}" xmlns:mc="mc"><w:body>{body}</w:body></w:document>'
    assert read_text(docx(parts={"word/document.xml": names}), "in").text == "domain\tbad[.]example\nbox\nkept\na\nb\tc"


def test_notes_comments_headers_and_everything_that_word_would_fetch_are_read() -> None:
    def part(text: str) -> str:
        return f'<w:part xmlns:w="{W}">{paragraph(text)}</w:part>'

    template = '<Relationships><Relationship Target="http://t.example/t.dotm" TargetMode="External"/></Relationships>'
    data = docx(
        "Body",
        '<w:p><w:r><w:instrText>HYPERLINK "http://f.</w:instrText><w:instrText>example/"</w:instrText></w:r></w:p>',
        '<w:fldSimple w:instr="INCLUDEPICTURE &quot;http://p.example/p.png&quot;"/>',
        links=["http://l.example/?a=1&amp;b=2"],
        parts={
            "word/footnotes.xml": part("foot"),
            "word/endnotes.xml": part("end"),
            "word/comments.xml": part("comment"),
            "word/header1.xml": part("head"),
            "word/_rels/settings.xml.rels": template,
            "word/styles.xml": part("style"),
        },
    )
    said, leading = read_text(data, "in").text.split("\n\n")
    assert set(said.split("\n")) == {"Body", "foot", "end", "comment", "head"}
    assert leading.split("\n") == [
        "http://f.example/",
        "http://p.example/p.png",
        "http://l.example/?a=1&b=2",
        "http://t.example/t.dotm",
    ]


def test_of_a_mail_where_it_came_from_is_read_and_to_whom_it_went_is_not() -> None:
    data = mail(
        "Body",
        return_path="<bounce@a.example>",
        received="from x (y [203.0.113.9]) by mx.example for <victim@harbour.example>; Mon, 4 May 2026 12:00:00 +0000",
        to="victim@harbour.example",
        cc="victim@harbour.example",
        authentication_results="mx.example; spf=fail smtp.mailfrom=a.example",
    )
    text = read_text(data, "in").text
    for said in ("<bounce@a.example>", "203.0.113.9", "smtp.mailfrom=a.example", "billing@harbour.example", "Body"):
        assert said in text
    assert "victim" not in text


def test_what_is_attached_to_a_mail_is_read_by_its_content_whatever_its_name() -> None:
    inner = mail("inner hxxp://i[.]example/", attached={"x": docx("of Word")}, subject="Inner")
    attached = {
        "invoice.png": pdf("of PDF"),
        "a.pdf": inner,
        "b": b"of text",
        "c.doc": b"<html><p>of HTML",
        "d": b"\0\1\2",
    }
    text = read_text(mail("outer", attached=attached), "in").text
    for said in ("outer", "of PDF", "inner hxxp://i[.]example/", "of Word", "of text", "of HTML", "Subject: Inner"):
        assert said in text


def test_an_attachment_that_cannot_be_read_is_named_and_costs_nothing_else() -> None:
    found = read_text(mail("outer", attached={"ä.pdf": pdf("x")[:300], "b.docx": docx("y"), "s.pdf": pdf("")}), "in")
    assert "outer" in found.text
    assert "y" in found.text.split("\n")
    assert [each.partition(":")[0] for each in found.left_out] == ["in!ä.pdf", "in!s.pdf"]


def test_a_mail_of_html_alone_gives_its_words_and_where_they_lead() -> None:
    page = b"From: a@b.example\nSubject: x\nMessage-ID: <1@b.example>\nContent-Type: text/html\n\n"
    page += (
        b'<p>Click <a href=" https://evil.example/?a=1&amp;b=2 ">here</a></p><form action="https://post.example/"></form>'
        b'<meta http-equiv="refresh" content="0; url=https://next.example/"><img src="cid:1"><a href="/local">x</a>'
    )
    leading = read_text(page, "in").text.rpartition("\n\n")[2].split("\n")
    assert leading == ["https://evil.example/?a=1&b=2", "https://post.example/", "0; url=https://next.example/"]


def test_a_page_that_is_too_large_for_a_mail_is_named() -> None:
    found = read_text(mail("outer", attached={"a.html": b"<html><p>" + b"x" * (4 << 20)}), "in")
    assert "outer" in found.text
    assert found.left_out == ("in!a.html: larger than 4 MiB",)
    with refused("larger than 16 MiB"):
        read_text(b"<html><p>" + b"x" * (16 << 20), "in")


@pytest.mark.parametrize("charset", ["no-such", "zlib", "punycode", "rot13", "undefined", "utf-16", "\x00", "idna"])
def test_a_charset_that_is_none_is_read_by_what_the_bytes_look_like(charset: str) -> None:
    head = f"From: a@b.example\nMessage-ID: <1>\nContent-Type: text/plain; charset={charset}\n\n".encode()
    text = read_text(head + "für bad.example".encode(), "in").text
    assert charset == "utf-16" or text.endswith("für bad.example")


# Telling them apart


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pdf("x"), "pdf"),
        (b"\xef\xbb\xbf\r\n" + pdf("x"), "pdf"),
        (docx("x"), "docx"),
        (mail("x", to="a@b.example"), "eml"),
        (b"From MAILER Mon May  4 12:00:00 2026\nReturn-Path: <a@b.example>\nSubject: x\n\nbody", "eml"),
        (b"Received: from a\n\tby b\nFrom: a@b.example\n\nx", "eml"),
        (b"<!DOCTYPE html><html><p>x", "html"),
        (b"Title: x\nDate: 2026-05-04\nURL: https://a.example/\n\nA report.", "text"),
        (b"From: the team\nDate: today\n\nA report.", "text"),
        (b"Subject matter is 198.51.100.7\nFrom: x\nTo: y\nReceived: z\n", "text"),
        (b"", "text"),
        (b"%PDX-", "text"),
        (b"PK\x03\x04 an archive of something else", None),
        (bytes(range(32)), None),
    ],
)
def test_a_document_is_told_by_its_content(data: bytes, expected: str | None) -> None:
    assert kind(data) == expected
    if expected in {"pdf", "docx", "eml"}:
        assert detect("feed.csv", data[:65536]) == expected


def test_a_word_document_is_no_archive_of_xml_files_even_inside_an_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(docx("alone"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x/report.bin", docx("within"))
    found = [next(item for item in items(entry) if isinstance(item, Document)) for entry in walk([tmp_path])]
    assert [document.text for document in found] == ["alone", "within"]


def test_what_an_import_cannot_read_of_a_mail_is_rejected_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(mail("outer", attached={"s.pdf": pdf("")}))
    (entry,) = walk([tmp_path])
    assert recognise(entry) is not None
    rejected, document = items(entry)
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith("s.pdf: there is no text in it")
    assert isinstance(document, Document)
    assert document.title == "Overdue"


# What means harm


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from([
            b"From: a@b.example\n", b"Received: x\n", b"Subject: =?utf-8?q?=FF?= =?x?b?!?=\n", b"\n", b"\r", b"\n\n",
            b"Content-Type: multipart/mixed; boundary=a\n", b"Content-Type: message/rfc822\n", b"--a\n", b"--a--\n",
            b'Content-Type: multipart/digest; boundary="a"\n', b"Content-Transfer-Encoding: base64\n", b"AAA=\n",
            b"Content-Type: text/html; charset*=x''%ff\n", b"Content-Disposition: attachment; filename*0*=x'%\n",
            b"=\xff",
            b"Content-Disposition: attachment; filename*=utf-8''%e4\n", b"Content-Transfer-Encoding: x-uuencode\n",
            b"begin 644 x\n", b"<a href='http://a.example'>", "ä".encode(), b"Date: x\n",
            b"Content-Type: message/partial\n",
        ]),
        max_size=40,
    ).map(b"".join)
)  # fmt: skip
def test_any_mail_gives_text_or_a_feed_error(data: bytes) -> None:
    read_or_refused(data, lambda data, name: read_mail(data, name, no_attachments))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 1500), st.integers(0, 1500))
def test_any_damage_to_a_word_document_gives_text_or_a_feed_error(new: bytes, at: int, length: int) -> None:
    data = docx("some 198[.]51[.]100[.]7", compression=zipfile.ZIP_STORED)
    read_or_refused(data[:at] + new + data[at + length :], read_word)


@settings(max_examples=12, deadline=None)
@given(st.binary(max_size=20), st.integers(0, 900), st.integers(0, 40))
def test_any_damage_to_a_pdf_gives_text_or_a_feed_error(new: bytes, at: int, length: int) -> None:
    data = pdf("One", "Two")
    read_or_refused(data[:at] + new + data[at + length :], read_pdf)


def test_a_file_cut_off_anywhere_gives_what_it_has_or_a_feed_error() -> None:
    for data in (mail("text " * 50, html="<p>x", attached={"a": b"b" * 500}), docx("x" * 500)):
        for end in range(0, len(data), 37):
            read_or_refused(data[:end])


def nested_mail(depth: int) -> bytes:
    head = b"From: a@b.example\nMessage-ID: <1>\nContent-Type: message/rfc822\n\n"
    return head * depth + b"Subject: deepest\n\nbad.example\n"


def nested_parts(depth: int, lines: int) -> bytes:
    head = b"From: a@b.example\nMessage-ID: <1>\n"
    for number in range(depth):
        head += b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (number, number)
    return head + b"\n" + b"x\n" * lines


def bomb(member: str = "word/document.xml", *, size: int = 2 << 30) -> bytes:
    """A Word document of gigabytes: spaces, which XML allows after its end."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w") as part:
        part.write(f'<w:document xmlns:w="{W}"><w:p><w:t>x</w:t></w:p></w:document>'.encode())
        for _ in range(size >> 24):
            part.write(b" " * (1 << 24))
    return out.getvalue()


def xml(text: str) -> bytes:
    return docx(parts={"word/document.xml": text})


LAUGHS = (
    '<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><w:document xmlns:w="w"><w:p><w:t>&b;</w:t></w:p></w:document>'
)
OUTSIDE = '<!DOCTYPE d SYSTEM "file:///etc/passwd"><w:document xmlns:w="w"/>'
HARM = {
    "a bomb of XML": (bomb(size=256 << 20), "MiB when opened"),
    "entities": (xml(LAUGHS), "DOCTYPE"),
    "an entity of another file": (xml(OUTSIDE), "DOCTYPE"),
    "entities in UTF-16": (docx(parts={"word/document.xml": LAUGHS.encode("utf-16")}), "DOCTYPE"),
    "no XML": (xml("<w:document"), "damaged"),
    "too much text": (xml(f'<w:d xmlns:w="w"><w:p><w:t>{"x" * (MAX_TEXT + 1)}</w:t></w:p></w:d>'), "MiB of text"),
    "elements in elements in elements": (xml("<a>" * 40_000_000), "elements within each other"),
    "elements without end": (xml(f'<w:d xmlns:w="w">{"<w:tab/>" * 15_000_000}</w:d>'), "elements and attributes"),
    "names without end": (xml("<d>" + "".join(f"<a{n}/>" for n in range(100_000))), "names of elements"),
    "a long attribute": (xml(f'<w:d a="{"x" * (50 << 20)}"/>'), "longer than 2 MiB"),
    "a long comment": (xml(f"<!--{'x' * (50 << 20)}-->"), "longer than 2 MiB"),
    "a long name": (xml("<" + "x" * (50 << 20)), "longer than 2 MiB"),
    "a directory without end": (docx("x") + b"PK\x01\x02" * 1_000_000, "parts"),
    "an odd compression": (docx("x", compression=zipfile.ZIP_LZMA), "does not use"),
    "many parts": (docx("x", parts={f"word/{n}.xml": "" for n in range(10_001)}), "parts"),
    "nothing": (docx(""), "no text"),
    "mail in mail in mail": (nested_mail(1000), "parts within parts"),
    "parts in parts in parts": (nested_parts(1000, 10), "parts within parts"),
    "many lines in many parts": (nested_parts(300, 1_000_000), "parts within parts"),
    "many parts of a mail": (
        b'From: a\nMessage-ID: <1>\nContent-Type: multipart/mixed; boundary="a"\n\n' + b"--a\n\n" * 200_000,
        "more than 1,000 parts",
    ),
    "lines without end": (b"From: a\nMessage-ID: <1>\n\n" + b"x\r" * (20 << 20), "lines"),
    "headers without end": (b"From: a\nMessage-ID: <1>\n" + b"X:\n" * 1_500_000 + b"\nx", "headers in one part"),
    "a large mail": (b"From: a\nMessage-ID: <1>\n\n" + b"x" * (49 << 20), "larger than"),
    "an old document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(600), "neither text nor a document"),
    "another archive": (b"PK\x03\x04" + bytes(600), "an archive"),
}


@pytest.mark.parametrize("case", HARM)
def test_what_means_harm_is_refused_in_words_and_soon(case: str) -> None:
    data, word = HARM[case]
    started = time.process_time()
    with refused(word):
        read_text(data, "in")
    assert time.process_time() - started < 5


def parameters(text: str) -> bytes:
    """A mail, and a mail in it, whose headers end with these parameters."""
    head = f"From: a@b.example\nMessage-ID: <1>\nContent-Disposition: attachment; {text}\nContent-Type: "
    return f"{head}message/rfc822; {text}\n\n{head}text/plain; {text}\n\nbad.example\n".encode()


PARAMETERS = {
    "in quotes": parameters('a="' + ";" * 200_000),
    "in escaped quotes": parameters('a="' + ';\\"' * 70_000),
    "in pieces": parameters("a*0=x; " * 200_000),
    "in pieces of the character set": parameters("charset*1=x; " * 200_000),
    "in pieces of the file's name": parameters("filename*1*=%41; " * 200_000),
    "without any": parameters(";" * 200_000),
    "of many parts": b"From: a\nMessage-ID: <1>\nContent-Type: multipart/mixed; boundary=a\n\n"
    + (
        b'--a\nContent-Type: text/plain; a="%s\nContent-Disposition: inline; a="%s\n\nbad.example\n'
        % ((b";" * 3900,) * 2)
    )
    * 990,
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_without_end_are_cut_off_and_what_they_belong_to_is_read(case: str) -> None:
    started = time.process_time()
    found = read_text(PARAMETERS[case], "in")
    assert time.process_time() - started < 2
    assert "bad.example" in found.text
    assert any("too long" in each for each in found.left_out)


def test_a_file_is_named_in_as_many_pieces_as_its_name_needs() -> None:
    text = "; ".join(f"filename*{n}*=%C3%A4{'x' * 60}" for n in range(30))
    head = b"From: a@b.example\nMessage-ID: <1>\nContent-Type: application/pdf\nContent-Disposition: attachment; "
    found = read_text(head + text.replace("*=", "*=utf-8''", 1).encode() + b"\n\n%PDF-", "in")
    assert [each[:10] for each in found.left_out] == ["in!äxxxxxx"]


@pytest.mark.parametrize("header", ["Subject", "From", "Received", "Date"])
def test_of_a_header_without_end_the_beginning_is_read(header: str) -> None:
    for text in ("=?utf-8?q?a?= " * 300_000, "a, " * 1_000_000, "<" * 1_000_000, "\n " * 300_000):
        started = time.process_time()
        found = read_text(f"{header}: {text}\nMessage-ID: <1>\nX-Received: a\nTo: a\nCc: b\n\nx".encode(), "in", "eml")
        assert time.process_time() - started < 2
        assert len(found.text) < 5_000


def test_the_mails_attached_to_a_mail_share_its_lines() -> None:
    data = mail("outer", attached={f"{n}.eml": nested_parts(0, 900_000) for n in range(4)})
    found = read_text(data, "in")
    assert [each.partition(":")[0] for each in found.left_out] == ["in!2.eml", "in!3.eml"]
    data = mail("outer", attached={f"{n}.eml": nested_parts(150, 60_000) for n in range(4)})
    started = time.process_time()
    found = read_text(data, "in")
    assert time.process_time() - started < 8
    assert [each.partition(":")[0] for each in found.left_out] == ["in!2.eml", "in!3.eml"]


LABORIOUS = {
    "many elements": xml(f'<w:d xmlns:w="w">{"<w:tab/>" * 1_900_000}</w:d>'),
    "names of attributes": xml("<d>" + "".join(f'<a a{n}=""/>' for n in range(500_000)) + "</d>"),
    "tags of a mebibyte": xml("<d>" + f'<a a="{"&lt;" * (1 << 18)}"/>' * 60 + "</d>"),
    "instructions of letters": xml(
        f'<w:d xmlns:w="w">{f"""<w:fldSimple w:instr="{"abcdefgh" * 200_000}"/>""" * 38}</w:d>'
    ),
    "an instruction of letters": docx("<w:p>" + "<w:instrText>x</w:instrText>" * 1_000_000 + "</w:p>", "x"),
    "large encoded headers": b"Message-ID: <1>\n" + (b"Received: " + b"=?a?q?" * 660 + b"\n") * 5_000 + b"\nx",
    "deep mail that is allowed": nested_parts(150, 100_000),
    "a header of encoded words": b"From: a\nMessage-ID: <1>\nSubject: " + b"=?a?q?" * 300_000 + b"\n\nx",
    "many headers": b"Message-ID: <1>\n" + b"Received: =?a?q?=?a?q?=?a?q?x\n" * 300_000 + b"\nx",
    "a page of tags": b"From: a\nMessage-ID: <1>\nContent-Type: text/html\n\n" + b"<p><b>x" * 100_000,
    "attachments without end": mail(
        "x", attached={f"{n}.eml": mail("y", attached={"z": docx("z")}) for n in range(60)}
    ),
}


@pytest.mark.parametrize("case", LABORIOUS)
def test_what_is_laborious_to_read_is_read_or_refused_soon(case: str) -> None:
    started = time.process_time()
    read_or_refused(LABORIOUS[case])
    assert time.process_time() - started < 10


def test_more_attached_documents_than_anybody_attaches_are_named_and_not_read() -> None:
    found = read_text(LABORIOUS["attachments without end"], "in")
    assert found.text.split("\n").count("y") == 8
    assert any("the first 16 attached" in each for each in found.left_out)


def test_what_is_attached_costs_together_what_one_document_may() -> None:
    attached = {f"{n}.docx": xml(f'<w:d xmlns:w="w">{"<w:tab/>" * 900_000}<w:t>x</w:t></w:d>') for n in range(16)}
    data = mail("outer", attached=attached)
    started = time.process_time()
    found = read_text(data, "in")
    assert time.process_time() - started < 8
    assert found.text.split("\n").count("\t" * 900_000 + "x") == 2
    assert len(found.left_out) == 14
    assert all("elements and attributes" in each for each in found.left_out)


def test_nothing_is_parsed_beyond_the_budget() -> None:
    budget = Budget()
    with refused("elements within each other"):
        read_word(xml("<a>" * 40_000_000), "in", budget)
    assert Budget().xml - budget.xml <= 1 << 20
    assert Budget().nodes - budget.nodes <= 1_000
    with refused("longer than 2 MiB"):
        read_word(xml(f'<a a="{"x" * (50 << 20)}"/>'), "in", budget)
    assert Budget().xml - budget.xml <= 4 << 20


def test_elements_as_deep_as_anybody_nests_them_are_read() -> None:
    deep = f'<w:d xmlns:w="w">{"<w:p>" * 900}<w:t>x</w:t>{"</w:p>" * 900}</w:d>'
    assert read_text(xml(deep), "in").text == "x"


def test_a_bomb_takes_no_memory() -> None:
    data = bomb(size=256 << 20)
    tracemalloc.start()
    with refused("MiB when opened"):
        read_word(data, "in")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def stream(content: bytes, extra: bytes = b"") -> bytes:
    packed = zlib.compress(content)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (len(packed), extra, packed)


FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /Font << /F1 %s >> >> >>" % FONT
TREE = (b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", PAGE)
HARMFUL_PDF = {
    "a stream of gigabytes": written([*TREE, stream(b"q " * (512 << 20))]),
    "a stream of streams": written(
        [*TREE, stream(zlib.compress(bytes(512 << 20)), b"/Filter [/FlateDecode /FlateDecode]")]
    ),
    "operators without end": written([*TREE, stream(b"BT /F1 9 Tf (x) Tj ET " * 4_000_000)]),
    "a million objects": written([*TREE, stream(b"BT /F1 9 Tf (x) Tj ET"), *[b"<< >>"] * 1_000_000]),
    "pages that are their own parents": written([TREE[0], b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 >>"]),
    "a million pages": written([TREE[0], b"<< /Type /Pages /Kids [" + b"3 0 R " * 1_000_000 + b"] /Count 9 >>", PAGE]),
    "brackets without end": b"%PDF-1.7\n1 0 obj\n" + b"[" * 1_000_000,
    "a table that leads to itself": b"%PDF-1.7\nxref\n0 0\ntrailer << /Prev 9 /Root 1 0 R >>\nstartxref\n9\n%%EOF",
    "no object at all": b"%PDF-1.7\n" + b"obj endobj " * 1_000_000,
    "cut off": pdf("x" * 100)[:400],
}


@pytest.mark.parametrize("case", HARMFUL_PDF)
def test_a_pdf_that_means_harm_ends_within_its_limits(case: str) -> None:
    started = time.perf_counter()
    found = read_or_refused(HARMFUL_PDF[case], read_pdf, seconds=3)
    assert found is None or found.left_out or len(found.text) < 100
    assert time.perf_counter() - started < 25


def test_the_kernel_ends_a_pdf_that_takes_more_time_or_memory_than_it_may() -> None:
    with refused("it takes more than 1 s"):
        read_pdf(HARMFUL_PDF["a million objects"], "in", seconds=1)
    command = [sys.executable, "-P", pdf_process.__file__, "9", str(160 << 20), "9"]
    done = subprocess.run(command, input=pdf("x", content=b" " * (70 << 20)), capture_output=True, check=False)
    assert b"\nMemoryError" in done.stderr


def test_a_reader_that_something_else_ends_is_not_said_to_take_too_long() -> None:
    def said(code: int) -> str:
        return _failure(subprocess.CompletedProcess([], code, b"", b""), 60)

    assert said(-signal.SIGXCPU) == "it takes more than 60 s"
    assert said(-signal.SIGSEGV) == "the reader was killed by signal 11"
    assert said(-signal.SIGKILL) == "the reader was killed by signal 9"


def test_a_pdf_that_takes_too_long_gives_the_pages_read_until_then() -> None:
    slow = b"BT /F1 9 Tf " + b"(abcdefgh) Tj 1 0 0 1 0 0 cm " * 200_000 + b"ET"
    found = read_pdf(pdf("One", *[""] * 30, content=slow), "in", seconds=2)
    assert found.text.startswith("One")


def test_without_its_package_a_pdf_is_refused_with_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pypdf'] = None; from socdefenders.cli import main; "
        "sys.argv = ['socdefenders', 'extract', '-']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], input=pdf("x"), capture_output=True, check=False)
    assert done.returncode == 2
    assert b"pip install 'socdefenders[pdf]'" in done.stderr
