"""The authority that proxiers share, over the years, on a real API server and by a clock that is set by hand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from proxier.serving.authority import LIFETIME, OVERLAP, SUCCESSOR_BEFORE
from proxier.serving.csr import Serving
from proxier.serving.own import Issuer
from proxier.serving.pair import CertificateError, Pair
from proxier.serving.source import PendingError
from reconciler import names
from reconciler.kube.client import Client, connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.resources import CONFIGMAPS, SECRETS
from tests.integration.proxier.conftest import Scene

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime:
        return self.instant


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[Client]:
    """With the rights of a proxier, and with an empty Secret."""
    scene.empty_authority()
    async with await connect(await from_file(scene.settings["kubeconfig"])) as made:
        yield made


@pytest.fixture
def clock() -> Hand:
    return Hand()


def issuer(client: Client, clock: Hand, number: int = 1) -> Issuer:
    return Issuer(client, clock, Serving(f"kubeocean-proxier-{number}", f"10.0.0.{number}", 7 * 86400), lambda: 0.5)


async def obtained(of: Issuer) -> Pair:
    """What it yields when it is asked again while others are quicker."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await of()
            except PendingError:
                await asyncio.sleep(0.01)


async def published(client: Client) -> list[x509.Certificate]:
    found: dict[str, Any] = await client.get(CONFIGMAPS, names.PROXIER_AUTHORITY, names.SYSTEM_NAMESPACE)
    return x509.load_pem_x509_certificates(found["data"][names.AUTHORITY_BUNDLE].encode())


def is_signed_by(pair: Pair, authority: x509.Certificate) -> bool:
    return x509.load_pem_x509_certificate(pair.certificate).issuer == authority.subject


async def test_of_many_that_start_together_one_makes_the_authority(client: Client, clock: Hand) -> None:
    pairs = await asyncio.gather(*(obtained(issuer(client, clock, number)) for number in range(1, 9)))
    (authority,) = await published(client)
    assert all(is_signed_by(pair, authority) for pair in pairs)


async def test_a_certificate_is_renewed_in_time_and_not_before(client: Client, clock: Hand) -> None:
    of = issuer(client, clock)
    first = await of()
    assert first.expires_at == START + 7 * DAY
    clock.instant = START + 5.5 * DAY
    assert await of() is first
    clock.instant = START + 5.7 * DAY
    second = await of()
    assert (second.expires_at, second.key == first.key) == (clock.instant + 7 * DAY, False)


async def test_a_successor_is_published_for_a_year_before_it_signs(client: Client, clock: Hand) -> None:
    of = issuer(client, clock)
    await of()
    (elder,) = await published(client)
    made_at = clock.instant = START + LIFETIME - SUCCESSOR_BEFORE + DAY
    assert is_signed_by(await of(), elder)
    (first, younger) = await published(client)
    assert first == elder
    clock.instant = made_at + OVERLAP - DAY
    assert is_signed_by(await of(), elder)
    clock.instant = made_at + OVERLAP
    assert is_signed_by(await of(), younger)
    assert await published(client) == [elder, younger]
    clock.instant = START + LIFETIME + DAY
    await of()
    assert await published(client) == [younger]


async def test_an_authority_that_cannot_be_read_is_left_as_it_is(client: Client, clock: Hand, scene: Scene) -> None:
    scene.fill_authority({"a.crt": "eA==", "a.key": "eA=="})
    with pytest.raises(CertificateError, match="kubeocean-proxier-ca: a is no pair"):
        await issuer(client, clock)()
    found = await client.get(SECRETS, names.PROXIER_AUTHORITY, names.SYSTEM_NAMESPACE)
    assert found["data"] == {"a.crt": "eA==", "a.key": "eA=="}
