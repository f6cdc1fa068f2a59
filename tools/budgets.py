"""Check the budgets that keep this code easy to live in: sizes, branches, imports, errors, types, dependencies.

`python tools/budgets.py [ROOT]` prints each breach as `file:line: what is wrong; what to do` and exits with 1
when there is one. What ruff, mypy and import-linter check already is not repeated here, but for the few rules
that must not be switched off by a comment.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = "socdefenders"
MODULE_LINES = 500
FUNCTION_LINES = 60
BRANCHES = 12
DEPENDENCIES = 20

# The worker's loop and the application's last handler: whatever happens there, the process goes on.
BROAD_EXCEPT_IN = {"worker.py": 1, "web/front.py": 1}
# Entry points read settings; the launcher asks the system's own variables (PATH, XDG_RUNTIME_DIR) for its child.
READS_ENVIRONMENT = {"cli/__init__.py", "worker.py", "web/app.py", "__main__.py", "storage/embedded.py"}
LEFT_BEHIND = {"__pycache__", "build", "dist"}

# Spelt so that none of them matches itself here.
REGISTRY = re.compile(r"pypi\.|python[h]osted|npm[j]s|debian\.org|crates\.io")
MACHINE_PATH = re.compile(r"(?<![\w.~}/-])/(?:work|root|home/\w+|Users/\w+|tmp/w)\b")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")

Function = ast.FunctionDef | ast.AsyncFunctionDef
BRANCHING = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)


class Breach(NamedTuple):
    """One place that breaks a budget, and what to do about it."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return the form that editors can jump to."""
        return f"{self.path}:{self.line}: {self.message}"


class Module(NamedTuple):
    """One parsed module; `name` is its path inside the package."""

    path: str
    name: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        """Give every function, methods and nested ones included."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


def check(root: Path) -> list[Breach]:
    """Return every breach in the project at `root`, in the order of the files."""
    breaches = list(_dependencies(root))
    for path in sorted((root / "src").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root / "src" / PACKAGE).as_posix()
        module = Module(path.relative_to(root).as_posix(), name, text, ast.parse(text))
        breaches.extend(breach for rule in RULES for breach in rule(module))
    for path in _files(root):
        breaches.extend(_text(path.relative_to(root).as_posix(), path))
    return sorted(breaches)


def _module_length(module: Module) -> Iterator[Breach]:
    lines = module.text.count("\n")
    if lines > MODULE_LINES:
        yield Breach(module.path, 1, f"{lines} lines, allowed are {MODULE_LINES}; split the module by what it decides.")


def _function_length(module: Module) -> Iterator[Breach]:
    for function in module.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES:
            message = f"{function.name} has {lines} lines, allowed are {FUNCTION_LINES}; name its phases as functions."
            yield Breach(module.path, function.lineno, message)


def _branches(module: Module) -> Iterator[Breach]:
    for function in module.functions():
        count = sum(isinstance(node, BRANCHING) for node in _own_nodes(function))
        if count > BRANCHES:
            message = f"{function.name} has {count} branches, allowed are {BRANCHES}; use a table, or split it."
            yield Breach(module.path, function.lineno, message)


def _inner_imports(module: Module) -> Iterator[Breach]:
    for function in module.functions():
        for node in _own_nodes(function):
            if _imports_own(node):
                message = f"{function.name} imports a module of ours; move it to the top, or mend the cycle behind it."
                yield Breach(module.path, getattr(node, "lineno", function.lineno), message)


def _broad_excepts(module: Module) -> Iterator[Breach]:
    lines = [node.lineno for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler) and _is_broad(node)]
    for line in lines[BROAD_EXCEPT_IN.get(module.name, 0) :]:
        yield Breach(module.path, line, "catches everything; name the errors that are expected here, let the rest out.")


def _untyped_returns(module: Module) -> Iterator[Breach]:
    for function in module.functions():
        if function.returns is None:
            yield Breach(module.path, function.lineno, f"{function.name} does not say what it returns; annotate it.")


def _environment(module: Module) -> Iterator[Breach]:
    if module.name in READS_ENVIRONMENT:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and _is_name(node.value, "os"):
            yield Breach(module.path, node.lineno, "reads the environment; take a setting as an argument instead.")


def _unfinished(module: Module) -> Iterator[Breach]:
    for number, line in enumerate(module.text.splitlines(), start=1):
        if UNFINISHED.search(line):
            yield Breach(module.path, number, "is unfinished; finish it, or open an issue and take the mark out.")


Rule = Callable[[Module], Iterator[Breach]]
RULES: tuple[Rule, ...] = (
    _module_length,
    _function_length,
    _branches,
    _inner_imports,
    _broad_excepts,
    _untyped_returns,
    _environment,
    _unfinished,
)


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """Give the nodes of `function` without those of functions inside it, which are counted on their own."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function):
            waiting.extend(ast.iter_child_nodes(node))


def _imports_own(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").split(".")[0] == PACKAGE
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] == PACKAGE for alias in node.names)


def _is_broad(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False  # It only tidies up: the error goes on as it was.
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or _is_name(kind, "Exception") or _is_name(kind, "BaseException") for kind in kinds)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _dependencies(root: Path) -> Iterator[Breach]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    count = len(project.get("dependencies", []))
    if count > DEPENDENCIES:
        message = f"{count} run-time dependencies, allowed are {DEPENDENCIES}; do without one, or write the few lines."
        yield Breach("pyproject.toml", 1, message)


def _files(root: Path) -> Iterator[Path]:
    """Give the files of the project, without what tools and runs leave behind."""
    for path in sorted(root.iterdir()):
        if path.is_file():
            yield path
        elif path.name == ".ci" or not (
            path.name.startswith(".") or path.name in LEFT_BEHIND or path.suffix == ".egg-info"
        ):
            yield from _files(path)


def _text(name: str, path: Path) -> Iterator[Breach]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if REGISTRY.search(line):
            yield Breach(name, number, "names the host of a package registry; leave the choice of one to the reader.")
        if MACHINE_PATH.search(line):
            yield Breach(name, number, "names a path of one machine; use a relative one, or a setting.")


def main(arguments: list[str]) -> int:
    """Check the project named by the first argument, or the one this file belongs to."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    breaches = check(root)
    for breach in breaches:
        print(breach)
    print(f"Budgets: {len(breaches)} breaches." if breaches else "Budgets: all held.")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
