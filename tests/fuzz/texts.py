"""From a fuzzer's bytes to texts that get somewhere: a byte is a character, a telling piece, or a repetition.

Pure noise is turned away at the first pattern. So the upper half of the bytes stands for the pieces that
values, their defangings and pages are made of, and one for saying the last piece again many times, which is how
hostile texts become long. The lower half is ASCII as it is, so that a seed can be written down as it reads.
"""

LONGEST = 60_000
"""Characters of the longest text that is made."""

VALUES = (
    "evil.example", "evil.com", "198.51.100.7", "8.8.4.4", "2001:db8::1", "2a00:1450::5", "http://", "https://",
    "hxxp://", "hxxps[:]//", "h**p://", "ftp://", "fxp://", "tcp://", "meow://", "http:\\\\", "user@", "www.",
    ".php?x=", "[.]", "(.)", "{.}", "[dot]", "(dot)", " dot ", "[:]", "[@]", "(at)", "[://]", "[/]", "\\.", "[.",
    ".]", "<.>", "\u3002", "\uff0e", "[.\n]", "%2e", "%41", "%00", "%", "/../", "/./", "//", "?q=", "#frag", ":8080",
    ":80", ":99999", "/24", "/32", "CVE-2024-12345", "cve_2021_44228", "T1059.001", "TA0001", "0123456789abcdef",
    "d41d8cd98f00b204e9800998ecf8427e", "0x7f", "0177", "4294967295", "::", "::ffff:", "%eth0", "[2001:db8::1]",
    "xn--", ".xn--1", "xn--e1afmkfd", "\u0430\u0431\u0432", ".\u0440\u0444", "\u00df", "\u0130", "\u200b", "\u00ad",
    "\u202e", "\ufeff", "\u201c", "\u201d", "\u2014", "\U0001f600", "\ud800", "\x00", "\x85", "\u2028", "\n\n", "\r\n",
    "\t", "](", "References\n", "\nIndicators of compromise\n", "version ", "commit ", "sha256: ", ".local", ".py",
    ".zip", "com.android.", ".co.uk", ".onion", "google.com",
)  # fmt: skip
PAGE = (
    "<p>", "</p>", "<div>", "</div>", "<article>", "</article>", "<main>", "</main>", "<nav>", "</nav>", "<table>",
    "<tr>", "<td>", "</td>", "</table>", "<pre>", "</pre>", "<ul>", "<li>", "</ul>", "<h1>", "</h1>", "<a href='",
    "'>", "</a>", "<script>", "</script>", "<style>", "</style>", "<!--", "-->", "<![CDATA[", "]]>", "<br>", "<svg>",
    "</svg>", "<template>", "</template>", "<div class='sidebar'>", "<div class='related-posts'>",
    "<div id='comments'>", "<div role='main'>", "<title>", "</title>", "<textarea>", "<noscript>", "<iframe>",
    "<select>", "<option>", "<meta property='og:url' content='http://evil.example/'>", "<meta charset='utf-16'>",
    "<link rel='canonical' href='", "<time datetime='2026-01-01'>", "<meta name='date' content='99999999'>", "&amp;",
    "&#46;", "&#x2e;", "&lt;", "&#0;", "&#xd800;", "&#99999999;", "&nbsp;", "<", ">", "<html", "<body hidden>",
    "<p style='display:none'>", "<math>",
    "Analysts observed that the loader calls its server every hour, and then waits. ", "hxxp://evil[.]example/a",
    "198[.]51[.]100[.]7", "\x00", "\ud800", "\ufeff", "\r\n", "\u2028", "<frameset>", "<b>", "</b>", "<object>",
    "<form>",
)  # fmt: skip
_ANY, _AGAIN = 0xFE, 0xFF


def text_of(data: bytes, pieces: tuple[str, ...]) -> str:
    """Write the text that `data` stands for: at most 60,000 characters, a piece for each byte from 128 on."""
    found: list[str] = []
    length = 0
    values = iter(data)
    for value in values:
        if value < 0x80:
            piece = chr(value)
        elif value == _ANY:
            piece = chr(next(values, 0) << 8 | next(values, 0))
        elif value == _AGAIN:
            piece = (found[-1] if found else "") * next(values, 0) * 4
        else:
            piece = pieces[(value - 0x80) % len(pieces)]
        length += len(piece)
        if length > LONGEST:
            break
        found.append(piece)
    return "".join(found)


def data_of(text: str) -> bytes:
    """Write a seed: the ASCII of `text`."""
    return text.encode("ascii")
