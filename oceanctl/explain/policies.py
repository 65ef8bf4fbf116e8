"""Which policy lends: selectors, states, windows and ranks of every policy that may have a say, in the order of the rule."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from inventory.model import Policy
from inventory.names import VIRTUAL_NODE_LABELS
from inventory.selectors import EVERY_NODE, refusals, selector_text
from inventory.standing import (
    Candidate,
    CandidateState,
    SideStanding,
    is_for,
    is_virtual,
    rank_of,
    side_at,
    speaks_of,
    state_of,
)
from inventory.windows import is_open, next_edge, zone_for
from oceanctl.explain.steps import Step
from oceanctl.explain.territory import NodeCase
from oceanctl.explain.wording import instant, local, told, wall_time, windows_of
from reconciler.decision import Side
from reconciler.kube.projections import Node

Held = tuple[Side, Candidate]
"""A policy and the cluster that holds it."""


def policy_steps(case: NodeCase, now: datetime) -> Iterator[Step]:
    """The steps up to the answer of `standing_of`; they end where the rule ends."""
    labels = case.machine.metadata.labels
    yield _virtual(case.machine)
    if is_virtual(labels):
        return
    yield _selected_by_binding(case)
    if refusals(case.territory.binding.node_selector, labels, case.machine.metadata.name):
        return
    held = list(_candidates(case))
    yield from (_selected(case, each) for each in held)
    matching = [each for each in held if _matches(case, each)]
    yield from (_standing(case, each, now) for each in matching)
    yield from (windows_step(each, now) for each in matching if each[1].policy)
    for side in Side:
        ours = [candidate for of, candidate in matching if of is side]
        if ours:
            yield _winner(side, side_at(ours, now), now)
    yield from _both(case, matching, now)


def windows_step(held: Held, now: datetime) -> Step:
    """When a valid policy lends, in its zone and in UTC."""
    side, candidate = held
    policy = candidate.policy
    if policy is None:
        raise ValueError(f"{candidate.name} has no windows: it is invalid")
    edge = next_edge(policy.windows, zone_for(policy.time_zone), now)
    inputs = {
        **_place(held),
        "open": is_open(policy.windows, zone_for(policy.time_zone), now),
        "timeZone": policy.time_zone,
        "windows": windows_of(policy),
        "now": instant(now),
        "localTime": local(now, policy.time_zone),
        "nextEdge": instant(edge),
        "nextEdgeLocal": local(edge, policy.time_zone) if edge else None,
    }
    return Step("windows", inputs, _opening_text(policy, edge, now), named(side, candidate))


def _opening_text(policy: Policy, edge: datetime | None, now: datetime) -> str:
    if not policy.windows:
        return "always: it has no windows"
    opens = is_open(policy.windows, zone_for(policy.time_zone), now)
    until = f" until {told(edge, policy.time_zone)}" if edge else ""
    zone = policy.time_zone
    written = "; ".join(windows_of(policy))
    return f"{'open' if opens else 'closed'}{until}; it is {wall_time(now, zone)} {zone}; windows: {written}"


def state_text(candidate: Candidate, problem: str, now: datetime) -> str:
    """How a policy stands, in words."""
    policy, state = candidate.policy, state_of(candidate, now)
    if policy is None:
        return f"invalid, so it lends nothing: {problem}"
    extra = ", suspended: takes no new pods" if policy.suspend else ""
    match state:
        case CandidateState.EXPIRED if policy.expires_at:
            return f"expired at {told(policy.expires_at, policy.time_zone)}"
        case CandidateState.DELETING:
            return "being deleted, so it lends nothing"
        case _:
            end = f", until it expires at {told(policy.expires_at, policy.time_zone)}" if policy.expires_at else ""
            return f"{state.value}{end}{extra}"


def named(side: Side, candidate: Candidate) -> str:
    """A policy by name; those of the worker say so."""
    return candidate.name if side is Side.COMPUTING else f"{candidate.name} (worker)"


def _virtual(machine: Node) -> Step:
    labels = machine.metadata.labels
    found = {key: labels[key] for key, values in VIRTUAL_NODE_LABELS.items() if labels.get(key) in values}
    shown = ", ".join(f"{key}={value}" for key, value in found.items())
    outcome = f"yes ({shown}): borrowed capacity is never lent on" if found else "no: a machine of its own"
    return Step("virtual-node", {"labels": found}, outcome)


def _selected_by_binding(case: NodeCase) -> Step:
    binding = case.territory.binding
    said = refusals(binding.node_selector, case.machine.metadata.labels, case.machine.metadata.name)
    inputs = {"binding": binding.name, "selector": selector_text(binding.node_selector), "refusals": list(said)}
    return Step("binding-selector", inputs, _selection_text(selector_text(binding.node_selector), said), binding.name)


def _candidates(case: NodeCase) -> Iterator[Held]:
    territory = case.territory
    sides = ((Side.COMPUTING, territory.sides.computing), (Side.WORKER, territory.sides.worker or ()))
    for side, candidates in sides:
        for each in sorted(candidates, key=lambda one: one.name):
            if is_for(each, territory.binding):
                yield side, each


def _matches(case: NodeCase, held: Held) -> bool:
    metadata = case.machine.metadata
    return speaks_of(held[1], metadata.labels, metadata.name, case.territory.binding)


def _selected(case: NodeCase, held: Held) -> Step:
    metadata, selector = case.machine.metadata, held[1].node_selector
    said = refusals(selector, metadata.labels, metadata.name)
    inputs = {**_place(held), "selector": selector_text(selector), "refusals": list(said)}
    return Step("selector", inputs, _selection_text(selector_text(selector), said), named(*held))


def _selection_text(selector: str, said: Sequence[str]) -> str:
    if said:
        return f"does not select the node: {'; nor '.join(said)}"
    return f"selects {selector}" if selector == EVERY_NODE else f"selects the node: {selector}"


def _standing(case: NodeCase, held: Held, now: datetime) -> Step:
    side, candidate = held
    policy, problem = candidate.policy, case.territory.problems.get((side, candidate.name), "")
    inputs = {
        **_place(held),
        "state": state_of(candidate, now).value,
        "problems": problem or None,
        "priority": policy.priority if policy else None,
        "createdAt": instant(policy.created_at) if policy else None,
        "expiresAt": instant(policy.expires_at) if policy else None,
        "suspended": policy.suspend if policy else None,
    }
    return Step("state", inputs, state_text(candidate, problem, now), named(side, candidate))


def _winner(side: Side, found: SideStanding, now: datetime) -> Step:
    known = sorted((each.policy for each in found.matching if each.policy), key=rank_of)
    rivals = [each for each in known if each not in found.closed]
    inputs = {
        "side": side.value,
        "open": [_ranked(each) for each in rivals],
        "notOpen": sorted(each.name for each in found.matching if state_of(each, now) is not CandidateState.OPEN),
        "winner": found.winner.name if found.winner else None,
    }
    return Step("winner", inputs, _victory(rivals), f"{side.value} cluster")


def _ranked(policy: Policy) -> dict[str, Any]:
    return {"policy": policy.name, "priority": policy.priority, "createdAt": instant(policy.created_at)}


def _victory(rivals: Sequence[Policy]) -> str:
    """Who wins, and over whom by what; by rank."""
    if not rivals:
        return "none is open"
    first, *others = rivals
    if not others:
        return f"{first.name}: the only one that is open"
    return f"{first.name}: {'; '.join(_advantage(first, other) for other in others)}"


def _advantage(first: Policy, other: Policy) -> str:
    if first.priority != other.priority:
        return f"its priority {first.priority} is above {other.name}'s {other.priority}"
    if first.created_at != other.created_at:
        return f"priority {first.priority} as {other.name}, but it is older"
    return f"priority and age as {other.name}, but its name comes first"


def _both(case: NodeCase, matching: Sequence[Held], now: datetime) -> Iterator[Step]:
    standing, sides = case.view.standing, case.territory.sides
    winners = {side: side_at([each for of, each in matching if of is side], now) for side in Side}
    inputs = {
        "lenders": {side.value: found.winner.name if found.winner else None for side, found in winners.items()},
        "vetoes": [side.value for side, found in winners.items() if found.vetoes],
        "workerPolicies": "unknown" if sides.worker is None else len(sides.worker),
    }
    unknown = "the worker's policies cannot be listed: leases stay as they are and take no new pods"
    yield Step("both-clusters", inputs, standing.because if standing else unknown)
    suspended = [each.name for each in (standing.lenders if standing else ()) if each.suspend]
    is_held = case.territory.binding.suspend
    by = [*(["the binding"] if is_held else []), *suspended]
    outcome = f"{' and '.join(by)} suspended: no new pods" if by else "nothing is suspended"
    yield Step("suspend", {"binding": is_held, "policies": suspended}, outcome)


def _place(held: Held) -> dict[str, str]:
    side, candidate = held
    return {"policy": candidate.name, "side": side.value}
