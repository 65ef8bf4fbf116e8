import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry

from proxier.certs import ServingTls
from proxier.metrics import ProxyMetrics
from proxier.serving import forge
from proxier.serving.keeper import Keeper
from proxier.serving.pair import CertificateError, Pair
from proxier.serving.source import PendingError
from tests.unit.proxier.serving.signing import AUTHORITY, signed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPIRY = "kubeocean_proxier_certificate_expiry_seconds"
CLIENTS = AUTHORITY.public_bytes(Encoding.PEM).decode()


class Given:
    """A source that yields what it is told."""

    def __init__(self) -> None:
        self.outcome: Pair | CertificateError = PendingError("not approved yet")

    def current(self) -> Pair:
        if isinstance(self.outcome, CertificateError):
            raise self.outcome
        return self.outcome

    async def run(self) -> None:
        """Nothing to do."""


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> datetime:
        return self.instant


class Desk:
    """A keeper and what it keeps."""

    def __init__(self) -> None:
        self.source, self.clock, self.registry = Given(), Hand(), CollectorRegistry()
        self.tls = ServingTls(self.source, None)
        self.keeper = Keeper(self.tls, self.clock, ProxyMetrics(self.registry))

    def issue(self, ends_at: datetime) -> None:
        key = forge.new_key()
        request = forge.request_for(key, "system:node:kubeocean-proxier-a", "10.0.0.7")
        self.source.outcome = Pair("test", signed(request, ends_at), forge.pem_of(key))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def loud(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.__dict__["error"]) for record in caplog.records if record.levelno == logging.CRITICAL]


def test_while_one_is_being_asked_for_nothing_is_served_and_nothing_is_wrong(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        desk.keeper.look(CLIENTS)
    assert (desk.tls.context, desk.keeper.is_good, loud(caplog)) == (None, False, [])
    assert [record.__dict__["error"] for record in caplog.records] == ["not approved yet"]


def test_a_certificate_without_an_authority_of_clients_is_not_served(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.issue(NOW + timedelta(days=1))
    desk.keeper.look("")
    assert (desk.tls.context, desk.keeper.is_good) == (None, False)
    assert loud(caplog) == ["no authority of clients is known"]


def test_a_certificate_that_was_taken_up_shows_its_end(desk: Desk) -> None:
    assert desk.registry.get_sample_value(EXPIRY) == 0
    desk.issue(NOW + timedelta(days=1))
    desk.keeper.look(CLIENTS)
    assert desk.keeper.is_good
    assert desk.registry.get_sample_value(EXPIRY) == (NOW + timedelta(days=1)).timestamp()


def test_one_that_has_expired_is_no_reason_to_be_asked_and_is_told_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.issue(NOW + timedelta(days=1))
    desk.keeper.look(CLIENTS)
    desk.clock.instant = NOW + timedelta(days=1)
    for _ in range(3):
        desk.keeper.look(CLIENTS)
    assert not desk.keeper.is_good
    assert desk.tls.context is not None  # whoever connects is told why it is refused
    assert loud(caplog) == ["the serving certificate has expired at 2026-03-02 12:00:00+00:00"]
    desk.issue(NOW + timedelta(days=2))
    desk.keeper.look(CLIENTS)
    assert desk.keeper.is_good


def test_a_source_that_fails_leaves_the_last_in_force(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.issue(NOW + timedelta(days=1))
    desk.keeper.look(CLIENTS)
    desk.source.outcome = CertificateError("Secret a/b is not there")
    desk.keeper.look(CLIENTS)
    assert desk.keeper.is_good
    assert loud(caplog) == ["Secret a/b is not there"]


def test_no_key_is_left_in_a_file(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    desk.issue(NOW + timedelta(days=1))
    desk.keeper.look(CLIENTS)
    assert desk.keeper.is_good
    assert (list(tmp_path.iterdir()), len(list(Path("/proc/self/fd").iterdir()))) == ([], before)


@pytest.mark.parametrize("is_file", [False, True], ids=["published", "file"])
def test_remarks_between_the_authorities_of_clients_may_be_in_any_language(tmp_path: Path, *, is_file: bool) -> None:
    desk = Desk()
    desk.issue(NOW + timedelta(days=1))
    remarked = f"# Société Générale d'Électricité\n{CLIENTS}"
    file = tmp_path / "clients.pem"
    file.write_text(remarked, encoding="utf-8")
    tls = ServingTls(desk.source, file if is_file else None)
    tls.trust("" if is_file else remarked)
    assert tls.refresh()
    assert tls.context is not None
    assert len(tls.context.get_ca_certs()) == 1
