"""Many patterns over one sentence, at the cost of few.

Every rule says in RE2's syntax what it looks for; `table` reads many of them out of a text. Running them all over
every sentence would take most of a millisecond each time. So from each pattern the literals are derived of which every
match holds one, all literals are looked for at once, and only the rules run whose literals are there.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from typing import Any

import re2

_TO_THREE = "(?:[^ ]+ ){0,3}"
_TO_EIGHT = "(?:[^ ]+ ){0,8}"
_LEAST = 2
"""Letters of a literal that is worth looking for."""
_ITEM = re.compile(
    r"(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<bar>\|)|(?P<class>\[\^?\]?[^\]]*\]|\\[wWsSdDbB]|\.)|(?P<literal>\\.|[^\\])"
)
_REPEAT = re.compile(r"(\?|\*|\+|\{(\d+),?\d*\})\??")
_OPTIONAL = re.compile(r"\?|\*|\{0")

Literals = frozenset[str]


class Rules:
    """Patterns with what each stands for, compiled once."""

    def __init__(self, rules: Iterable[tuple[str, str]]) -> None:
        """Take what each rule stands for, and its pattern with `~` for up to three words and `~~` for up to eight."""
        self._rules: list[tuple[str, Any]] = []
        needing: dict[str, list[int]] = defaultdict(list)
        for number, (name, short) in enumerate(rules):
            pattern = expanded(short)
            self._rules.append((name, re2.compile(pattern.encode())))
            for literal in needed(pattern):
                needing[literal].append(number)
        self._literals = re2.Set.SearchSet()
        self._of_literal = list(needing.values())
        for literal in needing:
            self._literals.Add(re2.escape(literal).encode())
        self._literals.Compile()

    def search(self, lower: bytes, skip: Container[str] = ()) -> Iterator[tuple[str, str]]:
        """Give what the rules that match a sentence in lower case stand for, and the words that they matched.

        Rules for what is in `skip` are not tried.
        """
        literals = self._literals.Match(lower)
        if literals:
            for number in sorted({rule for each in literals for rule in self._of_literal[each]}):
                name, pattern = self._rules[number]
                match = None if name in skip else pattern.search(lower)
                if match is not None:
                    yield name, match[0].decode("utf-8", "replace")


def table(text: str, **parts: str) -> tuple[tuple[str, str], ...]:
    """Read rules out of a text: a name and its pattern a line, which indented lines go on with.

    `<name>` stands for the part of that name; lines that begin with `#` are comments.
    """
    rules: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith(" "):
            rules[-1][1] += line.lstrip()
        elif line and not line.startswith("#"):
            rules.append(line.split(" ", 1))
    for part, pattern in parts.items():
        for rule in rules:
            rule[1] = rule[1].replace(f"<{part}>", pattern)
    return tuple((name, pattern) for name, pattern in rules)


def expanded(short: str) -> str:
    """Write a rule's pattern out."""
    return short.replace("~~", _TO_EIGHT).replace("~", _TO_THREE)


def needed(pattern: str) -> Literals:
    """Return literals of which every match holds at least one; raise ValueError for a pattern that has none."""
    found, end = _alternatives(pattern, 0)
    if found is None or end != len(pattern):
        raise ValueError(f"no literal that every match of {pattern!r} holds")
    return found


def _alternatives(pattern: str, at: int) -> tuple[Literals | None, int]:
    """Read alternatives up to the bracket that closes them, or the end."""
    every: set[str] = set()
    lacking = False
    while True:
        best, at = _sequence(pattern, at)
        lacking = lacking or best is None
        every |= best or set()
        if at >= len(pattern) or pattern[at] == ")":
            return (None if lacking else frozenset(every)), at
        at += 1


def _sequence(pattern: str, at: int) -> tuple[Literals | None, int]:
    """Read one alternative; return the best of the sets that it needs one of."""
    best: Literals | None = None
    run = ""
    while at < len(pattern):
        item = _ITEM.match(pattern, at)
        kind = item.lastgroup if item else None
        if item is None or kind in {"close", "bar"}:
            break
        inner: Literals | None = None
        at = item.end()
        if kind == "open":
            inner, at = _alternatives(pattern, at)
            at += 1
        repeat = _REPEAT.match(pattern, at)
        at = repeat.end() if repeat else at
        is_optional = repeat is not None and _OPTIONAL.match(repeat[0]) is not None
        if kind == "literal" and not is_optional:
            run += item[0][-1]
        if kind != "literal" or repeat:
            best, run = _better(best, frozenset({run})), ""
        if inner is not None and not is_optional:
            best = _better(best, inner)
    return _better(best, frozenset({run})), at


def _better(one: Literals | None, other: Literals) -> Literals | None:
    """Return which of two sets says more: that whose shortest literal is the longest."""
    if min(map(len, other), default=0) < _LEAST:
        return one
    return other if one is None or min(map(len, other)) > min(map(len, one)) else one
