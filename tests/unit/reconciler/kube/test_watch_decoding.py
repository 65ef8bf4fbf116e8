"""What one line of a watch, or one page of a list, tells."""

import json
import logging
from typing import Any

import msgspec
import pytest

from reconciler.kube.errors import ForbiddenError, GoneError, KubeError, TransientError
from reconciler.kube.projections import Copied, ObjectMeta, Pod
from reconciler.kube.watch_decoding import event_of, page_of
from reconciler.kube.watch_events import Added, Bookmark, Deleted, Modified

decode_pod = msgspec.json.Decoder(Pod).decode


def decode_ours(raw: bytes | memoryview) -> Pod | None:
    pod = decode_pod(raw)
    return pod if pod.spec.node_name.startswith("vnode-") else None


def pod(name: str = "p", node: str = "vnode-a", version: str = "7", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "resourceVersion": version}
    return {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}, **more}


def line(kind: str, found: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": found}, separators=(",", ":")).encode()


EXPECTED = Pod(metadata=ObjectMeta("p", "shop", resource_version="7"), spec=decode_pod(json.dumps(pod())).spec)


@pytest.mark.parametrize(
    ("kind", "found", "expected"),
    [
        pytest.param("ADDED", pod(), Added(EXPECTED), id="added"),
        pytest.param("MODIFIED", pod(), Modified(EXPECTED), id="modified"),
        pytest.param("DELETED", pod(), Deleted("shop/p", "7"), id="deleted"),
        pytest.param("ADDED", pod(node="node-1"), Deleted("shop/p", "7"), id="not-ours"),
        pytest.param("MODIFIED", pod(node="node-1"), Deleted("shop/p", "7"), id="no-longer-ours"),
        pytest.param("BOOKMARK", {"metadata": {"resourceVersion": "9"}}, Bookmark("9"), id="bookmark"),
        pytest.param(
            "BOOKMARK",
            {"metadata": {"resourceVersion": "9", "creationTimestamp": None}, "spec": {"containers": None}},
            Bookmark("9"),
            id="bookmark-of-a-typed-object",
        ),
    ],
)
def test_a_line_tells_one_event(kind: str, found: dict[str, Any], expected: object) -> None:
    assert event_of(line(kind, found), decode_ours, "pods") == expected


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
def test_how_the_json_is_written_does_not_matter(separators: tuple[str, str]) -> None:
    written = json.dumps({"type": "ADDED", "object": pod()}, separators=separators).encode()
    assert event_of(written, decode_ours, "pods") == Added(EXPECTED)


def test_the_bytes_that_are_kept_are_the_objects_own() -> None:
    def decode(raw: bytes | memoryview) -> Copied[Pod]:
        return Copied(decode_pod(raw), bytes(raw))

    event = event_of(line("ADDED", pod()), decode, "pods")
    assert isinstance(event, Added)
    assert json.loads(event.object.raw) == pod()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param({"code": 410, "reason": "Expired", "message": "too old"}, GoneError, id="expired"),
        pytest.param({"code": 403, "reason": "Forbidden"}, ForbiddenError, id="forbidden"),
        pytest.param({"code": 500, "reason": "InternalError"}, TransientError, id="internal"),
        pytest.param({"message": "no code"}, TransientError, id="no-code"),
    ],
)
def test_an_error_event_is_the_error_it_means(status: dict[str, Any], expected: type[KubeError]) -> None:
    with pytest.raises(KubeError) as error:
        event_of(line("ERROR", {"kind": "Status", **status}), decode_ours, "pods")
    assert type(error.value) is expected


@pytest.mark.parametrize(
    "garbage",
    [b"<html>", b'{"type":"ADDED","object":{"met', b'{"type":"ADDED","object":5}', b'{"type":"DELETED","object":{}}'],
)
def test_what_is_no_event_breaks_the_stream(garbage: bytes) -> None:
    with pytest.raises(TransientError) as error:
        event_of(garbage, decode_ours, "pods")
    assert error.value.reason == "Broken"


def test_an_object_that_does_not_decode_is_passed_over_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        event = event_of(line("MODIFIED", pod(status="broken")), decode_ours, "pods")
    assert event == Bookmark("7")
    assert [vars(record)["key"] for record in caplog.records] == ["shop/p"]


def test_an_unknown_kind_of_event_is_passed_over_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert event_of(line("SNEEZED", pod()), decode_ours, "pods") is None
    assert len(caplog.records) == 1


def raws(*found: dict[str, Any]) -> list[msgspec.Raw]:
    return msgspec.json.decode(json.dumps(found), type=list[msgspec.Raw])


def test_a_page_holds_what_is_kept_and_names_what_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        page = page_of(raws(pod("a"), pod("b", node="node-1"), pod("c", status="broken")), decode_ours, "pods")
    assert [found.metadata.key for found in page.objects] == ["shop/a"]
    assert page.unreadable == ("shop/c",)
    assert [vars(record)["key"] for record in caplog.records] == ["shop/c"]


def test_a_page_with_something_that_is_no_object_is_no_page() -> None:
    with pytest.raises(TransientError):
        page_of(raws({"kind": "Status"}), decode_ours, "pods")
