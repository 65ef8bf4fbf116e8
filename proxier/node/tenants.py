"""The pods of one vnode, by what the worker calls them."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Name:
    """What one cluster calls a pod."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """A pod on a vnode: what it is in the computing cluster, and what runs for it in the worker."""

    computing: Name
    worker: Name


@dataclass(frozen=True, slots=True)
class Tenants:
    """Who is on a vnode, and which worker node is behind it."""

    vnode: str
    node: str
    every: tuple[Tenant, ...]
    _by_name: dict[tuple[str, str], Tenant] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {(each.worker.namespace, each.worker.name): each for each in self.every}
        object.__setattr__(self, "_by_name", by_name)

    @property
    def computing(self) -> tuple[Name, ...]:
        """What the computing cluster calls them."""
        return tuple(each.computing for each in self.every)

    def find(self, namespace: str, name: str, uid: str = "") -> Tenant | None:
        """Whose the worker's pod is; None when it is none of this vnode's, or another pod of that name."""
        found = self._by_name.get((namespace, name))
        return found if found is not None and uid in ("", found.worker.uid) else None

    @classmethod
    def of(cls, vnode: str, node: str, every: Iterable[Tenant]) -> "Tenants":
        """In the order of their names in the computing cluster."""
        ordered = sorted(every, key=lambda each: (each.computing.namespace, each.computing.name))
        return cls(vnode, node, tuple(ordered))
