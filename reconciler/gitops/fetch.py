"""From the repository to news: fetches and reads an inventory, in a thread, since git and parsing block."""

from datetime import timedelta
from pathlib import Path

from inventory.cache import TextCache
from inventory.errors import OceanError, Problem
from inventory.git import DamagedMirrorError, GitError, Mirror, MissingBranchError, MissingFolderError, UnreachableError
from inventory.gitremote import RefusedRemoteError, Remote
from inventory.load import load
from inventory.model import Inventory
from reconciler.gitops.report import Outlook
from reconciler.gitops.state import Source
from reconciler.gitops.view import Failed, Fetched, News
from reconciler.settings import Settings

_REASONS: dict[type[OceanError], tuple[str, Outlook]] = {
    UnreachableError: ("GitUnreachable", Outlook.RETRYING),
    MissingBranchError: ("BranchNotFound", Outlook.STUCK),
    MissingFolderError: ("FolderNotFound", Outlook.STUCK),
    DamagedMirrorError: ("MirrorDamaged", Outlook.RETRYING),
    RefusedRemoteError: ("RepositoryRefused", Outlook.STUCK),
}


def source_of(settings: Settings) -> Source:
    """Where the settings say that the inventory is."""
    return Source(settings.git_url, settings.git_branch, settings.git_path)


class Fetcher:
    """One repository, read by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache = TextCache()
        self._known: tuple[str, Inventory | None, tuple[Problem, ...]] | None = None

    def fetch(self, applied: str | None) -> News:
        """The head of the branch; `applied` is the commit that it has to contain, if one was applied before."""
        try:
            mirror = self._mirror()  # each time anew: it is only paths, and refusing a remote is news like any other
            commit = mirror.fetch().commit
            is_lost = applied is not None and applied != commit and not mirror.is_ancestor(applied, commit)
            inventory, problems = self._read(mirror, commit)
        except (GitError, RefusedRemoteError) as error:
            reason, outlook = _REASONS.get(type(error), ("GitFailed", Outlook.RETRYING))
            return Failed(reason, str(error), outlook)
        return Fetched(commit, inventory, problems, applied if is_lost else None)

    def _read(self, mirror: Mirror, commit: str) -> tuple[Inventory | None, tuple[Problem, ...]]:
        if self._known is None or self._known[0] != commit:
            with mirror.blobs(commit, self._settings.git_path) as blobs:
                self._known = (commit, *load(blobs, self._cache))
        return self._known[1:]

    def _mirror(self) -> Mirror:
        settings = self._settings
        remote = Remote(
            url=settings.git_url,
            branch=settings.git_branch,
            token_file=_file(settings.git_token_file),
            ssh_key_file=_file(settings.git_ssh_key_file),
            known_hosts_file=_file(settings.git_known_hosts_file),
            allow_local=settings.git_allow_local,
        )
        folder = Path(settings.state_dir) / "inventory"
        return Mirror(folder, remote, timedelta(seconds=settings.git_timeout_seconds))


def _file(path: str) -> Path | None:
    return Path(path) if path else None
