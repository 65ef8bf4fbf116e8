"""Policies and bindings as the caches hold them, parsed once per version."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from inventory.errors import InvalidInventoryError, Problem
from inventory.manifests import binding_from, policy_from, selector_of
from inventory.model import Binding, Policy
from inventory.selection import Selection
from inventory.standing import Candidate, Sides
from reconciler.kube.cache import Cache
from reconciler.kube.projections import CustomObject


@dataclass(frozen=True, slots=True)
class Parsed:
    """A policy of a cluster, or what is wrong with it."""

    seen: CustomObject
    policy: Policy | None
    problems: tuple[Problem, ...] = ()

    @property
    def candidate(self) -> Candidate:
        """As the rule of "which policy" takes it."""
        selector = self.policy.node_selector if self.policy else selector_of(self.seen.spec)
        return Candidate(self.seen.metadata.name, self.policy, self.seen.metadata.is_deleting, selector)


class PolicyBook:
    """The policies of one side for one binding; a policy is parsed again only when its resourceVersion moves."""

    def __init__(self, cache: Cache[CustomObject], binding_name: str) -> None:
        self._cache = cache
        self._binding_name = binding_name
        self._parsed: dict[str, Parsed] = {}

    @property
    def revision(self) -> int:
        """Moves whenever any policy of the side does."""
        return self._cache.revision

    def all(self) -> tuple[Parsed, ...]:
        """Every policy for the binding, valid or not."""
        mine = [seen for seen in self._cache.values() if seen.spec.get("cluster") == self._binding_name]
        self._parsed = {seen.metadata.name: self._parse(seen) for seen in mine}
        return tuple(self._parsed.values())

    @property
    def versions(self) -> tuple[object, ...]:
        """Moves when what a policy says does; a status does not count."""
        return tuple(_version(seen) for seen in self._cache.values() if seen.spec.get("cluster") == self._binding_name)

    def get(self, name: str) -> Parsed | None:
        """One policy for the binding."""
        seen = self._cache.get(name)
        return self._parse(seen) if seen is not None and seen.spec.get("cluster") == self._binding_name else None

    def _parse(self, seen: CustomObject) -> Parsed:
        known = self._parsed.get(seen.metadata.name)
        if known is not None and _version(known.seen) == _version(seen):
            return replace(known, seen=seen)
        try:
            policy = replace(policy_from(manifest_of(seen)), created_at=seen.metadata.creation_timestamp)
        except InvalidInventoryError as error:
            return Parsed(seen, None, error.problems)
        return Parsed(seen, policy)


def sides_of(computing: PolicyBook, worker: PolicyBook | None, *, worker_is_readable: bool) -> Sides:
    """What both clusters' policies say for a binding."""
    ours = tuple(parsed.candidate for parsed in computing.all())
    if not worker_is_readable:
        return Sides(ours, None)
    return Sides(ours, tuple(parsed.candidate for parsed in worker.all()) if worker is not None else ())


class PolicyIndex:
    """What both clusters' policies say of a binding's nodes; indexed anew only when a policy or the binding has changed."""

    def __init__(self, computing: PolicyBook) -> None:
        self._computing = computing
        self._revisions: tuple[object, ...] = ()
        self._basis: tuple[object, ...] = ()
        self._selection: Selection | None = None

    def selection(self, binding: Binding, worker: PolicyBook | None, *, worker_is_readable: bool) -> Selection:
        """The index of this moment."""
        revisions = (binding, self._computing.revision, worker.revision if worker else None, worker_is_readable)
        if self._selection is not None and revisions == self._revisions:
            return self._selection
        self._revisions = revisions
        basis = (binding, self._computing.versions, worker.versions if worker else None, worker_is_readable)
        if self._selection is None or basis != self._basis:
            sides = sides_of(self._computing, worker, worker_is_readable=worker_is_readable)
            self._basis, self._selection = basis, Selection(binding, sides)
        return self._selection


def parsed_binding(seen: CustomObject) -> Binding:
    """The spec of a binding.

    Raises:
        InvalidInventoryError: It cannot be used; every problem names its field.

    """
    return binding_from(manifest_of(seen))


def manifest_of(seen: CustomObject) -> Mapping[str, object]:
    """A cached custom resource as the manifest it was decoded from, as far as parsing needs it."""
    return {"metadata": {"name": seen.metadata.name}, "spec": seen.spec}


def _version(seen: CustomObject) -> tuple[object, ...]:
    metadata = seen.metadata
    return metadata.uid, metadata.name, metadata.generation or metadata.resource_version, metadata.is_deleting
