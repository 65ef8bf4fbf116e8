"""Where a pod may be placed: the constraints of its spec that a node's labels, name and taints can answer, as Kubernetes means them.

Affinity to other pods, spreading, volumes and host ports are not looked at: whether a pod really fits is its scheduler's word.
"""

from collections.abc import Iterable

import msgspec

from inventory.model import NodeSelector, Requirement, SelectorTerm
from inventory.selectors import matches
from reconciler.kube.projections import Node, Projection, Taint

_REPELLING = frozenset({"NoSchedule", "NoExecute"})
_UNSCHEDULABLE = Taint("node.kubernetes.io/unschedulable", "NoSchedule")  # what a cordon means, set as a taint or not


class Toleration(Projection, frozen=True):
    """What a pod puts up with; an empty key with `Exists` is everything."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def covers(self, taint: Taint) -> bool:
        """Whether the pod puts up with this taint."""
        if self.effect not in ("", taint.effect):
            return False
        if self.operator == "Exists":
            return self.key in ("", taint.key)
        return (self.key, self.value) == (taint.key, taint.value)


class _Requirement(Projection, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class _Term(Projection, frozen=True):
    match_expressions: tuple[_Requirement, ...] = ()
    match_fields: tuple[_Requirement, ...] = ()


class _Terms(Projection, frozen=True):
    node_selector_terms: tuple[_Term, ...] = ()


class _NodeAffinity(Projection, frozen=True):
    required: _Terms | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class _Affinity(Projection, frozen=True):
    node_affinity: _NodeAffinity | None = None


class Placement(Projection, frozen=True):
    """The constraints of one pod."""

    node_selector: dict[str, str] = msgspec.field(default_factory=dict)
    affinity: _Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()

    def allows(self, node: Node) -> bool:
        """Whether labels, name, cordon and taints of a node let the pod on it."""
        labels = node.metadata.labels
        if any(labels.get(key) != value for key, value in self.node_selector.items()):
            return False
        taints = (*node.spec.taints, *((_UNSCHEDULABLE,) if node.spec.unschedulable else ()))
        return self._is_drawn_to(node) and all(self._bears(taint) for taint in taints)

    def _is_drawn_to(self, node: Node) -> bool:
        required = self.affinity.node_affinity.required if self.affinity and self.affinity.node_affinity else None
        if required is None:
            return True
        terms = tuple(_term(each) for each in required.node_selector_terms)
        return bool(terms) and matches(NodeSelector(terms), node.metadata.labels, node.metadata.name)

    def _bears(self, taint: Taint) -> bool:
        return taint.effect not in _REPELLING or any(each.covers(taint) for each in self.tolerations)


class _Status(Projection, frozen=True):
    nominated_node_name: str = ""


class PendingPod(Projection, frozen=True):
    """What a pod that waits for a place says besides what every projection of a pod has."""

    spec: Placement = Placement()
    status: _Status = _Status()


decode_pending: msgspec.json.Decoder[PendingPod] = msgspec.json.Decoder(PendingPod)


def _term(term: _Term) -> SelectorTerm:
    return SelectorTerm(tuple(_requirements(term.match_expressions)), tuple(_requirements(term.match_fields)))


def _requirements(listed: Iterable[_Requirement]) -> Iterable[Requirement]:
    return (Requirement(each.key, each.operator, each.values) for each in listed)
