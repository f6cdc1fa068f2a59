"""The values that the benchmarks load and ask for: the real sample extended by variation, and hard inputs."""

import csv
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import zstandard

SAMPLE_ROWS = 1_000_000
EACH = 60
"""Fallback inputs of one kind."""
_HASHES = {"md5": hashlib.md5, "sha1": hashlib.sha1, "sha256": hashlib.sha256}


def rows(files: list[Path], count: int) -> Iterator[tuple[str, str, str]]:
    """Give `count` distinct (type, value, source): the files' own, then variations of them, round after round."""
    given, lap = 0, 0
    while given < count:
        for file in files:
            for type_, value, source in _read(file):
                yield type_, value if lap == 0 else varied(type_, value, lap), source
                given += 1
                if given == count:
                    return
        lap += 1


def _read(file: Path) -> Iterator[tuple[str, str, str]]:
    with zstandard.open(file, "rt", encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        next(reader)
        yield from ((type_, value, source) for type_, value, source in reader)


def varied(type_: str, value: str, lap: int) -> str:
    """Return another value of the same kind and shape, a different one each `lap`."""
    if type_ in _HASHES:
        return _HASHES[type_](f"{value}{lap}".encode(), usedforsecurity=False).hexdigest()
    if type_ in {"ip", "ip:port", "cidr"}:
        first, dot, rest = value.partition(".")
        return f"{(int(first) + 37 * lap) % 223 + 1}{dot}{rest}"
    if type_ == "url":
        return f"{value}{'&' if '?' in value else '?'}v{lap}={lap * 7919}"
    if type_ == "domain":
        name, dot, end = value.partition(".")
        return f"{name}{lap}{dot}{end}"
    return f"{value[:-1]}{lap:x}"


def extended(files: list[Path], count: int, target: Path) -> Path:
    """Write `count` rows as one compressed CSV file, once, and return it."""
    if not target.exists():
        partial = target.with_suffix(".part")
        with zstandard.open(partial, "wt", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("type", "value", "source"))
            writer.writerows(rows(files, count))
        partial.rename(target)
    return target


def sample(file: Path, every: int, first: int = 0) -> list[tuple[str, str]]:
    """Return every so-manieth (type, value) of the file, from its row `first`."""
    return [(type_, value) for number, (type_, value, _) in enumerate(_read(file)) if number % every == first]


_COMMON = """
http https:// http://www www. .com .net .org/ login secure account update mail index.php wp-content wp-admin wp-includes
.exe .html admin download cloud google microsoft paypal amazon apple office support verify online service client
github.com duckdns.org blogspot 000webhost weebly.com firebase web.app workers.dev pages.dev xn-- 192.168 10.0.0 185.
45. 103. /bins/ /i :80 :8080 ?id= =1 com/ net/ php co.uk ru/ bit.ly telegram .top
"""
_BARE = r"""
%%% :// .. ... ___ --- /// \\\ ?!? %_% ._. -.- ::: [.] @@@ a.b 1.2 %a%
"""
_HOSTILE = """
com http net www org|http www com|' or 1=1 --|" union select|$1::text|%com%|_com_|c%o%m|\\%com|http://http://http://
-com-net-org-www-|com com com com com|ww ww ww ww|комп|日本語テスト|e.e.e.e.e.e.e|o.c.o.m|t.c.o|https com|tp:|ttp|htt
com/com/com/com|/a/b/c/d/e/f/g|?a=1&b=2&c=3|\u202ecom|(select pg_sleep(9))|*.com|*|**|a%|%%a%%|0.0.0|255.255|1 2 3 4 5 6
"""


def fallback_inputs(values: list[str], seed: int = 7) -> dict[str, list[str]]:
    """Return 300 inputs that hardly any stored value equals, 60 of each kind."""
    chance = random.Random(seed)  # repeatable, not secret
    rare: list[str] = []
    while len(rare) < EACH:
        value = chance.choice(values)
        start = chance.randrange(max(1, len(value) - 12))
        piece = value[start : start + 12]
        rare.append(piece[:-2] + chance.choice("qxzjk") + piece[-1:] if len(rare) % 2 else piece[:-1])
    three = [chance.choice(values)[2:5].ljust(3, "x") for _ in range(EACH // 2)]
    three += ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789.-", k=3)) for _ in range(EACH // 2)]
    bare = _BARE.split()
    bare += ["".join(chance.choices("%_./:-\\?&=#@ ", k=chance.randint(3, 30))) + "%" for _ in range(EACH - len(bare))]
    hostile = [text for line in _HOSTILE.strip().splitlines() for text in line.split("|")]
    repeats = ("com.", 60), ("a.", 300), ("www.", 100), ("1.", 400), ("ab", 500), ("http", 300), ("%25", 200), ("é", 50)
    hostile += [text * times for text, times in (*repeats, ("xn--", 40), ("x", 2000), ("com", 600))]
    words = ("com", "net", "www", "http", "org", "php", "login")
    hostile += [" ".join(chance.choices(words, k=6)) for _ in range(EACH - len(hostile))]
    kinds = {"common": _COMMON.split(), "rare": rare, "three characters": three, "no trigram": bare, "hostile": hostile}
    return {kind: asked[:EACH] for kind, asked in kinds.items()}
