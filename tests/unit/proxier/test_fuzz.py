"""A few seconds of what `make fuzz` does for longer, and that it sees what it looks for."""

import asyncio
from pathlib import Path

import pytest

from proxier.auth import Gate, User
from proxier.conversation import Conversation
from proxier.routes import Endpoint
from tests.fuzz import attempts, fuzzing
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.judgement import wrong_with_answer, wrong_with_question

QUESTION = (
    b"GET /api/v1/namespaces/mount/pods/web-0123/log?container=main HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUser-Agent: p\r\n"
    b"Accept: */*\r\nAuthorization: Bearer worker-token\r\nConnection: close\r\n\r\n"
)
ANSWER = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"


async def test_nothing_gets_in_nothing_breaks_and_nothing_is_left_behind(tmp_path: Path) -> None:
    found = await fuzz(tmp_path, seed=4, seconds=1, of_round=25)
    assert found.wrong == []
    assert found.attempts >= 75
    assert min(found.questions, found.switches) > 0


def test_the_same_seed_tries_the_same() -> None:
    assert [attempts.attempt(7, number) for number in range(20)] == [
        attempts.attempt(7, number) for number in range(20)
    ]
    assert attempts.attempt(7, 1) != attempts.attempt(8, 1)


async def test_an_exception_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_self: Conversation) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Conversation, "hold", fail)
    found = await fuzz(tmp_path, seed=1, seconds=0, of_round=20)
    assert "ZeroDivisionError" in found.wrong[0]


async def test_a_lax_check_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def let_in(_gate: Gate, _user: User, _endpoint: Endpoint, _vnode: str) -> None:
        pass

    monkeypatch.setattr(Gate, "admit", let_in)
    found = await fuzz(tmp_path, seed=1, seconds=0, of_round=60)
    assert any("a request that nobody was allowed" in each for each in found.wrong)


async def test_a_connection_that_is_never_closed_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[asyncio.Task[None]] = []

    async def linger(self: Conversation) -> None:
        kept.append(asyncio.create_task(asyncio.sleep(3600)))
        self._leg.abort()

    monkeypatch.setattr(Conversation, "hold", linger)
    monkeypatch.setattr(fuzzing, "SETTLE_SECONDS", 0.2)
    found = await fuzz(tmp_path, seed=1, seconds=0, of_round=20)
    for task in kept:
        task.cancel()
    assert any("tasks" in each for each in found.wrong)


@pytest.mark.parametrize(
    ("question", "behind", "what"),
    [
        (QUESTION, b"", ""),
        (QUESTION, b"GET", "bytes before the worker has spoken"),
        (QUESTION.replace(b"/log", b"/../../secrets"), b"", "the request line"),
        (QUESTION.replace(b"GET", b"DELETE"), b"", "the request line"),
        (QUESTION.replace(b"=main", b"=closed"), b"", "a request that nobody was allowed"),
        (QUESTION.replace(b"=main", b"=smuggled"), b"", "a request that nobody was allowed"),
        (QUESTION.replace(b"worker-token", b"good"), b"", "another credential than ours"),
        (QUESTION.replace(b"Accept", b"Cookie"), b"", "headers that are no worker's business"),
        (QUESTION.replace(b"Accept: */*\r\n", b"Accept: */*\r\nHost: b\r\n"), b"", "not there just once"),
        (QUESTION.replace(b"*/*", b"a\nb"), b"", "a header"),
    ],
)
def test_what_reaches_the_worker_is_judged(question: bytes, behind: bytes, what: str) -> None:
    wrong = wrong_with_question(question, behind)
    assert what in wrong
    assert bool(wrong) is bool(what)


@pytest.mark.parametrize(
    ("came", "what"),
    [
        (ANSWER, ""),
        (b"", ""),
        (ANSWER[:-1], "without sending complete message body"),
        (ANSWER + b"more", "bytes behind the answer"),
        (ANSWER.replace(b"connection: close\r\n", b""), "a connection that is not closed"),
        (ANSWER[5:], "no head"),
        (b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\r\n", "a switch to nothing"),
    ],
)
def test_what_reaches_the_client_is_judged(came: bytes, what: str) -> None:
    wrong = wrong_with_answer(b"GET / HTTP/1.1", came)
    assert what in wrong
    assert bool(wrong) is bool(what)
