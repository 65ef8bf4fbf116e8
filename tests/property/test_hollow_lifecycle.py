from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oceanctl.sandbox.hollow.lifecycle import PodRun, Running, Stop, Terminated, Waiting, advance, next_change
from oceanctl.sandbox.hollow.podspec import IGNORE_TERM
from oceanctl.sandbox.hollow.status import phase_of
from tests.unit.oceanctl.sandbox.hollow.pods import T0, at, container, pod, run_of

commands = st.sampled_from(["", "sleep 0", "sleep 1", "sleep 3", "exit 1", "sleep 2; exit 1"])
moments = st.integers(0, 100).map(at)


@st.composite
def runs(draw: st.DrawFn) -> PodRun:
    init: list[dict[str, Any]] = [
        container(f"i{number}", draw(commands), **({"restartPolicy": "Always"} if draw(st.booleans()) else {}))
        for number in range(draw(st.integers(0, 2)))
    ]
    main = [container(f"c{number}", draw(commands)) for number in range(draw(st.integers(1, 3)))]
    made = run_of(
        pod(
            *main,
            initContainers=init,
            ephemeralContainers=[container("d", draw(commands), stdin=True)] if draw(st.booleans()) else [],
            restartPolicy=draw(st.sampled_from(["Always", "OnFailure", "Never"])),
            annotations={IGNORE_TERM: "true"} if draw(st.booleans()) else {},
            **({"activeDeadlineSeconds": 20} if draw(st.booleans()) else {}),
        )
    )
    blocked = {each.name: Waiting("CreateContainerConfigError", "x") for each in made.containers if draw(st.booleans())}
    return replace(made, blocked=blocked if draw(st.booleans()) else {})


stops = st.none() | st.builds(
    lambda ordered, grace: Stop(at(ordered), at(ordered + grace)), st.integers(0, 60), st.integers(0, 30)
)


def _played(run: PodRun, seconds: int, stop: Stop | None = None) -> list[PodRun]:
    """Every state from T0 on, woken at every change as a kubelet is."""
    seen = [advance(run, T0)]
    while (change := next_change(seen[-1])) is not None and change <= at(seconds):
        if stop is not None and seen[-1].stop is None and stop.ordered_at <= change:
            seen.append(advance(replace(seen[-1], stop=stop), stop.ordered_at))
            continue
        seen.append(advance(seen[-1], change))
    return seen


@given(runs(), moments)
def test_advancing_twice_is_advancing_once(run: PodRun, now: Any) -> None:
    once = advance(run, now)
    assert advance(once, now) == once


@given(runs(), moments)
def test_the_next_change_lies_ahead_so_that_no_kubelet_spins(run: PodRun, now: Any) -> None:
    change = next_change(advance(run, now))
    assert change is None or change > now


@given(runs(), moments)
def test_nothing_changes_before_the_next_change(run: PodRun, now: Any) -> None:
    there = advance(run, now)
    change = next_change(there)
    until = (change or now + timedelta(days=1)) - timedelta(milliseconds=1)
    assert advance(there, max(now, until)) == there


@given(runs(), stops)
def test_a_pod_that_is_over_stays_over(run: PodRun, stop: Stop | None) -> None:
    seen = _played(run, 100, stop)
    over = [state.is_over for state in seen]
    assert over == sorted(over)
    assert {phase_of(state) for state in seen if state.is_over} in (set(), {"Succeeded"}, {"Failed"})


@given(runs(), stops)
def test_restarts_are_only_ever_added_to(run: PodRun, stop: Stop | None) -> None:
    seen = _played(run, 100, stop)
    for index in range(len(run.containers)):
        counts = [(state.containers[index].starts, state.containers[index].endings) for state in seen]
        assert counts == sorted(counts)


@given(runs(), st.integers(0, 60), st.integers(0, 30))
def test_nothing_runs_when_the_grace_period_is_over(run: PodRun, ordered: int, grace: int) -> None:
    there = _played(run, ordered)[-1]
    if there.stop is None:
        there = replace(there, stop=Stop(at(ordered), at(ordered + grace)))
    assert there.stop is not None
    assert advance(there, max(at(ordered), there.stop.kill_at)).is_over


@given(runs())
def test_main_containers_never_run_before_the_init_containers_are_done(run: PodRun) -> None:
    for state in _played(run, 60):
        if any(isinstance(main.state, Running | Terminated) for main in state.main):
            assert state.is_initialized
