"""`kubectl logs` of pods on vnodes, with all its flags and every kind of container."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.conftest import KEEPS_RUNNING, Json, StartPod, container, unique
from tests.e2e.hands import Hand
from tests.integration.kubectl import eventually

COUNTS = "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo line $i; done; " + KEEPS_RUNNING
TICKS = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done"
CRASHES_ONCE = (
    f"if [ -e /life/first ]; then echo second life; {KEEPS_RUNNING}; fi; touch /life/first; echo first life; exit 3"
)
STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z (.*)")


@pytest.fixture(scope="session")
def counter(start_pod: StartPod, admin: Hand) -> str:
    start_pod("counter", COUNTS)
    eventually(lambda: admin.lines("logs", "counter", "--tail=1") == ["line 5000"])
    return "counter"


@pytest.fixture(scope="session")
def ticker(start_pod: StartPod, admin: Hand) -> str:
    start_pod("ticker", TICKS)
    eventually(lambda: len(admin.lines("logs", "ticker")) > 30)
    return "ticker"


def stamped(line: str) -> tuple[datetime, str]:
    found = STAMPED.fullmatch(line)
    assert found, line
    fraction = (found[2] or ".0")[:7]  # Python keeps microseconds
    return datetime.fromisoformat(f"{found[1]}{fraction}+00:00"), found[3]


def test_every_line_is_there(reader: Hand, counter: str) -> None:
    assert reader.lines("logs", counter) == [f"line {number}" for number in range(1, 5001)]


def test_a_tail_is_the_end(reader: Hand, counter: str) -> None:
    assert reader.lines("logs", counter, "--tail=3") == ["line 4998", "line 4999", "line 5000"]


def test_a_tail_of_nothing_is_empty(reader: Hand, counter: str) -> None:
    assert reader.run("logs", counter, "--tail=0") == b""


def test_a_limit_is_kept_to_the_byte(reader: Hand, counter: str) -> None:
    whole = reader.run("logs", counter)
    assert reader.run("logs", counter, "--limit-bytes=1234") == whole[:1234]


def test_timestamps_stand_before_each_line(reader: Hand, counter: str) -> None:
    read = [stamped(line) for line in reader.lines("logs", counter, "--timestamps", "--tail=50")]
    assert [text for _, text in read] == [f"line {number}" for number in range(4951, 5001)]
    assert [instant for instant, _ in read] == sorted(instant for instant, _ in read)


def test_logs_since_an_instant(reader: Hand, ticker: str) -> None:
    read = [stamped(line) for line in reader.lines("logs", ticker, "--timestamps")]
    since = read[20][0].replace(microsecond=0)
    answer = reader.lines("logs", ticker, f"--since-time={since:%Y-%m-%dT%H:%M:%SZ}")
    expected = [text for instant, text in read if instant >= since]
    assert answer[: len(expected)] == expected
    assert len(expected) < len(read)


def test_logs_of_the_last_seconds(reader: Hand, ticker: str) -> None:
    eventually(
        lambda: stamped(reader.lines("logs", ticker, "--timestamps")[0])[0] < datetime.now(UTC) - timedelta(seconds=5)
    )
    began = datetime.now(UTC)
    answer = [stamped(line) for line in reader.lines("logs", ticker, "--timestamps", "--since=2s")]
    ended = datetime.now(UTC)
    assert answer
    assert answer[0][0] > began - timedelta(seconds=3)  # the kubelet counts from its own clock's whole seconds
    assert answer[0][0] < ended - timedelta(seconds=1)


def test_following_ends_with_the_container(reader: Hand, start_pod: StartPod) -> None:
    name = unique("follow")
    start_pod(name, "for i in 1 2 3 4 5 6 7 8 9 10; do echo step $i; sleep 0.3; done")
    began = time.monotonic()
    assert reader.lines("logs", "-f", name) == [f"step {number}" for number in range(1, 11)]
    assert time.monotonic() - began < 60


def test_following_from_the_end_shows_only_what_is_new(reader: Hand, ticker: str) -> None:
    last = int(reader.lines("logs", ticker, "--tail=1")[0].split()[1])
    with reader.running("logs", "-f", "--tail=0", ticker) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode().strip() for _ in range(10)]
    first = int(lines[0].split()[1])
    assert first > last
    assert lines == [f"tick {first + number}" for number in range(10)]


def test_logs_of_the_life_before(reader: Hand, start_pod: StartPod, admin: Hand) -> None:
    name = unique("phoenix")
    life = container("main", CRASHES_ONCE, volumeMounts=[{"name": "life", "mountPath": "/life"}])
    start_pod(name, containers=[life], volumes=[{"name": "life", "emptyDir": {}}], restartPolicy="Always")
    eventually(lambda: admin.try_run("logs", name).stdout == b"second life\n")
    assert reader.run("logs", "--previous", name) == b"first life\n"
    assert reader.run("logs", name) == b"second life\n"


@pytest.fixture(scope="session")
def crowd(start_pod: StartPod) -> Json:
    """A pod of several containers, one of which has ended already and two ran before the others."""
    return start_pod(
        "crowd",
        initContainers=[container("init-1", "echo from init-1"), container("init-2", "echo from init-2")],
        containers=[
            container("main", f"echo from main; {KEEPS_RUNNING}"),
            container("sidecar", f"echo from sidecar; {KEEPS_RUNNING}"),
            container("done", "echo from done"),
        ],
    )


@pytest.mark.parametrize("name", ["init-1", "init-2", "main", "sidecar", "done"])
def test_every_kind_of_container_has_logs(reader: Hand, crowd: Json, name: str) -> None:
    del crowd
    assert reader.run("logs", "crowd", "-c", name) == f"from {name}\n".encode()


def test_logs_of_all_containers(reader: Hand, crowd: Json) -> None:
    del crowd
    told = reader.lines("logs", "--selector=app=crowd", "--all-containers")
    assert sorted(told) == sorted(f"from {name}" for name in ("init-1", "init-2", "main", "sidecar", "done"))


def test_a_container_that_is_not_there_is_named(reader: Hand, crowd: Json) -> None:
    del crowd
    refused = reader.try_run("logs", "crowd", "-c", "nobody")
    assert refused.returncode != 0
    assert b"nobody" in refused.stderr
