"""What follows from what Git says: a plan to carry out, and what to report if it succeeds.

Nothing that could not be read, verified or understood completely ever deletes anything; what was good last stays in force.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from inventory.errors import Severity
from inventory.guards import Deletion, token_for
from inventory.model import Inventory
from inventory.plan import Action as Kind
from inventory.plan import Plan, plan
from reconciler.decision import Action, Emit
from reconciler.gitops.carry import Outcome
from reconciler.gitops.report import Outlook, Verdict, first_record, listed, problem_text, report
from reconciler.gitops.state import Held, Record, State
from reconciler.gitops.view import Failed, Fetched, GitView

_NO_ID: Final = "ocean.yaml: inventory.id is missing; the reconciler needs it to tell its objects from others"
_SHOWN: Final = 12  # characters of a commit


@dataclass(frozen=True, slots=True)
class GitDecision:
    """The outcome of looking once: what to do, and how the inventory stands once that is done.

    `first` are the writes that must succeed before anything else is decided. `plan` is to be carried out; None where nothing is known well enough.
    `state` and `verdict` are what `conclude` starts from; there is nothing to conclude without a record.
    """

    because: str
    verdict: Verdict
    first: tuple[Action, ...] = ()
    plan: Plan | None = None
    state: State | None = None
    good: Inventory | None = None


def decide(view: GitView, _now: datetime) -> GitDecision:
    """Judge the news; a plan never deletes unless it was made from a commit that is good as a whole."""
    match view.news:
        case Failed(reason, message, outlook):
            return _keeping(view, Verdict(outlook, reason, message))
        case Fetched() as fetched:
            return _judged(view, fetched)
        case _:
            assert_never(view.news)


def _judged(view: GitView, fetched: Fetched) -> GitDecision:
    inventory = fetched.inventory
    approvals = view.record.approvals if view.record is not None else frozenset[str]()
    if fetched.lost is not None and fetched.revision not in approvals:
        return _keeping(view, _rewritten(fetched.revision, fetched.lost))
    if inventory is not None and inventory.id is not None:
        return _enforcing(view, inventory, inventory.id, fetched.revision)
    errors = [problem_text(found) for found in fetched.problems if found.severity is Severity.ERROR]
    message = f"revision {fetched.revision[:_SHOWN]}: {listed(errors or [_NO_ID])}"
    return _keeping(view, Verdict(Outlook.STUCK, "Invalid", message))


def conclude(view: GitView, decision: GitDecision, outcome: Outcome, now: datetime) -> tuple[Action, ...]:
    """The report after a decision was carried out."""
    if view.record is None or decision.state is None:
        return ()
    state, verdict = decision.state, decision.verdict
    if outcome.failures:
        failures = [f"{change.kind}/{change.name}: {text}" for change, text in outcome.failures]
        verdict = Verdict(Outlook.RETRYING, "ApplyFailed", listed(failures))
        state = replace(state, revision=view.record.state.revision)
    reverted = _reverted(view.record, outcome)
    return (*report(view.record, view.source, state, verdict, now), *reverted)


def _keeping(view: GitView, verdict: Verdict) -> GitDecision:
    """What was good last stays in force, and takes nothing away."""
    state = view.record.state if view.record is not None else None
    good = view.last_good
    kept = None
    if good is not None and good.id is not None:
        kept = _without_deletions(plan(good, view.live, inventory_id=good.id), "what to delete is not known now")
    return GitDecision(f"{verdict.reason}: {verdict.message}", verdict, plan=kept, state=state, good=good)


def _enforcing(view: GitView, inventory: Inventory, inventory_id: str, revision: str) -> GitDecision:
    if view.record is None:
        because = "the inventory is met for the first time"
        verdict = Verdict(Outlook.RETRYING, "Starting", because)
        return GitDecision(because, verdict, first=(first_record(inventory_id, view.source),))
    known = view.record.state
    wanted = plan(inventory, view.live, inventory_id=inventory_id, approved=view.record.approvals)
    doubt = _doubt(view, known)
    if doubt is not None:
        wanted = _held_for(doubt, wanted, view.record.approvals | set(inventory.guards.approve))
    is_settled = doubt is None or not wanted.held
    state = replace(
        known,
        revision=revision,
        source=view.source.fingerprint if is_settled else known.source,
        cluster_uid=view.cluster_uid if is_settled else known.cluster_uid,
        held=_held(wanted),
    )
    verdict = _verdict_on(wanted, revision)
    return GitDecision(verdict.message, verdict, plan=wanted, state=state, good=inventory)


def _doubt(view: GitView, known: State) -> str | None:
    """Why the objects that carry our ID may not be this repository's to delete."""
    if known.source not in (None, view.source.fingerprint):
        return "the repository, branch or path of the inventory has changed"
    if known.cluster_uid not in (None, view.cluster_uid):
        return "the state was written in another cluster"
    return None


def _held_for(doubt: str, wanted: Plan, approved: frozenset[str]) -> Plan:
    deletions = [
        Deletion(each.kind, each.name, each.uid or "") for each in wanted.changes if each.action is Kind.DELETE
    ]
    if not deletions or wanted.guard.is_held:
        return wanted
    token = token_for(wanted.inventory_id, deletions)
    if token in approved:
        return wanted
    return replace(wanted, guard=replace(wanted.guard, is_held=True, because=doubt, token=token))


def _without_deletions(wanted: Plan, because: str) -> Plan:
    return replace(wanted, guard=replace(wanted.guard, is_held=True, because=because, token=None))


def _held(wanted: Plan) -> Held | None:
    if not wanted.held:
        return None
    return Held(
        wanted.guard.token or "", wanted.guard.because, tuple(f"{each.kind}/{each.name}" for each in wanted.held)
    )


def _verdict_on(wanted: Plan, revision: str) -> Verdict:
    """How things stand once the plan is carried out, the worst first."""
    if wanted.problems:
        return Verdict(Outlook.STUCK, "Conflict", listed([problem_text(problem) for problem in wanted.problems]))
    if wanted.held:
        return Verdict(Outlook.STUCK, "PruneHeld", _held_message(wanted))
    going = [f"{each.kind}/{each.name}" for each in wanted.changes if each.action is Kind.GOING]
    if going:
        return Verdict(Outlook.RETRYING, "Waiting", f"being deleted, to be created again: {listed(going)}")
    return Verdict(Outlook.DONE, "Applied", f"revision {revision[:_SHOWN]} is in force")


def _held_message(wanted: Plan) -> str:
    names = listed([f"{each.kind}/{each.name}" for each in wanted.held])
    token = f"; to delete them, approve {wanted.guard.token}" if wanted.guard.token else ""
    return f"{len(wanted.held)} deletions are held, {wanted.guard.because}: {names}{token}"


def _rewritten(revision: str, lost: str) -> Verdict:
    message = (
        f"the branch does not contain {lost[:_SHOWN]} any more, which was applied last; {lost[:_SHOWN]} stays in force"
        f" until {revision} is approved, or the branch contains it again"
    )
    return Verdict(Outlook.STUCK, "Rewritten", message)


def _reverted(record: Record, outcome: Outcome) -> Sequence[Emit]:
    """An Event when somebody's change in the cluster was taken back."""
    fields = [
        f"{change.kind}/{change.name} {field.field} (set by {field.drift_by})"
        for change in outcome.done
        for field in change.fields
        if field.drift_by is not None
    ]
    if not fields:
        return ()
    target = replace(record.target, resource_version=None)
    return (Emit(target, "Normal", "DriftReverted", listed(fields)),)
