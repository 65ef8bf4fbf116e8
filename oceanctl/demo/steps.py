"""The story of the demo: lend, compute, take back."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from oceanctl.commands import plan, status, validate
from oceanctl.demo import job
from oceanctl.demo.edits import closed, with_percent
from oceanctl.demo.errors import DemoError
from oceanctl.demo.programs import Checkout
from oceanctl.demo.stage import EXAMPLE, Stage
from oceanctl.errors import ExitCode
from oceanctl.sandbox.install import MOUNT_NAMESPACE
from oceanctl.sandbox.sandbox import COMPUTING, Shape
from reconciler import names

SHAPE: Final = Shape(workers=2, nodes=3)
WORKERS: Final = ("worker-1", "worker-2")
_CLOSING: Final = Path("policies/worker-2-half-cpu.yaml")
_CHANGED: Final = Path("policies/worker-1-half-cpu.yaml")
_VNODES: Final = SHAPE.workers * SHAPE.nodes
_APPLY_SECONDS: Final = 60.0
_PODS_SECONDS: Final = 120.0
_JOB_SECONDS: Final = 240.0


def bring_up(stage: Stage) -> None:
    """Three clusters."""
    tell = stage.narrator
    with tell.step(
        "Start the sandbox",
        "One computing cluster and two workers: real etcd, API server, controllers and scheduler, and simulated nodes.",
    ):
        tell.command(
            f"oceanctl sandbox up --workers {SHAPE.workers} --nodes {SHAPE.nodes} --state-dir {stage.sandbox.folder}"
        )
        with stage.shell.screen.awaiting("the clusters of the sandbox"):
            stage.sandbox.up(SHAPE, tell.tell)


def publish(stage: Stage) -> None:
    """The inventory as a Git repository, and the reconciler that follows it."""
    tell = stage.narrator
    with tell.step(
        "Publish the inventory and start the reconciler",
        "The inventory is a Git repository that says what is lent, to whom and when; the reconciler keeps the clusters equal to it.",
    ):
        stage.remove()  # what an earlier demo may have left
        stage.folder.mkdir(parents=True)
        Checkout.make(EXAMPLE, stage.checkout.folder, stage.remote)
        tell.tell(f"examples/quickstart is now the repository {stage.remote}, checked out in {stage.checkout.folder}")
        tell.command("python -m reconciler --role all --config reconciler.yaml")
        stage.start_reconciler()
        tell.command("python -m proxier --binding worker-1, and another for worker-2")
        stage.start_proxiers(WORKERS)
        tell.wait("the first commit to be applied", lambda: _applied(stage, None), _APPLY_SECONDS)
        tell.tell("The reconciler has fetched, validated and applied the first commit.")


def change(stage: Stage) -> None:
    """A change of the inventory, from the edit to the cluster."""
    tell = stage.narrator
    with tell.step(
        "Change the inventory",
        "worker-1 shall lend three quarters of its CPU by day instead of half: edit, validate, look at the plan, commit, push.",
    ):
        _edit(stage, _CHANGED, lambda text: with_percent(text, "cpu", 75))
        tell.command("oceanctl validate")
        _expect("validate", validate.run(stage.author_shell(), validate.Options()))
        tell.command("oceanctl plan")
        _expect("plan", plan.run(stage.author_shell(), plan.Options()))
        _push(stage, "Lend three quarters of worker-1")


def compute(stage: Stage) -> None:
    """A Job on lent nodes."""
    tell = stage.narrator
    with tell.step(
        "Compute on lent nodes",
        "Every lent node is a node of the computing cluster; the ordinary scheduler spreads an ordinary Job over them.",
    ):
        tell.wait(f"{_VNODES} vnodes to be Ready", lambda: _ready_vnodes(stage), _APPLY_SECONDS)
        _show(stage, COMPUTING, "get", "nodes")
        tell.command("kubectl apply -f job.yaml", stage.kubectl().apply(job.MANIFESTS))
        tell.wait(f"{job.PODS} pods to run", lambda: _running_pods(stage), _PODS_SECONDS)
        tell.tell("The pods are bound to vnodes here, and run in the workers with their ConfigMap and Secret:")
        _show(stage, COMPUTING, "get", "pods", "-o", "wide")
        for worker in WORKERS:
            _show(stage, worker, "get", "pods", "-n", MOUNT_NAMESPACE, "-o", "wide")
        _look_inside(stage)
        tell.command("oceanctl status")
        status.run(stage.author_shell(), status.Options())


def reclaim(stage: Stage) -> None:
    """Closing the window of one worker."""
    tell = stage.narrator
    with tell.step(
        "Take the capacity of worker-2 back",
        "A commit closes the window of worker-2: its pods get their grace period, then they go, and no new ones come.",
    ):
        lent = _pods_on(stage, "worker-2")
        tell.tell(f"{len(lent)} pods of the Job run on worker-2 now.")
        _edit(stage, _CLOSING, lambda text: closed(text, datetime.now(UTC)))
        tell.command("git diff", stage.checkout.diff())
        _push(stage, "Close worker-2")
        tell.wait("worker-2 to be empty", lambda: _is_empty(stage, "worker-2"), _PODS_SECONDS)
        reclaimed = lent - _pods_on(stage, "worker-2") - _succeeded(stage)
        tell.tell(
            f"worker-2 has its capacity back: {len(reclaimed)} pods were reclaimed. Its vnodes stay, tainted, for the next window:"
        )
        _show(stage, COMPUTING, "get", "nodes", "-l", f"{names.CLUSTER_BINDING}=worker-2", "-o", _TAINTS)
        tell.wait("the Job to finish on worker-1", lambda: _finished_job(stage), _JOB_SECONDS)
        _show(stage, COMPUTING, "get", "job", job.NAME)
        _show(stage, COMPUTING, "get", "pods", "-o", "wide")


def recap(stage: Stage, *, is_kept: bool) -> None:
    """What was shown, and where things are."""
    tell = stage.narrator
    with tell.step("Recap", "Lent by a commit, used by an ordinary Job, taken back by a commit."):
        (found,) = stage.get("jobs", f"--field-selector=metadata.name={job.NAME}")
        tell.tell(f"The Job is complete: {found['status'].get('succeeded', 0)} of {job.PODS} pods succeeded.")
        for title, seconds in tell.told:
            tell.tell(f"{seconds:6.1f} s  {title}")
        if is_kept:
            for cluster in (COMPUTING, *WORKERS):
                tell.tell(f"kubeconfig of {cluster}: {stage.sandbox.kubeconfig(cluster)}")
            tell.tell(f"inventory: {stage.checkout.folder}, pushed to {stage.remote}")
            tell.tell(f"log of the reconciler: {stage.reconciler.log}")
            tell.command(f"oceanctl sandbox down --state-dir {stage.sandbox.folder}")


def _look_inside(stage: Stage) -> None:
    """Look with kubectl into a pod that runs in another cluster."""
    tell = stage.narrator
    pod = tell.wait("a pod whose vnode is served by a proxier", lambda: _served_pod(stage), _APPLY_SECONDS)
    tell.tell("kubectl works as on any node; the proxiers pass it on to the worker that runs the pod:")
    _show(stage, COMPUTING, "logs", pod)
    _show(stage, COMPUTING, "exec", pod, "--", "env")


def _served_pod(stage: Stage) -> str | None:
    """A running pod of the Job on a vnode that has an address."""
    vnodes = stage.get("nodes", "-l", f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}")
    served = {vnode["metadata"]["name"] for vnode in vnodes if len(vnode["status"].get("addresses", ())) > 1}
    running = (pod for pod in _pods(stage) if pod["status"].get("phase") == "Running")
    return next((pod["metadata"]["name"] for pod in running if pod["spec"].get("nodeName") in served), None)


_TAINTS: Final = "custom-columns=NAME:.metadata.name,TAINTS:.spec.taints[*].key,PODS:.status.allocatable.pods"


def _edit(stage: Stage, file: Path, edit: Callable[[str], str]) -> None:
    path = stage.checkout.folder / file
    path.write_text(edit(path.read_text()))


def _push(stage: Stage, message: str) -> None:
    commit = stage.checkout.push(message)
    stage.narrator.command(f"git commit -am '{message}' && git push", commit)
    stage.narrator.wait(f"commit {commit[:12]} to be applied", lambda: _applied(stage, commit), _APPLY_SECONDS)
    stage.narrator.tell("The reconciler has pulled and applied it.")


def _applied(stage: Stage, commit: str | None) -> str | None:
    """The last applied revision, if it is `commit`, or any when there is none to wait for."""
    stage.check_reconciler()
    state = stage.state()
    revision = state.revision if state is not None else None
    return revision if commit in (None, revision) else None


def _ready_vnodes(stage: Stage) -> bool | None:
    nodes = stage.get("nodes", "-l", f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}")
    ready = [
        node for node in nodes if _has_condition(node, "Ready") and node["status"]["allocatable"].get("pods") != "0"
    ]
    return len(ready) == _VNODES or None


def _pods_on(stage: Stage, worker: str) -> set[str]:
    """UIDs of the Job's pods that are bound to vnodes of a worker and not finished."""
    vnodes = stage.get("nodes", "-l", f"{names.CLUSTER_BINDING}={worker}")
    of_worker = {vnode["metadata"]["name"] for vnode in vnodes}
    return {
        pod["metadata"]["uid"]
        for pod in _pods(stage)
        if pod["spec"].get("nodeName") in of_worker and pod["status"].get("phase") not in ("Succeeded", "Failed")
    }


def _succeeded(stage: Stage) -> set[str]:
    return {pod["metadata"]["uid"] for pod in _pods(stage) if pod["status"].get("phase") == "Succeeded"}


def _pods(stage: Stage) -> list[dict[str, Any]]:
    return stage.get("pods", "-l", f"job-name={job.NAME}")


def _running_pods(stage: Stage) -> bool | None:
    phases = [pod["status"].get("phase") for pod in _pods(stage)]
    return sum(phase in ("Running", "Succeeded") for phase in phases) >= job.PODS or None


def _is_empty(stage: Stage, worker: str) -> bool | None:
    stage.check_reconciler()
    listed = stage.kubectl(worker).run("get", "pods", "-n", MOUNT_NAMESPACE, "-o", "json")
    phases = [pod["status"].get("phase") for pod in json.loads(listed)["items"]]
    return all(phase in ("Succeeded", "Failed") for phase in phases) or None


def _finished_job(stage: Stage) -> bool | None:
    (found,) = stage.get("jobs", f"--field-selector=metadata.name={job.NAME}")
    if _has_condition(found, "Failed"):
        raise DemoError(f"the Job failed: {found['status']['conditions']}")
    return _has_condition(found, "Complete") or None


def _has_condition(found: Mapping[str, Any], kind: str) -> bool:
    conditions = found["status"].get("conditions", ())
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def _show(stage: Stage, cluster: str, *arguments: str) -> None:
    shown = stage.kubectl(cluster).run(*arguments)
    stage.narrator.command(f"kubectl --kubeconfig {cluster}.yaml {' '.join(arguments)}", shown)


def _expect(command: str, code: ExitCode) -> None:
    if code is not ExitCode.OK:
        raise DemoError(f"oceanctl {command} ended with exit code {int(code)}")
