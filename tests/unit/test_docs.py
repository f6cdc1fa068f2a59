"""The documentation says what the code does: every setting, command, error, field, format, metric and message."""

import ast
import importlib
import json
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import click
import pytest

import socdefenders
from socdefenders import search, settings
from socdefenders.accounts import SCOPES
from socdefenders.cli import COMMANDS, root
from socdefenders.errors import FetchReason
from socdefenders.feeds import PARSERS
from socdefenders.feeds.fetch import FEED, PAGE
from socdefenders.indicators import candidates, parse
from socdefenders.ingest import DEFANGED, PLAIN
from socdefenders.model import Confidence, IocType, Origin, Outcome, SourceCategory
from socdefenders.settings import FIELDS, PREFIX, SECRETS, Settings
from socdefenders.web.api.iocs import PARAMETERS
from socdefenders.web.api.schemas import Error, Ioc, IocSource, SearchData, SearchMeta, SearchResponse
from socdefenders.web.app import CODES, STATUSES
from socdefenders.web.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
LANGUAGES = {"console", "pycon", "python", "sh", "ini", "sql", "json", "jsonl", "yaml", "toml", ""}
"""Below tests/e2e, `console` is run by test_docs_commands.py, `python` by test_cli_knowledge.py and `pycon` by
test_docs_python.py; `toml` is read by tests/feeds/test_catalog.py; `sh` is
what no test can run."""


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, down to the next of the same rank or a higher one."""
    rank = heading.index(" ")
    found = re.search(rf"^{re.escape(heading)}$\n(.*?)(?=^#{{1,{rank}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every table in `text`, without the lines that rule them."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def first_codes(text: str) -> list[str]:
    """What stands in back quotes in the first cell of each row."""
    return [code for row in rows(text) for code in CODE.findall(row[0])]


def table(text: str) -> list[list[str]]:
    """The rows whose first cell is code."""
    return [row for row in rows(text) if row[0].startswith("`")]


# Settings


def documented_settings() -> dict[str, list[str]]:
    intro = page("configuration.md").partition("\n## ")[0]
    return {row[0].strip("`"): row for row in table(intro)}


def test_every_setting_is_documented_and_no_other() -> None:
    assert list(documented_settings()) == [PREFIX + name.upper() for name in FIELDS]


def test_every_default_is_the_documented_one() -> None:
    defaults = {field.name: field.default for field in fields(Settings) if field.name != "data_dir"}
    for name, default in defaults.items():
        expected = "none" if default in {None, ()} else f"`{default}`"
        assert documented_settings()[PREFIX + name.upper()][1] == expected
    assert "`/var/lib/socdefenders/data`" in documented_settings()[PREFIX + "DATA_DIR"][1]


def test_every_example_of_a_setting_can_be_read_and_is_not_the_default() -> None:
    for variable, row in documented_settings().items():
        name = variable.removeprefix(PREFIX).lower()
        read = getattr(settings.read({variable: row[3].strip("`")}), name)
        assert read not in {None, ()}
        assert read != getattr(settings.read({}), name)


def test_every_variable_beside_the_settings_is_documented() -> None:
    text = page("configuration.md")
    assert set(first_codes(section(text, "## Secrets in files"))) == {
        f"{PREFIX}{name.upper()}_FILE" for name in SECRETS
    }
    assert set(first_codes(section(text, "## Not of an instance"))) == settings.OTHERS | {"NO_COLOR"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_setting_that_there_is_not(path: Path) -> None:
    known = {PREFIX + name.upper() for name in FIELDS} | {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
    named = set(re.findall(rf"(?<![A-Z_]){PREFIX}[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))
    assert named <= known | settings.OTHERS


# Command line


def commands() -> dict[str, click.Command]:
    """Every command that does something, by what people type."""
    context = click.Context(root)
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= {f"socdefenders {name} {below}": each for below, each in command.commands.items()}
        else:
            found[f"socdefenders {name}"] = command
    return found


def test_every_command_is_documented_and_no_other() -> None:
    assert set(re.findall(r"^## (.+)$", page("cli.md"), re.MULTILINE)) == set(commands())


@pytest.mark.parametrize("name", list(commands()))
def test_every_option_is_documented_and_no_other(name: str) -> None:
    text = section(page("cli.md"), f"## {name}")
    options = [each for each in commands()[name].params if isinstance(each, click.Option)]
    assert set(first_codes(text)) == set(chain.from_iterable(option.opts for option in options)) - {"--help"}
    for option in options:
        described = next(row[1] for row in table(text) if row[0] == f"`{option.opts[0]}`")
        if isinstance(option.type, click.Choice) and option.name != "format_":
            assert set(option.type.choices) <= set(CODE.findall(described))
    for argument in (each for each in commands()[name].params if isinstance(each, click.Argument)):
        assert f"`{name} {argument.make_metavar(click.Context(commands()[name]))}`" in text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_names_an_option_or_verb_that_there_is_not(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    verbs = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= verbs
    for line in re.findall(r"(?:^|`|/|\$ )socdefenders ((?:[a-z]+ )+[^`\n]*)", text, re.MULTILINE):
        words = line.split()
        two = f"socdefenders {words[0]} {words[1]}" if len(words) > 1 else ""
        command = commands().get(two) or commands().get(f"socdefenders {words[0]}")
        if command is not None:
            known = set(chain.from_iterable(each.opts for each in command.params)) | {"--help"}
            assert set(re.findall(r"(?<=\s)--[a-z-]+", line.partition(" #")[0])) <= known, line


# API


def test_every_error_code_is_documented_with_its_status_and_no_other() -> None:
    given = {(status, code) for status, code in STATUSES.values()}
    given |= {(status, code) for status, (code, _) in CODES.items()}
    documented = {(int(row[0]), row[1].strip("`")) for row in rows(section(page("api.md"), "## Errors"))[1:]}
    assert documented == given


def test_every_error_code_has_an_example_in_the_form_of_an_error() -> None:
    [examples] = [body for language, body in FENCE.findall(page("api.md")) if language == "jsonl"]
    found = [Error.model_validate_json(line).error for line in examples.splitlines()]
    codes = [row[1].strip("`") for row in rows(section(page("api.md"), "## Errors"))[1:]]
    assert [error.code for error in found] == codes
    said = {code: str(error.__doc__).partition("\n")[0] for error, (_, code) in STATUSES.items()}
    said |= dict(CODES.values())
    varying = {"invalid_parameter", "service_unavailable"}
    assert [error.message for error in found if error.code not in varying] == [
        said[error.code] for error in found if error.code not in varying
    ]


def test_the_parameters_of_the_search_are_documented_in_their_order() -> None:
    text = section(page("api.md"), "## The search")
    assert [row[0].strip("`") for row in table(text)] == [each["name"] for each in PARAMETERS if isinstance(each, dict)]
    assert {str(type_) for type_ in IocType} <= set(CODE.findall(text))


def test_every_field_is_documented_and_no_other() -> None:
    fields_of = section(page("api.md"), "## Fields")
    expected = set(SearchData.model_fields) | {"related_count", "search_time_ms"}
    expected |= set(Ioc.model_fields) | set(IocSource.model_fields)
    assert set(first_codes(fields_of)) == expected
    assert {str(each) for each in (*Confidence, *SourceCategory, *Origin)} <= set(CODE.findall(fields_of))
    meta = {"related_count", "search_time_ms"} | {
        row[0].strip("`") for row in table(section(page("api.md"), "## The two stages"))[1:]
    }
    assert meta == set(SearchMeta.model_fields)


def test_the_answer_shown_has_the_declared_shape() -> None:
    [answer] = [body for language, body in FENCE.findall(page("api.md")) if language == "json"]
    SearchResponse.model_validate_json(answer)


def test_the_bounds_of_the_search_are_the_documented_ones() -> None:
    text = section(page("api.md"), "## The two stages")
    assert f"at most {search.MATCHES:,}" in text
    assert f"from {search.FALLBACK_CHARACTERS} characters on, at most {search.FALLBACK_MATCHES} reports" in text
    assert f"up to {search.RELATED} other indicators" in text
    assert f"first {search.RELATED_ARTICLES} such articles" in text


def pasted() -> Iterator[tuple[str, str]]:
    for row in table(section(page("api.md"), "## How a pasted value is understood")):
        sought = CODE.findall(row[1])
        if "…" not in row[0] and sought:
            yield row[0].strip("`"), sought[0]


@pytest.mark.parametrize(("text", "sought"), list(pasted()))
def test_a_pasted_value_is_understood_as_documented(text: str, sought: str) -> None:
    assert candidates(text).normalized[0] == sought


def test_values_are_normalised_as_documented() -> None:
    text = section(page("api.md"), "## Normalisation")
    for value in ("CVE-2099-10417", "T1059.001"):
        assert f"`{parse(value).normalized}`" in text


def test_the_budgets_are_the_documented_ones() -> None:
    defaults = settings.read({})
    documented = {row[0].strip("`"): row[1:] for row in table(section(page("api.md"), "## Budgets"))}
    tiers = map(defaults.tier, SCOPES)
    assert documented == {tier.name: [f"{tier.per_minute:,}", f"{tier.per_day:,}"] for tier in tiers}


# Import


def test_every_format_is_documented_as_it_is_and_no_other() -> None:
    confidence = f"{DEFANGED} or {PLAIN}"
    assert table(section(page("import.md"), "## Formats")) == [
        [
            f"`{each.name}`",
            each.description,
            each.source or "named by the file",
            each.category.value,
            confidence if each.documents else str(each.confidence),
        ]
        for each in PARSERS.values()
    ]
    assert f"{len(PARSERS)} formats" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_count_of_an_import_is_documented_and_no_other() -> None:
    counts = {field.name for field in fields(Outcome)} - {"reasons", "empty_reports"}
    assert {row[0].strip("`") for row in table(section(page("import.md"), "## What the counts mean"))} == counts


# Fetching


def test_every_reason_of_a_failed_fetch_is_documented_and_no_other() -> None:
    documented = table(section(page("fetching.md"), "## Failures"))
    assert [row[0].strip("`") for row in documented] == list(get_args(FetchReason))


def test_the_bounds_of_a_fetch_are_the_documented_ones() -> None:
    documented = [row[1:] for row in rows(section(page("fetching.md"), "## Bounds"))[1:]]
    bounds = [
        (
            f"{each.body_bytes >> 20} MiB",
            f"{each.seconds:g}",
            f"{each.connect_seconds:g}",
            f"{each.idle_seconds:g}",
            f"{each.redirects}",
        )
        for each in (FEED, PAGE)
    ]
    assert documented == [list(pair) for pair in zip(*bounds, strict=True)]


# Operations and architecture


def test_every_metric_is_documented_and_no_other() -> None:
    exposed = re.findall(r"^# HELP (socdefenders_\w+)", Metrics().exposition().decode(), re.MULTILINE)
    metrics = {name for name in exposed if not name.endswith("_created")}
    text = page("operations.md")
    assert set(first_codes(section(text, "## Metrics"))) == metrics
    used = set(re.findall(r"socdefenders_\w+", "".join(path.read_text(encoding="utf-8") for path in PAGES)))
    assert {name.removesuffix("_bucket") for name in used} <= metrics


def texts_of_the_code() -> list[str]:
    """Every piece of every string in the package."""
    found: list[str] = []
    for path in (ROOT / "src").rglob("*.py"):
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found += [node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found


def test_every_message_of_the_troubleshooting_stands_in_the_code() -> None:
    texts = texts_of_the_code()
    for message in first_codes(section(page("operations.md"), "## When something is wrong")):
        for piece in message.split("…"):
            assert any(piece in text for text in texts), piece


def test_every_dependency_has_its_reason_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked_for = chain(project["dependencies"], *project["optional-dependencies"].values())
    names = [re.split(r"[\[<>=~]", each)[0] for each in asked_for]
    documented = table(section(page("architecture.md"), "## Dependencies"))
    assert [row[0].strip("`") for row in documented] == names
    assert all(row[1] and re.match(r"20\d\d-\d\d", row[2]) for row in documented)


def test_every_table_is_documented_and_no_other() -> None:
    schema = (ROOT / "src/socdefenders/storage/schema.sql").read_text(encoding="utf-8")
    made = set(re.findall(r"^create table (\w+)", schema, re.MULTILINE))
    assert set(first_codes(section(page("architecture.md"), "## Tables"))) == made


def test_every_part_is_documented_and_no_other() -> None:
    parts = {module.name for module in pkgutil.iter_modules(socdefenders.__path__)} - {"__main__"}
    assert set(first_codes(section(page("architecture.md"), "## Parts"))) == parts


def test_the_benchmarks_have_their_places_for_results() -> None:
    for rows_ in (1_000_000, 10_000_000):
        before, mark, rest = page("benchmarks.md").partition(f"<!-- results {rows_} -->")
        assert before
        assert mark
        assert f"<!-- end {rows_} -->" in rest


# Form


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_within_the_project_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", path.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = unquote(target).partition("#")
            leads_to = (path.parent / name).resolve() if name else path
            assert leads_to.is_relative_to(ROOT)
            assert leads_to.exists(), target
            assert not anchor or anchor in anchors(leads_to.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_block_of_code_is_of_a_kind_that_the_tests_know(path: Path) -> None:
    blocks = FENCE.findall(path.read_text(encoding="utf-8"))
    assert {language for language, _ in blocks} <= LANGUAGES
    for language, body in blocks:
        if language == "console":
            assert body.startswith("$ ")
        if language in {"json", "jsonl"}:
            assert [json.loads(part) for part in (body.splitlines() if language == "jsonl" else [body])]


def test_every_page_is_reached_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {path for path in PAGES if path.name != "README.md" and path.name not in text} == set()


def modules() -> Iterator[str]:
    yield "socdefenders"
    yield from (module.name for module in pkgutil.walk_packages(socdefenders.__path__, "socdefenders."))


@pytest.mark.parametrize("name", [name for name in modules() if not name.endswith("__main__")])
def test_public_names_are_sorted_and_there(name: str) -> None:
    module = importlib.import_module(name)
    names: list[str] = getattr(module, "__all__", [])
    assert names == sorted(names, key=lambda each: (not each.isupper(), not each[0].isupper(), each))
    assert all(hasattr(module, each) for each in names)
