"""From blobs to documents: reads the files that make an inventory, within bounds, and finds what is wrong with them as files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from inventory import names
from inventory.blobs import Blob, BlobKind
from inventory.cache import TextCache
from inventory.codes import Code
from inventory.compose import Composed, Flaw, Limits, compose
from inventory.documents import Content, Document, problem_of
from inventory.errors import Problem
from inventory.ignore import IgnoreRules, rules_from
from inventory.roles import IGNORE_FILE, SETTINGS_FILE, Role, is_hidden, role_of
from inventory.texts import key_material_in, text_of

_OUR_GROUP: Final = re.compile(
    rf"^[ \t-]*[\"']?apiVersion[\"']?[ \t]*:[ \t]*[\"']?{re.escape(names.GROUP)}/", re.MULTILINE
)
_EMPTY: Final = Flaw(Code.EMPTY_FILE, "the file is empty", hint="remove it, or write what belongs into it")


@dataclass(frozen=True, slots=True)
class Caps:
    """How much an inventory may hold; beyond it there is a Problem instead of a long reading."""

    entries: int = 200_000
    patterns: int = 1000
    files: int = 20_000
    file_bytes: int = 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class Files:
    """What the files hold, and everything that is wrong with them as files."""

    settings: list[Document] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_files(blobs: Iterable[Blob], cache: TextCache, caps: Caps) -> Files:
    """The documents of an inventory, in the order of their files. A blob that the cache knows is not read again."""
    reading = _Reading(cache, caps)
    entries = sorted(islice(blobs, caps.entries + 1), key=lambda entry: entry.path)
    if len(entries) > caps.entries:
        reading.refuse(entries[-1], Flaw(Code.TOO_MANY, f"more than {caps.entries} entries in the tree"))
        return reading.files
    rules = reading.ignore_rules(entries)
    for blob in entries:
        if not is_hidden(blob.path) and not rules.ignores(blob.path) and not reading.is_over:
            reading.take(blob)
    return reading.files


def content_of(data: bytes, limits: Limits, *, is_ours_only: bool) -> Content:
    """What the bytes of a file say. Of a file that holds a key or characters that nobody sees, no line is kept."""
    text = text_of(data)
    if isinstance(text, Flaw):
        return Content(composed=Composed(flaws=(text,)))
    if not is_ours_only and not _OUR_GROUP.search(text):
        return Content()
    composed = compose(text, limits)
    filled = tuple(tree for tree in composed.trees if tree.data is not None)
    flaws = composed.flaws if filled or composed.flaws else (_EMPTY,)
    return Content(tuple(text.splitlines()), Composed(filled, flaws))


@dataclass(slots=True)
class _Reading:
    """One pass over a tree; `is_over` once a cap on the whole is exceeded."""

    cache: TextCache
    caps: Caps
    files: Files = field(default_factory=Files)
    is_over: bool = False
    _count: int = 0
    _bytes: int = 0

    def refuse(self, blob: Blob, flaw: Flaw) -> None:
        """Record what is wrong with a file as a whole."""
        self.files.problems.append(problem_of(blob.path, flaw))

    def ignore_rules(self, entries: Iterable[Blob]) -> IgnoreRules:
        """The rules of `.oceanignore`, if there is one that can be read."""
        blob = next((entry for entry in entries if entry.path == IGNORE_FILE), None)
        if blob is None or not self._is_plain(blob) or not self._is_small(blob, blob.size):
            return IgnoreRules()
        data = self._whole(blob)
        text = text_of(data) if data is not None else ""
        if isinstance(text, Flaw):
            self.refuse(blob, text)
            return IgnoreRules()
        rules = rules_from(text.splitlines())
        if len(rules.patterns) > self.caps.patterns:
            self.refuse(blob, Flaw(Code.TOO_MANY, f"more than {self.caps.patterns} patterns"))
            return IgnoreRules()
        return rules

    def take(self, blob: Blob) -> None:
        """Read one entry according to its role."""
        role = role_of(blob.path)
        if not self._is_plain(blob) or role is Role.NOTHING:
            return
        if role is Role.LATER:
            hint = "write one manifest per cluster below bindings/ and policies/"
            self.refuse(blob, Flaw(Code.NOT_SUPPORTED, "groups and variables are not supported yet", hint=hint))
        elif role is Role.LIKE_A_KEY:
            self._look_for_keys(blob)
        elif self._is_small(blob, blob.size) and self._has_room(blob):
            self._take_yaml(blob, is_ours_only=role is not Role.OTHER_YAML)

    def _is_plain(self, blob: Blob) -> bool:
        if blob.kind is BlobKind.FILE:
            return True
        hint = "put the files themselves here, or exclude the name in .oceanignore"
        self.refuse(blob, Flaw(Code.NOT_A_FILE, f"a {blob.kind.value} is not followed", hint=hint))
        return False

    def _is_small(self, blob: Blob, size: int) -> bool:
        if size <= self.caps.file_bytes:
            return True
        message = f"larger than the {self.caps.file_bytes} bytes that a file may have"
        self.refuse(blob, Flaw(Code.TOO_LARGE, message, hint="split it, or exclude it in .oceanignore"))
        return False

    def _has_room(self, blob: Blob) -> bool:
        self._count += 1
        self._bytes += blob.size
        self.is_over = self._count > self.caps.files or self._bytes > self.caps.total_bytes
        if self.is_over:
            message = f"more than {self.caps.files} files or {self.caps.total_bytes} bytes; the rest is not read"
            self.refuse(blob, Flaw(Code.TOO_MANY, message, hint="split the inventory"))
        return not self.is_over

    def _take_yaml(self, blob: Blob, *, is_ours_only: bool) -> None:
        content = self._content(blob, is_ours_only=is_ours_only)
        self.files.problems.extend(problem_of(blob.path, flaw, content.lines) for flaw in content.composed.flaws)
        documents = [Document(blob.path, content.lines, tree, is_ours_only) for tree in content.composed.trees]
        (self.files.settings if blob.path == SETTINGS_FILE else self.files.documents).extend(documents)

    def _content(self, blob: Blob, *, is_ours_only: bool) -> Content:
        known = None if blob.id is None else self.cache.get(blob.id, is_ours_only=is_ours_only)
        if known is not None:
            return known
        data = self._whole(blob)
        if data is None:
            return Content()
        content = content_of(data, self.caps.limits, is_ours_only=is_ours_only)
        if blob.id is not None:
            self.cache.put(blob.id, content, len(data), is_ours_only=is_ours_only)
        return content

    def _look_for_keys(self, blob: Blob) -> None:
        """No key is larger than a file may be, and larger blobs of a mirror are not there."""
        data = self._read(blob) if blob.size <= self.caps.file_bytes else None
        flaw = None if data is None else key_material_in(data.decode("utf-8", "replace"))
        if flaw is not None:
            self.refuse(blob, flaw)

    def _whole(self, blob: Blob) -> bytes | None:
        """All of a small file; its size is asked again, because a folder may change while it is read."""
        data = self._read(blob)
        return data if data is not None and self._is_small(blob, len(data)) else None

    def _read(self, blob: Blob) -> bytes | None:
        try:
            return blob.read(self.caps.file_bytes + 1)
        except OSError as error:
            self.refuse(blob, Flaw(Code.UNREADABLE, f"cannot be read: {error.strerror or error}"))
            return None
