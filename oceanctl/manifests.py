"""Documents of Kubernetes objects, JSON or YAML 1.1 as kubectl writes them, that know where each value stands."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import yaml

from inventory.codes import Code
from inventory.errors import Position, Problem

Path = tuple[str | int, ...]

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML has its library
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_LIST: Final = "List"


class FlawError(Exception):
    """What ends the reading of a file."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


@dataclass(frozen=True, slots=True)
class Document:
    """One document. Of JSON the places are found only when somebody asks: `tree` is None until then."""

    file: str
    text: str = ""
    data: Any = None
    tree: Any = None
    start: Position = field(default_factory=lambda: Position(""))

    @staticmethod
    def empty(file: str) -> "Document":
        """Stands for a file as a whole."""
        return Document(file, start=Position(file))

    def position(self, path: Path = ()) -> Position:
        """Where the value at a path stands, or the nearest thing above it."""
        tree = self.tree or _tree_of_json(self)
        if tree is None:
            return self.start
        mark = _nearest(tree, path).start_mark
        return Position(self.file, mark.line + 1, mark.column + 1)

    def problem(
        self, code: Code, message: str, path: Path = (), *, hint: str | None = None, related: tuple[Position, ...] = ()
    ) -> Problem:
        """What is wrong with the value at a path."""
        at = self.position(path)
        return Problem(code, message, at, hint=hint, source_line=_line(self.text, at.line), related=related)


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """One Kubernetes object and its place in a document."""

    document: Document
    path: Path
    kind: str
    data: Mapping[str, Any]

    def position(self) -> Position:
        """Where it begins."""
        return self.document.position(self.path)

    def problem(
        self, code: Code, message: str, path: Path = (), *, hint: str | None = None, related: tuple[Position, ...] = ()
    ) -> Problem:
        """What is wrong with the value at a path of this object."""
        return self.document.problem(code, message, (*self.path, *path), hint=hint, related=related)

    def problem_from(self, error: msgspec.ValidationError) -> Problem:
        """The same in msgspec's words, which end in the path of the value: `… - at `$.status.capacity[...]``."""
        complaint, _, place = str(error).partition(" - at `")
        steps = (name or int(index) for name, index in _STEP.findall(place.rstrip("`")))
        told = complaint.replace("`", "").lower()
        hint = "put it in quotes" if told.startswith("expected str, got") else None
        return self.problem(Code.WRONG_TYPE, told, tuple(steps), hint=hint)


def documents_of(file: str, text: str) -> Iterator[Document]:
    """The documents of a file that hold anything.

    Raises FlawError where the text is neither JSON nor YAML.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield from list(_json_documents(file, text))
        except json.JSONDecodeError:
            pass  # a mapping of YAML may begin with a brace, too; what is neither is told by the YAML parser
        else:
            return
    yield from _yaml_documents(file, text)


def objects_in(document: Document) -> Iterator[Object]:
    """The objects of a document, those of its lists among them; raises FlawError where there is something else."""
    data = document.data
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str):
        raise FlawError(document.problem(Code.MISSING, "not an object of Kubernetes: it has no kind"))
    if not kind.endswith(_LIST):
        yield Object(document, (), kind, data)
        return
    items = data.get("items") or ()
    for index, item in enumerate(items):
        path = ("items", index)
        if not isinstance(item, dict):
            raise FlawError(document.problem(Code.WRONG_TYPE, "not an object of Kubernetes", path))
        yield Object(document, path, str(item.get("kind") or kind.removesuffix(_LIST)), item)


def _json_documents(file: str, text: str) -> Iterator[Document]:
    decoder, at = json.JSONDecoder(), 0
    while (at := _next_value(text, at)) < len(text):
        data, end = decoder.raw_decode(text, at)
        start = Position(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        yield Document(file, text, data, start=start)
        at = end


def _next_value(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _yaml_documents(file: str, text: str) -> Iterator[Document]:
    loader = _LOADER(text)
    try:
        while loader.check_node():
            tree = loader.get_node()
            data = loader.construct_document(tree)
            if data is not None:
                yield Document(file, text, data, tree, Position(file))
    except yaml.MarkedYAMLError as error:
        raise FlawError(_syntax_problem(file, text, error)) from error
    except yaml.YAMLError as error:
        raise FlawError(Problem(Code.SYNTAX, f"not valid YAML: {error}", Position(file))) from error
    finally:
        loader.dispose()


def _syntax_problem(file: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    at = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
    return Problem(Code.SYNTAX, f"not valid YAML: {error.problem}", at, source_line=_line(text, at.line))


def _tree_of_json(document: Document) -> Any:
    """One JSON document is YAML, but for what its strings may escape; where that fails, the place is that of the document."""
    try:
        return yaml.compose(document.text, Loader=_LOADER)
    except yaml.YAMLError:
        return None


def _nearest(tree: Any, path: Path) -> Any:
    for step in path:
        inner = _child(tree, step)
        if inner is None:
            break
        tree = inner
    return tree


def _child(tree: Any, step: str | int) -> Any:
    if isinstance(tree, yaml.MappingNode):
        return next((value for key, value in tree.value if key.value == step), None)
    if isinstance(tree, yaml.SequenceNode) and isinstance(step, int) and step < len(tree.value):
        return tree.value[step]
    return None


def _line(text: str, number: int) -> str | None:
    lines = text.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else None
