"""The request path, on a real connection to a server that misbehaves."""

import asyncio
import ssl
from typing import Any

import pytest
from kubernetes.aio.client.configuration import Configuration

from oceanctl.sandbox.pki import KeyPair
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import KubeError, NotFoundError, RejectedError, TransientError
from reconciler.kube.kubeconfig import Access
from reconciler.kube.resources import CONFIGMAPS, PODS
from reconciler.kube.transport import Call, Stream, Transport
from tests.unit.reconciler.kube.fake_api import FakeApi, drops, refuses, says, silence, streams

PATIENCE = 5.0
IMPATIENCE = 0.2


def nobody(*_: object) -> None:
    """Nobody counts requests."""


async def test_a_request_says_who_asks_and_in_what_language(api: FakeApi, client: Client) -> None:
    api.will(says({}))
    await client.patch(PODS, "p", {"a": 1}, "shop")
    (seen,) = api.seen
    assert (seen.line, seen.body) == ("PATCH /api/v1/namespaces/shop/pods/p", b'{"a":1}')
    assert seen.headers["User-Agent"] == "kubeocean"
    assert seen.headers["Accept"] == "application/json"
    assert seen.headers["Content-Type"] == "application/merge-patch+json"


async def test_the_credential_is_asked_for_with_every_request(api: FakeApi) -> None:
    configuration = api.access.configuration
    tokens = iter(["Bearer one", "Bearer two\n"])

    def refresh(mine: Any) -> None:
        mine.api_key["BearerToken"] = next(tokens)

    configuration.api_key["BearerToken"] = "Bearer zero"
    configuration.refresh_api_key_hook = refresh
    api.will(says({}), says({}))
    async with await connect(Access(configuration, ssl.create_default_context())) as client:
        await client.get(PODS, "p", "shop")
        await client.get(PODS, "p", "shop")
    assert [seen.headers["Authorization"] for seen in api.seen] == ["Bearer one", "Bearer two"]


async def test_a_credential_that_cannot_be_read_is_a_reason_to_try_later(api: FakeApi) -> None:
    configuration = api.access.configuration

    def refresh(_: Any) -> None:
        raise FileNotFoundError("token")

    configuration.api_key["BearerToken"] = "Bearer zero"
    configuration.refresh_api_key_hook = refresh
    async with await connect(Access(configuration, ssl.create_default_context())) as client:
        with pytest.raises(TransientError, match="token"):
            await client.get(PODS, "p", "shop")


async def test_a_redirect_is_not_followed(api: FakeApi, client: Client) -> None:
    api.will(says({}, 302, {"Location": "http://127.0.0.1:1/steal"}))
    with pytest.raises(RejectedError):
        await client.get(PODS, "p", "shop")


async def test_cookies_are_not_kept(api: FakeApi, client: Client) -> None:
    api.will(says({}, headers={"Set-Cookie": "a=b"}), says({}))
    await client.get(PODS, "p", "shop")
    await client.get(PODS, "p", "shop")
    assert "Cookie" not in api.seen[1].headers


async def test_a_server_that_does_not_answer_is_tried_later(api: FakeApi) -> None:
    api.will(silence)
    async with await connect(api.access, timeout_seconds=IMPATIENCE) as client:
        with pytest.raises(TransientError, match=r"no answer within 0\.2 s"):
            await client.get(PODS, "p", "shop")


async def test_a_server_that_is_not_there_is_tried_later(api: FakeApi, unused_tcp_port: int) -> None:
    access = Access(Configuration(host=f"http://127.0.0.1:{unused_tcp_port}"), api.access.tls)
    async with await connect(access) as client:
        with pytest.raises(TransientError) as error:
            await client.get(PODS, "p", "shop")
    assert (error.value.status, error.value.reason) == (0, "Unreachable")


async def test_a_create_whose_connection_drops_is_not_repeated_behind_the_callers_back(
    api: FakeApi, client: Client
) -> None:
    api.will(says({}), drops, says({}))
    await client.get(PODS, "p", "shop")  # the connection is kept, and then breaks under the POST
    with pytest.raises(TransientError):
        await client.create(PODS, {"metadata": {"name": "p"}}, "shop")
    assert [seen.line[:4] for seen in api.seen] == ["GET ", "POST"]


async def test_an_answer_that_is_cut_off_is_tried_later(api: FakeApi, client: Client) -> None:
    api.will(streams(b'{"a":'))
    with pytest.raises(TransientError):
        await client.get(PODS, "p", "shop")


async def test_a_login_page_is_no_api_server(api: FakeApi, client: Client) -> None:
    api.will(streams(b"<html>Please log in</html>", ends=True))
    with pytest.raises(RejectedError, match="does not answer like a Kubernetes API server"):
        await client.get(PODS, "p", "shop")


async def test_every_request_is_counted_once_with_its_code(api: FakeApi) -> None:
    counted: list[tuple[str, str, int]] = []

    def count(verb: str, resource: str, code: int, seconds: float) -> None:
        assert 0 <= seconds < PATIENCE
        counted.append((verb, resource, code))

    api.will(says({}), refuses(404, "NotFound"), drops, streams(b"{}", ends=True))
    async with await connect(api.access, on_request=count) as client:
        await client.patch(PODS, "p", {}, "shop", subresource="status")
        with pytest.raises(NotFoundError):
            await client.get(CONFIGMAPS, "c", "shop")
        with pytest.raises(TransientError):
            await client.create(PODS, {}, "shop")
        await client.request("PUT", "/api/v1/nodes/n", body={})
    assert counted == [
        ("patch", "pods/status", 200),
        ("get", "configmaps", 404),
        ("create", "pods", 0),
        ("put", "nodes", 200),
    ]


async def test_the_last_contact_is_the_last_answer(api: FakeApi, client: Client) -> None:
    assert client.last_contact is None
    api.will(refuses(404, "NotFound"), drops)
    with pytest.raises(NotFoundError):
        await client.get(PODS, "p", "shop")
    contact = client.last_contact
    assert contact is not None
    with pytest.raises(TransientError):
        await client.create(PODS, {}, "shop")
    assert client.last_contact == contact


async def read_all(stream: Stream) -> bytes:
    everything = b""
    while chunk := await stream.read():
        everything += chunk
    return everything


async def test_a_stream_gives_what_has_come_and_then_its_end(api: FakeApi) -> None:
    api.will(streams(b"one", b"two", ends=True))
    transport = Transport(api.access, timeout_seconds=PATIENCE, on_request=nobody)
    async with transport.stream(Call("GET", "/"), idle_seconds=PATIENCE) as stream:
        assert await read_all(stream) == b"onetwo"
    await transport.close()


@pytest.mark.parametrize(
    ("answer", "idle_seconds", "reason"),
    [
        pytest.param(streams(b"one", stalls=True), IMPATIENCE, "Stalled", id="stalled"),
        pytest.param(streams(b"one"), PATIENCE, "Broken", id="cut"),
    ],
)
async def test_a_stream_says_how_it_failed(api: FakeApi, answer: Any, idle_seconds: float, reason: str) -> None:
    api.will(answer)
    transport = Transport(api.access, timeout_seconds=PATIENCE, on_request=nobody)
    async with transport.stream(Call("GET", "/"), idle_seconds=idle_seconds) as stream:
        with pytest.raises(TransientError) as error:
            await read_all(stream)
    await transport.close()
    assert error.value.reason == reason


async def test_a_stream_that_is_closed_breaks_under_its_reader(api: FakeApi) -> None:
    api.will(streams(b"one", stalls=True))
    transport = Transport(api.access, timeout_seconds=PATIENCE, on_request=nobody)
    async with transport.stream(Call("GET", "/"), idle_seconds=PATIENCE) as stream:
        assert await stream.read() == b"one"
        reader = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        stream.close()
        with pytest.raises(TransientError):
            await asyncio.wait_for(reader, PATIENCE)
    await transport.close()


@pytest.mark.parametrize("answer", [silence, refuses(410, "Expired"), drops], ids=["silent", "refused", "dropped"])
async def test_a_stream_that_is_not_opened_is_an_error(api: FakeApi, answer: Any) -> None:
    api.will(answer, answer)  # aiohttp asks a second time where a GET's connection was dropped
    transport = Transport(api.access, timeout_seconds=IMPATIENCE, on_request=nobody)
    with pytest.raises(KubeError):
        async with transport.stream(Call("GET", "/"), idle_seconds=PATIENCE):
            pytest.fail("there is nothing to read")
    await transport.close()


async def test_a_proxy_of_the_kubeconfig_is_used(api: FakeApi) -> None:
    configuration = Configuration(host="http://worker.invalid")
    configuration.proxy = api.url
    api.will(says({}))
    async with await connect(Access(configuration, api.access.tls)) as client:
        await client.get(PODS, "p", "shop")
    assert api.seen[0].headers["Host"] == "worker.invalid"


async def test_a_proxy_of_the_environment_is_used(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", api.url)
    api.will(says({}))
    async with await connect(Access(Configuration(host="http://worker.invalid"), api.access.tls)) as client:
        await client.get(PODS, "p", "shop")
    assert api.seen[0].headers["Host"] == "worker.invalid"


async def test_this_machine_is_reached_without_a_proxy(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    api.will(says({}))
    async with await connect(api.access) as client:
        await client.get(PODS, "p", "shop")
    assert len(api.seen) == 1


async def test_a_certificate_that_is_not_trusted_is_named(key_pair: KeyPair) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(key_pair.certificate, key_pair.key)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        await connect(Access(Configuration(host=f"https://127.0.0.1:{port}"), ssl.create_default_context())) as client,
    ):
        with pytest.raises(TransientError) as error:
            await client.get(PODS, "p", "shop")
    assert error.value.reason == "CertificateNotTrusted"
