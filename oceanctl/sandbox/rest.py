"""A blocking HTTPS client for bring-up, when there is no event loop yet; everything long-lived uses `reconciler.kube.client`."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.pki import KeyPair
from reconciler.kube.resources import Resource

TIMEOUT_SECONDS: Final = 30.0  # an API server on a loaded machine takes its time
FIELD_MANAGER: Final = "oceanctl-sandbox"
_MAX_SHOWN = 300


class AnswerError(SandboxError):
    """The server answered something else than success; `status` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Rest:
    """Requests to one loopback server with one client certificate."""

    port: int
    authority: Path
    client: KeyPair
    _tls: ssl.SSLContext = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tls = ssl.create_default_context(cafile=self.authority)
        tls.load_cert_chain(self.client.certificate, self.client.key)
        object.__setattr__(self, "_tls", tls)

    def why_not_ok(self, path: str) -> str | None:
        """None when GET `path` is answered with 200, else the reason; for polling."""
        try:
            status, body = self._exchange("GET", path, None, {})
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        return None if status == http.HTTPStatus.OK else f"{status} {body[:_MAX_SHOWN].decode(errors='replace')}"

    def get(self, path: str) -> Any:
        """The JSON at `path`, or None where there is none (404)."""
        try:
            return self._json("GET", path)
        except AnswerError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST JSON and return the JSON answer."""
        return self._json("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """A JSON merge patch; the JSON answer."""
        return self._json("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Delete what is at `path`."""
        self._json("DELETE", path)

    def apply(self, resource: Resource, manifest: Mapping[str, Any]) -> Any:
        """Server-side apply: the object is there afterwards as `manifest` says, however often this is called."""
        metadata = manifest["metadata"]
        path = resource.path(metadata["name"], metadata.get("namespace", ""))
        query = urlencode({"fieldManager": FIELD_MANAGER, "force": "true"})
        return self._json("PATCH", f"{path}?{query}", manifest, "application/apply-patch+yaml")

    def put(self, resource: Resource, manifest: Mapping[str, Any]) -> Any:
        """Create the object, or replace it if it is there."""
        metadata = manifest["metadata"]
        namespace = metadata.get("namespace", "")
        path = resource.path(metadata["name"], namespace)
        if (found := self.get(path)) is None:
            return self.post(resource.path(namespace=namespace), manifest)
        versioned = {**metadata, "resourceVersion": found["metadata"]["resourceVersion"]}
        return self._json("PUT", path, {**manifest, "metadata": versioned})

    def _json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content_type: str = "application/json"
    ) -> Any:
        encoded = None if body is None else json.dumps(body).encode()
        try:
            status, answer = self._exchange(method, path, encoded, {"Content-Type": content_type})
        except (OSError, http.client.HTTPException) as error:
            raise SandboxError(f"{method} https://127.0.0.1:{self.port}{path}: {error!r}") from error
        if status >= http.HTTPStatus.BAD_REQUEST:
            shown = answer[:_MAX_SHOWN].decode(errors="replace")
            raise AnswerError(f"{method} https://127.0.0.1:{self.port}{path}: {status} {shown}", status)
        return json.loads(answer)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self._tls, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
