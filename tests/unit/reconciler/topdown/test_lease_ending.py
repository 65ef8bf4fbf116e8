"""Pods learn that their capacity is going, and when it stays after all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler import names
from reconciler.decision import Emit
from reconciler.kube.projections import ObjectMeta
from reconciler.topdown.lease_ending import ending_of, told_of, with_lease_ending
from tests.mirroring import CLOSED_AT, a_pod, copied

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENDS_AT = "2026-03-02T12:05:00Z"
SHRUNK = {
    names.SHRUNK_AT: "2026-03-02T12:00:00Z",
    names.SHRINK_ENDS_AT: ENDS_AT,
    names.SHRINK_VICTIMS: "shop/api,shop/web",
}


def vnode(annotations: dict[str, str]) -> ObjectMeta:
    return ObjectMeta("vnode", annotations=annotations)


@pytest.mark.parametrize(
    ("annotations", "reason", "said", "kept"),
    [
        pytest.param({names.LEASE_ENDS_AT: ENDS_AT}, "WindowEnding", ENDS_AT, {names.LEASE_ENDS_AT}, id="notice"),
        pytest.param(
            {names.WINDOW_CLOSED_AT: CLOSED_AT},
            "WindowClosed",
            CLOSED_AT,
            {names.WINDOW_CLOSED_AT},
            id="closed-without-an-end",
        ),
        pytest.param(
            {names.WINDOW_CLOSED_AT: CLOSED_AT, names.LEASE_ENDS_AT: ENDS_AT},
            "WindowClosed",
            ENDS_AT,
            {names.WINDOW_CLOSED_AT, names.LEASE_ENDS_AT},
            id="closed",
        ),
        pytest.param(SHRUNK, "LeaseShrunk", ENDS_AT, {names.LEASE_ENDS_AT}, id="victim-of-a-shrink"),
    ],
)
def test_a_pod_is_told_that_its_capacity_is_going(
    annotations: dict[str, str], reason: str, said: str, kept: set[str]
) -> None:
    ending = ending_of(vnode(annotations), "shop/web")
    assert ending is not None
    (condition,) = with_lease_ending([], ending, NOW)
    assert (condition["type"], condition["status"], condition["reason"]) == (
        names.CONDITION_LEASE_ENDING,
        "True",
        reason,
    )
    assert said in condition["message"]
    assert set(ending.annotations) == kept


@pytest.mark.parametrize(
    "annotations",
    [
        pytest.param({}, id="open"),
        pytest.param({**SHRUNK, names.SHRINK_VICTIMS: "shop/api"}, id="another-is-the-victim"),
        pytest.param({names.SHRUNK_AT: SHRUNK[names.SHRUNK_AT]}, id="shrunk-without-force"),
        pytest.param({names.SHRINK_VICTIMS: "shop/web"}, id="no-shrink-on-record"),
    ],
)
def test_a_pod_that_may_stay_is_told_nothing(annotations: dict[str, str]) -> None:
    assert ending_of(vnode(annotations), "shop/web") is None


@pytest.mark.parametrize(
    ("lease", "pod", "told"),
    [
        pytest.param("2026-03-02T12:01:00Z", "shop/web", ("WindowEnding", "2026-03-02T12:01:00Z"), id="the-lease"),
        pytest.param("2026-03-02T12:09:00Z", "shop/web", ("LeaseShrunk", ENDS_AT), id="its-own-going"),
        pytest.param("2026-03-02T12:09:00Z", "shop/b", ("WindowEnding", "2026-03-02T12:09:00Z"), id="not-a-victim"),
    ],
)
def test_a_victim_of_a_shrink_is_told_of_what_comes_first_during_a_notice(
    lease: str, pod: str, told: tuple[str, str]
) -> None:
    ending = ending_of(vnode({**SHRUNK, names.LEASE_ENDS_AT: lease}), pod)
    assert ending is not None
    assert (ending.reason, ending.annotations) == (told[0], {names.LEASE_ENDS_AT: told[1]})


def test_a_pod_is_told_when_its_capacity_stays_after_all() -> None:
    others: list[Any] = [{"type": "Ready", "status": "True"}]
    ending = {"type": names.CONDITION_LEASE_ENDING, "status": "True"}
    assert with_lease_ending([*others, ending], None, NOW) == others


def test_an_event_tells_it_once() -> None:
    ending = ending_of(vnode(SHRUNK), "shop/web")
    assert ending is not None
    (event,) = told_of(ending, copied(a_pod()))
    assert isinstance(event, Emit)
    assert (event.reason, event.message) == ("LeaseEnding", ending.message)
    told = a_pod(status={"conditions": with_lease_ending([], ending, NOW)})
    assert told_of(ending, copied(told)) == ()
