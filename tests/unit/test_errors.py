"""The tree of errors is the one its docstring draws, and every error says something."""

import inspect
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from socdefenders import errors
from socdefenders.errors import BudgetExceeded, InputError, InsufficientScope, MissingKey, SocDefendersError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, SocDefendersError)]
SPECIAL: dict[type[SocDefendersError], dict[str, Any]] = {
    InsufficientScope: {"required_scope": "read:iocs"},
    BudgetExceeded: {"limit": 10, "window": "minute", "reset_at": datetime(2026, 1, 1, tzinfo=UTC), "tier": "free"},
}
"""Errors that carry more than words."""


def drawn() -> list[tuple[str, str | None]]:
    """The classes of the drawing, each with the one it hangs on, in its order."""
    tree: list[tuple[str, str | None]] = []
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+)(?:  .*)?", line)
        if found:
            depth = len(found.group(1)) // 4
            above[depth] = found.group(2)
            tree.append((found.group(2), above.get(depth - 1)))
    return tree


def test_the_drawing_is_the_tree_in_the_order_of_the_code() -> None:
    coded = sorted(CLASSES, key=lambda each: inspect.getsourcelines(each)[1])
    parents = [(each.__name__, each.__base__.__name__ if each.__base__ else None) for each in coded]
    parents[0] = (parents[0][0], None)
    assert drawn() == parents


def test_no_error_that_leaves_its_module_stands_outside_of_the_tree() -> None:
    source = Path(errors.__file__).parent
    bases = "|".join(each.__name__ for each in CLASSES)
    elsewhere = re.compile(rf"^\s*class [A-Z]\w*\((?:\w+, )*(?:{bases}|\w*Error|Exception)\b", re.MULTILINE)
    files = [file for file in source.rglob("*.py") if file.name != "errors.py"]
    assert [file.name for file in files if elsewhere.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_says_by_itself_what_its_docstring_says_first(error: type[SocDefendersError]) -> None:
    raised = error(**SPECIAL.get(error, {}))
    assert raised.message == str(raised) == (error.__doc__ or "").partition("\n")[0]
    assert raised.message.endswith((".", '."'))
    assert error.__doc__ is not SocDefendersError.__doc__ or error is SocDefendersError


@pytest.mark.parametrize("error", [each for each in CLASSES if each not in SPECIAL])
def test_an_error_with_words_of_its_own_says_those(error: type[SocDefendersError]) -> None:
    raised = error("The tide is out.")
    assert raised.message == str(raised) == "The tide is out."


def test_errors_carry_what_their_callers_act_on() -> None:
    assert InsufficientScope("read:iocs").required_scope == "read:iocs"
    spent = BudgetExceeded(**SPECIAL[BudgetExceeded])
    assert (spent.limit, spent.window, spent.tier) == (10, "minute", "free")
    wrong = InputError("no", parameter="q", details={"minimum": 2})
    assert (wrong.parameter, wrong.details) == ("q", {"minimum": 2})
    assert InputError().details == {}


def test_an_error_keeps_its_own_copy_of_the_details() -> None:
    details = {"minimum": 2}
    wrong = InputError("no", details=details)
    details["minimum"] = 3
    assert wrong.details == {"minimum": 2}


def test_the_message_of_the_missing_key_is_the_documented_one_word_for_word() -> None:
    assert MissingKey().message == (
        'API key is required. Include it in the Authorization header as "Bearer sk_live_..."'
    )
