"""From what was typed to what is meant: names of worker nodes and vnodes, in one binding or another."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from inventory.errors import OceanError
from inventory.standing import Outcome
from oceanctl.errors import UsageMistakeError
from oceanctl.explain.node import NodeExplanation
from oceanctl.explain.territory import Territory
from reconciler.bridge.nodes import node_name_of


class UnknownNameError(OceanError):
    """There is no such thing; the text names what comes close."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """No such thing; with a suggestion where one comes close."""
    there = sorted(set(known))
    near = get_close_matches(name, there, n=3)
    if near:
        return UnknownNameError(f"no {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?")
    return UnknownNameError(
        f"no {kind} {name!r}" + (f"; there are {_some(there)}" if there else "; there is none at all")
    )


def node_names(territory: Territory) -> dict[str, str]:
    """Every name that may be typed for a node, vnodes' names too, and the node that it means."""
    seen = {vnode: name for vnode, node in territory.vnodes.items() if (name := node_name_of(node))}
    there = {*territory.nodes, *seen.values()}
    behind = {territory.vnode_name(name): name for name in there}
    return {**seen, **behind, **{name: name for name in there}}


def places_of(name: str, territories: Sequence[Territory]) -> list[tuple[Territory, str]]:
    """Where a node of this name is."""
    found = ((territory, node_names(territory).get(name)) for territory in territories)
    places = [(territory, node) for territory, node in found if node]
    if not places:
        raise unknown("node", name, (each for territory in territories for each in node_names(territory)))
    return places


def ambiguous(name: str, bindings: Iterable[str]) -> UsageMistakeError:
    """Several bindings have one."""
    return UsageMistakeError(f"{name!r} can be a node of {_some(sorted(bindings))}: name one with --cluster")


def the_one_that_counts(explanations: Sequence[NodeExplanation]) -> NodeExplanation:
    """Files do not say whose nodes they hold: of several bindings, that whose policies speak of the node.

    Without any, each binding has said why not, and all of it is the answer.
    """
    first, *others = explanations
    spoken = [each for each in explanations if each.state is not Outcome.NOT_LENT]
    if len(spoken) > 1:
        raise ambiguous(first.node, (each.binding or "" for each in spoken))
    if spoken or not others:
        return (spoken or [first])[0]
    return NodeExplanation(
        node=first.node,
        binding=None,
        vnode=None,
        at=first.at,
        state=Outcome.NOT_LENT,
        policy=None,
        because="no policy of any binding lends the node",
        allocatable={},
        capacity={},
        steps=tuple(step for each in explanations for step in each.steps),
        transition=None,
    )


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
