"""What a policy does: is it valid, when is it open, and on which nodes it lends, loses or has to wait."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from inventory.selectors import matches, selector_text
from inventory.standing import Candidate, CandidateState, Outcome, is_virtual, side_at, speaks_of, state_of
from oceanctl.explain.node import lease_shown
from oceanctl.explain.policies import state_text, windows_step
from oceanctl.explain.steps import Step
from oceanctl.explain.territory import NodeCase, Territory, case_of
from oceanctl.explain.wording import instant, limit_text
from reconciler.bottomup.reports import transition_of
from reconciler.decision import Side
from reconciler.reclaim.decide import decide as reclaim


class Part(StrEnum):
    """What a policy does on a node that it selects."""

    LENDS = "lends"
    LOSES = "loses"  # it is open, and another one wins
    VETOED = "vetoed"  # it wins on its side, and the other side lends nothing
    WAITS = "waits"  # it is not open
    UNSELECTED = "not-selected"  # the binding leaves the node out


@dataclass(frozen=True, slots=True)
class Covered:
    """One node that a policy selects; `to` is who lends it instead."""

    node: str
    vnode: str
    part: Part
    because: str
    to: str | None = None
    allocatable: Mapping[str, str] | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "node": self.node,
            "vnode": self.vnode,
            "outcome": self.part.value,
            "because": self.because,
            "to": self.to,
            "allocatable": dict(self.allocatable or {}),
        }


@dataclass(frozen=True, slots=True)
class PolicyExplanation:
    """One policy of the computing cluster at an instant."""

    policy: str
    cluster: str
    at: datetime
    state: CandidateState
    problems: str
    transition: Mapping[str, str] | None
    steps: Sequence[Step]
    nodes: Sequence[Covered]
    trouble: str

    @property
    def counts(self) -> Mapping[Part, int]:
        """How many nodes it treats how."""
        return Counter(each.part for each in self.nodes)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "policy": self.policy,
            "cluster": self.cluster,
            "at": instant(self.at),
            "valid": self.state is not CandidateState.INVALID,
            "problems": self.problems or None,
            "state": self.state.value,
            "steps": [step.document() for step in self.steps],
            "nodes": [node.document() for node in self.nodes],
            "nextTransition": dict(self.transition) if self.transition else None,
            "unreadable": self.trouble or None,
        }


def explain_policy(territory: Territory, name: str, now: datetime) -> PolicyExplanation:
    """What the reconciler makes of a policy that the territory has."""
    candidate = next(each for each in territory.sides.computing if each.name == name)
    problem = territory.problems.get((Side.COMPUTING, name), "")
    return PolicyExplanation(
        policy=name,
        cluster=territory.binding.name,
        at=now,
        state=state_of(candidate, now),
        problems=problem,
        transition=transition_of(candidate.policy, now),
        steps=tuple(_steps(candidate, problem, now)),
        nodes=tuple(_covered(territory, candidate, now)),
        trouble=territory.trouble,
    )


def _steps(candidate: Candidate, problem: str, now: datetime) -> Iterator[Step]:
    policy = candidate.policy
    yield Step("valid", {"problems": problem or None}, f"no: {problem}" if policy is None else "yes")
    inputs = {"expiresAt": instant(policy.expires_at) if policy else None, "suspended": bool(policy and policy.suspend)}
    yield Step(
        "state", {**inputs, "priority": policy.priority if policy else None}, state_text(candidate, problem, now)
    )
    if policy is not None:
        yield replace(windows_step((Side.COMPUTING, candidate), now), subject="")
        limits = [f"{limit.resource} {limit_text(limit)}" for limit in policy.limits]
        yield Step("limits", {"limits": limits}, "; ".join(limits) or "none: lends all that is left")
    selector = selector_text(candidate.node_selector)
    yield Step("selector", {"selector": selector}, f"selects {selector}")


def _covered(territory: Territory, candidate: Candidate, now: datetime) -> Iterator[Covered]:
    for name in sorted(territory.nodes):
        labels = territory.nodes[name].metadata.labels
        case = case_of(territory, name, now) if matches(candidate.node_selector, labels, name) else None
        if case is not None:
            yield _on(case, candidate, now)


def _on(case: NodeCase, candidate: Candidate, now: datetime) -> Covered:
    node, vnode, standing = case.machine.metadata.name, case.view.vnode_name, case.view.standing
    if standing is None:
        return Covered(node, vnode, Part.WAITS, "the worker's policies cannot be listed")
    if not _may_be_lent(case):
        return Covered(node, vnode, Part.UNSELECTED, standing.because)
    winner = _winner(case, now)
    if state_of(candidate, now) is not CandidateState.OPEN:
        return Covered(node, vnode, Part.WAITS, standing.because, winner)
    if winner != candidate.name:
        return Covered(node, vnode, Part.LOSES, standing.because, winner)
    if standing.outcome is not Outcome.LENT:
        return Covered(node, vnode, Part.VETOED, standing.because)
    verdict = reclaim(case.view, now)
    return Covered(node, vnode, Part.LENDS, verdict.because, allocatable=lease_shown(case, verdict, now))


def _may_be_lent(case: NodeCase) -> bool:
    metadata, binding = case.machine.metadata, case.territory.binding
    return not is_virtual(metadata.labels) and matches(binding.node_selector, metadata.labels, metadata.name)


def _winner(case: NodeCase, now: datetime) -> str | None:
    """The computing cluster's policy that is open and has the highest rank there."""
    metadata, territory = case.machine.metadata, case.territory
    speaking = [
        each for each in territory.sides.computing if speaks_of(each, metadata.labels, metadata.name, territory.binding)
    ]
    winner = side_at(speaking, now).winner
    return winner.name if winner else None
