"""Everything that decides about an inventory: what Git says, what the cluster holds, and what was said of it before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inventory.errors import Problem
from inventory.model import Inventory
from reconciler.gitops.report import Outlook
from reconciler.gitops.state import Record, Source


@dataclass(frozen=True, slots=True)
class Fetched:
    """A commit was read completely. The inventory is None if one of its problems is an error.

    `lost` is the commit that was applied last, if the branch does not contain it any more: somebody rewrote history.
    """

    revision: str
    inventory: Inventory | None
    problems: tuple[Problem, ...] = ()
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The repository could not be read; the outlook tells whether trying again may help."""

    reason: str
    message: str
    outlook: Outlook


News = Fetched | Failed


@dataclass(frozen=True, slots=True)
class GitView:
    """One pass over one inventory.

    `record` is None before the inventory's ConfigMap exists. `last_good` is what this process enforced last, None before its first success. `live` are all
    bindings and policies of the cluster as the API shows them, with managedFields.
    """

    source: Source
    cluster_uid: str
    news: News
    record: Record | None
    live: tuple[Mapping[str, Any], ...]
    last_good: Inventory | None = None
