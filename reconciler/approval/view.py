"""One request for a certificate, and the proxiers that live: everything that decides whether it is approved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.kube.projections import ObjectMeta, Projection


class RequestSpec(Projection, frozen=True):
    """What is asked for; `username` is whom the API server recognised, `request` a PEM in base64."""

    signer_name: str = ""
    username: str = ""
    usages: tuple[str, ...] = ()
    request: str = ""


class RequestCondition(Projection, frozen=True):
    """Approved, Denied or Failed."""

    type: str
    status: str = "True"
    last_update_time: datetime | None = None


class RequestStatus(Projection, frozen=True):
    """The answer; `certificate` is a PEM in base64."""

    conditions: tuple[RequestCondition, ...] = ()
    certificate: str = ""


class SigningRequest(Projection, frozen=True):
    """A CertificateSigningRequest."""

    metadata: ObjectMeta
    spec: RequestSpec = RequestSpec()
    status: RequestStatus = RequestStatus()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the certificate would say. `extras` names everything besides one common name, organisations and IP addresses."""

    common_name: str
    organizations: tuple[str, ...]
    addresses: tuple[str, ...]
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request, seen by us since `seen_since`.

    `wish` is None when it cannot be read beyond doubt. `living` has the address that each living proxier announces, by the name of its Lease.
    """

    seen: SigningRequest
    wish: Wish | None
    living: Mapping[str, str]
    seen_since: datetime
