"""`kubectl logs` of a pod on a vnode, through real API servers on both sides."""

import subprocess
import time

import pytest

from tests.integration.proxier.conftest import NAMESPACE, Scene


@pytest.fixture(scope="module")
def sleeper(scene: Scene) -> str:
    scene.run_pod("sleeper", "sleep 3600", containers=2)
    return "sleeper"


def test_logs_of_each_container_are_its_own(scene: Scene, sleeper: str) -> None:
    for container in ("c1", "c2"):
        assert scene.kubectl.run("logs", "-n", NAMESPACE, sleeper, "-c", container).startswith(f"started {container} ")


@pytest.mark.parametrize(
    ("flag", "printed"),
    [
        ("--tail=1", "started c1 of busybox: sh -c sleep 3600\n"),
        ("--tail=0", ""),
        ("--limit-bytes=7", "started"),
        ("--since=1h", "started c1 of busybox: sh -c sleep 3600\n"),
        ("--since-time=2100-01-01T00:00:00Z", ""),
    ],
)
def test_flags_mean_what_they_mean_on_a_node(scene: Scene, sleeper: str, flag: str, printed: str) -> None:
    assert scene.kubectl.run("logs", "-n", NAMESPACE, sleeper, "-c", "c1", flag) == printed


def test_timestamps_are_the_container_s(scene: Scene, sleeper: str) -> None:
    line = scene.kubectl.run("logs", "-n", NAMESPACE, sleeper, "-c", "c1", "--timestamps")
    assert line[:2] == "20"
    assert "Z started c1 " in line


def test_a_follower_sees_lines_as_they_come_and_the_end(scene: Scene) -> None:
    scene.run_pod("brief", "sleep 4")
    command = [str(scene.kubectl.program), f"--kubeconfig={scene.kubectl.kubeconfig}", "logs", "-f", "-n", NAMESPACE]
    with subprocess.Popen([*command, "brief"], stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline().startswith("started c1 ")
        first_at = time.monotonic()
        assert follower.stdout.readline() == "ended with exit code 0\n"
        assert time.monotonic() - first_at > 1
        assert follower.wait(20) == 0


def test_a_refusal_speaks_of_the_pod_that_was_asked_for(scene: Scene, sleeper: str) -> None:
    answer = scene.kubectl.try_run("logs", "-n", NAMESPACE, sleeper, "-c", "c1", "--previous")
    assert answer.returncode == 1
    assert 'in pod "sleeper"' in answer.stderr
    assert "kubeocean-worker" not in answer.stderr


def test_a_pod_that_the_worker_does_not_have_is_not_found(scene: Scene) -> None:
    scene.make_pod("early", "sleep 1")
    answer = scene.kubectl.try_run("logs", "-n", NAMESPACE, "early")
    assert answer.returncode == 1
    assert "(NotFound)" in answer.stderr
