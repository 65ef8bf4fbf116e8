"""From bytes to lines, from lines to events."""

import json
import tracemalloc

import msgspec
import pytest

from reconciler.kube import lines
from reconciler.kube.errors import TransientError
from reconciler.kube.lines import LineSplitter, identity_of, opened, opened_with_care


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([b"a\nb\n"], [b"a", b"b"], id="whole-lines"),
        pytest.param([b"a", b"b", b"\n"], [b"ab"], id="one-line-in-parts"),
        pytest.param([b"a\nb", b"c\nd\n"], [b"a", b"bc", b"d"], id="cut-within-a-line"),
        pytest.param([b"a", b"\nb\n"], [b"a", b"b"], id="end-of-line-alone"),
        pytest.param([b"\n\na\n\n"], [b"a"], id="empty-lines"),
        pytest.param([b"a\nb"], [b"a"], id="unfinished"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_chunks_become_lines_wherever_they_are_cut(chunks: list[bytes], expected: list[bytes]) -> None:
    splitter = LineSplitter()
    assert [line for chunk in chunks for line in splitter.feed(chunk)] == expected


@pytest.mark.parametrize(("chunk", "has_rest"), [(b"a\n", False), (b"a\nb", True), (b"b", True)])
def test_an_unfinished_line_is_known(chunk: bytes, *, has_rest: bool) -> None:
    splitter = LineSplitter()
    splitter.feed(chunk)
    assert splitter.has_rest is has_rest


def test_a_line_of_many_megabytes_is_joined_once() -> None:
    splitter = LineSplitter()
    chunk = b"x" * (1 << 20)
    tracemalloc.start()
    for _ in range(20):
        assert splitter.feed(chunk) == []
    (line,) = splitter.feed(b"\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(line) == 20 << 20
    assert peak < 50 << 20


def test_a_server_that_never_ends_a_line_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE_BYTES", 100)
    splitter = LineSplitter()
    splitter.feed(b"x" * 60)
    with pytest.raises(TransientError):
        splitter.feed(b"x" * 60)


def test_the_length_of_finished_lines_does_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE_BYTES", 100)
    splitter = LineSplitter()
    assert sum(len(splitter.feed(b"x" * 60 + b"\n")) for _ in range(5)) == 5


OBJECT = b'{"metadata":{"name":"p","namespace":"shop","resourceVersion":"7"}}'


def test_an_event_as_api_servers_write_it_is_opened_in_place() -> None:
    line = b'{"type":"ADDED","object":' + OBJECT + b"}"
    kind, raw = opened(line)
    assert (kind, bytes(raw), raw.obj) == ("ADDED", OBJECT, line)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"object":' + OBJECT + b',"type":"ADDED"}', id="other-order"),
        pytest.param(b'{ "type": "ADDED", "object": ' + OBJECT + b" }", id="spaces"),
        pytest.param(b'{"kind":"ADDED","object":' + OBJECT + b',"type":"ADDED"}', id="another-key-first"),
        pytest.param(b'{"type":"ADDED","object":' + OBJECT + b',"more":{}}', id="another-key-last"),
    ],
)
def test_any_other_json_is_opened_with_care(line: bytes) -> None:
    kind, raw = opened_with_care(line)
    assert (kind, bytes(raw)) == ("ADDED", OBJECT)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b'{"type":"ADDED"}', b"<html>"])
def test_what_is_no_event_breaks_the_stream(line: bytes) -> None:
    with pytest.raises(TransientError) as error:
        opened_with_care(line)
    assert error.value.reason == "Broken"


@pytest.mark.parametrize(
    ("metadata", "key"),
    [({"name": "p", "namespace": "shop"}, "shop/p"), ({"name": "n"}, "n")],
    ids=["namespaced", "cluster-scoped"],
)
def test_an_identity_needs_metadata_only(metadata: dict[str, str], key: str) -> None:
    raw = json.dumps({"spec": {"a": [1]}, "metadata": {**metadata, "resourceVersion": "7", "labels": {}}}).encode()
    assert identity_of(raw) == (key, "7")


def test_without_metadata_there_is_no_identity() -> None:
    with pytest.raises(msgspec.DecodeError):
        identity_of(b'{"kind":"Status"}')
