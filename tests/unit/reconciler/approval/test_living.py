from collections.abc import Callable
from typing import Any, cast

from reconciler import names
from reconciler.approval.living import Living
from reconciler.bridge.proxiers import LeaseSpec, ProxierLease
from reconciler.kube.cache import Change
from reconciler.kube.projections import ObjectMeta

NAME = "kubeocean-proxier-a"


def lease(holder: str = NAME) -> ProxierLease:
    annotations = {names.PROXIER_ADDRESS: "10.0.0.7", names.PROXIER_PORTS: "1-2"}
    return ProxierLease(ObjectMeta(NAME, "kubeocean-system", annotations=annotations), LeaseSpec(holder))


class Leases:
    """A cache that holds one Lease from before."""

    def __init__(self, before: ProxierLease | None = None) -> None:
        self._before = before

    def subscribe(self, callback: Callable[[Change[Any]], None]) -> Callable[[], None]:
        if self._before is not None:
            callback(Change("k", None, self._before))
        return lambda: None


def living(now: list[float], before: ProxierLease | None = None) -> Living:
    made = Living(lambda: now[0])
    made.follow(cast("Any", Leases(before)))
    return made


def test_a_lease_that_was_there_proves_nothing_until_it_is_renewed() -> None:
    made = living([0.0], lease())
    assert made.addresses() == {}
    made.take(Change("k", lease(), lease()))
    assert made.addresses() == {NAME: "10.0.0.7"}


def test_who_is_not_ready_lives_too() -> None:
    made = living([0.0])
    made.take(Change("k", None, lease(holder="")))
    assert made.addresses() == {NAME: "10.0.0.7"}


def test_a_lease_that_is_not_renewed_lapses() -> None:
    now = [0.0]
    made = living(now)
    made.take(Change("k", None, lease()))
    now[0] = 3.4
    assert made.addresses()
    now[0] = 3.6
    assert made.addresses() == {}


def test_a_lease_that_is_deleted_ends_at_once() -> None:
    made = living([0.0])
    made.take(Change("k", None, lease()))
    made.take(Change("k", lease(), None))
    assert made.addresses() == {}
