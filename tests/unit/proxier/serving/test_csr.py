import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxier.serving.csr import Asked, Serving, answer_to, asked_for, due_at, manifest_for
from proxier.serving.pair import CertificateError
from proxier.serving.source import PendingError
from reconciler.approval.view import Wish
from reconciler.approval.wishes import wish_of
from tests.unit.proxier.serving.signing import signed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVING = Serving("kubeocean-proxier-b1-0", "10.0.0.7", 86400)


@pytest.fixture(scope="module")
def asked() -> Asked:
    return asked_for(SERVING)


def status(*conditions: str, certificate: bytes = b"") -> dict[str, Any]:
    listed = [{"type": kind, "status": "True", "reason": "Why", "message": "so it is"} for kind in conditions]
    return {"status": {"conditions": listed, "certificate": base64.b64encode(certificate).decode()}}


def test_a_request_is_what_the_reconciler_approves(asked: Asked) -> None:
    manifest = manifest_for(asked, 86400)
    assert wish_of(manifest["spec"]["request"]) == Wish(
        "system:node:kubeocean-proxier-b1-0", ("system:nodes",), ("10.0.0.7",)
    )
    assert manifest["spec"]["usages"] == ["digital signature", "key encipherment", "server auth"]
    assert manifest["spec"]["expirationSeconds"] == 86400


def test_every_request_has_a_key_and_a_name_of_its_own(asked: Asked) -> None:
    another = asked_for(SERVING)
    assert (another.name, another.key) != (asked.name, asked.key)
    assert another.name.startswith("kubeocean-proxier-b1-0-")
    assert "PRIVATE" not in repr(another)


@pytest.mark.parametrize(("found", "said"), [({}, "not approved yet"), (status("Approved"), "not signed yet")])
def test_an_answer_is_waited_for(asked: Asked, found: dict[str, Any], said: str) -> None:
    with pytest.raises(PendingError, match=said):
        answer_to(asked, found)


@pytest.mark.parametrize(
    ("found", "said"), [(status("Denied"), "Denied: Why"), (status("Approved", "Failed"), "Failed")]
)
def test_a_no_is_told_with_its_reason(asked: Asked, found: dict[str, Any], said: str) -> None:
    with pytest.raises(CertificateError, match=f"{said}.*so it is") as caught:
        answer_to(asked, found)
    assert not isinstance(caught.value, PendingError)


def test_a_certificate_is_taken_with_its_key(asked: Asked) -> None:
    pair = answer_to(asked, status("Approved", certificate=signed(asked.pem, NOW + timedelta(days=1))))
    assert (pair.key, pair.expires_at) == (asked.key, NOW + timedelta(days=1))


@pytest.mark.parametrize("spoiled", ["another key", "not PEM"])
def test_a_certificate_of_something_else_is_not(asked: Asked, spoiled: str) -> None:
    certificate = b"x" if spoiled == "not PEM" else signed(asked_for(SERVING).pem, NOW)
    with pytest.raises(CertificateError, match=spoiled):
        answer_to(asked, status("Approved", certificate=certificate))


def test_renewal_is_reckoned_from_when_it_was_had() -> None:
    assert due_at(NOW + timedelta(days=10), NOW, 0.8) == NOW + timedelta(days=8)
    assert due_at(NOW + timedelta(seconds=20), NOW, 0.7) > NOW


def test_a_replaced_request_keeps_the_key_secret(asked: Asked) -> None:
    assert "PRIVATE" not in repr(replace(asked, name="x"))
