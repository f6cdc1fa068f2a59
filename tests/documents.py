"""Makes small documents of invented content, so that no opaque file has to be kept: PDF, Word, mail."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

from pypdf import PdfReader, PdfWriter

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"


def pdf(
    *pages: str, links: Sequence[str] = (), title: str = "", password: str | None = None, content: bytes | None = None
) -> bytes:
    """A PDF whose pages hold these lines; the links lie on the last one, `content` stands in place of its text."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for number, page in enumerate(pages):
        last = number == len(pages) - 1
        shown = "".join(f"({_escaped(line)}) Tj T*\n" for line in page.split("\n"))
        drawn = f"BT /F1 11 Tf 14 TL 40 780 Td\n{shown}ET".encode("latin-1")
        stream = zlib.compress(content if content is not None and last else drawn)
        annotations = "".join(
            f"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI ({_escaped(link)}) >> >>"
            for link in (links if last else ())
        )
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [{annotations}] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {len(objects) + 2} 0 R >>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream))
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    objects.append(f"<< /Title ({_escaped(title)}) /CreationDate (D:20260504120000Z) >>".encode())
    made = written(objects, info=len(objects))
    return made if password is None else encrypted(made, password)


def written(objects: Sequence[bytes], info: int = 1) -> bytes:
    """A PDF of these objects, the first of which is its root."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        info,
        table,
    )
    return bytes(out)


def encrypted(data: bytes, password: str) -> bytes:
    """The same, encrypted as programs do today; with an empty password anybody opens it."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(password, "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def docx(
    *paragraphs: str,
    links: Sequence[str] = (),
    parts: Mapping[str, str | bytes] | None = None,
    title: str = "",
    compression: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """A Word document of these paragraphs; a paragraph that begins with `<` is XML. `parts` are further ones."""
    body = "".join(each if each.startswith("<") else paragraph(each) for each in paragraphs)
    relations = "".join(
        f'<Relationship Id="r{number}" Type="hyperlink" Target="{link}" TargetMode="External"/>'
        for number, link in enumerate(links)
    )
    files = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": "<Relationships/>",
        "word/document.xml": f'<?xml version="1.0"?><w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{RELATIONSHIPS}">{relations}</Relationships>',
        "docProps/core.xml": (
            '<cp:coreProperties xmlns:cp="cp" xmlns:dc="dc" xmlns:dcterms="dcterms">'
            f"<dc:title>{title}</dc:title><dcterms:modified>2026-05-04T12:00:00Z</dcterms:modified>"
            "</cp:coreProperties>"
        ),
        **(parts or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return out.getvalue()


def paragraph(text: str) -> str:
    """A paragraph whose text is cut into runs, as Word cuts it wherever somebody typed a while ago."""
    half = len(text) // 2
    runs = "".join(f"<w:r><w:t>{piece}</w:t></w:r>" for piece in (text[:half], text[half:]))
    return f"<w:p>{runs}</w:p>"


def mail(text: str, *, html: str | None = None, attached: Mapping[str, bytes] | None = None, **headers: str) -> bytes:
    """A message; an attachment's kind is never said, as its name may lie."""
    message = EmailMessage()
    given = {
        "from_": "Accounts <billing@harbour.example>",
        "subject": "Overdue",
        "date": "Mon, 04 May 2026 12:00:00 +0000",
    }
    for name, value in (given | headers).items():
        message[name.strip("_").replace("_", "-").title()] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, data in (attached or {}).items():
        message.add_attachment(data, "application", "octet-stream", filename=name)
    return bytes(message)
