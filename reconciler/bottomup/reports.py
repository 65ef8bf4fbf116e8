"""What the syncer reports on policies and on its binding: derived from vnodes and policies, written only when it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory.errors import Problem
from inventory.model import Policy
from inventory.quantity import canonical, parse
from inventory.windows import is_open, next_edge, zone_for
from reconciler import names
from reconciler.conditions import Wanted, merged, rfc3339
from reconciler.decision import Decision, Patch, Side, Target, earliest
from reconciler.kube.projections import CustomObject, Node


@dataclass(frozen=True, slots=True)
class PolicyView:
    """One policy CR, parsed; how many worker nodes it covers, and how many of them it lends."""

    seen: CustomObject
    policy: Policy | None
    problems: tuple[Problem, ...]
    covers: int
    lends: int


@dataclass(frozen=True, slots=True)
class BindingReportView:
    """A binding CR and its vnodes."""

    seen: CustomObject
    vnodes: tuple[Node, ...]


def decide_policy(view: PolicyView, now: datetime) -> Decision:
    """Phase, conditions, nodes and the next transition of one policy."""
    wanted = _policy_status(view, now)
    policy = view.policy
    wake_at = None
    if policy is not None:
        wake_at = earliest(
            _next_edge(policy, now), policy.expires_at if policy.expires_at and policy.expires_at > now else None
        )
    return Decision(f"policy is {wanted['phase']}", _status_patch(view.seen, wanted), wake_at)


def decide_binding_report(view: BindingReportView, now: datetime) -> Decision:
    """Counts and totals of one binding; `lastSyncTime` moves only together with them."""
    leased = [vnode for vnode in view.vnodes if is_leased(vnode)]
    wanted: dict[str, Any] = {"nodes": {"matched": len(view.vnodes), "leased": len(leased)}, "leased": _totals(leased)}
    stale = {key: None for key in view.seen.status.get("leased", {}) if key not in wanted["leased"]}
    changed = {key: value for key, value in wanted.items() if view.seen.status.get(key) != value}
    if not changed:
        return Decision("the report is up to date")
    if "leased" in changed:
        changed["leased"] = {**stale, **wanted["leased"]}
    return Decision(
        "what is leased has changed",
        (Patch(_target(view.seen), {"status": {**changed, "lastSyncTime": rfc3339(now)}}, "status"),),
    )


def is_leased(vnode: Node) -> bool:
    """Whether a vnode lends now: not closed, not going, its worker node there (without it no pods are taken)."""
    is_open = names.WINDOW_CLOSED_AT not in vnode.metadata.annotations and not vnode.metadata.is_deleting
    return is_open and vnode.status.allocatable.get("pods") != "0"


def transition_of(policy: Policy | None, now: datetime) -> dict[str, str] | None:
    """When a policy opens or closes next, as its status says it; None if it never does, and while it is invalid."""
    if policy is None or policy.is_expired(now):
        return None
    is_active = is_open(policy.windows, zone_for(policy.time_zone), now)
    first = earliest(_next_edge(policy, now), policy.expires_at)
    if first is None or (not is_active and policy.is_expired(first)):
        return None
    return {"at": rfc3339(first), "direction": "Close" if is_active else "Open"}


def _policy_status(view: PolicyView, now: datetime) -> dict[str, Any]:
    old = view.seen.status
    generation = view.seen.metadata.generation
    policy = view.policy
    is_active = (
        policy is not None and not policy.is_expired(now) and is_open(policy.windows, zone_for(policy.time_zone), now)
    )
    status: dict[str, Any] = {
        "phase": "Failed" if policy is None else "Active" if is_active else "Inactive",
        "observedGeneration": generation,
        "activeTimeWindow": is_active,
        "nodes": {"matched": view.covers, "leased": view.lends},
        "nextTransition": transition_of(policy, now),
    }
    if (status["phase"], is_active) != (old.get("phase"), old.get("activeTimeWindow")):
        status["lastAppliedTime"] = rfc3339(now)
    conditions: Sequence[Mapping[str, Any]] = old.get("conditions", ())
    return status | {
        "conditions": merged(conditions, _policy_conditions(view, now, is_active=is_active), generation, now)
    }


def _policy_conditions(view: PolicyView, now: datetime, *, is_active: bool) -> list[Wanted]:
    policy = view.policy
    if policy is None:
        message = "; ".join(problem.message for problem in view.problems)
        return [
            Wanted("Valid", "False", "ValidationError", message),
            Wanted("Active", "False", "ValidationError", "an invalid policy lends nothing"),
        ]
    valid = Wanted("Valid", "True", "ValidationPassed")
    if policy.is_expired(now):
        return [valid, Wanted("Active", "False", "Expired", "expiresAt has passed")]
    if policy.suspend:
        return [valid, Wanted("Active", "False", "Suspended", "takes no new pods")]
    return [
        valid,
        Wanted("Active", "True", "ActiveTimeWindow") if is_active else Wanted("Active", "False", "InactiveTimeWindow"),
    ]


def _next_edge(policy: Policy, now: datetime) -> datetime | None:
    return next_edge(policy.windows, zone_for(policy.time_zone), now)


def _totals(vnodes: Sequence[Node]) -> dict[str, str]:
    sums: dict[str, int] = {}
    for vnode in vnodes:
        for resource, quantity in vnode.status.allocatable.items():
            sums[resource] = sums.get(resource, 0) + parse(quantity)
    return {resource: canonical(resource, total) for resource, total in sorted(sums.items())}


def _status_patch(seen: CustomObject, wanted: Mapping[str, Any]) -> tuple[Patch, ...]:
    changed = {key: value for key, value in wanted.items() if seen.status.get(key) != value}
    return (Patch(_target(seen, guarded=True), {"status": changed}, "status"),) if changed else ()


def _target(seen: CustomObject, *, guarded: bool = False) -> Target:
    metadata = seen.metadata
    resource = names.POLICIES if "cluster" in seen.spec else names.BINDINGS
    return Target(
        Side.COMPUTING,
        resource,
        metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version if guarded else None,
    )
