"""Carrying out a plan: object by object, so that one that is refused does not keep the others from being applied."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from inventory import names as inventory_names
from inventory.plan import Action as Kind
from inventory.plan import Change, Plan
from reconciler import names
from reconciler.decision import Action, Apply, Delete, Side, Target
from reconciler.kube.errors import KubeError, TransientError
from reconciler.kube.resources import Resource


class Perform(Protocol):
    """What carries out one action; see perform.Performer."""

    def __call__(self, action: Action, because: str) -> Awaitable[Any]:
        """Raises KubeError."""
        ...


@dataclass(slots=True)
class Outcome:
    """What became of a plan; `untried` is what an interruption or an outage left."""

    done: list[Change] = field(default_factory=list)
    failures: list[tuple[Change, str]] = field(default_factory=list)
    untried: list[Change] = field(default_factory=list)
    outage: TransientError | None = None

    def has_failed_in(self, binding: str) -> bool:
        """Whether something of this binding is not as it should be."""
        return any(change.binding == binding for change, _ in self.failures)


def action_for(change: Change) -> Apply | Delete:
    """The write that carries out a change."""
    resource = resource_of(change.kind)
    if change.action is Kind.DELETE:
        return Delete(Target(Side.COMPUTING, resource, change.name, uid=change.uid))
    assert change.manifest is not None
    return Apply(Target(Side.COMPUTING, resource, change.name), change.manifest)


def resource_of(kind: str) -> Resource:
    """The resource of one of our kinds."""
    return names.BINDINGS if kind == inventory_names.BINDING_KIND else names.POLICIES


async def carry_out(
    plan: Plan, perform: Perform, because: str, is_stopped: Callable[[], bool] = lambda: False
) -> Outcome:
    """Create and update first, then delete; nothing is deleted of a binding in which something failed.

    An outage ends it, since everything after it would only wait for the same timeout.
    """
    outcome = Outcome()
    for change in (*plan.to_apply, *plan.to_delete):
        if outcome.outage is not None or is_stopped():
            outcome.untried.append(change)
        elif change.action is Kind.DELETE and outcome.has_failed_in(change.binding):
            outcome.failures.append((change, "not deleted, because something else of its binding failed"))
        else:
            await _carry_out(change, perform, because, outcome)
    return outcome


async def _carry_out(change: Change, perform: Perform, because: str, outcome: Outcome) -> None:
    try:
        await perform(action_for(change), because)
    except KubeError as error:
        outcome.failures.append((change, str(error)))
        if (
            isinstance(error, TransientError) and not error.status
        ):  # no answer at all, rather than one about this object
            outcome.outage = error
    else:
        outcome.done.append(change)
