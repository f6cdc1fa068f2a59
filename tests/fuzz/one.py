"""`python -m tests.fuzz.one TARGET [OPTION]... [CORPUS]...`: one target under libFuzzer, whose options these are.

The checked text of the first finding is made as short as it goes before it is printed: libFuzzer itself can
only shorten it by running the interpreter anew for each try.
"""

import sys
from collections.abc import Callable
from functools import partial

import atheris

with atheris.instrument_imports(include=["socdefenders"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS, Target
    from tests.fuzz.texts import text_of

TRIES = 2_000


def main() -> None:
    """Run the target that the first argument names until libFuzzer has enough."""
    name, options = sys.argv[1], sys.argv[2:]
    target = TARGETS[name]
    target.check("".join(target.seeds))  # opens what is known beforehand, outside of every clock
    atheris.Setup([sys.argv[0], *options], lambda data: _check(name, target, data))
    atheris.Fuzz()


def _check(name: str, target: Target, data: bytes) -> None:
    text = text_of(data, target.pieces)
    try:
        target.check(text)
    except Exception as error:
        alike = partial(_fails_alike, target, error)
        short = shortened(text, alike)
        sys.stderr.write(f"\nFinding: {name}({short!r})\n")
        raise


def _fails_alike(target: Target, error: Exception, text: str) -> bool:
    try:
        target.check(text)
    except type(error) as other:
        return _line(other) == _line(error)
    except Exception:  # noqa: BLE001 - another finding, which another run will come to
        return False
    return False


def _line(error: Exception) -> int | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_lineno if trace else None


def shortened(text: str, fails: Callable[[str], bool]) -> str:
    """Take out of `text` whatever it fails without: halves first, single characters last, at most 2,000 tries."""
    size, tries = len(text) // 2, 0
    while size >= 1:
        at = 0
        while at < len(text) and tries < TRIES:
            shorter = text[:at] + text[at + size :]
            tries += 1
            if fails(shorter):
                text = shorter
            else:
                at += size
        size //= 2
    return text


if __name__ == "__main__":
    main()
