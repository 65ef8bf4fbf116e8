from collections.abc import Iterator

import pytest

from reconciler.gitops.loop import Repository
from reconciler.gitops.report import Outlook
from reconciler.gitops.view import Failed, Fetched, News
from reconciler.kube.backoff import Backoff

DOWN = Failed("GitUnreachable", "no route to host", Outlook.RETRYING)
UP = Fetched("1" * 40, None)


class Scripted:
    """Fetches what it is told to, and counts."""

    def __init__(self, news: Iterator[News]) -> None:
        self._news = news
        self.fetches = 0

    def fetch(self, applied: str | None) -> News:
        assert applied is None
        self.fetches += 1
        return next(self._news)


@pytest.fixture
def pause() -> Backoff:
    return Backoff(base_seconds=3600, cap_seconds=3600, random=lambda: 1.0)


async def test_an_unreachable_server_is_left_alone_for_a_while(pause: Backoff) -> None:
    fetcher = Scripted(iter([DOWN, UP]))
    repository = Repository(fetcher, pause)
    assert [await repository.news(None) for _ in range(3)] == [DOWN, DOWN, DOWN]
    assert fetcher.fetches == 1


async def test_a_server_that_answers_is_asked_each_time(pause: Backoff) -> None:
    fetcher = Scripted(iter([UP, UP]))
    repository = Repository(fetcher, pause)
    assert [await repository.news(None) for _ in range(2)] == [UP, UP]
    assert fetcher.fetches == 2


async def test_pauses_grow_and_are_forgotten_when_it_answers() -> None:
    attempts: list[int] = []

    class Recording(Backoff):
        def delay_seconds(self, attempt: int) -> float:
            attempts.append(attempt)
            return 0.0

    repository = Repository(Scripted(iter([DOWN, DOWN, UP, DOWN])), Recording(1, 1))
    for _ in range(4):
        await repository.news(None)
    assert attempts == [0, 1, 0]
