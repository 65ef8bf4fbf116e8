"""Explanations for people: the answer first, then the rules in order, in columns."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.cells import cell_len

from inventory.quantity import parse
from inventory.standing import CandidateState, Outcome
from oceanctl.explain.node import NodeExplanation
from oceanctl.explain.pod import PodExplanation
from oceanctl.explain.policy import Covered, Part, PolicyExplanation
from oceanctl.explain.steps import Ledger, Step
from oceanctl.explain.wording import amount, amounts, told
from oceanctl.output import Line
from oceanctl.output import Part as Text
from oceanctl.problems import counted
from oceanctl.tables import columns

_TITLES: Final = {
    "virtual-node": "virtual node",
    "binding-selector": "binding",
    "selector": "policies",
    "both-clusters": "both clusters",
    "not-mirrored": "not mirrored",
    "worker-pod": "worker pod",
}
_STYLES: Final = {
    Outcome.LENT.value: "green",
    CandidateState.OPEN.value: "green",
    CandidateState.INVALID.value: "red",
    "Running": "green",
    "Succeeded": "green",
    "Failed": "red",
}
_GAP: Final = "  "


def render_node(found: NodeExplanation) -> Iterator[Line]:
    """The answer in a line or two, what is lent, and the steps."""
    of = f" of {found.binding} ({found.vnode})" if found.binding else ""
    yield ((f"node {found.node}", "bold"), f"{of} at {told(found.at)}")
    by = f" by {found.policy}" if found.policy else ""
    answer = f"{found.state}{by}"
    yield ((answer, _STYLES.get(found.state.value, "yellow")), "" if found.because == answer else f": {found.because}")
    yield from _ledger(tuple((name, amount(name, parse(each))) for name, each in found.allocatable.items()), _GAP)
    yield ()
    yield from render_steps(found.steps)


def render_policy(found: PolicyExplanation) -> Iterator[Line]:
    """The answer, the steps, and a table of nodes."""
    yield ((f"policy {found.policy}", "bold"), f" for {found.cluster} at {told(found.at)}")
    counts = ", ".join(f"{part} {counted(count, 'node')}" for part, count in sorted(found.counts.items()))
    yield ((found.state.value, _STYLES.get(found.state.value, "yellow")), f": {counts or 'selects no node'}")
    yield ()
    yield from render_steps(found.steps)
    if found.trouble:
        yield ("the nodes are unknown: the worker cannot be read: ", found.trouble)
    if found.nodes:
        yield ()
        yield from columns(
            ["NODE", "OUTCOME", "LENT BY", "AMOUNT", "WHY"], [_node_row(found, each) for each in found.nodes]
        )


def render_pod(found: PodExplanation) -> Iterator[Line]:
    """The answer and the steps."""
    at = f" on {found.node}" if found.node else ""
    yield ((f"pod {found.pod}", "bold"), f"{at} at {told(found.at)}")
    yield ((found.phase, _STYLES.get(found.phase, "yellow")), f": {found.because}")
    yield ()
    yield from render_steps(found.steps)


def _node_row(found: PolicyExplanation, node: Covered) -> list[Text]:
    lender = found.policy if node.part is Part.LENDS else node.to or ""
    return [node.node, node.part.value, lender, amounts(node.allocatable) if node.allocatable else "", node.because]


def render_steps(steps: Sequence[Step]) -> Iterator[Line]:
    """One line for each step, steps of one rule below each other; the lines of a calculation below its result."""
    margin = max((cell_len(_title(step.rule)) for step in steps), default=0)
    for rule, group in groupby(steps, key=lambda step: step.rule):
        same = list(group)
        subjects = max(cell_len(step.subject) for step in same)
        for number, step in enumerate(same):
            title = "" if number else _title(rule)
            subject = f"{_padded(step.subject, subjects)}{_GAP}" if subjects else ""
            yield ((_padded(title, margin), "bold"), f"{_GAP}{subject}{step.outcome}")
            yield from _ledger(step.ledger, " " * (margin + len(_GAP) + cell_len(subject)))


def _ledger(ledger: Ledger, indent: str) -> Iterator[Line]:
    """Numbers are aligned at their end, units follow."""
    names = max((cell_len(name) for name, _ in ledger), default=0)
    figures = [figure.partition(" ") for _, figure in ledger]
    numbers = max((cell_len(number) for number, _, _ in figures), default=0)
    for (name, _), (number, gap, unit) in zip(ledger, figures, strict=True):
        yield (f"{indent}{_padded(name, names)}{_GAP}{number:>{numbers}}{gap}{unit}",)


def _title(rule: str) -> str:
    return _TITLES.get(rule, rule)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
