import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxier.serving.pair import CertificateError, Pair
from proxier.serving.source import Files, Kept, PendingError
from reconciler.kube.backoff import Backoff
from reconciler.kube.errors import KubeError, TransientError

ONE, TWO = Pair("one", b"1", b"k"), Pair("two", b"2", b"k")
NO_WAIT = Backoff(0.001, 0.001)


class Steps:
    """Yields what it is told, then the last of it again and again."""

    def __init__(self, *outcomes: Pair | Exception) -> None:
        self._left = list(outcomes)
        self.taken = 0

    async def __call__(self) -> Pair:
        self.taken += 1
        outcome = self._left[0]
        if len(self._left) > 1:
            self._left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@asynccontextmanager
async def running(steps: Steps) -> AsyncIterator[Kept]:
    kept = Kept(steps, 0.001, NO_WAIT)
    task = asyncio.create_task(kept.run())
    try:
        yield kept
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


def test_before_the_first_step_nothing_is_wrong() -> None:
    with pytest.raises(PendingError):
        Kept(Steps(ONE), 1).current()


@pytest.mark.parametrize("trouble", [CertificateError("it is Denied"), TransientError("it is down")])
async def test_what_keeps_a_certificate_away_is_told(trouble: CertificateError | KubeError) -> None:
    async with running(steps := Steps(trouble)) as kept:
        await until(lambda: steps.taken > 1)
        with pytest.raises(CertificateError, match="it is") as caught:
            kept.current()
    assert not isinstance(caught.value, PendingError)


async def test_a_renewed_pair_takes_the_place_of_the_last() -> None:
    async with running(steps := Steps(PendingError("soon"), ONE, TWO)) as kept:
        await until(lambda: steps.taken > 3)
        assert kept.current() is TWO


async def test_a_renewal_that_fails_leaves_the_last_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with running(steps := Steps(ONE, CertificateError("it is Denied"))) as kept:
        await until(lambda: steps.taken > 5)
        assert kept.current() is ONE
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.__dict__["error"] for record in told] == ["it is Denied"]


def test_files_are_read_at_every_look(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c", tmp_path / "k"
    source = Files(certificate, key)
    with pytest.raises(CertificateError, match="No such file"):
        source.current()
    certificate.write_bytes(b"1")
    key.write_bytes(b"2")
    assert (source.current().certificate, source.current().key) == (b"1", b"2")
    assert "b'2'" not in repr(source.current())
