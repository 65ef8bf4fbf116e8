"""Columns for a terminal: aligned, two spaces apart, never cut, so that every name can be copied."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len

from oceanctl.output import Line, Part, harmless, plain

_GAP: Final = "  "


def columns(header: Sequence[str], rows: Sequence[Sequence[Part]]) -> Iterator[Line]:
    """A heading and rows below it; empty cells show as `-`."""
    shown = [[_or_dash(cell) for cell in row] for row in rows]
    table: list[Sequence[Part]] = [[(title, "bold") for title in header], *shown]
    widths = [max(_width(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        yield _line(row, widths)


def _line(row: Sequence[Part], widths: Sequence[int]) -> Line:
    parts: list[Part] = []
    for cell, width in zip(row[:-1], widths[:-1], strict=True):
        parts += [cell, " " * (width - _width(cell)) + _GAP]
    return (*parts, row[-1])  # nothing behind the last column: no trailing spaces


def _width(cell: Part) -> int:
    return cell_len(harmless(plain((cell,))))


def _or_dash(cell: Part) -> Part:
    return cell if plain((cell,)) else "-"
