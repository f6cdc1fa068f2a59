"""What robots.txt allows, by RFC 9309: the group for us or for all, and in it the longest rule that fits a path."""

import re
from dataclasses import dataclass

TOKEN = "socdefenders"  # noqa: S105 - robots.txt calls the name of a crawler its token
"""How robots.txt names this client, in any case of letters."""
MAX_BYTES = 512 << 10
_RULES = 10_000
_LINE = re.compile(r"[ \t]*([A-Za-z-]{1,20})[ \t]*:[ \t]*([^#]*)")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})|([^!-~])")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Rule:
    """Whether paths that fit `pattern` may be fetched."""

    pattern: str
    allow: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one host for us."""

    rules: tuple[Rule, ...] = ()

    def allow(self, path: str) -> bool:
        """Whether `path`, with its query, may be fetched. A tie is for fetching."""
        spelt = _spelt(path or "/")
        if spelt == "/robots.txt":
            return True
        fitting = [(len(rule.pattern), rule.allow) for rule in self.rules if _fits(rule.pattern, spelt)]
        return max(fitting)[1] if fitting else True


def read(text: str) -> Rules:
    """Read the rules of a robots.txt that are meant for us, or for all where none are."""
    ours: list[Rule] = []
    everyones: list[Rule] = []
    named = False
    agents: set[str] = set()
    in_rules = False
    for line in text[:MAX_BYTES].removeprefix("\ufeff").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        key, value = found[1].lower(), found[2].strip()
        if key == "user-agent":
            agents = {value.lower()} if in_rules else agents | {value.lower()}
            in_rules = False
            named = named or value.lower() == TOKEN
        elif key in {"allow", "disallow"}:
            in_rules = True
            rule = Rule(_spelt(value), key == "allow")
            for name, group in ((TOKEN, ours), ("*", everyones)):
                if name in agents and value and len(group) < _RULES:
                    group.append(rule)
    return Rules(tuple(ours if named else everyones))


def _spelt(path: str) -> str:
    """The same path always spelt the same: escapes only where needed, in capitals."""

    def one(found: re.Match[str]) -> str:
        if found[1] is None:
            return "".join(f"%{byte:02X}" for byte in found[2].encode("utf-8", "replace"))
        char = chr(int(found[1], 16))
        return char if char in _UNRESERVED else f"%{found[1].upper()}"

    return _PERCENT.sub(one, path)


def _fits(pattern: str, path: str) -> bool:
    """Whether `path` begins as `pattern` says, `*` standing for anything and `$` at its end for the path's end."""
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    if pattern.endswith("$"):
        if not others:
            return at == len(path)
        last = others.pop()
        if not path.endswith(last) or len(path) - len(last) < at:
            return False
        path = path[: len(path) - len(last)]
    for part in others:
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True
