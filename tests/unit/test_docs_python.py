"""What the documentation shows of Python happens like that, and the extractor's page says what it does."""

import ast
import doctest
import re
from pathlib import Path

import pytest

from socdefenders.indicators import extract, noise
from tests.unit.test_docs import CODE, FENCE, PAGES, page, section, table

PYTHON = [path for path in PAGES if "```pycon" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_every_block_of_python_gives_what_it_shows(path: Path) -> None:
    blocks = [body for language, body in FENCE.findall(path.read_text(encoding="utf-8")) if language == "pycon"]
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, path.name, str(path), 0)
    said: list[str] = []
    failed, run = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert run >= len(blocks)
    assert not failed, "".join(said)


def test_a_block_that_shows_something_else_is_noticed() -> None:
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", "wrong", 0)
    assert doctest.DocTestRunner().run(test, out=lambda _: None).failed == 1


def rules() -> set[str]:
    """The rules that the code gives."""
    tree = ast.parse(Path(noise.__file__).read_text(encoding="utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Reason"]
    named = {call.args[0].value for call in made if isinstance(call.args[0], ast.Constant)}
    assert len(made) > len(named) > 1
    return {str(name) for name in named}


def test_every_rule_is_documented_and_no_other() -> None:
    documented = [row[0].strip("`") for row in table(section(page("extraction.md"), "## Reasons"))]
    assert documented == sorted(rules())


EXAMPLES = [
    (row[0].strip("`"), CODE.findall(row[2])[0].replace("\\n", "\n"))
    for row in table(section(page("extraction.md"), "## Reasons"))
    if row[2]
]


@pytest.mark.parametrize(("rule", "text"), EXAMPLES)
def test_the_example_of_a_rule_is_judged_by_it(rule: str, text: str) -> None:
    assert [match.suppressed and match.suppressed.rule for match in extract(text)] == [rule]


def test_most_rules_have_an_example() -> None:
    assert len(EXAMPLES) >= len(rules()) - 3


DEFANGED = table(section(page("extraction.md"), "## What defanging is understood"))


@pytest.mark.parametrize(("written", "understood"), [[cell.strip("`") for cell in row] for row in DEFANGED])
def test_defanging_is_understood_as_documented(written: str, understood: str) -> None:
    spelt = written.replace("\\n", "\n")
    [match] = extract(f"It calls {spelt} every hour.")
    assert (match.value, match.defanged, match.suppressed) == (understood, True, None)


def test_the_extractors_have_their_place_for_results() -> None:
    text = page("extraction.md")
    assert re.search(r"<!-- results extractors -->.+<!-- end extractors -->", text, re.DOTALL)
