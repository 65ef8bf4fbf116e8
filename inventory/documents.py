"""A YAML document of the inventory: its data, and for everything that is wrong with it a Problem that points at the place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory.compose import Composed, Flaw, Mark, Tree
from inventory.errors import Position, Problem, Severity
from inventory.fields import Path, pointer
from inventory.schema import Finding


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds, whatever the file is called."""

    lines: tuple[str, ...] = ()
    composed: Composed = field(default_factory=Composed)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file. `is_ours_only` if the file lies where every document has to be of one of our kinds."""

    file: str
    lines: Sequence[str]
    tree: Tree
    is_ours_only: bool = True

    @property
    def data(self) -> Any:
        """The document as plain data."""
        return self.tree.data

    def origins(self) -> Mapping[str, Position]:
        """Where each value stands, by RFC 6901 pointer."""
        return {place: _position(self.file, mark) for place, mark in self.tree.values.items()}

    def position(self, path: Path = ()) -> Position:
        """Where the value at a path stands, or the nearest thing above it."""
        return _position(self.file, self._mark(path, on_key=False))

    def problem(self, finding: Finding, related: tuple[Position, ...] = ()) -> Problem:
        """A finding with its place in the file."""
        mark = self._mark(finding.path, on_key=finding.on_key)
        at = _position(self.file, mark)
        shown = _line(self.lines, mark)
        return Problem(finding.code, finding.message, at, finding.severity, finding.hint, mark.span, shown, related)

    def _mark(self, path: Path, *, on_key: bool) -> Mark:
        first, second = (self.tree.keys, self.tree.values) if on_key else (self.tree.values, self.tree.keys)
        places = (pointer(path[:length]) for length in range(len(path), 0, -1))
        marks = (first.get(place) or second.get(place) for place in places)
        return next((mark for mark in marks if mark is not None), self.tree.at)


def problem_of(file: str, flaw: Flaw, lines: Sequence[str] = ()) -> Problem:
    """A flaw of a text as a Problem of the file that holds it."""
    related = () if flaw.related is None else (_position(file, flaw.related),)
    at = _position(file, flaw.at)
    shown = _line(lines, flaw.at)
    return Problem(flaw.code, flaw.message, at, Severity.ERROR, flaw.hint, flaw.at.span, shown, related)


def _position(file: str, mark: Mark) -> Position:
    return Position(file, mark.line, mark.column)


def _line(lines: Sequence[str], mark: Mark) -> str | None:
    return lines[mark.line - 1] if mark.line <= len(lines) else None
