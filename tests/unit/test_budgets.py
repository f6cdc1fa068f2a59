"""The budget checker finds each breach it promises to find, and nothing else."""

from pathlib import Path

import pytest

from tools import budgets

HOST = "pypi" + ".org"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that breaks nothing."""
    package = tmp_path / "src" / budgets.PACKAGE
    (package / "web").mkdir(parents=True)
    (package / "cli").mkdir()
    (package / "clean.py").write_text('"""A module."""\n\n\ndef f(x: int) -> int:\n    return x\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "p"\ndependencies = ["a", "b"]\n')
    return tmp_path


def breaches_of(project: Path, source: str, name: str = "module.py") -> list[str]:
    """What is found wrong with `source` as a module of the project, as "line: message"."""
    (project / "src" / budgets.PACKAGE / name).write_text(source)
    return [f"{breach.line}: {breach.message}" for breach in budgets.check(project)]


def test_a_clean_project_has_no_breach(project: Path) -> None:
    assert budgets.check(project) == []


def test_a_module_of_500_lines_is_held_and_of_501_is_not(project: Path) -> None:
    assert breaches_of(project, "x = 1\n" * 500) == []
    assert breaches_of(project, "x = 1\n" * 501)[0].startswith("1: 501 lines")


def test_a_function_of_60_lines_is_held_and_of_61_is_not(project: Path) -> None:
    head = "def long() -> None:\n"
    assert breaches_of(project, head + "    x = 1\n" * 59) == []
    assert breaches_of(project, head + "    x = 1\n" * 60)[0].startswith("1: long has 61 lines")


def test_twelve_branches_are_held_and_thirteen_are_not(project: Path) -> None:
    head = "def forked(x: int) -> None:\n"
    assert breaches_of(project, head + "    if x: pass\n" * 12) == []
    assert breaches_of(project, head + "    if x: pass\n" * 13)[0].startswith("1: forked has 13 branches")


@pytest.mark.parametrize(
    "branch",
    [
        "for _ in x: pass",
        "while x: pass",
        "y = 1 if x else 2",
        "try: pass\n    except OSError: pass",
        "match x:\n        case 1: pass",
    ],
)
def test_every_kind_of_branch_counts(project: Path, branch: str) -> None:
    assert "13 branches" in breaches_of(project, "def f(x: int) -> None:\n" + f"    {branch}\n" * 13)[0]


def test_the_branches_of_an_inner_function_are_its_own(project: Path) -> None:
    inner = "    def inner() -> None:\n" + "        if x: pass\n" * 7
    assert breaches_of(project, "def outer(x: int) -> None:\n" + inner + "    if x: pass\n" * 7) == []


@pytest.mark.parametrize(
    "statement", ["from socdefenders import model", "import socdefenders.model", "from . import model"]
)
def test_an_import_of_ours_inside_a_function_is_found(project: Path, statement: str) -> None:
    found = breaches_of(project, f"async def f() -> None:\n    if True:\n        {statement}\n")
    assert len(found) == 1
    assert found[0].startswith("3: f imports a module of ours")


def test_an_import_of_others_inside_a_function_is_left_to_ruff(project: Path) -> None:
    assert breaches_of(project, "def f() -> None:\n    import json\n    from socdefendersx import y\n") == []


@pytest.mark.parametrize("clause", ["except:", "except Exception:", "except (OSError, BaseException) as error:"])
def test_a_broad_except_is_found(project: Path, clause: str) -> None:
    found = breaches_of(project, f"try:\n    pass\n{clause}  # noqa: BLE001\n    pass\n")
    assert found == ["3: catches everything; name the errors that are expected here, let the rest out."]


def test_a_broad_except_that_tidies_up_and_raises_again_is_held(project: Path) -> None:
    assert breaches_of(project, "try:\n    pass\nexcept BaseException:\n    tidy = True\n    raise\n") == []


@pytest.mark.parametrize("name", ["worker.py", "web/front.py"])
def test_the_two_last_handlers_may_catch_everything_once(project: Path, name: str) -> None:
    handler = "try:\n    pass\nexcept Exception:\n    pass\n"
    assert breaches_of(project, handler, name) == []
    assert len(breaches_of(project, handler * 2, name)) == 1


def test_an_untyped_return_is_found_in_methods_too(project: Path) -> None:
    found = breaches_of(project, "class C:\n    def method(self):\n        pass\n")
    assert found == ["2: method does not say what it returns; annotate it."]


@pytest.mark.parametrize("reading", ["os.environ['A']", "os.getenv('A')"])
def test_only_entry_points_read_the_environment(project: Path, reading: str) -> None:
    source = f"import os\na = {reading}\n"
    assert breaches_of(project, source, "cli/__init__.py") == []
    assert breaches_of(project, source, "search.py")[0].startswith("2: reads the environment")


@pytest.mark.parametrize("mark", ["# TODO: later", "# FIXME", "raise NotImplementedError"])
def test_an_unfinished_place_is_found(project: Path, mark: str) -> None:
    assert breaches_of(project, f"x = 1\n{mark}\n")[0].startswith("2: is unfinished")


def test_a_twenty_first_dependency_is_found(project: Path) -> None:
    names = [f"package-{number}" for number in range(21)]
    (project / "pyproject.toml").write_text(f'[project]\nname = "p"\ndependencies = {names}\n')
    assert [breach.message[:2] for breach in budgets.check(project)] == ["21"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"see https://{HOST}/simple", "names the host of a package registry"),
        ("cd /" + "root/checkout", "names a path of one machine"),
        ("DIR=/" + "home/somebody/x", "names a path of one machine"),
        ("https://files.example/" + "work/a.bin", None),
        ("frame" + "work/ and ./" + "work/", None),
    ],
)
def test_any_file_is_read_for_registries_and_machine_paths(project: Path, line: str, found: str | None) -> None:
    (project / "notes.md").write_text(f"first\n{line}\n")
    messages = [str(breach) for breach in budgets.check(project)]
    assert (messages == []) if found is None else messages[0].startswith(f"notes.md:2: {found}")


@pytest.mark.parametrize("folder", [".venv", "build", "__pycache__", "p.egg-info"])
def test_what_tools_leave_behind_is_not_read(project: Path, folder: str) -> None:
    (project / folder).mkdir()
    (project / folder / "log.txt").write_text(HOST)
    assert budgets.check(project) == []


def test_the_folder_of_the_pipeline_is_read_and_binary_files_are_not(project: Path) -> None:
    (project / ".ci").mkdir()
    (project / ".ci" / "run").write_text(HOST)
    (project / "image.bin").write_bytes(b"\xff\xfe" + HOST.encode())
    assert [breach.path for breach in budgets.check(project)] == [".ci/run"]


def test_the_command_prints_the_place_and_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert budgets.main([str(project)]) == 0
    (project / "src" / budgets.PACKAGE / "module.py").write_text("def f():\n    pass\n")
    assert budgets.main([str(project)]) == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("src/socdefenders/module.py:1: f does not say")
