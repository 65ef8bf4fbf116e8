"""What an answer other than 2xx means."""

import json
from typing import Any

import pytest

from reconciler.kube.answers import error_for
from reconciler.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    GoneError,
    KubeError,
    NotFoundError,
    RejectedError,
    TransientError,
)

POD = "POST /api/v1/namespaces/shop/pods"
SECRET = "POST /api/v1/namespaces/shop/secrets"
PLAINTEXT = "aHVudGVyMg=="


def status(code: int, reason: str = "", message: str = "", **details: Any) -> bytes:
    answer = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    return json.dumps(answer).encode()


@pytest.mark.parametrize(
    ("code", "reason", "message", "expected"),
    [
        pytest.param(400, "BadRequest", "cannot be handled as a Pod", RejectedError, id="bad-request"),
        pytest.param(401, "Unauthorized", "Unauthorized", ForbiddenError, id="unauthorized"),
        pytest.param(
            403,
            "Forbidden",
            'pods is forbidden: User "sa" cannot create resource "pods" in API group "" in the namespace "shop"',
            ForbiddenError,
            id="rbac",
        ),
        pytest.param(
            403, "Forbidden", 'forbidden: User "sa" cannot get path "/metrics"', ForbiddenError, id="rbac-on-a-path"
        ),
        pytest.param(
            403,
            "Forbidden",
            'roles "r" is forbidden: user "sa" (groups=["g"]) is attempting to grant RBAC permissions not currently held',
            ForbiddenError,
            id="rbac-escalation",
        ),
        pytest.param(
            403,
            "Forbidden",
            'nodes "a" is forbidden: node "b" is not allowed to modify node "a"',
            ForbiddenError,
            id="node-restriction",
        ),
        pytest.param(
            403,
            "Forbidden",
            'pods "p" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2',
            RejectedError,
            id="quota",
        ),
        pytest.param(
            403,
            "Forbidden",
            'pods "p" is forbidden: unable to create new content in namespace shop because it is being terminated',
            RejectedError,
            id="terminating-namespace",
        ),
        pytest.param(
            403,
            "Forbidden",
            'admission webhook "guard.example.com" denied the request: no',
            RejectedError,
            id="webhook",
        ),
        pytest.param(404, "NotFound", 'pods "p" not found', NotFoundError, id="not-found"),
        pytest.param(405, "MethodNotAllowed", "", RejectedError, id="method-not-allowed"),
        pytest.param(409, "AlreadyExists", 'pods "p" already exists', AlreadyExistsError, id="already-exists"),
        pytest.param(409, "Conflict", "the object has been modified", ConflictError, id="conflict"),
        pytest.param(410, "Expired", "too old resource version", GoneError, id="expired"),
        pytest.param(413, "RequestEntityTooLarge", "", RejectedError, id="too-large"),
        pytest.param(415, "UnsupportedMediaType", "", RejectedError, id="media-type"),
        pytest.param(422, "Invalid", "spec: Required value", RejectedError, id="invalid"),
        pytest.param(429, "TooManyRequests", "Cannot evict pod", TransientError, id="too-many-requests"),
        pytest.param(500, "InternalError", "etcdserver: leader changed", TransientError, id="internal-error"),
        pytest.param(503, "ServiceUnavailable", "", TransientError, id="unavailable"),
        pytest.param(504, "Timeout", "request did not complete in time", TransientError, id="timeout"),
        pytest.param(302, "", "", RejectedError, id="redirect"),
    ],
)
def test_an_answer_becomes_the_error_that_says_what_to_do(
    code: int, reason: str, message: str, expected: type[KubeError]
) -> None:
    error = error_for(POD, code, status(code, reason, message))
    assert type(error) is expected
    assert (error.status, error.reason) == (code, reason)
    assert message in str(error)


def test_a_version_of_the_future_asks_for_a_new_list() -> None:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    error = error_for("GET /api/v1/pods", 504, status(504, "Timeout", "Too large resource version", causes=causes))
    assert isinstance(error, GoneError)


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        pytest.param("7", {}, 7, id="header"),
        pytest.param("", {"retryAfterSeconds": 10}, 10, id="details"),
        pytest.param("3", {"retryAfterSeconds": 10}, 3, id="header-first"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", {}, None, id="a-date-is-no-hint"),
        pytest.param("", {}, None, id="none"),
    ],
)
def test_the_servers_hint_is_kept(header: str, details: dict[str, Any], seconds: float | None) -> None:
    assert error_for(POD, 429, status(429, "TooManyRequests", **details), header).retry_after_seconds == seconds


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad Gateway</html>", b"[]", b'{"message": 5}', b'{"details": null}'],
    ids=["empty", "html", "list", "wrong-type", "null"],
)
def test_a_body_that_is_no_status_does_no_harm(body: bytes) -> None:
    error = error_for(POD, 502, body)
    assert (type(error), str(error)) == (TransientError, f"{POD}: 502")


@pytest.mark.parametrize(
    ("code", "reason"), [(400, "BadRequest"), (403, "Forbidden"), (422, "Invalid"), (500, "InternalError")]
)
def test_what_is_said_about_a_secret_never_quotes_it(code: int, reason: str) -> None:
    message = f'secrets "s" is forbidden: no data "{PLAINTEXT}"'
    error = error_for(SECRET, code, status(code, reason, message, causes=[{"field": "data[a:b]"}]))
    assert PLAINTEXT not in str(error)
    assert str(error) == f"{SECRET}: {code} {reason} data[a:b]"


def test_a_missing_permission_on_secrets_is_named() -> None:
    message = 'secrets is forbidden: User "sa" cannot list resource "secrets" in API group "" in the namespace "shop"'
    assert message in str(error_for("GET /api/v1/namespaces/shop/secrets", 403, status(403, "Forbidden", message)))
