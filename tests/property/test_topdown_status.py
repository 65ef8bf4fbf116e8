"""Every status comes up once, keeps what is not the worker's, and comes to rest."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler import names
from reconciler.decision import Delete
from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.pod_status import computing_status_for, status_changes
from reconciler.topdown.verdicts import Verdict, failed_status_for
from tests.mirroring import NOW, Json, a_pod, a_view, a_worker_pod, after, mapped, merged, optional_fields

instants = st.sampled_from([f"2026-03-02T11:0{minute}:00Z" for minute in range(3)])
kinds = st.sampled_from(
    [
        "Ready",
        "ContainersReady",
        "Initialized",
        "PodScheduled",
        "DisruptionTarget",
        "a/gate",
        "b/mine",
        "kubeocean.io/LeaseEnding",
    ]
)
conditions = st.lists(
    optional_fields(
        {"type": kinds, "status": st.sampled_from(["True", "False", "Unknown"]), "lastTransitionTime": instants},
        reason=st.sampled_from(["", "Because"]),
        lastProbeTime=st.none(),
        observedGeneration=st.integers(1, 3),
    ),
    unique_by=lambda it: str(it["type"]),
    max_size=6,
)
states = st.one_of(
    st.just({"waiting": {"reason": "ContainerCreating"}}),
    instants.map(lambda it: {"running": {"startedAt": it}}),
    st.integers(0, 255).map(lambda it: {"terminated": {"exitCode": it, "finishedAt": None}}),
)
container_statuses = st.lists(
    optional_fields(
        {
            "name": st.sampled_from(["a", "b"]),
            "ready": st.booleans(),
            "restartCount": st.integers(0, 3),
            "state": states,
        },
        lastState=st.one_of(st.just({}), states),
        started=st.booleans(),
        volumeMounts=st.just([{"name": "v"}]),
        resources=st.just({"requests": {"cpu": "1"}}),
    ),
    max_size=2,
)
addresses = st.sampled_from(["10.0.0.1", "10.0.0.2"])
statuses = optional_fields(
    {"phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed"])},
    reason=st.sampled_from(["", "Evicted", *sorted(names.VERDICTS)]),
    message=st.text(max_size=5),
    startTime=instants,
    hostIP=addresses,
    hostIPs=addresses.map(lambda it: [{"ip": it}]),
    podIP=addresses,
    podIPs=addresses.map(lambda it: [{"ip": it}]),
    conditions=conditions,
    containerStatuses=container_statuses,
    initContainerStatuses=container_statuses,
)
gates = st.lists(st.just({"conditionType": "a/gate"}), max_size=1)
YOUNG = frozenset({"hostIPs", "volumeMounts", "resources", "observedGeneration"})
droppings = st.sets(st.sampled_from(sorted(YOUNG)))


def as_shown(value: Any, dropped: set[str]) -> Any:
    """What an API server shows of what it was given: unknown fields and empty ones are gone."""
    if isinstance(value, dict):
        shown = {key: as_shown(it, dropped) for key, it in value.items() if key not in dropped}
        return {key: it for key, it in shown.items() if it not in (None, "", [])}
    return [as_shown(it, dropped) for it in value] if isinstance(value, list) else value


@given(statuses, statuses, gates, droppings)
def test_a_status_is_written_once_whatever_the_computing_cluster_knows(
    worker: Json, computing: Json, gated: list[Json], dropped: set[str]
) -> None:
    pod = {**a_pod(spec={"readinessGates": gated}), "status": as_shown(computing, dropped)}
    changes = status_changes(computing_status_for({"status": worker}, pod), pod)
    shown = {**pod, "status": as_shown(merged(pod["status"], changes), dropped)}
    assert status_changes(computing_status_for({"status": worker}, shown), shown) == {}


@given(statuses, statuses)
def test_a_final_phase_never_changes(worker: Json, computing: Json) -> None:
    pod = {**a_pod(), "status": computing}
    phase = merged(computing, status_changes(computing_status_for({"status": worker}, pod), pod))["phase"]
    assert phase == (computing["phase"] if computing["phase"] in ("Succeeded", "Failed") else worker["phase"])


@given(statuses, statuses)
def test_conditions_that_are_not_the_workers_survive(worker: Json, computing: Json) -> None:
    pod = {**a_pod(spec={"readinessGates": [{"conditionType": "a/gate"}]}), "status": computing}
    shown = merged(computing, status_changes(computing_status_for({"status": worker}, pod), pod))
    before, now = ({it["type"]: it for it in status.get("conditions") or []} for status in (computing, shown))
    for kind in ("PodScheduled", "DisruptionTarget", "a/gate", "kubeocean.io/LeaseEnding"):
        assert kind not in before or now[kind] == before[kind]


@given(statuses)
def test_no_verdict_leaves_a_container_running(status: Json) -> None:
    made = failed_status_for({"status": status}, Verdict(names.REASON_POD_LOST, "gone"), NOW)
    every = [it for field in ("containerStatuses", "initContainerStatuses") for it in made.get(field, [])]
    assert all(set(it["state"]) == {"terminated"} and not it["ready"] for it in every)
    assert {it["status"] for it in made["conditions"] if it["type"] in ("Ready", "ContainersReady")} == {"False"}


@given(statuses, statuses, gates)
def test_a_pair_of_pods_comes_to_rest(worker: Json, computing: Json, gated: list[Json]) -> None:
    pod = mapped(a_pod(spec={"readinessGates": gated}))
    view = a_view({**pod, "status": computing}, a_worker_pod(pod, status=worker))
    for _ in range(2):
        decision = decide_pod(view, NOW)
        if any(isinstance(it, Delete) for it in decision.actions):
            return  # put down: there is no pair any more
        view = after(view, decision)
    assert decide_pod(view, NOW).actions == ()
