"""`.oceanignore`: which paths are not part of an inventory, in Git's notation."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

_ANY_FOLDERS: Final = "**"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line, split at its slashes; `folders_only` if it ended in one, `negated` if it began with an exclamation mark."""

    steps: tuple[str, ...]
    folders_only: bool = False
    negated: bool = False

    def fits(self, steps: tuple[str, ...]) -> bool:
        """Whether the pattern describes this path, folder by folder; the work grows with the product of both lengths only."""
        reached = {0}
        for number, step in enumerate(self.steps, start=1):
            if step != _ANY_FOLDERS:
                reached = {at + 1 for at in reached if at < len(steps) and fnmatchcase(steps[at], step)}
            elif number < len(self.steps):
                reached = set(range(min(reached), len(steps) + 1))
            else:
                reached = {len(steps)} if min(reached) < len(steps) else set()
            if not reached:
                return False
        return len(steps) in reached


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The lines of one file, in order: the last that fits a path decides."""

    patterns: tuple[Pattern, ...] = ()

    def ignores(self, path: str) -> bool:
        """Whether a file, or a folder above it, is ignored; below an ignored folder nothing can be taken back."""
        steps = tuple(path.split("/"))
        folders = (steps[:depth] for depth in range(1, len(steps)))
        return any(self._decides(folder, is_folder=True) for folder in folders) or self._decides(steps, is_folder=False)

    def _decides(self, steps: tuple[str, ...], *, is_folder: bool) -> bool:
        usable = (pattern for pattern in reversed(self.patterns) if is_folder or not pattern.folders_only)
        last = next((pattern for pattern in usable if pattern.fits(steps)), None)
        return last is not None and not last.negated


def rules_from(lines: Iterable[str]) -> IgnoreRules:
    """The rules that the lines of an ignore file say; blank lines and those that begin with `#` say nothing."""
    stripped = (line.rstrip() for line in lines)
    return IgnoreRules(tuple(_pattern(line) for line in stripped if line.strip("/!") and not line.startswith("#")))


def _pattern(line: str) -> Pattern:
    negated = line.startswith("!")
    body = line.removeprefix("!").removeprefix("\\")
    steps = tuple(body.strip("/").split("/"))
    is_anchored = "/" in body.rstrip("/")
    return Pattern(steps if is_anchored else (_ANY_FOLDERS, *steps), body.endswith("/"), negated)
