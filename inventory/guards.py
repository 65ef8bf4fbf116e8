"""How many deletions a plan may carry out before somebody has to say that they are meant."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from inventory.model import Guards

PERCENT_FROM: Final = 10  # objects; of fewer, one deletion would always be too large a share


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the deletions of a plan.

    `owned` counts the live objects of the inventory. `token` approves exactly these deletions; None if nothing can.
    """

    deletions: int
    owned: int
    max_percent: int
    max_delete: int | None
    is_held: bool = False
    because: str = "ok"
    token: str | None = None

    @property
    def percent(self) -> int:
        """The share of the inventory's objects that would go, rounded up."""
        return -(-100 * self.deletions // self.owned) if self.owned else 0

    @property
    def has_share(self) -> bool:
        """Whether there are enough objects for the share to count."""
        return self.owned >= PERCENT_FROM


@dataclass(frozen=True, slots=True)
class Rules:
    """What a verdict depends on besides the deletions; `approved` are tokens from outside the inventory."""

    inventory_id: str
    guards: Guards
    is_inventory_empty: bool
    approved: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Deletion:
    """One object that the inventory no longer declares."""

    kind: str
    name: str
    uid: str


def verdict_on(deletions: Collection[Deletion], owned: int, rules: Rules) -> Verdict:
    """Whether these deletions, of as many live objects as are `owned`, are carried out or held."""
    plain = Verdict(len(deletions), owned, rules.guards.max_delete_percent, rules.guards.max_delete)
    if not deletions:
        return plain
    if rules.is_inventory_empty:
        return replace(plain, is_held=True, because="the inventory is empty, and nothing is ever deleted for that")
    reason = _excess(plain)
    if reason is None:
        return plain
    token = token_for(rules.inventory_id, deletions)
    if token in rules.approved or token in rules.guards.approve:
        return replace(plain, because="approved", token=token)
    return replace(plain, is_held=True, because=reason, token=token)


def token_for(inventory_id: str, deletions: Iterable[Deletion]) -> str:
    """Names a set of deletions: the same for the same objects, and for no others."""
    objects = sorted((deletion.kind, deletion.name, deletion.uid) for deletion in deletions)
    return f"sha256:{hashlib.sha256(json.dumps([inventory_id, objects]).encode()).hexdigest()}"


def _excess(plain: Verdict) -> str | None:
    if plain.max_delete is not None and plain.deletions > plain.max_delete:
        return f"more than {plain.max_delete} deletions at once"
    if plain.has_share and 100 * plain.deletions > plain.max_percent * plain.owned:
        return f"more than {plain.max_percent} % of the inventory's objects at once"
    return None
