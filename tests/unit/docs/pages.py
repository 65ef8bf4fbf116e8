"""What a page of the documentation shows: fenced blocks by chapter, and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CHAPTER = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, and the chapter it stands in."""

    chapter: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block and what it prints, if that is shown; `…` at the end stands for more."""

    chapter: str
    line: str
    output: str


def blocks_of(page: str) -> tuple[Block, ...]:
    """The blocks of a page of docs/, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    titles = [(found.start(), found["title"]) for found in _CHAPTER.finditer(text)]
    return tuple(
        Block([title for at, title in titles if at < found.start()][-1], found["language"], found["text"])
        for found in _BLOCK.finditer(text)
    )


def commands_of(page: str) -> Iterator[Command]:
    """Every line of its console blocks that begins with a prompt."""
    for block in blocks_of(page):
        if block.language == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                yield Command(block.chapter, line, output)


def table_of(page: str, *header: str) -> list[tuple[str, ...]]:
    """The rows of all tables with this header, without backquotes."""
    rows: list[tuple[str, ...]] = []
    is_wanted = False
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        cells = tuple(cell.strip().strip("`") for cell in line.strip("|").split("|")) if line.startswith("|") else ()
        if not cells or cells == header:
            is_wanted = cells == header
        elif is_wanted and set(cells[0]) != {"-"}:
            rows.append(cells)
    return rows
