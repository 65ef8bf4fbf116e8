"""exec, attach and port-forward of a pod on a vnode, through real API servers on both sides."""

import dataclasses
import hashlib
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.integration.kubectl import eventually
from tests.integration.proxier.conftest import NAMESPACE, Scene
from tests.integration.terminal import terminal

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def pod(scene: Scene) -> str:
    scene.run_pod("target", "sleep 3600")
    return "target"


def command(scene: Scene, *arguments: str) -> list[str]:
    return [str(scene.kubectl.program), f"--kubeconfig={scene.kubectl.kubeconfig}", "-n", NAMESPACE, *arguments]


def test_a_command_prints_on_both_outputs(scene: Scene, pod: str) -> None:
    answer = scene.kubectl.try_run("exec", "-n", NAMESPACE, pod, "--", "sh", "-c", "echo out; echo err >&2")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "out\n", "err\n")


@pytest.mark.parametrize("code", [1, 3, 255])
def test_exit_codes_come_back(scene: Scene, pod: str, code: int) -> None:
    answer = scene.kubectl.try_run("exec", "-n", NAMESPACE, pod, "--", "sh", "-c", f"exit {code}")
    assert answer.returncode == code


def test_twenty_megabytes_go_there_and_back_unharmed(scene: Scene, pod: str) -> None:
    sent = os.urandom(20 * MIB)
    done = subprocess.run(
        command(scene, "exec", "-i", pod, "--", "cat"), input=sent, capture_output=True, timeout=60, check=True
    )
    assert digest(done.stdout) == digest(sent)


def test_a_container_that_is_not_there_is_named(scene: Scene, pod: str) -> None:
    answer = scene.kubectl.try_run("exec", "-n", NAMESPACE, pod, "-c", "c9", "--", "true")
    assert answer.returncode == 1
    assert "c9" in answer.stderr


def test_a_terminal_echoes_and_knows_its_size(scene: Scene, pod: str) -> None:
    with terminal(command(scene, "exec", "-it", pod, "--", "sh"), rows=31, columns=97) as screen:
        screen.until(b"$ ")
        screen.type(b"stty size\r")
        screen.until(b"31 97")
        screen.type(b"exit 4\r")
        assert screen.exit_code() == 4


def test_attach_speaks_with_the_container(scene: Scene, pod: str) -> None:
    with terminal(command(scene, "attach", "-it", pod), rows=24, columns=80) as screen:
        screen.until(b"command prompt")  # what kubectl says just before the terminal is the container's
        screen.until_taken()
        screen.type(b"hello\r")
        screen.until(b"hello")
        screen.type(b"\x04")
        assert screen.exit_code() == 0


def test_a_port_carries_several_connections_at_once(scene: Scene, pod: str) -> None:
    sent = [os.urandom(50 * MIB // 3) for _ in range(3)]
    with forwarded(scene, pod) as port, ThreadPoolExecutor() as pool:
        came = list(pool.map(partial(said_back, port), sent))
    assert [digest(each) for each in came] == [digest(each) for each in sent]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no other kubectl than the sandbox's own")
def test_a_client_that_prefers_websockets_falls_back(scene: Scene, pod: str) -> None:
    newest = dataclasses.replace(scene.kubectl, program=Path(shutil.which("kubectl") or ""))
    answer = newest.try_run("exec", "-n", NAMESPACE, pod, "--", "sh", "-c", "echo out; exit 5")
    assert (answer.returncode, answer.stdout) == (5, "out\n")


def test_a_client_that_vanishes_ends_the_stream(scene: Scene, pod: str) -> None:
    reading = subprocess.Popen(
        command(scene, "exec", pod, "--", "sh", "-c", "echo on; sleep 3600"), stdout=subprocess.PIPE
    )
    with reading:
        assert reading.stdout is not None
        assert reading.stdout.readline() == b"on\n"
        before = scene.served("exec")
        reading.kill()
    eventually(lambda: scene.served("exec") == before + 1, 10)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def said_back(port: int, sent: bytes) -> bytes:
    """What a forwarded port answers to `sent`."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        sender = threading.Thread(target=connection.sendall, args=(sent,))
        sender.start()
        came = bytearray()
        while len(came) < len(sent) and (chunk := connection.recv(MIB)):
            came += chunk
        sender.join()
        return bytes(came)


@contextmanager
def forwarded(scene: Scene, pod: str) -> Iterator[int]:
    """`kubectl port-forward`; the local port."""
    with subprocess.Popen(
        command(scene, "port-forward", pod, ":80", "--address=127.0.0.1"), stdout=subprocess.PIPE, text=True
    ) as forwarding:
        try:
            assert forwarding.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", forwarding.stdout.readline())
            assert found is not None
            yield int(found[1])
        finally:
            forwarding.terminate()
