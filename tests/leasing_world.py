"""An API server's worth of behaviour around one vnode: what a Bridge and two clusters would do with decisions, without either."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace as replace_fields

from inventory.model import Policy
from inventory.standing import Candidate, Sides, standing_of
from reconciler.bottomup import decide as bottomup
from reconciler.bottomup.view import NodeView
from reconciler.decision import Action, Create, Decision, Delete, Emit, Evict, Patch, Target, earliest
from reconciler.kube.errors import ConflictError
from reconciler.kube.projections import Node, Pod
from reconciler.kube.resources import NODES
from reconciler.marks import BindingState
from reconciler.promise import promise_of
from reconciler.reclaim import decide as reclaim
from tests.leasing import BINDING, STATE, VNODE_NAME, worker_node

Json = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """A pod was told to go, while this was what the vnode remembered of its close and its shrink."""

    at: datetime
    kind: type[Evict] | type[Delete]
    name: str
    closed_at: datetime | None
    shrunk_at: datetime | None = None


@dataclass
class World:
    """Both clusters, as far as one worker node goes; change the fields, then let time pass."""

    policies: tuple[Policy, ...] = ()
    worker_policies: tuple[Policy, ...] | None = ()
    machine: Node | None = field(default_factory=worker_node)
    pods: dict[str, Pod] = field(default_factory=dict)
    vnode: Json | None = None
    state: BindingState = STATE
    foreign_load: dict[str, int] = field(default_factory=dict)
    unreachable_since: datetime | None = None
    more: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    told_to_go: list[Told] = field(default_factory=list)
    version: int = 0

    def view(self, now: datetime) -> NodeView:
        """What a Bridge would observe."""
        ours = tuple(Candidate(each.name, each) for each in self.policies)
        theirs = (
            None if self.worker_policies is None else tuple(Candidate(each.name, each) for each in self.worker_policies)
        )
        labels = self.machine.metadata.labels if self.machine else {}
        binding = self.more.get("binding", BINDING)
        standing = standing_of(labels, "n1", binding, Sides(ours, theirs), now) if self.machine else None
        view = NodeView(
            binding=binding,
            state=self.state,
            vnode_name=VNODE_NAME,
            worker_node=self.machine,
            standing=standing,
            foreign_load=self.foreign_load,
            vnode=msgspec.convert(self.vnode, Node) if self.vnode else None,
            computing_pods=tuple(self.pods.values()),
            unreachable_since=self.unreachable_since,
        )
        return replace(view, **self.more)

    def decide(self, now: datetime) -> Decision:
        """As a Bridge decides: reclaim first, the vnode's writes before any pod's."""
        view = self.view(now)
        verdict = reclaim.decide(view, now)
        decision = bottomup.decide(view, verdict, now)
        return Decision(
            decision.because, (*decision.actions, *verdict.actions), earliest(decision.wake_at, verdict.wake_at)
        )

    def pass_once(self, now: datetime) -> tuple[Action, ...]:
        """Decide and perform."""
        actions = self.decide(now).actions
        for action in actions:
            self.perform(action, now)
        return actions

    def settle(self, now: datetime) -> int:
        """Pass until nothing is left to do; returns how many passes wrote."""
        for passes in range(6):
            if not self.pass_once(now):
                return passes
        raise AssertionError(f"never quiet: {self.decide(now).actions}")

    def perform(self, action: Action, now: datetime) -> None:
        """What the API server of the computing cluster does."""
        match action:
            case Create():
                assert self.vnode is None
                self.vnode = _merged({}, action.manifest)
                self.vnode["metadata"] |= {"uid": f"vnode-uid-{self.version}"}
                self._bump()
            case Patch():
                self._check(action.target)
                _merge_into(self._there, action.patch)
                self._bump()
            case Delete(target=Target(resource=resource)) if resource == NODES:
                self._check(action.target)
                self._there["metadata"].setdefault("deletionTimestamp", _stamp(now))
                self._bump()
            case Delete() | Evict():
                self._tell(action, now)
            case Emit():
                self.events.append(action.reason)
            case _:
                raise AssertionError(action)

    def finish(self, names: Iterable[str]) -> None:
        """Pods disappear."""
        for name in names:
            self.pods.pop(name, None)

    @property
    def _there(self) -> Json:
        assert self.vnode is not None
        return self.vnode

    def _check(self, target: Target) -> None:
        metadata = self._there["metadata"]
        if target.uid not in (None, metadata["uid"]) or target.resource_version not in (
            None,
            metadata["resourceVersion"],
        ):
            raise ConflictError("somebody else wrote first", status=409)

    def _bump(self) -> None:
        self.version += 1
        metadata = self._there["metadata"]
        metadata["resourceVersion"] = str(self.version)
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self.vnode = None

    def _tell(self, action: Delete | Evict, now: datetime) -> None:
        pod = self.pods[action.target.name]
        assert action.target.uid == pod.metadata.uid
        assert not pod.metadata.is_deleting
        promise = promise_of(self.view(now).vnode)
        shrunk_at = promise.shrink.since if promise.shrink else None
        self.told_to_go.append(Told(now, type(action), action.target.name, promise.closed_at, shrunk_at))
        self.pods[action.target.name] = replace_fields(
            pod, metadata=replace_fields(pod.metadata, deletion_timestamp=now)
        )


def _stamp(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _merged(there: Json, patch: Any) -> Json:
    _merge_into(there, patch)
    return there


def _merge_into(there: Json, patch: Any) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            there.pop(key, None)
        elif isinstance(value, dict):
            inner = there.get(key)
            there[key] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            there[key] = value
