"""A plan as text for people and as JSON for programs; colours and pages are the command line's."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from inventory import names
from inventory.differences import FieldChange
from inventory.errors import Position, Problem
from inventory.guards import PERCENT_FROM
from inventory.plan import Action, Change, Plan

FORMAT_VERSION: Final = "1.0"
"""Of the JSON: the minor part grows when something is added, the major part when something changes its meaning."""

_SYMBOLS: Final = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.DELETE: "-",
    Action.PROTECTED: "#",
    Action.GOING: "?",
    Action.CONFLICT: "x",
}
_FIELD_SYMBOLS: Final = {"add": "+", "remove": "-", "replace": "~"}
_DRIFT: Final = "!"
_NAME_WIDTH: Final = 48
_LONGEST_VALUE: Final = 200


def to_text(plan: Plan) -> str:
    """The plan line by line, ending with the line `Plan: …`; objects that stay as they are do not show."""
    return "\n".join(_lines(plan))


def summary(plan: Plan) -> str:
    """The counts of a plan and its digest, as one line."""
    counts = plan.counts
    shown = [f"{counts[action]} {action.value}" for action in (Action.CREATE, Action.UPDATE, Action.DELETE)]
    shown[-1] += " (held)" if plan.guard.is_held else ""
    shown.append(f"{plan.drifted} drift revert")
    shown.append(f"{counts[Action.UNCHANGED]} unchanged")
    rare = (Action.PROTECTED, Action.GOING, Action.CONFLICT)
    shown.extend(f"{counts[action]} {action.value}" for action in rare if counts[action])
    return f"Plan: {', '.join(shown)}. {plan.digest}"


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON data, with everything that is needed to carry it out."""
    return {
        "formatVersion": FORMAT_VERSION,
        "inventory": plan.inventory_id,
        "digest": plan.digest,
        "summary": {action.value: plan.counts[action] for action in Action} | {"driftedFields": plan.drifted},
        "changes": [_change_json(change) for change in plan.changes],
        "guards": _guard_json(plan),
        "problems": [_problem_json(problem) for problem in plan.problems],
    }


def _lines(plan: Plan) -> Iterator[str]:
    for change in plan.changes:
        if change.action is not Action.UNCHANGED:
            yield f"  {_SYMBOLS[change.action]} {f'{change.kind}/{change.name}':<{_NAME_WIDTH}}{_remark(change, plan)}".rstrip()
            yield from (_field_line(field) for field in change.fields)
    yield from (
        f"  {problem.at}: {problem.severity.value} {problem.code} {problem.message}" for problem in plan.problems
    )
    yield _guard_line(plan)
    yield summary(plan)


def _remark(change: Change, plan: Plan) -> str:
    match change.action:
        case Action.DELETE:
            return "deletion held" if plan.guard.is_held else "not in the inventory any more"
        case Action.PROTECTED:
            return f"not in the inventory any more, kept by {names.PRUNE}: {names.PRUNE_DISABLED}"
        case Action.GOING:
            return "is being deleted; created again once it is gone"
        case _:
            return change.at.file if change.at is not None else ""


def _field_line(field: FieldChange) -> str:
    symbol, before = _FIELD_SYMBOLS[field.op], _value(field.before)
    source = "" if field.origin is None else str(field.origin)
    if field.drift_by is not None:
        symbol, before, source = _DRIFT, f"live {before}", f"set by {field.drift_by}"
    return f"      {symbol} {field.field}   {before} -> {_value(field.after)}   {source}".rstrip()


def _value(value: object) -> str:
    if value is None:
        return "(unset)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _guard_line(plan: Plan) -> str:
    guard = plan.guard
    share = f"max {guard.max_percent} %" + ("" if guard.has_share else f" from {PERCENT_FROM} objects on")
    limit = share if guard.max_delete is None else f"{share}, max {guard.max_delete}"
    line = f"Guards   delete {guard.deletions}/{guard.owned} ({guard.percent} %, {limit}) "
    if not guard.is_held:
        return line + guard.because
    approval = "" if guard.token is None else f"; approve with {guard.token}"
    return f"{line}HELD: {guard.because}{approval}"


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "binding": change.binding,
        "origin": _position_json(change.at),
        "uid": change.uid,
        "generation": change.generation,
        "fields": [_field_json(field) for field in change.fields],
        "manifest": change.manifest if change.action in (Action.CREATE, Action.UPDATE) else None,
    }


def _field_json(field: FieldChange) -> dict[str, Any]:
    return {
        "op": field.op,
        "path": field.path,
        "field": field.field,
        "before": field.before,
        "after": field.after,
        "origin": _position_json(field.origin),
        "driftBy": field.drift_by,
    }


def _guard_json(plan: Plan) -> dict[str, Any]:
    guard = plan.guard
    return {
        "deletions": guard.deletions,
        "owned": guard.owned,
        "percent": guard.percent,
        "maxPercent": guard.max_percent,
        "maxDelete": guard.max_delete,
        "held": guard.is_held,
        "because": guard.because,
        "token": guard.token,
        "heldObjects": [f"{change.kind}/{change.name}" for change in plan.held],
    }


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity.value,
        "message": problem.message,
        "hint": problem.hint,
        "at": _position_json(problem.at),
    }


def _position_json(at: Position | None) -> Mapping[str, Any] | None:
    return None if at is None else {"file": at.file, "line": at.line, "column": at.column}
