"""`kubectl attach`, `port-forward` and `cp` on a vnode, with each kubectl and in each way it speaks."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import StartPod, container, unique
from tests.e2e.hands import MEGABYTE, TIMEOUT_SECONDS, Hand, noise, sha256

ECHO_PORT = 7000
CONNECTIONS = 4
EACH = 13 * MEGABYTE  # 52 in all
_CHUNK_BYTES = 1 << 16


@pytest.fixture(scope="session")
def echo(start_pod: StartPod) -> str:
    start_pod("echo", f"exec nc -ll -p {ECHO_PORT} -e cat")
    return "echo"


@contextmanager
def forwarded(hand: Hand, pod: str) -> Iterator[int]:
    """The local port that leads to the pod's echo."""
    with hand.running("port-forward", pod, f":{ECHO_PORT}") as process:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        found = re.search(r"127\.0\.0\.1:(\d+) ->", line)
        assert found, line
        yield int(found[1])


def echoed(port: int, content: bytes) -> str:
    """The checksum of what comes back of `content`; it is sent and received at the same time."""
    address = ("127.0.0.1", port)
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as connection, ThreadPoolExecutor(1) as pool:
        sent = pool.submit(connection.sendall, content)
        got = bytearray()
        while len(got) < len(content) and (chunk := connection.recv(_CHUNK_BYTES)):
            got += chunk
        sent.result()
    return sha256(bytes(got))


def test_fifty_megabytes_over_connections_at_once(hand: Hand, echo: str) -> None:
    contents = [noise(EACH)[number:] for number in range(CONNECTIONS)]
    with forwarded(hand, echo) as port, ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(echoed, [port] * CONNECTIONS, contents))
    assert answers == [sha256(content) for content in contents]


def test_connections_one_after_the_other(hand: Hand, echo: str) -> None:
    with forwarded(hand, echo) as port:
        for number in range(20):
            content = f"message {number}".encode()
            assert echoed(port, content) == sha256(content)


def test_attaching_to_a_terminal(hand: Hand, start_pod: StartPod) -> None:
    name = unique("attach")
    start_pod(name, containers=[container("main", "echo hello; exec sh", stdin=True, tty=True)])
    with hand.terminal("attach", "-it", name) as terminal:
        assert terminal.size_becomes(33, 99)
        terminal.type("echo $((6 * 7)) is it\n")
        assert terminal.reads("42 is it")
        terminal.type("exit 0\n")
        assert terminal.ends_with() == 0


def test_attaching_to_output_and_input(hand: Hand, start_pod: StartPod) -> None:
    name = unique("attach")
    start_pod(name, containers=[container("main", "cat; echo over", stdin=True, stdinOnce=True)])
    assert hand.run("attach", "-i", name, stdin=b"through and back\n").startswith(b"through and back\n")


def test_a_file_is_copied_both_ways(hand: Hand, workbench: str, tmp_path: Path) -> None:
    there, back, name = tmp_path / "there", tmp_path / "back", unique("file")
    there.write_bytes(noise(5 * MEGABYTE))
    hand.run("cp", str(there), f"{workbench}:/tmp/{name}")
    assert hand.lines("exec", workbench, "--", "sha256sum", f"/tmp/{name}")[0].split()[0] == sha256(there.read_bytes())
    hand.run("cp", f"{workbench}:/tmp/{name}", str(back))
    assert sha256(back.read_bytes()) == sha256(there.read_bytes())


def test_a_folder_is_copied_both_ways(hand: Hand, workbench: str, tmp_path: Path) -> None:
    there, back, name = tmp_path / "there", tmp_path / "back", unique("folder")
    (there / "deep").mkdir(parents=True)
    (there / "deep" / "file").write_text("deep")
    (there / "empty").write_text("")
    hand.run("cp", str(there), f"{workbench}:/tmp/{name}")
    hand.run("cp", f"{workbench}:/tmp/{name}", str(back))
    found = {str(file.relative_to(back)): file.read_text() for file in back.rglob("*") if file.is_file()}
    assert found == {"deep/file": "deep", "empty": ""}
