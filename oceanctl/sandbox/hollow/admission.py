"""Whether a pod fits on a node: the scheduler has looked before, but pods can be bound by hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.quantity import MILLI, parse


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a node does not admit a pod."""

    reason: str
    message: str


def why_refused(
    wanted: Mapping[str, int], others: Iterable[Mapping[str, int]], capacity: Mapping[str, str]
) -> Refusal | None:
    """None when a pod that requests `wanted` fits beside the `others` (all in milli-units), else the first resource that is short.

    As in kubelets, resources that the node does not have at all are not looked at.
    """
    others = tuple(others)
    for resource, quantity in capacity.items():
        has, needs = parse(quantity), wanted.get(resource, 0)
        used = sum(other.get(resource, 0) for other in others)
        if needs > 0 and used + needs > has:
            return Refusal(f"OutOf{resource}", _message(resource, needs, used, has))
    return None


def _message(resource: str, needs: int, used: int, has: int) -> str:
    unit = 1 if resource == "cpu" else MILLI
    amounts = f"requested: {needs // unit}, used: {used // unit}, capacity: {has // unit}"
    return f"Node didn't have enough resource: {resource}, {amounts}"
