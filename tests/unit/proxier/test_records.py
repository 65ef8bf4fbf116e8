"""What is left of a request when it is over: one line of the access log, and figures."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxier.limits import Limits
from tests.unit.proxier.stage import EXEC, LOGS, UPGRADE, VNODE, Stage, get, say_back, staged

SECRET = "s3cr3t-argument"
COMMAND = f"/exec/app/web/main?command=mysql&command=-p{SECRET}&output=1"


@pytest.fixture
async def stage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Stage]:
    caplog.set_level(logging.DEBUG)
    async with staged(tmp_path) as made:
        yield made


async def records_of(caplog: pytest.LogCaptureFixture, count: int = 1) -> list[dict[str, Any]]:
    """The lines of the access log, once they are so many."""
    async with asyncio.timeout(5):
        while len(found := [each for each in caplog.records if each.name == "proxier.access"]) < count:
            await asyncio.sleep(0.01)
    assert all(each.levelno == logging.INFO for each in found)
    return [vars(each) for each in found]


async def test_a_request_leaves_one_line(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    request = get(LOGS)
    answer = await stage.ask(request)
    (record,) = await records_of(caplog)
    assert 0 <= record["seconds"] < 20
    assert {
        key: record[key] for key in ("vnode", "user", "verb", "endpoint", "pod", "status", "bytes_from_client")
    } == {
        "vnode": VNODE,
        "user": "api-server",
        "verb": "GET",
        "endpoint": "containerLogs",
        "pod": "app/web",
        "status": 200,
        "bytes_from_client": len(request),
    }
    assert record["bytes_from_worker"] >= len(answer) - 100  # heads differ


async def test_a_stream_leaves_one_line_with_all_its_bytes(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.play = say_back
    request = get(EXEC, UPGRADE).replace(b"GET", b"POST", 1)
    async with stage.connected() as (reader, writer):
        writer.write(request)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"x" * 100_000)
        await reader.readexactly(100_000)
    (record,) = await records_of(caplog)
    assert (record["verb"], record["endpoint"], record["status"]) == ("POST", "exec", 101)
    assert record["bytes_from_client"] == len(request) + 100_000
    assert record["bytes_from_worker"] >= 100_000


async def test_nobody_s_request_leaves_a_line_too(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.ask(get(LOGS), stage.client_tls())
    (record,) = await records_of(caplog)
    assert (record["user"], record["verb"], record["status"], record["pod"]) == ("", "GET", 401, "")


async def test_a_method_of_a_thousand_letters_does_not_fill_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.ask(get(LOGS).replace(b"GET", b"G" * 1000, 1))
    (record,) = await records_of(caplog)
    assert record["verb"] == "G" * 16


@pytest.mark.parametrize("is_allowed", [True, False, None], ids=["allowed", "forbidden", "nobody can say"])
@pytest.mark.parametrize("lines", ["", UPGRADE, UPGRADE + "Content-Length: 4\r\n"], ids=["plain", "stream", "body"])
async def test_arguments_of_a_command_are_in_no_line(
    stage: Stage, caplog: pytest.LogCaptureFixture, lines: str, *, is_allowed: bool | None
) -> None:
    stage.api.is_allowed = is_allowed
    await stage.ask(get(COMMAND, lines))
    await stage.ask(get(COMMAND.replace("/exec/", "/exec/../")))
    await records_of(caplog, 2)
    assert_is_nowhere(SECRET, caplog)


async def test_arguments_of_a_run_are_in_no_line(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    request = get(f"/run/app/web/main?cmd=mysql%20-p{SECRET}").replace(b"GET", b"POST", 1)
    assert b" 502 " in await stage.ask(request)
    assert SECRET.encode() in stage.heads[0]
    (record,) = await records_of(caplog)
    assert record["endpoint"] == "run"
    assert_is_nowhere(SECRET, caplog)


async def test_arguments_are_in_no_line_when_the_worker_fails(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async def repeat(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = head.split(b"\r\n", 1)[0]
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n" % len(said) + said)

    stage.play = repeat
    assert SECRET.encode() in await stage.ask(get(COMMAND, UPGRADE))  # whoever asked may read it
    await records_of(caplog)
    assert_is_nowhere(SECRET, caplog)


async def test_an_exception_of_ours_tells_no_arguments(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_limits: Limits, _vnode: str, _user: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Limits, "room_for", fail)
    await stage.ask(get(COMMAND, UPGRADE))
    assert "connection failed" in caplog.text
    assert_is_nowhere(SECRET, caplog)


async def test_what_was_served_is_counted_by_endpoint_and_outcome(stage: Stage) -> None:
    stage.play = say_back
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        assert stage.counted("connections") == 1
        assert stage.counted("first_byte_seconds_count", endpoint="exec") == 1  # long before it is over
        writer.write(b"x" * 1000)
        await reader.readexactly(1000)
    await counted(stage, "requests_total", endpoint="exec", code="101")
    assert stage.counted("bytes_total", endpoint="exec", direction="from_client") == len(get(EXEC, UPGRADE)) + 1000
    assert stage.counted("bytes_total", endpoint="exec", direction="from_worker") >= 1000
    async with asyncio.timeout(5):
        while stage.counted("connections"):
            await asyncio.sleep(0.01)


async def test_decisions_are_counted(stage: Stage) -> None:
    for is_allowed in (True, None, False):
        stage.api.is_allowed = is_allowed
        await stage.ask(get(LOGS), stage.client_tls(stage.certificate(f"u{is_allowed}")))
    await stage.ask(get(LOGS), stage.client_tls())
    found = {
        outcome: stage.counted("auth_decisions_total", outcome=outcome)
        for outcome in ("allowed", "forbidden", "unauthenticated", "error")
    }
    assert found == {"allowed": 1, "forbidden": 1, "unauthenticated": 1, "error": 1}
    await counted(stage, "requests_total", endpoint="none", code="401")
    await counted(stage, "requests_total", endpoint="containerLogs", code="403")


async def counted(stage: Stage, name: str, **labels: str) -> None:
    """Return once it is counted, which is after the client has seen the end."""
    async with asyncio.timeout(5):
        while stage.counted(name, **labels) != 1:
            await asyncio.sleep(0.01)


def assert_is_nowhere(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not in any field of any record above debug, the trace of an exception included."""
    formatter = logging.Formatter()
    above = [each for each in caplog.records if each.levelno > logging.DEBUG]
    told = [formatter.format(each) + repr(vars(each)) for each in above]
    assert [line for line in told if text in line] == []
