"""A safe mirror of an inventory's repository: the only module that knows what git keeps.

GitError                 the repository cannot be read
├── UnreachableError     no answer in time, or a refusal: try again later, and keep what was read last
├── MissingBranchError   the server answers and has no such branch; that never means an empty inventory
├── MissingFolderError   the commit has no such folder; likewise
└── DamagedMirrorError   the local copy cannot be read; it is thrown away, and the next fetch makes a new one

What writes or speaks to a server runs `git` itself, with fixed arguments and an environment of our own; GitPython reads objects, in one thread and
within one `with`. The reasons are in docs/decisions/.
"""

import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import git
from git.exc import GitError as GitPythonError
from git.objects.base import IndexObject

from inventory.blobs import Blob, BlobKind
from inventory.errors import OceanError
from inventory.gitprocess import Outcome, Turn, locked
from inventory.gitremote import (
    Remote,
    environment_for,
    fixed_settings,
    prepare_home,
    protocol_of,
    reading_environment,
    refuse_misleading_environment,
)

_REF: Final = "refs/ocean/head"  # where the fetched branch is kept; there are no others
_FILTER: Final = "--filter=blob:limit=1048577"  # leaves out what is larger than the 1 MiB that a file may have
_LEFT_OUT: Final = 2**31  # stands for the size of a blob that was left out: unknown, and too large
_CONFIG: Final = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_FILE_MODES: Final = frozenset({0o100644, 0o100755})
_MAX_TREES: Final = 100_000  # folders in one commit; a few small objects can describe any number of them
_NO_SUCH_REF: Final = 2  # exit status of ls-remote --exit-code
_LONGEST_LINE: Final = 200  # characters of a commit's subject and of its author
_UNREADABLE: Final = (
    GitPythonError,
    ValueError,
    OSError,
)  # what GitPython raises for objects that are not as they should be


class GitError(OceanError):
    """The repository cannot be read."""


class UnreachableError(GitError):
    """The server does not answer, or refuses."""


class MissingBranchError(GitError):
    """The repository has no such branch."""


class MissingFolderError(GitError):
    """The commit has no such folder."""


class DamagedMirrorError(GitError):
    """The local copy cannot be read."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The head of the branch. `subject` and `author` are one line each, in anybody's words."""

    commit: str
    subject: str
    author: str
    committed_at: datetime


class Mirror:
    """A bare copy of one branch with its whole history, in a folder of its own that may be lost at any time.

    Synchronous, for one thread at a time; processes that share the folder take turns. Raises RefusedRemoteError for a remote that must not be used.
    """

    def __init__(self, folder: Path, remote: Remote, timeout: timedelta) -> None:
        refuse_misleading_environment()
        self._options = fixed_settings(protocol_of(remote), remote)
        self._folder = folder
        self._repository = folder / "repository.git"
        self._remote = remote
        self._timeout = timeout

    def fetch(self) -> Fetched:
        """Bring the branch up to date, however its history may have changed, and tell its head."""
        with self._turn() as turn:
            self._prepare(turn)
            if self._head_at_server(turn) != self._head():
                self._update(turn)
        with self._objects() as repo:
            return _fetched(repo)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` grew out of `older`; a commit that the mirror does not have is nobody's ancestor."""
        with self._turn() as turn:
            outcome = turn.run("merge-base", "--is-ancestor", _commit(older), _commit(newer))
        if outcome.code is None:
            raise UnreachableError("git did not answer in time")
        return outcome.code == 0

    @contextmanager
    def blobs(self, commit: str, folder: str = "") -> Iterator[Iterable[Blob]]:
        """The entries of a commit below a folder, without those in folders whose names begin with a dot; to be read within the context."""
        with self._objects() as repo:
            yield _entries(_tree(repo, _commit(commit), folder))

    @contextmanager
    def _turn(self) -> Iterator[Turn]:
        deadline = time.monotonic() + self._timeout.total_seconds()
        home, repository = self._folder / "home", self._repository
        try:
            repository.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(self._folder / "lock", deadline) as lock:
                prepare_home(home)
                environment = environment_for(self._remote, home, repository)
                yield Turn(repository, self._options, environment, deadline, lock)
        except TimeoutError as error:
            raise UnreachableError("another process is using the mirror") from error
        except OSError as error:
            raise GitError(f"git or the mirror's folder cannot be used: {error}") from error

    def _prepare(self, turn: Turn) -> None:
        """Make the repository, and mend what a killed process left behind: nobody else is at it now."""
        for leftover in self._repository.rglob("*.lock"):
            leftover.unlink()
        made = turn.run("init", "--bare", "--quiet", "--template=")  # changes nothing of a repository that is whole
        if made.code != 0:
            self._discard()
            raise DamagedMirrorError(f"the mirror cannot be made: {made.complaint}")
        self._forget_server()

    def _head_at_server(self, turn: Turn) -> str:
        outcome = turn.run("ls-remote", "--exit-code", "--quiet", "origin", self._remote.ref)
        if outcome.code == _NO_SUCH_REF:
            raise MissingBranchError(f"the repository has no branch {self._remote.branch!r}")
        _demand(outcome, "the repository cannot be reached")
        return outcome.output.partition("\t")[0]

    def _update(self, turn: Turn) -> None:
        refspec = f"+{self._remote.ref}:{_REF}"
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", _FILTER)
        outcome = turn.run("fetch", *options, "origin", refspec)
        self._forget_server()
        if outcome.code not in (0, None) and not self._is_sound(turn):
            self._discard()
            raise DamagedMirrorError(f"the mirror is damaged and will be made anew: {outcome.complaint}")
        _demand(outcome, "the branch cannot be fetched")

    def _forget_server(self) -> None:
        """Undo what a filtered fetch writes into the configuration: with it, git dies of an object that was left out instead of calling it missing."""
        (self._repository / "config").write_text(_CONFIG, encoding="utf-8")

    def _is_sound(self, turn: Turn) -> bool:
        """Whether all that the mirror should have can be read; an empty one is sound."""
        return turn.run("rev-list", "--objects", "--missing=allow-any", "--quiet", "--all").code in (0, None)

    def _discard(self) -> None:
        shutil.rmtree(self._repository, ignore_errors=True)

    def _head(self) -> str | None:
        """The commit that was fetched last, if any."""
        with suppress(DamagedMirrorError, *_UNREADABLE), self._objects() as repo:
            return git.Reference(repo, _REF).commit.hexsha
        return None

    @contextmanager
    def _objects(self) -> Iterator[git.Repo]:
        try:
            with git.Repo(self._repository, expand_vars=False) as repo:
                repo.git.update_environment(**reading_environment(self._repository))
                yield repo
        except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
            raise DamagedMirrorError("nothing has been fetched yet") from error
        except DamagedMirrorError:
            self._discard()
            raise


def _demand(outcome: Outcome, failure: str) -> None:
    if outcome.code is None:
        raise UnreachableError(f"{failure}: no answer in time")
    if outcome.code != 0:
        raise UnreachableError(f"{failure}: {outcome.complaint}")


def _commit(text: str) -> str:
    """The text, which has to be the whole ID of a commit: git gets nothing else that a caller passes on."""
    if not _COMMIT.fullmatch(text):
        raise ValueError(f"{text!r} is not the ID of a commit")
    return text


def _fetched(repo: git.Repo) -> Fetched:
    try:
        head = git.Reference(repo, _REF).commit
        at = datetime.fromtimestamp(head.committed_date, UTC)
        return Fetched(head.hexsha, _line(head.message), _line(head.author.name or ""), at)
    except _UNREADABLE as error:
        raise DamagedMirrorError("the head of the branch cannot be read") from error


def _line(text: str | bytes) -> str:
    """The first line, without control characters."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    first = decoded.strip().partition("\n")[0][:_LONGEST_LINE]
    return "".join(character if character.isprintable() else "�" for character in first)


def _tree(repo: git.Repo, commit: str, folder: str) -> git.Tree:
    steps = [step for step in folder.split("/") if step not in ("", ".")]
    try:
        tree = git.Commit(repo, bytes.fromhex(commit)).tree
        for step in steps:
            found = next((item for item in tree if item.name == step), None)
            if not isinstance(found, git.Tree):
                raise MissingFolderError(f"commit {commit[:7]} has no folder {folder!r}")
            tree = found
    except _UNREADABLE as error:
        raise DamagedMirrorError(f"commit {commit[:7]} cannot be read") from error
    return git.Tree(repo, tree.binsha, tree.mode, path="")


def _entries(root: git.Tree) -> Iterator[Blob]:
    pending = [root]
    for _ in range(_MAX_TREES):
        if not pending:
            return
        for item in _items(pending.pop()):
            if not isinstance(item, git.Tree):
                yield _blob(item)
            elif not item.name.startswith("."):
                pending.append(item)
    raise GitError(f"the commit has more than {_MAX_TREES} folders")


def _items(tree: git.Tree) -> list[IndexObject]:
    try:
        return list(tree)
    except (*_UNREADABLE, TypeError) as error:
        raise DamagedMirrorError(f"the folder {tree.path!r} cannot be read") from error


def _blob(item: IndexObject) -> Blob:
    kind = _kind(item)
    size = _size(item) if kind is BlobKind.FILE else 0
    return Blob(str(item.path), kind, size, partial(_read, item), item.hexsha)


def _kind(item: IndexObject) -> BlobKind:
    if isinstance(item, git.Submodule):
        return BlobKind.SUBMODULE
    if stat.S_ISLNK(item.mode):
        return BlobKind.SYMLINK
    return BlobKind.FILE if item.mode in _FILE_MODES else BlobKind.OTHER


def _size(item: IndexObject) -> int:
    try:
        return item.size
    except ValueError:  # what GitPython makes of an object that git calls missing
        return _LEFT_OUT


def _read(item: IndexObject, limit: int) -> bytes:
    try:
        data: bytes = item.data_stream.read(limit)
    except _UNREADABLE as error:
        raise DamagedMirrorError(f"{item.path} cannot be read") from error
    return data
