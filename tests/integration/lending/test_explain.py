"""What `oceanctl explain` says of running clusters, against what the reconciler has made of them."""

import asyncio
import json
import sys
from typing import Any

from inventory.quantity import parse
from oceanctl.sandbox.sandbox import Sandbox
from reconciler import names
from reconciler.kube.resources import CONFIGMAPS, NODES, PODS
from tests.integration.lending.hands import Hands, binding, policy, sleeper

Json = dict[str, Any]


async def oceanctl(sandbox: Sandbox, *arguments: str) -> tuple[int, str, str]:
    """A run of the program as a user of the computing cluster."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "oceanctl",
        *arguments,
        "--kubeconfig",
        str(sandbox.kubeconfig("computing")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def explained(hands: Hands, *arguments: str) -> Json:
    code, out, err = await oceanctl(hands.sandbox, "explain", *arguments, "-o", "json")
    assert code == 0, err
    document: Json = json.loads(out)
    return document


def milli(quantities: dict[str, str]) -> dict[str, int]:
    return {name: parse(each) for name, each in quantities.items()}


async def test_a_node_is_explained_as_its_vnode_shows_it(fleet: Hands) -> None:
    await fleet.apply(
        policy(
            "worker-1-half",
            "worker-1",
            priority=5,
            resourceLimits=[{"resource": "cpu", "percent": 50}, {"resource": "pods", "quantity": "7"}],
        )
    )

    async def is_halved() -> Json | None:
        vnodes = await fleet.vnodes("worker-1")
        ready = [each for each in vnodes if each["metadata"]["labels"].get(names.POLICY_APPLIED) == "worker-1-half"]
        return ready[0] if len(ready) == len(vnodes) else None

    try:
        vnode = await fleet.until(is_halved, "vnodes of worker-1 lent by worker-1-half")
        for name in (vnode["metadata"]["name"], vnode["metadata"]["labels"][names.PHYSICAL_NODE_NAME]):
            found = await explained(fleet, "node", name, "--cluster", "worker-1")
            assert (found["state"], found["policy"]) == ("lent", "worker-1-half")
            assert milli(found["allocatable"]) == milli(vnode["status"]["allocatable"])
            assert milli(found["capacity"]) == milli(vnode["status"]["capacity"])
            outcomes = {step["rule"]: step["outcome"] for step in found["steps"]}
            assert outcomes["vnode"].startswith("shows what it should")
        policy_found = await explained(fleet, "policy", "worker-1-always")
        assert {node["outcome"] for node in policy_found["nodes"]} == {"loses"}
        assert {node["to"] for node in policy_found["nodes"]} == {"worker-1-half"}
    finally:
        await fleet.delete(names.POLICIES, "worker-1-half", "")
    await fleet.vnodes_ready(3, "worker-1")


async def test_a_node_of_two_clusters_must_be_named_with_its_binding(fleet: Hands) -> None:
    nodes = [node["metadata"]["name"] for node in await fleet.workers["worker-1"].list(NODES)]
    others = [node["metadata"]["name"] for node in await fleet.workers["worker-2"].list(NODES)]
    code, _, err = await oceanctl(fleet.sandbox, "explain", "node", f"{nodes[0]}x")
    assert (code, "did you mean" in err) == (1, True)
    common = set(nodes) & set(others)
    for name in sorted(common)[:1]:
        code, _, err = await oceanctl(fleet.sandbox, "explain", "node", name)
        assert (code, "--cluster" in err) == (64, True)


async def test_a_pod_is_explained_by_what_both_clusters_show(fleet: Hands) -> None:
    vnode = (await fleet.vnodes("worker-1"))[0]["metadata"]["name"]
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}
    await fleet.create(CONFIGMAPS, settings)
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    await fleet.create(PODS, sleeper("runs", node=vnode, volumes=[volume]))
    await fleet.create(PODS, sleeper("too-large", cpu="4000"))
    await fleet.running("runs")
    found = await explained(fleet, "pod", f"{fleet.namespace}/runs")
    (worker_pod,) = await fleet.worker_pods("worker-1", "runs")
    assert (found["phase"], found["node"], found["binding"]) == ("Running", vnode, "worker-1")
    assert found["workerPod"] == f"{fleet.mount}/{worker_pod['metadata']['name']}"
    assert found["because"].startswith("in step with ")
    assert found["lease"]["state"] == "Lent"
    outcomes = [(step["rule"], step["outcome"]) for step in found["steps"]]
    assert ("dependent", "is in the worker") in outcomes

    async def is_refused() -> bool:
        waiting = await explained(fleet, "pod", f"{fleet.namespace}/too-large")
        return waiting["node"] is None and "Insufficient cpu" in waiting["because"]

    await fleet.until(is_refused, "the scheduler's refusal")
    code, _, err = await oceanctl(fleet.sandbox, "explain", "pod", f"{fleet.namespace}/run")
    assert (code, f"{fleet.namespace}/runs" in err) == (1, True)


async def test_a_worker_that_cannot_be_read_is_told(fleet: Hands) -> None:
    await fleet.apply(binding("ghost", secretRef={"name": "nowhere", "namespace": names.SYSTEM_NAMESPACE}))
    await fleet.apply(policy("ghost-always", "ghost"))
    try:
        found = await explained(fleet, "policy", "ghost-always")
        assert (found["state"], found["nodes"]) == ("open", [])
        assert "nowhere is not there" in found["unreadable"]
        code, _, err = await oceanctl(fleet.sandbox, "explain", "node", "any", "--cluster", "ghost")
        assert (code, "could not ask ghost" in err) == (1, True)
    finally:
        await fleet.delete(names.POLICIES, "ghost-always", "")
        await fleet.delete(names.BINDINGS, "ghost", "")
