"""A DaemonSet that tolerates everything lands on vnodes too, and its rollout must not wait for them."""

from reconciler import names
from reconciler.kube.resources import NODES, PODS, Resource
from tests.integration.audit import AuditLog
from tests.integration.lending.hands import Hands, Json
from tests.integration.lending.test_quiet import audit_file, settled

DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
VNODE = "vnode-worker-2-worker-2-node-1"


def agent(image: str) -> Json:
    container = {"name": "agent", "image": image, "resources": {"requests": {"cpu": "50m", "memory": "16Mi"}}}
    template = {
        "metadata": {"labels": {"app": "agent"}},
        "spec": {
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
        },
    }
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}}
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": template, "updateStrategy": strategy}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}


async def is_rolled_out(fleet: Hands) -> Json | None:
    found = await fleet.find(DAEMON_SETS, "agent")
    if found is None or found["status"].get("observedGeneration") != found["metadata"]["generation"]:
        return None
    status = found["status"]
    wanted = status.get("desiredNumberScheduled", 0)
    done = (status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    return found if wanted >= 6 and done == (wanted, wanted) else None


async def pod_on(fleet: Hands, node: str) -> Json:
    pods = await fleet.computing.list(PODS, fleet.namespace)
    (pod,) = [each for each in pods if each["spec"].get("nodeName") == node]
    return pod


async def test_a_daemon_set_that_tolerates_everything_rolls_out(fleet: Hands) -> None:
    vnode = await fleet.find(NODES, VNODE)
    assert vnode is not None
    before = vnode["status"]["allocatable"]
    await fleet.create(DAEMON_SETS, agent("agent:1"))
    await fleet.until(lambda: is_rolled_out(fleet), "the rollout to complete")
    pod = await pod_on(fleet, VNODE)
    conditions = {it["type"]: it["status"] for it in pod["status"]["conditions"]}
    assert pod["status"]["phase"] == "Running"
    assert (conditions["Ready"], conditions[names.CONDITION_NOT_MIRRORED]) == ("True", "True")
    assert await fleet.worker_pods("worker-2") == []
    assert await fleet.events(pod["metadata"]["name"], "NotMirrored")

    async def takes_nothing_of_the_lease() -> bool:
        now = await fleet.find(NODES, VNODE)
        return now is not None and int(now["status"]["allocatable"]["pods"]) == int(before["pods"]) + 1

    await fleet.until(takes_nothing_of_the_lease, "the vnode to make room for it")
    await settled([AuditLog(audit_file(fleet, "computing"))])
    await fleet.patch(DAEMON_SETS, "agent", {"spec": agent("agent:2")["spec"]})
    await fleet.until(lambda: is_rolled_out(fleet), "the second rollout to complete")
    assert (await pod_on(fleet, VNODE))["spec"]["containers"][0]["image"] == "agent:2"
    await fleet.delete(DAEMON_SETS, "agent")

    async def none_left() -> bool:
        return not await fleet.computing.list(PODS, fleet.namespace)

    await fleet.until(none_left, "its pods to go")
