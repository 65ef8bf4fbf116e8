"""What a worker has to lend, as its territory shows it, and what is told of one that does not."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from inventory.errors import InvalidInventoryError
from inventory.standing import Sides
from oceanctl.explain.hub import Hub
from oceanctl.explain.territory import Territory, by_node
from oceanctl.forecast import live
from oceanctl.forecast.supply import Supply
from reconciler.kube.client import Client
from reconciler.kube.projections import CustomObject, Node, NodeStatus, ObjectMeta, Pod, PodSpec
from tests.leasing import BINDING, STATE

NODE = Node(ObjectMeta("n1"), status=NodeStatus(allocatable={"cpu": "8"}))
FOREIGN = Pod(ObjectMeta("p", "shop"), PodSpec(node_name="n1"))
TERRITORY = Territory(BINDING, STATE, Sides(()), {"n1": NODE}, by_node([FOREIGN]))

NO_CLIENT = cast("Client", None)  # nobody asks it anything

Show = Callable[[Territory | Exception], Hub]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """A computing cluster that knows the binding, and what comes of looking at its worker."""

    def show_(found: Territory | Exception) -> Hub:
        async def territory_of(_hub: Hub, _name: str) -> Territory:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(live, "territory_of", territory_of)
        return Hub(NO_CLIENT, "uid", {BINDING.name: CustomObject(ObjectMeta(BINDING.name))}, {}, {})

    return show_


async def test_nodes_and_load_are_those_of_the_worker(show: Show) -> None:
    supply = await live.supply_from(show(TERRITORY), BINDING)
    assert isinstance(supply, Supply)
    [machine] = supply.machines
    assert (machine.name, machine.load, supply.worker) == ("n1", {"pods": 1000}, ())


async def test_policies_of_the_worker_that_cannot_be_listed_are_unknown(show: Show) -> None:
    supply = await live.supply_from(show(replace(TERRITORY, sides=Sides((), None))), BINDING)
    assert isinstance(supply, Supply)
    assert supply.worker is None


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(
            replace(TERRITORY, trouble="it is down"), "tokyo: left out, it cannot be read: it is down", id="silent"
        ),
        pytest.param(
            InvalidInventoryError(()), "tokyo: left out, its binding in the computing cluster is invalid", id="invalid"
        ),
    ],
)
async def test_why_a_worker_is_left_out(show: Show, found: Territory | Exception, told: str) -> None:
    assert await live.supply_from(show(found), BINDING) == told


async def test_a_binding_that_is_not_applied_yet_is_left_out(show: Show) -> None:
    found = await live.supply_from(show(TERRITORY), replace(BINDING, name="new"))
    assert found == "new: left out, it is not in the computing cluster yet"
