"""Looks after the TLS of the serving side: takes up what is new, and says aloud, once, what is wrong."""

import logging

from proxier.certs import ServingTls
from proxier.metrics import ProxyMetrics
from proxier.serving.pair import CertificateError
from proxier.serving.source import PendingError
from reconciler.clock import Clock

log = logging.getLogger(__name__)


class Keeper:
    """One look a second; what fails leaves in force what was."""

    def __init__(self, tls: ServingTls, clock: Clock, metrics: ProxyMetrics) -> None:
        self._tls = tls
        self._clock = clock
        self._metrics = metrics
        self._said = ""

    @property
    def is_good(self) -> bool:
        """Whether an API server would take the certificate now; one that has ended is served on, for whoever asks is told why."""
        return self._tls.is_valid(self._clock.now())

    def look(self, authorities: str) -> None:
        """Take up a new certificate, or new authorities of clients."""
        self._tls.trust(authorities)
        trouble = self._refreshed()
        if trouble is None and self._tls.context is not None and not self.is_good:
            trouble = logging.CRITICAL, f"the serving certificate has expired at {self._tls.expires_at}"
        level, text = trouble or (logging.INFO, "")
        if text and text != self._said:
            log.log(level, "certificates cannot be used", extra={"error": text})
        self._said = text

    def _refreshed(self) -> tuple[int, str] | None:
        """What is wrong and how bad it is, if anything is."""
        try:
            if self._tls.refresh() and self._tls.expires_at is not None:
                self._metrics.serves_until(self._tls.expires_at)
                log.info(
                    "serving certificate or authority of clients taken up",
                    extra={"expires_at": self._tls.expires_at.isoformat()},
                )
        except PendingError as error:
            return logging.INFO, str(error)
        except CertificateError as error:
            return logging.CRITICAL, str(error)
        return None
