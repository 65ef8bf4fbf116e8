"""Problems of an inventory as a person reads them, with the line and carets, and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, Final

from rich.cells import cell_len

from inventory.errors import Position, Problem, Severity
from oceanctl.output import Line, harmless

_STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}
_MAX_SHOWN: Final = 120  # characters of a source line around the place; minified files have lines of megabytes
_GUTTER: Final = 4


def render_problems(problems: Iterable[Problem], folder: PurePath | None = None) -> Iterator[Line]:
    """Lines for a terminal, in order of place; `folder` is put before each file name."""
    for problem in sorted(problems, key=lambda found: (found.at, found.code)):
        yield (
            f"{_place(problem.at, folder)}: ",
            (problem.severity.value, _STYLES[problem.severity]),
            f" {problem.code} {problem.message}",
        )
        yield from _excerpt(problem)
        unsaid = [place for place in problem.related if str(place) not in (problem.hint or "")]
        yield from ((f"{'':{_GUTTER}} = also {_place(place, folder)}",) for place in unsaid)


def problem_document(problem: Problem) -> dict[str, Any]:
    """One problem as JSON; lines and columns count from 1, `endColumn` is exclusive and absent when unknown."""
    end = {"endColumn": problem.at.column + problem.span} if problem.span else {}
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "message": problem.message,
        **_position_document(problem.at),
        **end,
        **({"hint": problem.hint} if problem.hint else {}),
        "related": [_position_document(place) for place in problem.related],
    }


def tally(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning`."""
    counts = {severity: sum(found.severity is severity for found in problems) for severity in Severity}
    return ", ".join(counted(count, severity.value) for severity, count in counts.items() if count) or "no problems"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 error`, `2 errors`."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def _excerpt(problem: Problem) -> Iterator[Line]:
    hint = f" {problem.hint}" if problem.hint else ""
    if problem.source_line is None:
        if hint:
            yield (f"{'':{_GUTTER}} ={hint}",)
        return
    shown, offset = _window(problem.source_line, problem.at.column - 1)
    before, marked = shown[:offset], shown[offset : offset + max(problem.span, 1)]
    yield (f"{problem.at.line:{_GUTTER}} | {shown}",)
    yield (f"{'':{_GUTTER}} | {_blank(before)}", ("^" * max(cell_len(harmless(marked)), 1), "bold red"), hint)


def _window(line: str, offset: int) -> tuple[str, int]:
    """The part of a long line around `offset`, and where `offset` is in it."""
    line = line.rstrip("\r\n")
    if len(line) <= _MAX_SHOWN:
        return line, min(offset, len(line))
    start = max(0, min(offset - _MAX_SHOWN // 2, len(line) - _MAX_SHOWN))
    head, tail = "…" if start else "", "…" if start + _MAX_SHOWN < len(line) else ""
    return f"{head}{line[start : start + _MAX_SHOWN]}{tail}", min(offset, len(line)) - start + len(head)


def _blank(text: str) -> str:
    """As wide as `text`; tabs stay tabs, because only the terminal knows how wide they are."""
    return "".join("\t" if character == "\t" else " " * cell_len(harmless(character)) for character in text)


def _place(position: Position, folder: PurePath | None) -> str:
    return (
        str(position)
        if folder is None or folder == PurePath()
        else f"{folder / position.file}:{position.line}:{position.column}"
    )


def _position_document(position: Position) -> dict[str, Any]:
    return {"file": position.file, "line": position.line, "column": position.column}
