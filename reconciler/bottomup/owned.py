"""Which parts of a vnode are ours: the annotation `owned-keys`, without which nothing of the user's could be told from ours."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from reconciler import names
from reconciler.kube.projections import Node, Taint


@dataclass(frozen=True, slots=True)
class Owned:
    """Keys of labels and annotations, `key:effect` of taints and types of conditions that we set. Only what is listed is ever removed."""

    labels: frozenset[str] = frozenset()
    annotations: frozenset[str] = frozenset()
    taints: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()

    def to_text(self) -> str:
        """As the annotation holds it; equal sets make equal texts."""
        return _written(self)


_PARTS = ("labels", "annotations", "taints", "conditions")


def owned_of(vnode: Node | None) -> Owned:
    """What is ours of a vnode; nothing where the annotation is missing or was edited into something else."""
    return _read(vnode.metadata.annotations.get(names.OWNED_KEYS, "")) if vnode else Owned()


@lru_cache(maxsize=1024)  # vnodes of one kind of machine own the same, and each is asked several times in a pass
def _written(owned: Owned) -> str:
    return json.dumps({part: sorted(getattr(owned, part)) for part in _PARTS}, separators=(",", ":"))


@lru_cache(maxsize=1024)  # as _written
def _read(text: str) -> Owned:
    try:
        listed = json.loads(text)
    except ValueError:
        return Owned()
    if not isinstance(listed, dict):
        return Owned()
    return Owned(**{part: _strings(listed.get(part)) for part in _PARTS})


def taint_key(taint: Taint) -> str:
    """What identifies a taint on its node."""
    return f"{taint.key}:{taint.effect}"


def _strings(listed: object) -> frozenset[str]:
    return frozenset(each for each in listed if isinstance(each, str)) if isinstance(listed, Iterable) else frozenset()
