"""Whatever is sent, the answer is a request, a target or a refusal, never anything else."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from proxier.errors import RefusalError
from proxier.heads import END, request_in
from proxier.routes import target_for, worker_path

LINES = st.sampled_from(
    [
        "GET /exec/a/b/c?command=x HTTP/1.1",
        "POST /portForward/a/b HTTP/1.1",
        "Host: h",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        "Content-Length: 0",
        "Content-Length: 7",
        "Transfer-Encoding: chunked",
        " folded",
        "",
        "X: \u00e9",
    ]
)
HEADS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(LINES, st.text(max_size=20)), max_size=8).map(lambda lines: "\r\n".join(lines).encode()),
)
PATHS = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(["exec", "containerLogs", "a", "b", "..", ".", "", "%2e", "a?b", "c&x=%zz"]), max_size=7
    ).map(lambda parts: "/" + "/".join(parts)),
)


Outcome = TypeVar("Outcome")


def outcome_of(attempt: Callable[[], Outcome]) -> Outcome | RefusalError:
    """What comes of it; anything but a refusal that is raised fails the test."""
    try:
        return attempt()
    except RefusalError as error:
        return error


@given(HEADS)
@example(b"GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: SPDY/3.1\r\nConnection: upgrade")
def test_a_head_is_a_request_or_refused(head: bytes) -> None:
    outcome = outcome_of(lambda: request_in(head + END))
    if isinstance(outcome, RefusalError):
        assert 400 <= outcome.status < 500
    else:
        assert outcome.upgrade is None or outcome.upgrade.lower() in (b"spdy/3.1", b"websocket")
        assert all(name != b"transfer-encoding" for name, _ in outcome.headers)


@given(st.sampled_from(["GET", "POST", "PUT"]), PATHS)
def test_a_path_is_a_target_or_refused(method: str, path: str) -> None:
    outcome = outcome_of(lambda: target_for(method, path))
    if isinstance(outcome, RefusalError):
        assert outcome.status in (400, 404, 405)
    else:
        assert ".." not in outcome.namespace + outcome.pod + (outcome.container or "")


@given(st.text(min_size=1, max_size=40))
def test_a_command_stays_one_command_on_its_way_down(word: str) -> None:
    target = target_for("POST", "/exec/a/b/c?" + urlencode([("command", word), ("input", "1")]))
    query = parse_qsl(urlsplit(worker_path(target, "m", "p")).query, keep_blank_values=True)
    assert query == [("container", "c"), ("stdin", "true"), ("command", word)]
