"""YAML 1.2 as plain data with exact positions, and nothing else of YAML: no anchors, no tags, no merge keys.

The events of ruamel.yaml's parser are put together here, so that depth and size are capped while reading and not after: ruamel's own composer
recurses without a bound, follows aliases and lets tags pass.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from inventory.codes import Code
from inventory.fields import Path, pointer
from inventory.scalars import plain_value
from inventory.words import brief

_MERGE_KEY: Final = "<<"
_NO_CHARACTER: Final = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")
_MAX_FLAWS: Final = 100  # of one file; whoever mends that many looks again anyway


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file, counted from 1, and how many characters of its line belong to it."""

    line: int = 1
    column: int = 1
    span: int = 0


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with the text of a file; `related` is an earlier place that belongs to it."""

    code: Code
    message: str
    at: Mark = Mark()
    hint: str | None = None
    related: Mark | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """One YAML document: its data, and where each value and each key stands, by RFC 6901 pointer."""

    data: Any
    at: Mark
    values: Mapping[str, Mark]
    keys: Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may ask of the parser."""

    depth: int = 32
    nodes: int = 100_000


@dataclass(frozen=True, slots=True)
class Composed:
    """What a text holds: the documents whose data are certain, and every flaw up to the one that ended the reading."""

    trees: tuple[Tree, ...] = ()
    flaws: tuple[Flaw, ...] = ()


def compose(text: str, limits: Limits) -> Composed:
    """Every document of a text without control characters but line breaks and tabs; nothing in the text makes it raise."""
    composer = _Composer(YAML(typ="safe", pure=True).parse(text), limits)
    try:
        return Composed(tuple(composer.trees()), tuple(composer.flaws))
    except MarkedYAMLError as error:
        return Composed(flaws=(*composer.flaws, _syntax_flaw(error)))
    except (ValueError, OverflowError):  # ruamel.yaml hands such an escape to chr() unchecked
        return Composed(flaws=(*composer.flaws, _escape_flaw(text)))
    except _StopReadingError as stop:
        return Composed(flaws=(*composer.flaws, stop.flaw))


class _StopReadingError(Exception):
    def __init__(self, flaw: Flaw) -> None:
        self.flaw = flaw
        super().__init__(flaw.message)


class _Composer:
    """One reading of one text. It recurses no deeper than `limits.depth`."""

    def __init__(self, events: Iterable[Event], limits: Limits) -> None:
        self.flaws: list[Flaw] = []
        self._events = iter(events)
        self._limits = limits
        self._nodes = 0
        self._values: dict[str, Mark] = {}
        self._keys: dict[str, Mark] = {}
        self._has_alias = False

    def trees(self) -> Iterator[Tree]:
        """The documents in order, without those that use an alias."""
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                self._refuse_directives(event)
                self._values, self._keys, self._has_alias = {}, {}, False
                data = self._node(next(self._events), ())
                if not self._has_alias:
                    yield Tree(data, self._values[""], self._values, self._keys)

    def _node(self, event: Event, path: Path) -> Any:
        self._count(event, len(path))
        self._values.setdefault(pointer(path), _mark(event))
        self._refuse_marks(event)
        match event:
            case ScalarEvent():
                return self._scalar(event)
            case SequenceStartEvent():
                return self._sequence(path)
            case MappingStartEvent():
                return self._mapping(path)
            case _:
                return None

    def _scalar(self, event: ScalarEvent) -> Any:
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            self._add(Code.INVISIBLE, "half a character (a surrogate) is no text", event)
        return plain_value(event.value) if event.style is None else event.value

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        for event in self._until(SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        held: dict[str, Any] = {}
        for event in self._until(MappingEndEvent):
            key = self._key(event, held, path)
            value = self._node(next(self._events), (*path, "" if key is None else key))
            if key is not None:
                held[key] = value
        return held

    def _key(self, event: Event, held: Mapping[str, Any], path: Path) -> str | None:
        """The key, or None if what stands under it is to be dropped."""
        if not isinstance(event, ScalarEvent):
            self._node(event, (*path, ""))
            self._add(Code.KEY_NOT_TEXT, "a key has to be a text", event)
            return None
        self._count(event, len(path))
        self._refuse_marks(event)
        key = self._scalar(event)
        if event.style is None and key == _MERGE_KEY:
            self._add(Code.MERGE_KEY, "merge keys are not allowed", event, "write the fields out")
            return None
        if not isinstance(key, str):
            self._add(Code.KEY_NOT_TEXT, "a key has to be a text", event, "put it in quotes")
            return None
        return self._new_key(key, event, held, path)

    def _new_key(self, key: str, event: Event, held: Mapping[str, Any], path: Path) -> str | None:
        place = pointer((*path, key))
        if key in held:
            first = self._keys[place]
            self.flaws.append(Flaw(Code.DUPLICATE_KEY, f"duplicate key {brief(key)}", _mark(event), None, first))
            return None
        self._keys[place] = _mark(event)
        return key

    def _until(self, end: type[Event]) -> Iterator[Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _count(self, event: Event, depth: int) -> None:
        self._nodes += 1
        if depth > self._limits.depth:
            message = f"nested deeper than {self._limits.depth} levels"
            raise _StopReadingError(Flaw(Code.TOO_COMPLEX, message, _mark(event)))
        if self._nodes > self._limits.nodes:
            message = f"more than {self._limits.nodes} values in one file"
            raise _StopReadingError(Flaw(Code.TOO_COMPLEX, message, _mark(event)))
        if len(self.flaws) >= _MAX_FLAWS:
            message = f"more than {_MAX_FLAWS} problems in this file; the rest is not read"
            raise _StopReadingError(Flaw(Code.TOO_MANY, message, _mark(event)))

    def _refuse_marks(self, event: Event) -> None:
        if isinstance(event, AliasEvent):
            self._has_alias = True
            self._add(Code.ANCHOR, f"alias {brief('*' + event.anchor)} is not allowed", event, "write the value out")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            self._add(
                Code.ANCHOR,
                f"anchor {brief('&' + event.anchor)} is not allowed",
                event,
                "write the value where it is used",
            )
        tag = getattr(event, "ctag", None)
        if tag is not None:
            self._add(Code.TAG, f"tag {brief(str(tag))} is not allowed", event, "remove it: the field knows its type")

    def _refuse_directives(self, event: DocumentStartEvent) -> None:
        if event.version is not None or event.tags:
            self._add(
                Code.DIRECTIVE,
                "directives above this line are not allowed",
                event,
                "remove it: inventories are YAML 1.2",
            )

    def _add(self, code: Code, message: str, event: Event, hint: str | None = None) -> None:
        self.flaws.append(Flaw(code, message, _mark(event), hint))


def _mark(event: Event) -> Mark:
    start, end = event.start_mark, event.end_mark
    span = end.column - start.column if end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, span)


def _syntax_flaw(error: MarkedYAMLError) -> Flaw:
    mark = error.problem_mark or error.context_mark
    at = Mark(mark.line + 1, mark.column + 1, 1)
    problem = error.problem or error.context
    if "'\\t'" in problem:
        return Flaw(Code.TAB, "a tab where YAML allows spaces only", at, "replace tabs by spaces")
    context = f", {error.context}" if error.context and error.problem else ""
    return Flaw(Code.SYNTAX, f"not valid YAML: {problem}{context}", at)


def _escape_flaw(text: str) -> Flaw:
    found = _NO_CHARACTER.search(text)
    start = found.start() if found else 0
    at = Mark(text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), 10)
    return Flaw(Code.SYNTAX, "not valid YAML: an escape that names no character", at)
