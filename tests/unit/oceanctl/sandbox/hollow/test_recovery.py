from dataclasses import replace
from typing import Any

import msgspec
import pytest

from oceanctl.sandbox.hollow.lifecycle import PodRun, Running, Waiting, advance
from oceanctl.sandbox.hollow.podspec import Pod, PodStatus
from oceanctl.sandbox.hollow.status import phase_of, status_for
from tests.unit.oceanctl.sandbox.hollow.pods import T0, at, container, pod, run_of


def _reported(made: Pod, run: PodRun) -> Pod:
    """The pod as the API server shows it after a report, to whole seconds."""
    status = _without_nulls(status_for(made, run, {}, T0))
    return msgspec.structs.replace(made, status=msgspec.json.decode(msgspec.json.encode(status), type=PodStatus))


def _without_nulls(value: Any) -> Any:
    """What a merge leaves of it."""
    match value:
        case dict():
            return {key: _without_nulls(each) for key, each in value.items() if each is not None}
        case list():
            return [_without_nulls(each) for each in value]
        case _:
            return value


@pytest.mark.parametrize("seconds", [0, 1, 2, 3, 15])
@pytest.mark.parametrize(
    "spec",
    [
        {"restartPolicy": "Never"},
        {"restartPolicy": "OnFailure"},
        {"restartPolicy": "Always"},
        {"restartPolicy": "Never", "initContainers": [container("i", "sleep 1")]},
        {"restartPolicy": "Always", "initContainers": [container("s", restartPolicy="Always")]},
        {"restartPolicy": "Always", "ephemeralContainers": [container("d", "sleep 3")]},
    ],
    ids=["job", "retried job", "restarted", "with init container", "with sidecar", "debugged"],
)
def test_a_restarted_kubelet_reports_what_the_old_one_did(spec: dict[str, Any], seconds: int) -> None:
    made = pod(container("c", "sleep 2; exit 1"), **spec)
    run = advance(replace(advance(run_of(made), T0), address="10.244.0.2"), at(seconds))
    taken_over = run_of(_reported(made, run), at(100))
    assert status_for(made, taken_over, {}, T0) == status_for(made, run, {}, T0)


def test_a_running_container_ends_when_it_would_have() -> None:
    made = pod(container("c", "sleep 30"), restartPolicy="Never")
    taken_over = run_of(_reported(made, advance(run_of(made), T0)), at(20))
    assert [phase_of(advance(taken_over, at(seconds))) for seconds in (29, 30)] == ["Running", "Succeeded"]


def test_a_pod_that_nobody_has_reported_on_begins_now() -> None:
    run = run_of(pod(container("c")), at(7))
    assert (run.started_at, run.address, run.main[0].state) == (at(7), None, Waiting())


def test_an_address_is_kept() -> None:
    made = pod(container("c"))
    run = replace(advance(run_of(made), T0), address="10.244.0.9")
    assert run_of(_reported(made, run)).address == "10.244.0.9"


def test_a_deadline_counts_from_the_first_start() -> None:
    made = pod(container("c", "sleep 60"), restartPolicy="Never", activeDeadlineSeconds=10)
    taken_over = run_of(_reported(made, advance(run_of(made), T0)), at(8))
    assert taken_over.deadline == at(10)


def test_a_back_off_does_not_survive_the_kubelet() -> None:
    made = pod(container("c", "sleep 1; exit 1"))
    run = advance(advance(advance(run_of(made), T0), at(1)), at(2))
    taken_over = advance(run_of(_reported(made, run), at(3)), at(3))
    assert (taken_over.main[0].state, taken_over.main[0].restarts) == (Running(at(3)), 2)
