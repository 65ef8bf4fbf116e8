"""Who may ask a hollow kubelet for metrics: whoever a real one would let, by TokenReview and SubjectAccessReview."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError

_IDENTITY_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Door:
    """Asks the API server with the node's own credential, as kubelets do."""

    def __init__(self, client: Client, node: str) -> None:
        self._client = client
        self._node = node

    async def why_not(self, request: web.Request, subresource: str) -> HTTPStatus | None:
        """The refusal of a request with a bearer token; None when it may `get` the subresource of the node."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return HTTPStatus.UNAUTHORIZED
        try:
            review = await self._review(_IDENTITY_REVIEWS, "TokenReview", {"token": token.strip()})
            if not review.get("authenticated"):
                return HTTPStatus.UNAUTHORIZED
            user = review["user"]
            attributes = {"verb": "get", "resource": "nodes", "subresource": subresource, "name": self._node}
            spec = {"user": user["username"], "groups": user.get("groups", []), "resourceAttributes": attributes}
            verdict = await self._review(_ACCESS_REVIEWS, "SubjectAccessReview", spec)
        except KubeError:
            return HTTPStatus.INTERNAL_SERVER_ERROR
        return None if verdict.get("allowed") else HTTPStatus.FORBIDDEN

    async def _review(self, path: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        group = path.split("/")[2]
        body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": spec}
        answer = await self._client.request("POST", path, body=body)
        status: dict[str, Any] = msgspec.json.decode(answer)["status"]
        return status
