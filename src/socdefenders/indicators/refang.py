"""Defanging and its reverse: how people write a dangerous value so that nobody clicks on it.

The patterns never look at a character more than a few times, so that all of this is linear in the length of the
text. In the path and query of a URL only square brackets are undone, and the `hxxp` of a URL in them,
because round brackets and backslashes stand there in earnest.
"""

import re

DOTS = "。．｡․"
"""Full stops of other scripts, which IDNA reads as a dot, and the leader that looks like one."""

_WORDS = ("dot", "d0t", "punkt", "punto", "point")
_MEANING: dict[str, str] = {"at": "@", "\\.": ".", ":\\\\": "://"} | dict.fromkeys([*_WORDS, *DOTS], ".")
_INNER = rf"\.|\\\.|{'|'.join(_WORDS)}|[{DOTS}]|at|@|://|:/|:\\\\|:|//|/"
_OPENED, _CLOSED = r"(?:\\{0,2}[\[({<【「（［]){1,4}", r"(?:\\{0,2}[\])}>】」）］]){1,4}"
"""Brackets, and as Markdown writes them where they are no link's."""
_FLAGS = re.IGNORECASE


_ANY = rf"""
    [ \xa0]{{0,2}} {_OPENED} \s{{0,3}} (?P<inner>{_INNER}) \s{{0,3}} {_CLOSED} [ \xa0]{{0,2}}
  | [\[({{] \s? [.{DOTS}] (?P<label>[\w-]{{1,63}}) [\])}}]    # example[.com]
  | [\[({{<]{{1,4}} \s? (?P<opened>[.{DOTS}]) (?=\w)           # example[.com
  | (?<=\w) (?P<closed>[.{DOTS}]) \s? [\])}}>]{{1,4}} (?=\w)         # example.]com
  | (?<=\w) \[(?P<hyphen>-)\] (?=\w)                        # my[-]example.com
  | \\{{1,5}} (?P<escaped>[.{DOTS}])                                 # example\.com
  | (?<=\w) \s{{1,2}} (?P<word>dot) \s{{1,2}} (?=\w)   # example dot com
  | (?P<wide>[{DOTS}])
    """
_ANY_BRACKET = re.compile(_ANY, _FLAGS | re.VERBOSE)
_BRACKETED_SCHEME = r"h(?:[tx]{2}|\[[tx]{2}\]|\([tx]{2}\))p(?:\[s\]|\(s\)|s)?"
"""`h[tt]p` and `http[s]`."""
CUT = r"[,;|](?=h[tx]{2}ps?[\[:])|'(?=[,;)\]}+])|\](?=\()"
"""Where a URL ends although a browser would read on: before a second one, at its quote, inside a Markdown link."""
_URL = rf"""
    (?<![a-z0-9]) (?:[a-z][a-z0-9*\#+-]{{1,15}}|{_BRACKETED_SCHEME}) \s?
    (?:{_OPENED}|\\)? \s? : \s? (?:{_CLOSED})? (?:(?:{_OPENED})?[/\\](?:{_CLOSED})?){{1,4}} \s?
    (?:[^\s/?\#\\\[\](){{}}<>【】「」{DOTS}] | (?![\[({{<]/) (?:{_ANY}))++
    (?=[/?\#]|\[/\])
    """
_HEAD = re.compile(_URL, _FLAGS | re.VERBOSE)
"""Of a URL that has a path or a query: all before them."""
_HEAD_AND_TAIL = re.compile(rf"(?P<head>{_URL})(?P<tail>(?:(?!{CUT})[^\s\"<>`“”‘’«»|])*+)", _FLAGS | re.VERBOSE)
_SQUARE_BRACKET = re.compile(
    rf"""
    (?<!\[) (?:\\{{0,2}}\[){{1,2}} \s{{0,3}} (?P<inner>{_INNER}) \s{{0,3}} (?:\\{{0,2}}\]){{1,2}} (?!\])
  | (?<!\[) \[ \s? (?P<opened>\.) (?=\w)
  | (?<=\w) (?P<closed>\.) \] (?=\w)
    """,
    _FLAGS | re.VERBOSE,
)
"""All or nothing of a run of brackets, so that undoing it again undoes no more."""
_SCHEME = re.compile(
    r"(?<![a-z0-9])(?:(?P<web>h(?:[tx*#z]{1,6}|\[[tx]{2}\]|\([tx]{2}\))p{1,3}|hxxt|hxx|meow)|(?P<file>f[tx*]p|ftx))"
    r"(?P<tls>\[s\]|\(s\)|s?)\s?\\?:\s?[/\\]{1,4}\s?(?=\S)",
    _FLAGS,
)
_HINT = re.compile(rf"[\[\](){{}}<>【「（［\\*\s{DOTS}]|h(?!ttps?[:\s])[tx#z]{{1,6}}p|hxx|meow|fxp|ftx", _FLAGS)
"""What any defanged value has somewhere; without it the patterns need not run."""
_INNER_SCHEME = re.compile(r"(?<![a-z0-9])hxxp(?P<tls>s?)://", _FLAGS)
"""Of a URL in another's path or query."""
_LIVE_SCHEME = re.compile(r"(?:(?<![A-Za-z0-9])http(?P<tls>s?))?://")
_INNER_HOST = re.compile(r"(?<=://)[\w.@:-]*\w")
_AUTHORITY = re.compile(r"([a-z][a-z0-9+-]*)://((?:[^/?#]*@)?)([^/?#]*)", _FLAGS)
_MORE_SLASHES = re.compile(r"\A((?:https?|ftps?):)/{3,4}", _FLAGS)
"""Of schemes that never go without a host, so that browsers pass over them."""
_URL_HEAD = re.compile(r"[^:]{1,40}:[/\\]{1,4}[^/?#]*")
_TECHNIQUE = re.compile(r"T[0-9]{4}\.[0-9]{3}")


def refang(text: str) -> str:
    """Undo every common defanging in `text`: `hxxp[://]mail[.]example[dot]com` is `http://mail.example.com`."""
    if not _HINT.search(text):
        return text
    parts: list[str] = []
    done = 0
    for url in _HEAD_AND_TAIL.finditer(text) if ":" in text else ():
        parts += _undone(text[done : url.end("head")]), _undone_tail(url["tail"])
        done = url.end()
    return "".join(parts) + _undone(text[done:])


def _undone(text: str) -> str:
    return _SCHEME.sub(_plain_scheme, _ANY_BRACKET.sub(_plain, text))


def _undone_tail(text: str) -> str:
    return refang_inner(_SQUARE_BRACKET.sub(_plain, text))


def refang_url(text: str) -> str:
    """Undo the defanging of one URL: everything in its scheme and host, square brackets alone behind them."""
    if not _HINT.search(text):
        return text
    if known := _HEAD.match(text):
        return _undone(known[0]) + _undone_tail(text[known.end() :])
    text = _SQUARE_BRACKET.sub(_plain, text)
    if scheme := _SCHEME.match(text):
        text = _plain_scheme(scheme) + text[scheme.end() :]
    head = _URL_HEAD.match(text)
    if head is None:
        return _undone(text)
    return _undone(head[0]) + refang_inner(text[head.end() :])


def refang_inner(text: str) -> str:
    """Undo the defanging of the schemes of URLs in a URL's path and query: nobody asks a server for `hxxp`."""
    return _INNER_SCHEME.sub(lambda scheme: "https://" if scheme["tls"] else "http://", text)


def defang(value: str) -> str:
    """Write one indicator so that nothing makes a link of it; `refang` undoes it."""
    if url := _AUTHORITY.match(_MORE_SLASHES.sub(r"\1//", value)):
        user = url[2].removesuffix("@")
        behind = _INNER_HOST.sub(lambda host: _dead(host[0]), url.string[url.end() :])
        return f"{_broken(url[1])}://{user}{_dead(url[2][len(user) :])}{_dead(url[3])}{_unlinked(behind)}"
    if re.split("[/?#]", value, maxsplit=1)[0].count(":") > 1:  # an IPv6 address
        return value.replace(":", "[:]")
    return value if _TECHNIQUE.fullmatch(value) else _unlinked(_dead(value))


def _unlinked(text: str) -> str:
    """Break the schemes of URLs in a URL's path and query: `http` as everybody does, others at their colon."""
    return _LIVE_SCHEME.sub(lambda live: "[:]//" if live["tls"] is None else f"hxxp{live['tls']}://", text)


def _dead(host: str) -> str:
    return host.replace(".", "[.]").replace("@", "[@]")


def _broken(scheme: str) -> str:
    return {"http": "hxxp", "https": "hxxps", "ftp": "fxp", "ftps": "fxps"}.get(scheme.lower(), scheme)


def _plain(match: re.Match[str]) -> str:
    groups = match.groupdict()
    if groups.get("label"):
        return "." + str(groups["label"])
    inner = str(groups.get("inner") or groups.get("hyphen") or ".")
    return _MEANING.get(inner.lower(), inner)


def _plain_scheme(match: re.Match[str]) -> str:
    written = match[0].partition(":")[0].rstrip(" \t\r\n\\")
    if written.lower() not in {"http", "https", "ftp", "ftps"}:
        written = ("http" if match["web"] else "ftp") + ("s" if match["tls"] else "")
    return written + "://"
