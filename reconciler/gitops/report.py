"""What the ConfigMap of an inventory says, and when its Events are emitted: on transitions only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from inventory.errors import Problem
from reconciler.conditions import Wanted, merged
from reconciler.decision import Action, Create, Emit, Patch
from reconciler.gitops.state import Record, Source, State, config_map_for, data_for, target_for

_FIRST: Final = 5  # problems or failures that a message names; the rest is counted
_VOLATILE: Final = frozenset({"GitUnreachable"})  # reasons whose messages differ from try to try


class Outlook(StrEnum):
    """What comes next, in the terms of kstatus."""

    DONE = "done"
    RETRYING = "retrying"
    STUCK = "stuck"  # until a person does something


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a pass went: the reason and message of the condition Ready."""

    outlook: Outlook
    reason: str
    message: str


def conditions_for(verdict: Verdict) -> tuple[Wanted, ...]:
    """Ready, Reconciling and Stalled."""

    def wanted(kind: str, outlook: Outlook) -> Wanted:
        is_so = verdict.outlook is outlook
        return Wanted(kind, str(is_so), verdict.reason, verdict.message if is_so or kind == "Ready" else "")

    return (wanted("Ready", Outlook.DONE), wanted("Reconciling", Outlook.RETRYING), wanted("Stalled", Outlook.STUCK))


def first_record(inventory_id: str, source: Source) -> Create:
    """The ConfigMap of an inventory that is met for the first time; whoever else makes it makes the same."""
    return Create(target_for(inventory_id), config_map_for(State(inventory_id), source))


def report(record: Record, source: Source, state: State, verdict: Verdict, now: datetime) -> tuple[Action, ...]:
    """The writes that make the ConfigMap say `state` and `verdict`; none when it does already."""
    settled = _settled(record.state, verdict)
    wanted = replace(state, conditions=_conditions(record.state.conditions, settled, now))
    data = dict(data_for(wanted, source))
    changed: dict[str, str | None] = {key: text for key, text in data.items() if record.data.get(key) != text}
    changed |= dict.fromkeys(record.data.keys() - data.keys())
    if not changed:
        return ()
    patch = Patch(record.target, {"data": changed})
    return (patch, *_events(record, settled))


def listed(texts: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = f"; and {len(texts) - _FIRST} more" if len(texts) > _FIRST else ""
    return "; ".join(texts[:_FIRST]) + more


def problem_text(problem: Problem) -> str:
    """`policies/night.yaml:9:3: OE2102 unknown key`."""
    return f"{problem.at}: {problem.code} {problem.message}"


def _settled(state: State, verdict: Verdict) -> Verdict:
    """A fault that goes on keeps its first words, so that it is written once."""
    ready = state.condition("Ready")
    is_old = verdict.reason in _VOLATILE and ready.get("reason") == verdict.reason
    return replace(verdict, message=str(ready.get("message", ""))) if is_old else verdict


def _conditions(
    existing: Sequence[Mapping[str, Any]], verdict: Verdict, now: datetime
) -> tuple[Mapping[str, Any], ...]:
    """As on a custom resource, but for the generation, which a ConfigMap has none of."""
    renewed = merged(existing, conditions_for(verdict), 0, now)
    return tuple({key: value for key, value in each.items() if key != "observedGeneration"} for each in renewed)


def _events(record: Record, verdict: Verdict) -> tuple[Emit, ...]:
    ready = record.state.condition("Ready")
    if (ready.get("reason"), ready.get("message")) == (verdict.reason, verdict.message):
        return ()
    kind = "Normal" if verdict.outlook is Outlook.DONE else "Warning"
    return (Emit(replace(record.target, resource_version=None), kind, verdict.reason, verdict.message),)
