"""The program that reads one PDF: its bytes on standard input, a line of JSON for each page on standard output.

`pdf.py` runs it with the limits as arguments: seconds of processor time, bytes of memory, pages. It
belongs to no package, so that it starts fast and nothing else is loaded beside a hostile file. The
first line says what the document is, or as `error` why it cannot be read.
"""

import io
import json
import logging
import resource
import sys
from collections.abc import Iterator, Mapping

from pypdf import PageObject, PdfReader, overwrite_configuration
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

MAX_TEXT = 16 << 20
MAX_LINKS = 10_000
"""Of a page."""

ODD = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What pypdf raises on damaged files: its errors' docstring says that there are others than its own."""


def confine(seconds: int, memory: int) -> None:
    """Have the kernel end this process when it takes more than it may, and let it write no file."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def head(reader: PdfReader) -> dict[str, object]:
    """Return what the document says of itself."""
    info: Mapping[str, object] = reader.metadata or {}
    return {
        "pages": len(reader.pages),
        "title": str(info.get("/Title") or "")[:1000],
        "created": str(info.get("/CreationDate") or "")[:64],
    }


def links(page: PageObject) -> Iterator[str]:
    """Give where the links of a page lead out of the document."""
    for reference in list(page.annotations or ())[:MAX_LINKS]:
        action = reference.get_object().get("/A")
        target = action.get_object().get("/URI") if action is not None else None
        if target is not None:
            yield str(target.get_object())[:8192]


def read(page: PageObject) -> dict[str, object]:
    """Return a page's text and links, or an error in the place of both."""
    try:
        return {"text": page.extract_text(), "links": list(dict.fromkeys(links(page)))}
    except ODD as error:
        return {"error": type(error).__name__}


def say(message: dict[str, object]) -> int:
    """Write one line; return its length."""
    line = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    return len(line)


def main(data: bytes, pages: int) -> None:
    """Read the document."""
    try:
        reader = PdfReader(io.BytesIO(data))
        about = head(reader)
    except FileNotDecryptedError:
        say({"error": "is encrypted with a password; save it without one"})
        return
    except DependencyError as error:
        say({"error": f"is encrypted ({error})"})
        return
    except ODD as error:
        say({"error": f"is damaged ({type(error).__name__}: {str(error)[:200]})"})
        return
    say(about)
    left = MAX_TEXT
    for page in reader.pages if len(reader.pages) <= pages else ():
        left -= say(read(page))
        if left < 0:
            sys.exit(f"it holds more than {MAX_TEXT >> 20} MiB of text")


if __name__ == "__main__":
    confine(int(sys.argv[1]), int(sys.argv[2]))
    logging.disable()
    overwrite_configuration(jbig2dec_binary=None, disable_legacy_handling=True)
    main(sys.stdin.buffer.read(), int(sys.argv[3]))
