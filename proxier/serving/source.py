"""What every source can do, and the loop that keeps one up to date."""

import asyncio
import logging
from pathlib import Path
from typing import Final, Protocol

from proxier.serving.pair import CertificateError, Pair
from reconciler.kube.backoff import Backoff
from reconciler.kube.errors import KubeError

log = logging.getLogger(__name__)

BACKOFF: Final = Backoff(base_seconds=2.0, cap_seconds=300.0)


class PendingError(CertificateError):
    """Somebody else's turn: nothing is wrong, look again soon."""


class Source(Protocol):
    """Yields the serving certificate."""

    def current(self) -> Pair:
        """The pair to serve with.

        Raises:
            CertificateError: There is none yet; the text says why.

        """
        ...

    async def run(self) -> None:
        """Keep it up to date until cancelled."""
        ...


class Obtain(Protocol):
    """Takes one step towards a pair that is good for a while; asked again and again."""

    async def __call__(self) -> Pair:
        """The pair to use from now on; PendingError, CertificateError or KubeError if it cannot be had."""
        ...


class Files:
    """Certificate and key as files, read at every look."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key

    def current(self) -> Pair:
        """What the files hold now."""
        try:
            certificate, key = self._certificate.read_bytes(), self._key.read_bytes()
        except OSError as error:
            raise CertificateError(f"{error.filename}: {error.strerror}") from error
        return Pair(f"{self._certificate} and {self._key}", certificate, key)

    async def run(self) -> None:
        """Nothing is to be done: files are read when they are needed."""


class Kept:
    """A pair that is obtained step by step and kept until a better one is there, whatever fails in between."""

    def __init__(self, obtain: Obtain, every_seconds: float, backoff: Backoff = BACKOFF) -> None:
        self._obtain = obtain
        self._every_seconds = every_seconds
        self._backoff = backoff
        self._pair: Pair | None = None
        self._pending = True
        self._trouble = "the serving certificate is being asked for"

    def current(self) -> Pair:
        """The last pair that was obtained; PendingError while nothing is wrong yet."""
        if self._pair is not None:
            return self._pair
        raise PendingError(self._trouble) if self._pending else CertificateError(self._trouble)

    async def run(self) -> None:
        """Take step after step until cancelled."""
        failures = 0
        while True:
            seconds = self._every_seconds
            try:
                self._pair = await self._obtain()
                failures = 0
                self._note("", pending=True)
            except PendingError as error:
                self._note(str(error), pending=True)
            except (CertificateError, KubeError) as error:
                seconds = max(seconds, self._backoff.delay_seconds(failures))
                failures += 1
                self._note(str(error), pending=False)
            await asyncio.sleep(seconds)

    def _note(self, trouble: str, *, pending: bool) -> None:
        """Say once of each trouble that it keeps the certificate from being renewed; while there is none, whoever wants one says so."""
        if trouble and trouble != self._trouble and self._pair is not None:
            level = logging.INFO if pending else logging.WARNING
            log.log(level, "the serving certificate is not renewed yet", extra={"error": trouble})
        self._trouble, self._pending = trouble, pending
