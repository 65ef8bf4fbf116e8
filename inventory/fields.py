"""The vocabulary in which kinds.py describes what a manifest may hold."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from inventory.codes import Code
from inventory.errors import Severity

Path = tuple[str | int, ...]
"""Keys and indexes from the root of a manifest to a value."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a value that has the right shape; `path` leads on from that value."""

    message: str
    hint: str | None = None
    path: Path = ()
    code: Code = Code.INVALID_VALUE
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Text:
    """A string. `pattern` covers all of it, in what Go's and Python's regular expressions share; `says` tells a person what it asks for.

    `parse` makes the model's value and may raise InvalidValueError; `show` is its inverse.
    """

    says: str = "text"
    pattern: str | None = None
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    parse: Callable[[str], Any] = str
    show: Callable[[Any], str] = str


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `minimum` to `maximum`, both included; `parse` and `show` as for Text."""

    minimum: int
    maximum: int
    parse: Callable[[int], Any] = int
    show: Callable[[Any], int] = int


@dataclass(frozen=True, slots=True)
class Amount:
    """A Kubernetes quantity that is not negative; the model has milli-units."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; the model has a tuple. `unique` names the field of its items of which no two may be the same."""

    item: "Type"
    unique: str | None = None
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping from keys of one type of text to values of another."""

    key: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a Block. `attribute` is the argument of the Block's `make`."""

    type: "Type"
    attribute: str
    required: bool = False


def _no_complaints(_: Any) -> Iterable[Complaint]:
    return ()


@dataclass(frozen=True, slots=True)
class Block:
    """A mapping with known keys. `make` builds the model's value of the fields that are given, `check` then looks at it as a whole.

    In a file, keys in `ignored` do no harm and have no effect, each for a reason; keys in `later` are known and not supported yet, each with what to write
    instead.
    """

    fields: Mapping[str, Field]
    make: Callable[..., Any]
    check: Callable[[Any], Iterable[Complaint]] = _no_complaints
    ignored: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    later: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


Type = Text | Flag | Whole | Amount | ListOf | MapOf | Block


def shown(path: Path) -> str:
    """A path as people write it: `spec.timeWindows[0].end`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def pointer(path: Path) -> str:
    """A path as an RFC 6901 pointer: `/spec/timeWindows/0/end`. Thousands of manifests share their paths, so one text serves all."""
    return sys.intern("".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path))
