"""Who may ask a vnode for what: a client certificate or a bearer token says who, the computing cluster's API server says whether.

The attributes are a kubelet's, so that the same roles hold for vnodes as for nodes. Streams always need `create`, whatever their method: a WebSocket is a GET,
and running a command is not reading. Whatever cannot be found out is refused.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from proxier.errors import DeniedError
from proxier.heads import Head
from proxier.routes import Endpoint
from reconciler.clock import Clock
from reconciler.kube.errors import KubeError

REMEMBER_SECONDS: Final = 10.0
_REVIEW_SECONDS: Final = 10.0
_MOST_REMEMBERED: Final = 10_000  # verdicts; beyond that the oldest go
_AUTHENTICATED: Final = "system:authenticated"
_IDENTITY_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody known to the computing cluster."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


class _TokenUser(msgspec.Struct):
    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = {}


class _ReviewStatus(msgspec.Struct):
    authenticated: bool = False
    allowed: bool = False
    denied: bool = False
    user: _TokenUser = msgspec.field(default_factory=_TokenUser)


class _Review(msgspec.Struct):
    status: _ReviewStatus = msgspec.field(default_factory=_ReviewStatus)


_SUBRESOURCES: Final[Mapping[Endpoint, tuple[str, ...]]] = {
    Endpoint.METRICS: ("metrics",),
    Endpoint.METRICS_CADVISOR: ("metrics",),
    Endpoint.METRICS_PROBES: ("metrics",),
    Endpoint.METRICS_RESOURCE: ("metrics",),
    Endpoint.STATS_SUMMARY: ("stats",),
    Endpoint.CONFIGZ: ("configz", "proxy"),
    Endpoint.HEALTHZ: ("healthz", "proxy"),
    Endpoint.PODS: ("pods", "proxy"),
    Endpoint.RUNNING_PODS: ("pods", "proxy"),
}


def attributes_for(endpoint: Endpoint, vnode: str) -> tuple[dict[str, str], ...]:
    """The `resourceAttributes` that a kubelet of that name would ask about; any of them that is allowed suffices.

    The finer subresources are those of Kubernetes 1.32. Running a command is never a `get`, also when a WebSocket asks for it.
    """
    verb = "create" if endpoint.is_stream or endpoint is Endpoint.RUN else "get"
    return tuple(
        {"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource, "name": vnode}
        for subresource in _SUBRESOURCES.get(endpoint, ("proxy",))
    )


def has_ended(certificate: Mapping[str, Any], now: datetime) -> bool:
    """Whether a certificate is over that was verified once: TLS does not look again when its session is resumed."""
    return now.timestamp() >= ssl.cert_time_to_seconds(certificate["notAfter"])


def user_of_certificate(certificate: Mapping[str, Any]) -> User | None:
    """The user whom a verified client certificate names (as `SSLSocket.getpeercert` gives it); None when it names nobody."""
    parts = [pair for part in certificate.get("subject", ()) for pair in part]
    name = next((value for key, value in parts if key == "commonName"), "")
    groups = tuple(value for key, value in parts if key == "organizationName")
    return User(name, (*groups, _AUTHENTICATED)) if name else None


class Api(Protocol):
    """The computing cluster's API server."""

    async def request(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> bytes:
        """The body of its answer; KubeError when it gives none."""
        ...


class Gate:
    """Answers of the computing cluster's API server, each remembered for 10 s."""

    def __init__(self, client: Api, count: Callable[[str], None], clock: Clock) -> None:
        """`count` hears the outcome of every check."""
        self._client = client
        self._count = count
        self._clock = clock
        self._users: _Memory[User | None] = _Memory()
        self._verdicts: _Memory[bool] = _Memory()

    async def user_behind(self, certificate: Mapping[str, Any] | None, head: Head) -> User:
        """Who asks: the certificate's user, else the token's.

        Raises:
            DeniedError: 401 when nobody is known, 503 when the API server does not say.

        """
        user = None
        if certificate is not None and not has_ended(certificate, self._clock.now()):
            user = user_of_certificate(certificate)
        if user is None:
            user = await self._user_of_token(_bearer_token(head))
        if user is None:
            self._count("unauthenticated")
            raise DeniedError(401, "Unauthorized")
        return user

    async def admit(self, user: User, endpoint: Endpoint, vnode: str) -> None:
        """Return if the user may use this endpoint of the vnode.

        Raises:
            DeniedError: 403 when not, 503 when the API server does not say.

        """
        asked = attributes_for(endpoint, vnode)
        for attributes in asked:
            if await self._allows(user, attributes):
                self._count("allowed")
                return
        self._count("forbidden")
        subresources = " or ".join(attributes["subresource"] for attributes in asked)
        what = f"verb={asked[0]['verb']}, resource=nodes, subresource={subresources}, name={vnode}"
        raise DeniedError(403, f"Forbidden (user={user.name}, {what})")

    async def _allows(self, user: User, attributes: Mapping[str, str]) -> bool:
        key = (user, tuple(attributes.values()))
        is_allowed = self._verdicts.get(key)
        if is_allowed is None:
            is_allowed = self._verdicts.put(key, await self._ask_for(user, attributes))
        return is_allowed

    async def _user_of_token(self, token: str | None) -> User | None:
        if token is None:
            return None
        key = hashlib.sha256(token.encode()).digest()
        if self._users.has(key):
            return self._users.get(key)
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        status = await self._review(_IDENTITY_REVIEWS, review)
        found = status.user
        user = User(found.username, found.groups, found.uid, found.extra) if status.authenticated else None
        return self._users.put(key, user)

    async def _ask_for(self, user: User, attributes: Mapping[str, str]) -> bool:
        spec = {
            "user": user.name,
            "groups": user.groups,
            "uid": user.uid,
            "extra": user.extra,
            "resourceAttributes": attributes,
        }
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status = await self._review(_ACCESS_REVIEWS, review)
        return status.allowed and not status.denied

    async def _review(self, path: str, review: Mapping[str, Any]) -> _ReviewStatus:
        try:
            async with asyncio.timeout(_REVIEW_SECONDS):
                return msgspec.json.decode(
                    await self._client.request("POST", path, body=review), type=_Review, strict=False
                ).status
        except (KubeError, TimeoutError, msgspec.DecodeError) as error:
            self._count("error")
            raise DeniedError(503, "the computing cluster cannot say whether this is allowed") from error


class _Memory(Generic[T]):
    """What was answered within the last 10 s."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kept: dict[object, tuple[float, T]] = {}  # in the order in which they were put

    def has(self, key: object) -> bool:
        found = self._kept.get(key)
        return found is not None and found[0] > self._loop.time()

    def get(self, key: object) -> T | None:
        return self._kept[key][1] if self.has(key) else None

    def put(self, key: object, value: T) -> T:
        now = self._loop.time()
        self._kept.pop(key, None)
        self._kept[key] = (now + REMEMBER_SECONDS, value)
        while (oldest := next(iter(self._kept))) != key and (
            self._kept[oldest][0] <= now or len(self._kept) > _MOST_REMEMBERED
        ):
            del self._kept[oldest]
        return value


def _bearer_token(head: Head) -> str | None:
    scheme, _, token = (head.first(b"authorization") or b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        return None
    return token.strip().decode("latin-1")
