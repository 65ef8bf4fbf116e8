"""`oceanctl explain` on files, as a shell runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from oceanctl.errors import ExitCode
from tests.unit.oceanctl.conftest import Answer

Run = Callable[..., Answer]

BINDING = """
apiVersion: cloud.tencent.com/v1beta1
kind: ClusterBinding
metadata: {{name: {name}}}
spec: {{clusterID: {name}, mountNamespace: lent, secretRef: {{name: {name}, namespace: kubeocean-system}}}}
"""
POLICY = """
apiVersion: cloud.tencent.com/v1beta1
kind: ResourceLeasingPolicy
metadata: {{name: {name}}}
spec:
  cluster: {cluster}
  timeZone: Europe/Paris
  timeWindows: [{{start: "22:00", end: "05:59"}}]
  resourceLimits: [{{resource: cpu, percent: 50}}]
"""
NODES = """
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: n1}
  status:
    capacity: {cpu: "8", memory: 16384Mi, pods: "110"}
    allocatable: {cpu: "8", memory: 16384Mi, pods: "110"}
"""
OURS = """
  metadata:
    name: ours
    namespace: lent
    labels: {kubeocean.io/managed-by: kubeocean}
    annotations: {kubeocean.io/virtual-pod-namespace: shop, kubeocean.io/virtual-pod-name: web}
"""
PODS = f"""
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {{name: db, namespace: shop}}
  spec: {{nodeName: n1, containers: [{{name: a, resources: {{requests: {{cpu: 1500m}}}}}}]}}
  status: {{phase: Running}}
- apiVersion: v1
  kind: Pod
{OURS}
  spec: {{nodeName: n1, containers: [{{name: a, resources: {{requests: {{cpu: "2"}}}}}}]}}
  status: {{phase: Running}}
"""
NIGHT = "2026-03-28T02:00:00Z"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """An inventory of one binding and one policy, with nodes and pods; the flags that name them."""
    folder = tmp_path / "inventory"
    (folder / "policies").mkdir(parents=True)
    (folder / "bindings").mkdir()
    (folder / "ocean.yaml").write_text("version: 1\ninventory: {id: test}\n")
    (folder / "bindings" / "east.yaml").write_text(BINDING.format(name="east"))
    (folder / "policies" / "night.yaml").write_text(POLICY.format(name="night", cluster="east"))
    (tmp_path / "nodes.yaml").write_text(NODES)
    (tmp_path / "pods.yaml").write_text(PODS)
    return ["--nodes", "nodes.yaml", "--pods", "pods.yaml", "--inventory", "inventory"]


def second_binding(tmp_path: Path, *, with_policy: bool) -> None:
    (tmp_path / "inventory" / "bindings" / "west.yaml").write_text(BINDING.format(name="west"))
    if with_policy:
        (tmp_path / "inventory" / "policies" / "west.yaml").write_text(POLICY.format(name="west", cluster="west"))


def test_a_node_is_explained_from_files_alone(run: Run, files: list[str]) -> None:
    answer = run("explain", "node", "n1", *files, "--at", NIGHT, "-o", "json")
    found = json.loads(answer.out)
    assert answer.code == ExitCode.OK
    assert {key: found[key] for key in ("node", "state", "policy", "allocatable", "capacity", "nextTransition")} == {
        "node": "n1",
        "state": "lent",
        "policy": "night",
        "allocatable": {"cpu": "3250m", "memory": "16Gi", "pods": "109"},
        "capacity": {"cpu": "8", "memory": "16Gi", "pods": "110"},
        "nextTransition": {"at": "2026-03-28T05:00:00Z", "direction": "Close"},
    }
    assert all(step.keys() == {"rule", "inputs", "outcome"} for step in found["steps"])
    (load,) = (step for step in found["steps"] if step["rule"] == "load")
    assert [pod["name"] for pod in load["inputs"]["pods"]] == ["db"]  # ours is no foreign load


def test_outside_its_windows_a_node_lends_nothing(run: Run, files: list[str]) -> None:
    found = json.loads(run("explain", "node", "n1", *files, "--at", "2026-03-28T12:00Z", "-o", "json").out)
    assert (found["state"], found["policy"], found["allocatable"], found["capacity"]) == (
        "outside-windows",
        None,
        {},
        {},
    )
    assert found["nextTransition"] == {"at": "2026-03-28T21:00:00Z", "direction": "Open"}


def test_a_vnode_s_name_will_do(run: Run, files: list[str]) -> None:
    found = json.loads(run("explain", "node", "vnode-east-n1", *files, "--at", NIGHT, "-o", "json").out)
    assert (found["node"], found["vnode"], found["binding"]) == ("n1", "vnode-east-n1", "east")


def test_an_unknown_node_names_what_comes_close(run: Run, files: list[str]) -> None:
    answer = run("explain", "node", "n11", *files)
    assert (answer.code, answer.err) == (ExitCode.FAILED, "error: no node 'n11'; did you mean 'n1'?\n")


def test_of_several_bindings_the_one_with_a_policy_counts(run: Run, files: list[str], tmp_path: Path) -> None:
    second_binding(tmp_path, with_policy=False)
    found = json.loads(run("explain", "node", "n1", *files, "--at", NIGHT, "-o", "json").out)
    assert (found["binding"], found["state"]) == ("east", "lent")


def test_of_several_bindings_that_may_be_meant_one_must_be_named(run: Run, files: list[str], tmp_path: Path) -> None:
    second_binding(tmp_path, with_policy=True)
    answer = run("explain", "node", "n1", *files)
    assert answer.code == ExitCode.USAGE
    assert answer.err == "error: 'n1' can be a node of east, west: name one with --cluster\n"
    chosen = run("explain", "node", "n1", *files, "--cluster", "west", "--at", NIGHT, "-o", "json")
    assert json.loads(chosen.out)["policy"] == "west"
    assert "did you mean 'west'?" in run("explain", "node", "n1", *files, "--cluster", "wset").err


def test_where_no_binding_lends_a_node_each_says_why(run: Run, files: list[str], tmp_path: Path) -> None:
    second_binding(tmp_path, with_policy=False)
    (tmp_path / "inventory" / "policies" / "night.yaml").unlink()
    found = json.loads(run("explain", "node", "n1", *files, "-o", "json").out)
    assert (found["binding"], found["state"], found["nextTransition"]) == (None, "not-lent", None)
    bindings = [step["inputs"]["binding"] for step in found["steps"] if step["rule"] == "binding-selector"]
    assert bindings == ["east", "west"]


def test_a_policy_is_explained_from_files_alone(run: Run, files: list[str]) -> None:
    found = json.loads(run("explain", "policy", "night", *files, "--at", NIGHT, "-o", "json").out)
    assert (found["policy"], found["cluster"], found["valid"], found["state"]) == ("night", "east", True, "open")
    assert found["nodes"] == [
        {
            "node": "n1",
            "vnode": "vnode-east-n1",
            "outcome": "lends",
            "because": "lent by night",
            "to": None,
            "allocatable": {"cpu": "3250m", "memory": "16Gi", "pods": "109"},
        }
    ]
    assert "did you mean 'night'?" in run("explain", "policy", "nigth", *files).err


def test_the_text_goes_to_stdout_unwrapped(run: Run, files: list[str]) -> None:
    answer = run("explain", "node", "n1", *files, "--at", NIGHT)
    assert answer.out.startswith("node n1 of east (vnode-east-n1) at 2026-03-28T02:00:00Z\nlent by night\n")
    assert "- shop/db" in answer.out
    assert answer.err == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(("--pods", "pods.yaml"), "--pods goes with --nodes FILE", id="pods alone"),
        pytest.param(("--nodes", "nodes.yaml", "--at", "noon"), "is not an instant", id="no instant"),
    ],
)
def test_a_command_line_that_makes_no_sense_says_why(
    run: Run, files: list[str], arguments: tuple[str, ...], complaint: str
) -> None:
    answer = run("explain", "node", "n1", "--inventory", files[-1], *arguments)
    assert answer.code == ExitCode.USAGE
    assert complaint in answer.err


def test_without_pods_the_answer_is_given_with_a_warning(run: Run, files: list[str]) -> None:
    answer = run("explain", "node", "n1", *files[:2], *files[4:], "--at", NIGHT, "-o", "json")
    assert json.loads(answer.out)["allocatable"]["cpu"] == "4"
    assert answer.err == "warning: without --pods nothing counts as taken: what is lent may be less\n"
