"""The sums behind a lease, line by line: what the node has, what its own pods take, and what the limits leave of it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from inventory.quantity import MILLI, canonical
from inventory.standing import Outcome
from oceanctl.explain.steps import Step
from oceanctl.explain.territory import NodeCase
from oceanctl.explain.wording import amount, amounts, canonical_map, limit_text
from oceanctl.problems import counted
from reconciler.bottomup.capacity import Cap, Share, steps_of, sum_of
from reconciler.bottomup.load import ForeignPod
from reconciler.marks import unmirrored_pods

_HUNDRED: Final = 100


def arithmetic_steps(case: NodeCase) -> Iterator[Step]:
    """The load, and each resource; only of a node that is lent and in sight."""
    standing, node = case.view.standing, case.view.worker_node
    if standing is None or node is None or standing.outcome is not Outcome.LENT:
        return
    yield _load(case)
    for share in steps_of(node.status.allocatable, case.view.foreign_load, standing.lenders):
        yield _share(share, case)


def unmirrored_steps(case: NodeCase) -> Iterator[Step]:
    """What is shown on top of the lease, if anything is."""
    pods = unmirrored_pods(case.view.computing_pods, case.view.binding)
    if not pods:
        return
    requests = {pod.metadata.key: canonical_map(dict(case.view.requests_of(pod))) for pod in pods}
    total = canonical_map(sum_of(case.view.requests_of(pod) for pod in pods))
    shown = f"{counted(len(pods), 'pod')} on the vnode that nothing in the worker stands for: {amounts(total)} on top"
    yield Step("not-mirrored", {"pods": requests, "total": total}, shown)


def _load(case: NodeCase) -> Step:
    total = case.view.foreign_load
    inputs = {
        "pods": [_requested(pod) for pod in case.foreign_pods],
        "total": canonical_map(total),
        "yieldsTo": list(case.view.yields_to),
    }
    said = ", ".join(f"{name} {amount(name, milli)}" for name, milli in total.items()) or "nothing"
    waiting = f", {len(case.view.yields_to)} of them still waiting for room" if case.view.yields_to else ""
    return Step("load", inputs, f"{counted(len(case.foreign_pods), 'pod')} of the worker's own{waiting}: {said}")


def _requested(pod: ForeignPod) -> dict[str, Any]:
    requests = canonical_map(dict(pod.requests))
    return {"namespace": pod.namespace, "name": pod.name, "phase": pod.phase, "requests": requests}


def _share(share: Share, case: NodeCase) -> Step:
    name = share.resource
    takers = {
        f"{pod.namespace}/{pod.name}": milli for pod in case.foreign_pods for key, milli in pod.requests if key == name
    }
    inputs = {
        "resource": name,
        "allocatable": canonical(name, share.allocatable),
        "pods": _by_taker(name, takers),
        "requested": canonical(name, share.requested),
        "left": canonical(name, share.left),
        "limits": [_limit(cap) for cap in share.caps],
        "result": canonical(name, share.lent),
    }
    return Step("arithmetic", inputs, f"lends {amount(name, share.lent)}", name, tuple(_lines(share, takers)))


def _by_taker(resource: str, amounts: dict[str, int]) -> dict[str, str]:
    """Amounts of one resource by who takes them."""
    return {who: canonical(resource, milli) for who, milli in amounts.items()}


def _limit(cap: Cap) -> dict[str, Any]:
    resource, quantity = cap.limit.resource, cap.limit.quantity
    return {
        "policy": cap.policy,
        "quantity": None if quantity is None else canonical(resource, quantity),
        "percent": cap.limit.percent,
        "allows": canonical(resource, cap.allows),
    }


def _lines(share: Share, takers: dict[str, int]) -> Iterator[tuple[str, str]]:
    name = share.resource
    yield "allocatable", amount(name, share.allocatable)
    yield from ((f"- {who}", amount(name, milli)) for who, milli in takers.items())
    if takers:
        yield "= left" if share.allocatable >= share.requested else "= left, never below 0", amount(name, share.left)
    for cap in share.caps:
        yield f"{cap.policy}: {limit_text(cap.limit)}{_rounding(share, cap)}", amount(name, cap.allows)
    yield "= lent" if not share.caps else "= lent, the smallest of them", amount(name, share.lent)


def _rounding(share: Share, cap: Cap) -> str:
    """What it was before it became something that can be lent: a whole number, or milli-units of cpu."""
    percent, quantity = cap.limit.percent, cap.limit.quantity
    exact = Decimal(quantity or 0) if percent is None else Decimal(share.left * percent) / _HUNDRED
    return "" if exact == cap.allows else f", rounded down from {(exact / MILLI).normalize():f}"
