import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oceanctl.sandbox.hollow import logs
from oceanctl.sandbox.hollow.logs import BadOptionError, LogOptions, PodLogs, read
from tests.unit.oceanctl.sandbox.hollow.pods import T0, at


@pytest.fixture
def pod_logs(tmp_path: Path) -> PodLogs:
    made = PodLogs(tmp_path / "u-1")
    for number in range(4):
        made.append("c", 1, [f"line {number}"], at(number))
    return made


async def _text(pod_logs: PodLogs, options: LogOptions) -> str:
    return b"".join([chunk async for chunk in read(pod_logs.file("c", 1), options, lambda: False)]).decode()


async def test_a_log_is_read_as_it_was_written(pod_logs: PodLogs) -> None:
    assert await _text(pod_logs, LogOptions()) == "line 0\nline 1\nline 2\nline 3\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (LogOptions(tail_lines=1), "line 3\n"),
        (LogOptions(tail_lines=0), ""),
        (LogOptions(tail_lines=9), "line 0\nline 1\nline 2\nline 3\n"),
        (LogOptions(since=at(2)), "line 2\nline 3\n"),
        (LogOptions(since=at(2), tail_lines=1), "line 3\n"),
        (LogOptions(limit_bytes=9), "line 0\nli"),
        (LogOptions(tail_lines=1, timestamps=True), "2026-03-01T12:00:03.000000Z line 3\n"),
    ],
    ids=["tail", "no line", "more than there are", "since", "since and tail", "limited", "timestamps"],
)
async def test_a_reader_chooses_what_it_sees(pod_logs: PodLogs, options: LogOptions, text: str) -> None:
    assert await _text(pod_logs, options) == text


async def test_a_log_that_was_never_written_is_empty(pod_logs: PodLogs) -> None:
    assert [chunk async for chunk in read(pod_logs.file("c", 7), LogOptions(), lambda: False)] == []


async def test_a_follower_sees_later_lines_and_the_end(pod_logs: PodLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_POLL_SECONDS", 0.001)
    growth = ["the last line"]
    seen = []
    async with asyncio.timeout(10):
        options = LogOptions(follow=True, tail_lines=1)
        async for chunk in read(pod_logs.file("c", 1), options, lambda: bool(growth)):
            seen.append(chunk)
            if growth:
                pod_logs.append("c", 1, [growth.pop()], at(9))
    assert seen == [b"line 3\n", b"the last line\n"]


async def test_a_limit_ends_a_follower_too(pod_logs: PodLogs) -> None:
    options = LogOptions(follow=True, limit_bytes=6)
    async with asyncio.timeout(10):
        chunks = [chunk async for chunk in read(pod_logs.file("c", 1), options, lambda: True)]
    assert chunks == [b"line 0"]


def test_the_latest_start_has_the_highest_number(pod_logs: PodLogs) -> None:
    pod_logs.append("c", 12, ["again"], T0)
    assert (pod_logs.latest("c"), pod_logs.latest("d")) == (12, 0)


def test_nothing_is_left_of_a_removed_pod(pod_logs: PodLogs, tmp_path: Path) -> None:
    pod_logs.remove()
    assert list(tmp_path.iterdir()) == []


def test_options_have_the_names_of_the_kubelet_api() -> None:
    query = {
        "tailLines": "5",
        "sinceSeconds": "60",
        "limitBytes": "100",
        "timestamps": "true",
        "follow": "true",
        "previous": "true",
    }
    assert LogOptions.parse(query, T0) == LogOptions(
        5, T0 - timedelta(seconds=60), 100, timestamps=True, follow=True, previous=True
    )


def test_a_start_may_be_given_as_an_instant() -> None:
    options = LogOptions.parse({"sinceTime": "2026-03-01T14:00:00+02:00"}, T0)
    assert options.since == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("query", [{"tailLines": "-1"}, {"limitBytes": "many"}, {"sinceTime": "noon"}], ids=str)
def test_an_option_that_makes_no_sense_is_named(query: dict[str, str]) -> None:
    with pytest.raises(BadOptionError, match=next(iter(query))):
        LogOptions.parse(query, T0)
