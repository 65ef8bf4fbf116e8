import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from oceanctl.sandbox.hollow.lifecycle import (
    CRASH_LOOP,
    ContainerRun,
    PodRun,
    Running,
    State,
    Stop,
    Terminated,
    Waiting,
    advance,
    may_start,
    next_change,
)
from oceanctl.sandbox.hollow.podspec import EXIT_CODE, IGNORE_TERM
from oceanctl.sandbox.hollow.recovery import grown
from oceanctl.sandbox.hollow.status import phase_of
from tests.unit.oceanctl.sandbox.hollow.pods import T0, at, container, pod, run_of

MISSING = Waiting("CreateContainerConfigError", 'secret "s" not found')


def _container(run: PodRun, name: str = "c") -> ContainerRun:
    return next(each for each in run.containers if each.name == name)


def _state(run: PodRun, name: str = "c") -> State:
    return _container(run, name).state


def _played(run: PodRun, until: datetime) -> PodRun:
    """As a kubelet plays it: woken at every change."""
    run = advance(run, T0)
    while (change := next_change(run)) is not None and change <= until:
        run = advance(run, change)
    return advance(run, until)


def _stopped(run: PodRun, ordered: float, grace: float) -> PodRun:
    return replace(run, stop=Stop(at(ordered), at(ordered + grace)))


def test_a_pod_runs_and_ends_when_its_sleep_is_over() -> None:
    run = advance(run_of(pod(container("c", "sleep 5"), restartPolicy="Never")), T0)
    phases = [phase_of(advance(run, at(seconds))) for seconds in (0, 4.999, 5)]
    assert phases == ["Running", "Running", "Succeeded"]


def test_a_container_ends_at_its_own_time_however_late_anybody_looks() -> None:
    run = advance(run_of(pod(container("c", "sleep 5"), restartPolicy="Never")), T0)
    assert _state(advance(run, at(60))) == Terminated(0, T0, at(5))


def test_a_pod_fails_when_one_container_does() -> None:
    made = pod(container("a", "sleep 1; exit 2"), container("b", "sleep 1"), restartPolicy="Never")
    assert phase_of(_played(run_of(made), at(2))) == "Failed"


def test_a_pod_is_over_only_when_all_containers_are() -> None:
    made = pod(container("a", "sleep 1"), container("b", "sleep 3"), restartPolicy="Never")
    assert [phase_of(_played(run_of(made), at(seconds))) for seconds in (2, 3)] == ["Running", "Succeeded"]


def test_init_containers_run_one_after_the_other_before_the_rest() -> None:
    made = pod(container("c"), initContainers=[container("i", "sleep 2"), container("j", "sleep 3")])
    seen = [
        [type(_state(_played(run_of(made), at(seconds)), name)) for name in ("i", "j", "c")] for seconds in (1, 4, 5)
    ]
    assert seen == [[Running, Waiting, Waiting], [Terminated, Running, Waiting], [Terminated, Terminated, Running]]


def test_a_pod_is_pending_while_it_initializes() -> None:
    made = pod(container("c"), initContainers=[container("i", "sleep 2")])
    assert [phase_of(_played(run_of(made), at(seconds))) for seconds in (1, 2)] == ["Pending", "Running"]


def test_a_failed_init_container_is_the_end_of_a_pod_that_never_restarts() -> None:
    made = pod(container("c"), initContainers=[container("i", "exit 1")], restartPolicy="Never")
    run = _played(run_of(made), at(1))
    assert (phase_of(run), _state(run)) == ("Failed", Waiting())


@pytest.mark.parametrize("policy", ["Always", "OnFailure"])
def test_a_failed_init_container_is_tried_again(policy: str) -> None:
    made = pod(container("c"), initContainers=[container("i", "sleep 1; exit 1")], restartPolicy=policy)
    run = _played(run_of(made), at(1.5))
    assert (_container(run, "i").restarts, phase_of(run)) == (1, "Pending")


def test_sidecars_start_in_their_turn_and_run_beside_the_rest() -> None:
    sidecar = container("s", restartPolicy="Always")
    made = pod(container("c"), initContainers=[sidecar, container("i", "sleep 2")])
    run = _played(run_of(made), at(1))
    assert [type(_state(run, name)) for name in ("s", "i", "c")] == [Running, Running, Waiting]


def test_sidecars_end_when_the_main_containers_have() -> None:
    sidecar = container("s", restartPolicy="Always")
    made = pod(container("c", "sleep 2"), initContainers=[sidecar], restartPolicy="Never")
    run = _played(run_of(made), at(3))
    assert (type(_state(run, "s")), phase_of(run)) == (Terminated, "Succeeded")


def test_a_sidecar_does_not_come_back_when_the_work_is_done() -> None:
    sidecar = container("s", "sleep 1", restartPolicy="Always")
    made = pod(container("c", "sleep 3"), initContainers=[sidecar], restartPolicy="Never")
    run = _played(run_of(made), at(60))
    assert (run.is_over, phase_of(run), _container(run, "s").starts) == (True, "Succeeded", 2)


@pytest.mark.parametrize(
    ("policy", "command", "restarts"),
    [
        ("Never", "sleep 1; exit 1", 0),
        ("OnFailure", "sleep 1; exit 1", 1),
        ("OnFailure", "sleep 1", 0),
        ("Always", "sleep 1", 1),
        ("Always", "sleep 1; exit 1", 1),
    ],
    ids=str,
)
def test_the_restart_policy_decides_whether_a_container_comes_back(policy: str, command: str, restarts: int) -> None:
    run = _played(run_of(pod(container("c", command), restartPolicy=policy)), at(1.5))
    assert _container(run).restarts == restarts


def test_restarts_come_ever_later() -> None:
    run = advance(run_of(pod(container("c", "sleep 1; exit 1"))), T0)
    starts: list[timedelta] = []
    while len(starts) < 8:
        change = next_change(run)
        assert change is not None
        before, run = run, advance(run, change)
        if _container(run).restarts > _container(before).restarts:
            starts.append(change - at(0))
    gaps = [(b - a).total_seconds() - 1 for a, b in itertools.pairwise(starts)]
    assert gaps == [10, 20, 40, 80, 160, 300, 300]


def test_a_container_that_waits_for_its_restart_says_why() -> None:
    run = _played(run_of(pod(container("c", "sleep 1; exit 1"))), at(3))
    assert _container(run).last == Terminated(1, at(1), at(2))
    assert _state(run) == Waiting(CRASH_LOOP, "back-off 10s restarting failed container=c", at(12))
    assert phase_of(run) == "Running"


def test_a_blocked_container_waits_and_its_neighbour_does_not() -> None:
    made = pod(container("c"), container("d"))
    run = advance(replace(run_of(made), blocked={"c": MISSING}), T0)
    assert (_state(run), type(_state(run, "d")), run.is_blocked, phase_of(run)) == (MISSING, Running, True, "Pending")


def test_a_container_starts_when_nothing_blocks_it_any_more() -> None:
    run = advance(replace(run_of(pod(container("c"))), blocked={"c": MISSING}), T0)
    assert _state(advance(replace(run, blocked={}), at(5))) == Running(at(5))


def test_a_stopped_container_ends_at_once_with_the_signal_as_its_exit_code() -> None:
    run = advance(run_of(pod(container("c", "sleep 60"))), T0)
    run = advance(_stopped(run, 10, 30), at(10))
    assert (_state(run), run.is_over) == (Terminated(143, T0, at(10)), True)


def test_a_container_that_ignores_the_signal_is_killed_at_the_end_of_its_grace() -> None:
    run = advance(run_of(pod(container("c", "sleep 60"), annotations={IGNORE_TERM: "true"})), T0)
    run = _stopped(run, 10, 30)
    assert [advance(run, at(seconds)).is_over for seconds in (39.9, 40)] == [False, True]
    assert _state(advance(run, at(40))) == Terminated(137, T0, at(40))


def test_a_container_may_finish_by_itself_within_its_grace() -> None:
    run = advance(run_of(pod(container("c", "sleep 20"), annotations={IGNORE_TERM: "true"}, restartPolicy="Never")), T0)
    assert phase_of(advance(_stopped(run, 10, 30), at(25))) == "Succeeded"


def test_a_stopped_pod_starts_nothing_any_more() -> None:
    made = pod(container("c"), initContainers=[container("i", "sleep 5")])
    run = advance(_stopped(advance(run_of(made), T0), 1, 30), at(10))
    assert (type(_state(run, "i")), type(_state(run)), phase_of(run)) == (Terminated, Waiting, "Failed")


def test_a_pod_that_never_started_is_over_as_soon_as_it_is_stopped() -> None:
    run = advance(replace(run_of(pod(container("c"))), blocked={"c": MISSING}), T0)
    assert advance(_stopped(run, 1, 30), at(1)).is_over


def test_a_pod_past_its_deadline_fails_with_that_reason() -> None:
    made = pod(container("c", "sleep 60"), restartPolicy="Never", activeDeadlineSeconds=10)
    run = _played(run_of(made), at(10))
    assert run.stop is not None
    assert (phase_of(run), run.stop.reason) == ("Failed", "DeadlineExceeded")


@pytest.mark.parametrize(
    ("made", "change"),
    [
        ({"command": "sleep 5"}, 5),
        ({"command": ""}, None),
        ({"command": "sleep 60", "activeDeadlineSeconds": 10}, 10),
    ],
    ids=["end of a sleep", "a server", "deadline"],
)
def test_the_next_change_is_known_in_advance(made: dict[str, Any], change: float | None) -> None:
    run = advance(run_of(pod(container("c", made.pop("command")), **made)), T0)
    assert next_change(run) == (None if change is None else at(change))


@pytest.mark.parametrize(
    ("seconds", "is_due"), [(0, False), (0.9, False), (1, True)], ids=["running", "still running", "ends and restarts"]
)
def test_dependents_are_read_only_when_something_may_start(seconds: float, *, is_due: bool) -> None:
    run = advance(run_of(pod(container("c", "sleep 1"))), T0)
    assert may_start(run, at(seconds)) == is_due


def test_starts_and_endings_are_counted() -> None:
    fresh = run_of(pod(container("c", "sleep 1"), annotations={EXIT_CODE: "1"}))
    counts = [
        (_container(r).starts, _container(r).endings) for r in (fresh, *(_played(fresh, at(s)) for s in (0, 1.5, 3)))
    ]
    assert counts == [(0, 0), (1, 0), (2, 1), (2, 2)]


def test_grace_of_the_kubelets_own_stops_is_that_of_the_pod() -> None:
    made = pod(
        container("c", "sleep 60"),
        annotations={IGNORE_TERM: "true"},
        activeDeadlineSeconds=10,
        terminationGracePeriodSeconds=5,
    )
    run = _played(run_of(made), at(30))
    assert _state(run) == Terminated(137, T0, T0 + timedelta(seconds=15))


def debug(name: str = "d", command: str = "", **more: Any) -> dict[str, Any]:
    return container(name, command, **{"stdin": True, **more})


def test_an_ephemeral_container_starts_beside_the_others_and_is_never_started_again() -> None:
    made = pod(container("c"), ephemeralContainers=[debug("d", "sleep 2; exit 1")])
    run = _played(run_of(made), at(60))
    assert (_state(run, "d"), phase_of(run)) == (Terminated(1, T0, at(2)), "Running")


def test_an_ephemeral_container_does_not_wait_for_init_containers() -> None:
    made = pod(container("c"), initContainers=[container("i", "sleep 9")], ephemeralContainers=[debug()])
    assert _state(_played(run_of(made), at(1)), "d") == Running(T0)


def test_a_shell_ends_at_once_unless_it_has_an_input() -> None:
    made = pod(container("c"), ephemeralContainers=[debug("with"), debug("without", stdin=False)])
    run = _played(run_of(made), at(1))
    assert [type(_state(run, name)) for name in ("with", "without")] == [Running, Terminated]


def test_an_ephemeral_container_keeps_no_pod_alive() -> None:
    made = pod(container("c", "sleep 2"), restartPolicy="Never", ephemeralContainers=[debug()])
    run = _played(run_of(made), at(2))
    assert (phase_of(run), _state(run, "d")) == ("Succeeded", Terminated(143, T0, at(2)))


def test_one_that_is_added_later_starts_then() -> None:
    run = _played(run_of(pod(container("c"))), at(5))
    more = grown(run, pod(container("c"), ephemeralContainers=[debug()]))
    assert may_start(more, at(6))
    assert _state(advance(more, at(6)), "d") == Running(at(6))


def test_growing_keeps_what_is_known_of_the_others() -> None:
    run = _played(run_of(pod(container("c"), ephemeralContainers=[debug("a")])), at(5))
    made = pod(container("c"), ephemeralContainers=[debug("a"), debug("b")])
    assert [type(each.state) for each in grown(run, made).ephemeral] == [Running, Waiting]
    assert grown(grown(run, made), made) == grown(run, made)
