from datetime import timedelta

from proxier.node.describing import configuration_for, running_pods_for
from reconciler.kube.projections import Container, ObjectMeta, Pod, PodSpec, PodStatus


def test_only_running_pods_run() -> None:
    spec = PodSpec(containers=(Container("main"), Container("side")))
    pods = [
        Pod(ObjectMeta("web", "app", "u1"), spec, PodStatus(phase="Running")),
        Pod(ObjectMeta("done", "app", "u2"), spec, PodStatus(phase="Succeeded")),
    ]
    assert running_pods_for(pods)["items"] == [
        {
            "metadata": {"name": "web", "namespace": "app", "uid": "u1"},
            "spec": {"containers": [{"name": "main"}, {"name": "side"}]},
            "status": {},
        }
    ]


def test_the_configuration_says_what_holds_here() -> None:
    found = configuration_for(12001, timedelta(hours=4), timedelta(seconds=10))["kubeletconfig"]
    assert (found["kind"], found["port"], found["readOnlyPort"]) == ("KubeletConfiguration", 12001, 0)
    assert found["authentication"]["anonymous"] == {"enabled": False}
    assert found["streamingConnectionIdleTimeout"] == "4h0m0s"
    assert found["authorization"]["webhook"]["cacheAuthorizedTTL"] == "10s"
