"""A certificate that somebody else keeps in a kubernetes.io/tls Secret of the computing cluster, cert-manager for example."""

import base64
import binascii
from typing import Any, Final

from proxier.serving.pair import CertificateError, Pair
from reconciler.kube.client import Client
from reconciler.kube.errors import NotFoundError
from reconciler.kube.resources import SECRETS

EVERY_SECONDS: Final = 5.0  # one small read; a watch would need the right to list
CERTIFICATE, KEY = "tls.crt", "tls.key"


class SecretReader:
    """Reads `namespace/name` anew at every call."""

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._namespace, _, self._name = key.partition("/")

    async def __call__(self) -> Pair:
        """What the Secret holds now."""
        origin = f"Secret {self._namespace}/{self._name}"
        try:
            found = await self._client.get(SECRETS, self._name, self._namespace)
        except NotFoundError as error:
            raise CertificateError(f"{origin} is not there") from error
        return Pair(origin, decoded(found, CERTIFICATE, origin), decoded(found, KEY, origin))


def decoded(secret: dict[str, Any], name: str, origin: str) -> bytes:
    """The bytes under one key of a Secret."""
    try:
        return base64.b64decode((secret.get("data") or {})[name], validate=True)
    except KeyError:
        raise CertificateError(f"{origin} has no {name}") from None
    except (binascii.Error, ValueError):
        raise CertificateError(f"{origin}: {name} is not base64") from None  # the cause may quote the value
