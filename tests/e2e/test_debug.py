"""`kubectl debug` of a pod on a vnode: one container more in the pod that runs in the worker, which sees the processes of another."""

import pytest

from oceanctl.sandbox.programs import Programs
from oceanctl.sandbox.realnodes.images import BUSYBOX_IMAGE
from tests.e2e.conftest import StartPod, unique
from tests.e2e.hands import Hand
from tests.integration.kubectl import eventually

SINCE_POD = 22  # minor version from which on servers want a patch of the pod; neither side's kubectl speaks the other's language


@pytest.fixture
def debugger(reader: Hand, programs: Programs) -> Hand:
    servers = int(programs.version.split(".")[1])
    if (reader.client.minor < SINCE_POD) != (servers < SINCE_POD):
        pytest.skip(f"debug of kubectl 1.{reader.client.minor} is not understood by servers of {programs.version}")
    return reader


@pytest.fixture(scope="module")
def patient(start_pod: StartPod) -> str:
    """A pod for this alone: its ephemeral containers stay."""
    start_pod("patient")
    return "patient"


def test_a_person_looks_into_a_running_pod(debugger: Hand, patient: str) -> None:
    name = unique("debug")
    arguments = ["--image", BUSYBOX_IMAGE, "--container", name, "--target=main", "--", "sh"]
    with debugger.terminal("debug", "-it", patient, *arguments) as terminal:
        assert terminal.size_becomes(37, 111)
        terminal.type("tr '\\0' ' ' < /proc/1/cmdline\n")
        assert terminal.reads("trap exit TERM")  # the first process of the target
        told = debugger.run("exec", patient, "-c", name, "--", "echo", "here")
        assert told == b"here\n"
        terminal.type("echo over$((1 + 1)); exit 0\n")
        assert terminal.reads("over2")
        assert terminal.ends_with() == 0
    assert b"over2" in debugger.run("logs", patient, "-c", name)


def test_output_of_a_debugging_container_is_in_its_log(debugger: Hand, patient: str) -> None:
    name = unique("debug")
    command = ["--", "sh", "-c", "echo looked around; exec sleep 3600"]
    debugger.run("debug", patient, "--image", BUSYBOX_IMAGE, "--container", name, *command)
    eventually(lambda: debugger.try_run("logs", patient, "-c", name).stdout == b"looked around\n")
