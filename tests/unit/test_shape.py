"""The caps of the house: short functions, few parameters, small files, few exemptions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("inventory", "reconciler", "oceanctl", "proxier", "crds")
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 40
MOST_PARAMETERS = 6
MOST_EXEMPTIONS = 10
EXEMPTION = re.compile(r"#\s*(noqa|type: ignore)")
REASONED = re.compile(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[a-z-]+\])\s+(#|-|—)")

FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def body_lines(function: Function) -> int:
    first = function.body[1] if ast.get_docstring(function) and len(function.body) > 1 else function.body[0]
    return (function.end_lineno or first.lineno) - first.lineno + 1


def parameters(function: Function) -> int:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    is_method = bool(every) and every[0].arg in ("self", "cls")
    return len(every) - is_method


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_FILE


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short_and_take_few_parameters(path: Path) -> None:
    too_long = [f.name for f in functions_of(path) if body_lines(f) > MOST_LINES_OF_A_FUNCTION]
    too_wide = [f.name for f in functions_of(path) if parameters(f) > MOST_PARAMETERS]
    assert (too_long, too_wide) == ([], [])


def test_exemptions_from_the_checkers_are_few_and_have_a_reason() -> None:
    every = [*FILES, *(path for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__))]
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in every
        for line in path.read_text(encoding="utf-8").splitlines()
        if EXEMPTION.search(line)
    ]
    assert len(found) <= MOST_EXEMPTIONS, found
    assert [line for line in found if not REASONED.search(line)] == []


def test_decisions_import_no_client_no_clock_and_no_logging() -> None:
    pure = [
        path
        for path in FILES
        if "oceanctl" not in path.parts  # commands and fakes are shell, whatever they are called
        and re.search(r"(decide\w*|_forge|windows|plan|standing|capacity|pod_status|routes)\.py$", path.name)
    ]
    forbidden = {"asyncio", "logging", "time", "aiohttp", "kubernetes", "reconciler.clock", "reconciler.kube.client"}
    found = {str(path.relative_to(ROOT)): imports_of(path) & forbidden for path in pure}
    assert {path: names for path, names in found.items() if names} == {}


def imports_of(path: Path) -> set[str]:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return imported
