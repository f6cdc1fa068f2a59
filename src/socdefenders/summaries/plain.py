"""Plain text of what may be anything: no invisible characters, no markup, no links.

What a model writes ends in other people's browsers, terminals and documents; what a publisher writes ends in front of
the model. Letters that only look different become what they look like, so that nothing hides from the extractor.
"""

import html
import re
import unicodedata

ROUNDS = 10
"""How often markup is taken out that taking out other markup has left; beyond, somebody is playing."""

_UNUSUAL = re.compile(r"[^\n -~]")
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters without a shape, by which text can be hidden."""
_HIDING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (among them what turns the direction of writing, and tags), surrogate, private, unassigned."""
_SELECTOR = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variants of the letter before, of which any number may stand behind one and carry a message."""

_LINE_MARKS = re.compile(r"^[ ]*(?:(?:\#{1,6}|>+|[-+]|[0-9]{1,2}[.)])[ ]+)+", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\n]*)\)")
_MARKS = re.compile(r"[*`|]+|~~+|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)")
_TAG = re.compile(r"<[/!?A-Za-z][^<>]*>")
_TARGET = re.compile(r"(?:href|src)\s*=\s*[\"']?([^\s\"'<>]+)|(\b[a-z][a-z0-9+.-]*:[^\s\"'<>]+)", re.IGNORECASE)
_OPENS_TAG = re.compile(r"(?<!<)<+(?=[/!?A-Za-z])")
"""By HTML's own rule; `<` before a blank or a number is only smaller than."""


def visible(text: str) -> str:
    """Return `text` without the characters that nobody sees; white space other than line breaks becomes a blank."""
    return _UNUSUAL.sub(_shown, text)


def plain(text: str) -> str:
    """Return `text` on one line, without markup of HTML and Markdown; empty when that comes to no end.

    Where a link leads stands in brackets behind its words, so that it is seen, and judged with its sentence.
    """
    for _ in range(ROUNDS):
        stripped = _stripped(text)
        if stripped == text:
            return text
        text = stripped
    return ""


def _stripped(text: str) -> str:
    text = visible(unicodedata.normalize("NFKC", html.unescape(text)))
    text = _LINE_MARKS.sub("", text)
    text = _LINK.sub(r"\1 (\2)", text)
    text = _MARKS.sub("", text)
    text = _OPENS_TAG.sub("", _TAG.sub(_target, text))
    return " ".join(text.replace("](", "] (").split())


def _target(tag: re.Match[str]) -> str:
    return "".join(f" ({named or bare}) " for named, bare in _TARGET.findall(tag[0]))


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    if character.isspace():
        return " "
    hidden = (
        unicodedata.category(character) in _HIDING
        or character in _BLANK_LETTERS
        or _SELECTOR.match(character) is not None
    )
    return "" if hidden else character
