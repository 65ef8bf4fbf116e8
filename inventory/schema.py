"""Reads a manifest by the tables of kinds.py: the model's value if it is valid, and in any case everything that is wrong with it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, Final, assert_never

from inventory import quantity
from inventory.codes import Code
from inventory.errors import InvalidValueError, Severity
from inventory.fields import Amount, Block, Complaint, Field, Flag, ListOf, MapOf, Path, Text, Type, Whole, shown
from inventory.words import brief, meant

_YAML_1_1_FLAGS: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, at a path of the manifest; `on_key` if the key is to blame and not its value."""

    code: Code
    path: Path
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR
    on_key: bool = False


class Unknown(Enum):
    """What to make of keys that the tables do not know."""

    REFUSED = "in a file they are mistakes"
    TOLERATED = "in a live object they are a newer version's"


class _Invalid(Enum):
    VALUE = 0


_INVALID: Final = _Invalid.VALUE


@dataclass(slots=True)
class Reader:
    """One pass over one manifest; `findings` grow as it reads."""

    unknown: Unknown
    findings: list[Finding] = field(default_factory=list)

    def read(self, type_: Type, value: object, path: Path = ()) -> Any:
        """The model's value, or something meaningless once there are findings of severity ERROR."""
        match type_:
            case Text():
                read = self._text(type_, value, path)
            case Flag():
                read = self._flag(value, path)
            case Whole():
                read = self._whole(type_, value, path)
            case Amount():
                read = self._amount(value, path)
            case ListOf():
                read = self._list(type_, value, path)
            case MapOf():
                read = self._map(type_, value, path)
            case Block():
                read = self._block(type_, value, path)
            case _:
                assert_never(type_)
        return read

    def is_valid(self) -> bool:
        """Whether nothing of severity ERROR was found so far."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)

    def _text(self, type_: Text, value: object, path: Path) -> Any:
        if not isinstance(value, str):
            hint = "put it in quotes" if isinstance(value, bool | int | float) else None
            return self._wrong_type(type_.says, value, path, hint)
        parsed = self._parsed(type_.parse, value, path)
        if parsed is _INVALID:
            return _INVALID
        if type_.choices and value not in type_.choices:
            return self._invalid(path, f"{brief(value)} is not {_one_of(type_.choices)}", meant(value, type_.choices))
        if type_.pattern is not None and not _compiled(type_.pattern).fullmatch(value):
            return self._invalid(path, f"{brief(value)} is not {type_.says}")
        if type_.max_length is not None and len(value) > type_.max_length:
            return self._invalid(path, f"{len(value)} characters are too many", f"use at most {type_.max_length}")
        return parsed

    def _flag(self, value: object, path: Path) -> Any:
        if isinstance(value, bool):
            return value
        meant = _YAML_1_1_FLAGS.get(value.lower()) if isinstance(value, str) else None
        return self._wrong_type("true or false", value, path, f"write {meant}" if meant else None)

    def _whole(self, type_: Whole, value: object, path: Path) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            is_digits = isinstance(value, str) and value.lstrip("-").isdecimal()
            return self._wrong_type("a whole number", value, path, "write it without quotes" if is_digits else None)
        if not type_.minimum <= value <= type_.maximum:
            return self._invalid(path, f"{value} is not from {type_.minimum} to {type_.maximum}")
        return type_.parse(value)

    def _amount(self, value: object, path: Path) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return self._wrong_type("a quantity", value, path)
        parsed = self._parsed(quantity.parse, value, path)
        if parsed is not _INVALID and parsed < 0:
            return self._invalid(path, f"{value!r} is negative", "write 0 to lend none")
        return parsed

    def _parsed(self, parse: Callable[[Any], Any], value: object, path: Path) -> Any:
        try:
            return parse(value)
        except InvalidValueError as error:
            return self._invalid(path, error.message, error.hint)

    def _list(self, type_: ListOf, value: object, path: Path) -> Any:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            return self._wrong_type("a list", value, path)
        if type_.max_items is not None and len(value) > type_.max_items:
            self._invalid(path, f"{len(value)} entries are too many", f"use at most {type_.max_items}")
        if type_.unique is not None:
            self._find_duplicates(value, type_.unique, path)
        return tuple(self.read(type_.item, item, (*path, index)) for index, item in enumerate(value))

    def _find_duplicates(self, items: Sequence[object], key: str, path: Path) -> None:
        first: dict[object, int] = {}
        for index, item in enumerate(items):
            name = item.get(key) if isinstance(item, Mapping) else None
            if isinstance(name, str) and first.setdefault(name, index) != index:
                message = f"{key} {brief(name)} is there already, in {shown((*path, first[name]))}"
                self.findings.append(Finding(Code.DUPLICATE_ENTRY, (*path, index, key), message, "keep one of the two"))

    def _map(self, type_: MapOf, value: object, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._wrong_type("a mapping", value, path)
        for key, text in value.items():
            self._text(type_.key, key, (*path, key))
            self._text(type_.value, text, (*path, key))
        return value

    def _block(self, type_: Block, value: object, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._wrong_type("a mapping", value, path)
        before = len(self.findings)
        for key in value:
            self._check_key(type_, key, path)
        arguments = self._arguments(type_.fields, value, path)
        if any(finding.severity is Severity.ERROR for finding in self.findings[before:]):
            return _INVALID
        made = type_.make(**arguments)
        self.findings.extend(_finding(complaint, path) for complaint in type_.check(made))
        return made

    def _arguments(self, fields: Mapping[str, Field], value: Mapping[str, object], path: Path) -> dict[str, Any]:
        arguments = {}
        for key, known in fields.items():
            if key in value:
                arguments[known.attribute] = self.read(known.type, value[key], (*path, key))
            elif known.required:
                self.findings.append(Finding(Code.MISSING, path, f"'{key}' is missing", on_key=True))
        return arguments

    def _check_key(self, type_: Block, key: str, path: Path) -> None:
        if key in type_.fields or self.unknown is Unknown.TOLERATED:
            return
        where = f" in {shown(path)}" if path else ""
        code, message, severity = Code.UNKNOWN_KEY, f"unknown key {brief(key)}{where}", Severity.ERROR
        hint = type_.ignored.get(key) or type_.later.get(key) or meant(key, type_.fields)
        if key in type_.ignored:
            code, message, severity = Code.IGNORED_KEY, f"'{key}'{where} is ignored", Severity.WARNING
        elif key in type_.later:
            code, message = Code.NOT_SUPPORTED, f"'{key}'{where} is not supported yet"
        self.findings.append(Finding(code, (*path, key), message, hint, severity, on_key=True))

    def _wrong_type(self, expected: str, value: object, path: Path, hint: str | None = None) -> Any:
        if value is None:
            message, hint = f"expected {expected}, found nothing", "give it a value, or remove the key"
        else:
            message = f"expected {expected}, found {_described(value)}"
        self.findings.append(Finding(Code.WRONG_TYPE, path, message, hint))
        return _INVALID

    def _invalid(self, path: Path, message: str, hint: str | None = None) -> Any:
        self.findings.append(Finding(Code.INVALID_VALUE, path, message, hint))
        return _INVALID


def _finding(complaint: Complaint, path: Path) -> Finding:
    whole = (*path, *complaint.path)
    return Finding(complaint.code, whole, complaint.message, complaint.hint, complaint.severity)


def _described(value: object) -> str:
    match value:
        case Mapping():
            return "a mapping"
        case str():
            return f"the text {brief(value)}"
        case Sequence():
            return "a list"
        case bool():
            return "true" if value else "false"
        case _:
            return f"the number {value}"


def _one_of(choices: Sequence[str]) -> str:
    return repr(choices[0]) if len(choices) == 1 else f"one of {', '.join(choices)}"


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
