"""Every way in that must be shut: each test fails without its guard."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from oceanctl.sandbox import pki
from oceanctl.sandbox.pki import Authority, Identity, Usage
from proxier import auth, conversation, server
from proxier.errors import RouteError
from proxier.limits import Limits
from tests.unit.proxier.stage import (
    EXEC,
    HOST,
    LOGS,
    SWITCH,
    UPGRADE,
    VNODE,
    Stage,
    get,
    say_ok,
    staged,
    status_of,
    upstream_to,
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def test_who_may_gets_what_the_worker_says(stage: Stage) -> None:
    answer = await stage.ask(get(LOGS))
    assert status_of(answer) == 200
    assert answer.endswith(b"\r\n\r\nlines")
    assert stage.heads[0].startswith(b"GET /api/v1/namespaces/mount/pods/web-0123/log?container=main HTTP/1.1\r\n")


async def test_without_certificate_or_token_nobody_gets_in(stage: Stage) -> None:
    assert status_of(await stage.ask(get(LOGS), stage.client_tls())) == 401
    assert (stage.heads, stage.api.asked) == ([], [])


@pytest.mark.parametrize(("token", "status"), [("good", 200), ("bad", 401), ("", 401)])
async def test_a_token_is_reviewed(stage: Stage, token: str, status: int) -> None:
    request = get(LOGS, f"Authorization: Bearer {token}\r\n")
    assert status_of(await stage.ask(request, stage.client_tls())) == status


async def test_the_worker_never_sees_the_client_s_credential(stage: Stage) -> None:
    await stage.ask(get(LOGS, "Authorization: Bearer good\r\n"), stage.client_tls())
    assert b"good" not in stage.heads[0]
    assert b"authorization: bearer worker-token" in stage.heads[0].lower()


async def test_a_certificate_of_another_authority_is_refused(stage: Stage, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    context = stage.client_tls(other.issue("mallory", Identity("api-server", ("system:masters",))))
    assert await unanswered(stage, context)


async def test_an_authority_that_is_published_no_more_is_believed_no_more(stage: Stage, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    context = stage.client_tls(other.issue("api", Identity("api", ("system:masters",))))
    stage.tls.trust(other.pair.certificate.read_text())
    stage.tls.refresh()
    assert status_of(await stage.ask(get(LOGS), context)) == 200
    stage.heads.clear()
    stage.api.asked.clear()
    stage.tls.trust("")
    stage.tls.refresh()
    assert await unanswered(stage, context)


async def test_an_expired_certificate_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pki, "LIFETIME", timedelta(minutes=-1))
    assert await unanswered(stage, stage.client_tls(stage.certificate("expired")))


@pytest.mark.parametrize(("headers", "status"), [("", 401), ("Authorization: Bearer good\r\n", 200)])
async def test_a_certificate_that_has_ended_since_it_was_verified_is_nobody_s(
    stage: Stage, headers: str, status: int
) -> None:
    """OpenSSL verifies it once; whoever resumes the session again and again shows nothing any more."""
    stage.clock.ahead = pki.LIFETIME + timedelta(days=1)
    assert status_of(await stage.ask(get(LOGS, headers))) == status


async def test_a_serving_certificate_is_no_client_s(stage: Stage) -> None:
    assert await unanswered(stage, stage.client_tls(stage.certificate("a-server", Usage.SERVER)))


async def test_tls_below_1_2_is_refused(stage: Stage) -> None:
    assert stage.tls.context is not None
    stage.tls.context.set_ciphers("ALL:@SECLEVEL=0")  # or this system's own policy might be what refuses
    context = stage.client_tls(stage.certificate())
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert await unanswered(stage, context)


async def test_a_known_user_without_rights_is_refused(stage: Stage) -> None:
    stage.api.is_allowed = False
    assert status_of(await stage.ask(get(LOGS))) == 403
    assert stage.heads == []


async def test_nobody_gets_in_while_nobody_can_say(stage: Stage) -> None:
    stage.api.is_allowed = None
    assert status_of(await stage.ask(get(LOGS))) == 503
    assert stage.heads == []


@pytest.mark.parametrize(("path", "verb"), [(LOGS, "get"), (EXEC, "create")], ids=["logs", "a WebSocket's GET"])
async def test_attributes_are_a_kubelet_s(stage: Stage, path: str, verb: str) -> None:
    await stage.ask(get(path, UPGRADE if path == EXEC else ""))
    (asked,) = stage.api.asked
    assert (asked["user"], asked["groups"]) == ("api-server", ("system:masters", "system:authenticated"))
    assert asked["resourceAttributes"] == {
        "verb": verb,
        "version": "v1",
        "resource": "nodes",
        "subresource": "proxy",
        "name": VNODE,
    }


async def test_a_verdict_is_remembered_for_a_while(stage: Stage) -> None:
    for _ in range(3):
        await stage.ask(get(LOGS))
    assert len(stage.api.asked) == 1


async def test_a_verdict_is_not_remembered_for_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert auth.REMEMBER_SECONDS == 10
    monkeypatch.setattr(auth, "REMEMBER_SECONDS", 0.2)
    assert status_of(await stage.ask(get(LOGS))) == 200
    stage.api.is_allowed = False
    async with asyncio.timeout(5):
        while status_of(await stage.ask(get(LOGS))) == 200:
            await asyncio.sleep(0.05)
    assert status_of(await stage.ask(get(LOGS))) == 403


async def test_that_nobody_could_say_is_not_remembered(stage: Stage) -> None:
    stage.api.is_allowed = None
    assert status_of(await stage.ask(get(LOGS))) == 503
    stage.api.is_allowed = True
    assert status_of(await stage.ask(get(LOGS))) == 200


async def test_a_verdict_is_one_user_s_and_one_verb_s(stage: Stage) -> None:
    await stage.ask(get(LOGS))
    await stage.ask(get(LOGS), stage.client_tls(stage.certificate("another")))
    await stage.ask(get(EXEC, UPGRADE))
    assert [each["user"] for each in stage.api.asked] == ["api-server", "another", "api-server"]


async def test_a_pod_that_is_not_this_vnode_s_is_not_there(stage: Stage) -> None:
    stage.refusal = RouteError(404, 'pod "app/web" not found')
    assert status_of(await stage.ask(get(LOGS))) == 404
    assert stage.heads == []


@pytest.mark.parametrize(
    "path",
    [
        "/containerLogs/app/../../../secrets/x",
        "/containerLogs/app/%2e%2e/main",
        "/containerLogs/app%2fweb/web/main",
        "//containerLogs/app/web/main",
        "/containerLogs/app//main",
        "http://10.0.0.1/containerLogs/app/web/main",
    ],
)
async def test_path_tricks_reach_nobody(stage: Stage, path: str) -> None:
    assert status_of(await stage.ask(get(path))) == 400
    assert stage.heads == []


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 40\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X: a\r\n b\r\n",
        UPGRADE + "Content-Length: 40\r\n",
        UPGRADE + "Transfer-Encoding: chunked\r\n",
        "Upgrade: SPDY/3.1\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        UPGRADE,
    ],
    ids=[
        "two lengths",
        "a body",
        "chunks",
        "a folded line",
        "upgrade with a body",
        "upgrade with chunks",
        "half an upgrade",
        "another protocol",
        "an upgrade of logs",
    ],
)
@pytest.mark.parametrize("behind", [b"", get(LOGS)], ids=["alone", "with another behind"])
async def test_smuggled_requests_reach_nobody(stage: Stage, lines: str, behind: bytes) -> None:
    answer = await stage.ask(get(LOGS, lines) + behind)
    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1
    assert stage.heads == []


async def test_a_second_request_on_a_connection_is_refused(stage: Stage) -> None:
    answer = await stage.ask(get(LOGS) + get(LOGS))
    assert status_of(answer) == 400
    assert stage.heads == []


async def test_bytes_behind_a_refused_upgrade_reach_nobody(stage: Stage) -> None:
    came = asyncio.get_running_loop().create_future()

    async def refuse(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        came.set_result(await reader.read())

    stage.play = refuse
    answer = await stage.ask(get(EXEC, UPGRADE) + get("/api/v1/secrets"))
    assert status_of(answer) == 403
    assert b"connection: close" in answer
    assert await came == b""


async def test_a_switch_that_nobody_asked_for_is_not_passed_on(stage: Stage) -> None:
    async def switch(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH)
        await reader.read()

    stage.play = switch
    assert status_of(await stage.ask(get(LOGS))) == 502


async def test_a_head_of_a_megabyte_is_cut_off(stage: Stage) -> None:
    answer = await stage.ask(get(LOGS, f"X: {'a' * 1024 * 1024}\r\n"))
    assert answer == b"" or status_of(answer) == 431  # closing before all was read may cost the answer, as anywhere
    assert stage.heads == []


async def test_a_head_that_trickles_in_is_not_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "HEAD_SECONDS", 0.3)
    async with stage.connected() as (reader, writer):
        writer.write(get(LOGS)[:-2])
        assert status_of(await asyncio.wait_for(reader.read(), 5)) == 408


async def test_a_head_of_small_bites_is_not_waited_for_either(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "HEAD_SECONDS", 0.5)

    async def drip(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"a")
            await asyncio.sleep(0.05)

    async with stage.connected() as (reader, writer):
        writer.write(get(LOGS)[:-2] + b"X: ")
        dripping = asyncio.create_task(drip(writer))
        assert status_of(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)) == 408
        dripping.cancel()


async def test_half_a_handshake_is_not_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection(HOST, stage.port)
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert stage.counted("failed_handshakes_total") == 1


async def test_strangers_have_no_more_than_their_places(tmp_path: Path) -> None:
    async with staged(tmp_path, strangers=2) as stage:
        silent = [await asyncio.open_connection(HOST, stage.port) for _ in range(2)]
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await stage.ask(get(LOGS))
        assert stage.counted("refused_connections_total", reason="strangers") == 1
        for _, writer in silent:
            writer.transport.abort()
        async with asyncio.timeout(5):
            while not await answers(stage):
                await asyncio.sleep(0.05)


async def test_one_host_has_no_more_than_its_share_of_them(tmp_path: Path) -> None:
    async with staged(tmp_path, of_source=2) as stage:
        silent = [await asyncio.open_connection(HOST, stage.port) for _ in range(2)]
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await stage.ask(get(LOGS))
        assert stage.counted("refused_connections_total", reason="source") == 1
        context = stage.client_tls(stage.certificate())
        reader, writer = await asyncio.open_connection(HOST, stage.port, ssl=context, local_addr=("127.0.0.9", 0))
        writer.write(get(LOGS))
        assert status_of(await reader.read()) == 200
        for each in (writer, *(other for _, other in silent)):
            each.transport.abort()


async def test_whoever_was_let_in_is_no_stranger_any_more(tmp_path: Path) -> None:
    async with staged(tmp_path, of_source=1) as stage:
        stage.play = hang
        async with stage.connected() as (reader, writer):
            writer.write(get(EXEC, UPGRADE))
            await reader.readuntil(b"\r\n\r\n")
            stage.play = say_ok
            assert status_of(await stage.ask(get(LOGS))) == 200


@pytest.mark.parametrize("limits", [Limits(10, 1), Limits(1, 10)], ids=["of a user", "of a vnode"])
async def test_nobody_takes_more_than_so_many_places(tmp_path: Path, limits: Limits) -> None:
    async with staged(tmp_path, limits=limits) as stage:
        stage.play = hang
        async with stage.connected() as (reader, writer):
            writer.write(get(EXEC, UPGRADE))
            await reader.readuntil(b"\r\n\r\n")
            answer = await stage.ask(get(EXEC, UPGRADE))
        assert status_of(answer) == 429
        assert b"\r\nretry-after: " in answer


async def test_a_worker_with_the_wrong_certificate_gets_nothing(stage: Stage, tmp_path: Path) -> None:
    assert stage.upstream is not None
    other = Authority(tmp_path / "another")
    stage.upstream = upstream_to(stage.upstream._port, other.pair.certificate)
    answer = await stage.ask(get(LOGS))
    assert status_of(answer) == 502
    assert b'certificate of worker \\"w1\\" is not trusted' in answer
    assert stage.heads == []


async def test_a_worker_under_another_name_gets_nothing(stage: Stage) -> None:
    assert stage.upstream is not None
    elsewhere = stage.authority.issue("elsewhere", Identity("w", hosts=("10.0.0.1",), usage=Usage.SERVER))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(elsewhere.certificate, elsewhere.key)
    async with await asyncio.start_server(stage.work, HOST, 0, ssl=context) as worker:
        stage.upstream = upstream_to(worker.sockets[0].getsockname()[1], stage.authority.pair.certificate)
        assert status_of(await stage.ask(get(LOGS))) == 502
    assert stage.heads == []


async def test_the_worker_s_refusal_of_our_credential_is_not_the_client_s_fault(stage: Stage) -> None:
    async def refuse(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    stage.play = refuse
    assert status_of(await stage.ask(get(LOGS))) == 502


async def hang(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(SWITCH)
    await reader.read()


async def unanswered(stage: Stage, context: ssl.SSLContext) -> bool:
    """Whether the connection ends without an answer, and nobody was asked."""
    try:
        answer = await stage.ask(get(LOGS), context)
    except OSError:
        answer = b""
    return (answer, stage.heads, stage.api.asked) == (b"", [], [])


async def answers(stage: Stage) -> bool:
    try:
        return status_of(await stage.ask(get(LOGS))) == 200
    except (OSError, IndexError):
        return False
