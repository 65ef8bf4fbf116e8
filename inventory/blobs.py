"""The files of an inventory before anything is known of them: from a folder here, from Git objects in git.py."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path


class BlobKind(StrEnum):
    """What stands at a path; only files are read."""

    FILE = "file"
    SYMLINK = "symbolic link"
    SUBMODULE = "submodule"
    OTHER = "special file"


@dataclass(frozen=True, slots=True)
class Blob:
    """One entry of a tree. `path` is relative to the inventory's root, with slashes; `id` is the Git blob's, None where there is none to cache by.

    `read` returns the content, cut off after the number of bytes it is given; it raises OSError.
    """

    path: str
    kind: BlobKind
    size: int
    read: Callable[[int], bytes]
    id: str | None = None


def blobs_in(root: Path) -> Iterator[Blob]:
    """The entries below a folder, sorted, without what lies in folders whose names begin with a dot; links are not followed."""
    for folder, folders, files in os.walk(root, onerror=_raise):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in linked)
        for name in sorted((*files, *linked)):
            yield _blob(root, Path(folder) / name)


def _raise(error: OSError) -> None:
    raise error


def _blob(root: Path, path: Path) -> Blob:
    state = path.lstat()
    name = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "replace")
    return Blob(name, _kind(state.st_mode), state.st_size, partial(_read, path))


def _kind(mode: int) -> BlobKind:
    if stat.S_ISLNK(mode):
        return BlobKind.SYMLINK
    return BlobKind.FILE if stat.S_ISREG(mode) else BlobKind.OTHER


def _read(path: Path, limit: int) -> bytes:
    """The content, unless a link or a pipe has taken the file's place since it was listed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit)
