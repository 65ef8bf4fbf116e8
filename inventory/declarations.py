"""One manifest of a file: what it declares, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from inventory import kinds, names
from inventory.codes import Code
from inventory.documents import Document
from inventory.errors import Problem
from inventory.fields import Type
from inventory.model import Binding, Guards, Policy
from inventory.schema import Finding, Reader, Unknown
from inventory.words import brief, meant

_HINT_FOR_SECRETS: Final = (
    "an inventory names Secrets and never holds them; remove it, and consider what it holds disclosed"
)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A manifest of one of our kinds. `value` is None while something is wrong with it; what can be read of it still counts across files."""

    kind: str
    document: Document
    value: Binding | Policy | None

    def text(self, *path: str) -> str | None:
        """The text at a path of the manifest, if there is one."""
        found: object = self.document.data
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found if isinstance(found, str) else None

    @property
    def name(self) -> str | None:
        """`metadata.name`, if it is a text."""
        return self.text("metadata", "name")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `ocean.yaml` says."""

    id: str | None = None
    guards: Guards = field(default_factory=Guards)


def declaration_of(document: Document) -> tuple[Declaration | None, list[Problem]]:
    """The declaration of a document, or None if it is of another kind; and its problems."""
    finding = _kind_finding(document)
    if finding is not None:
        return None, [document.problem(finding)]
    if not _is_of_our_group(document.data):
        return None, []
    kind = kinds.KINDS[document.data["kind"]]
    value, problems = _read(kind.document, document)
    return Declaration(kind.name, document, value), problems


def settings_of(documents: list[Document]) -> tuple[Settings, list[Problem]]:
    """The settings that the documents of `ocean.yaml` hold; there should be one or none."""
    if not documents:
        return Settings(), []
    first, *others = documents
    value, problems = _read(kinds.SETTINGS, first)
    message = "a second document; settings are one"
    problems.extend(other.problem(Finding(Code.INVALID_VALUE, (), message)) for other in others)
    given = value or {}
    return Settings(given.get("inventory", {}).get("id"), given.get("guards", Guards())), problems


def _read(type_: Type, document: Document) -> tuple[Any, list[Problem]]:
    reader = Reader(Unknown.REFUSED)
    value = reader.read(type_, document.data)
    return value if reader.is_valid() else None, [document.problem(finding) for finding in reader.findings]


def _is_of_our_group(data: object) -> bool:
    group = data.get("apiVersion") if isinstance(data, Mapping) else None
    return isinstance(group, str) and group.startswith(f"{names.GROUP}/")


def _kind_finding(document: Document) -> Finding | None:
    """Why a document is not of one of our kinds, where it has to be."""
    data = document.data
    if _is_of_our_group(data):
        return None if data.get("kind") in kinds.KINDS else _wrong_kind(data.get("kind"))
    if not document.is_ours_only:
        return None
    if not isinstance(data, Mapping):
        return Finding(Code.WRONG_TYPE, (), "expected a manifest, found something else")
    if "apiVersion" not in data:
        return Finding(Code.MISSING, (), "'apiVersion' is missing", f"write apiVersion: {names.API_VERSION}")
    message = f"{brief(str(data['apiVersion']))} is not {names.API_VERSION}; only its kinds belong here"
    hint = _HINT_FOR_SECRETS if data.get("kind") == "Secret" else "move it out, or exclude it in .oceanignore"
    return Finding(Code.UNKNOWN_KIND, ("apiVersion",), message, hint)


def _wrong_kind(kind: object) -> Finding:
    if kind is None:
        return Finding(Code.MISSING, (), "'kind' is missing", f"write one of {', '.join(kinds.KINDS)}")
    hint = meant(str(kind), kinds.KINDS) or f"write one of {', '.join(kinds.KINDS)}"
    return Finding(Code.UNKNOWN_KIND, ("kind",), f"{brief(str(kind))} is not a kind of an inventory", hint)
