"""A live contact with a worker: is it there, which cluster is it, what may we do."""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory.model import Binding
from reconciler import names, permissions
from reconciler.bridge.computing import cluster_uid
from reconciler.kube.client import Client
from reconciler.kube.errors import ForbiddenError, KubeError, NotFoundError
from reconciler.kube.kubeconfig import Access, KubeconfigError, digest_of, from_secret
from reconciler.kube.resources import ACCESS_REVIEWS, SECRETS
from reconciler.manager.view import Contact


class KubeconfigUnusableError(Exception):
    """The Secret or the kubeconfig in it cannot be used; the text says which field, never its content."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A parsed kubeconfig, and a digest that tells when it was changed."""

    access: Access
    digest: str


async def credential_of(client: Client, binding: Binding) -> Credential:
    """Read and parse a binding's kubeconfig.

    Raises:
        KubeconfigUnusableError: The Secret, its key or the kubeconfig in it is missing or refused.

    """
    ref = binding.secret_ref
    where = f"Secret {ref.namespace}/{ref.name}"
    try:
        secret = await client.get(SECRETS, ref.name, ref.namespace)
    except NotFoundError as error:
        raise KubeconfigUnusableError(f"{where} is not there") from error
    encoded = (secret.get("data") or {}).get(names.KUBECONFIG_KEY)
    if not encoded:
        raise KubeconfigUnusableError(f"{where} has no key '{names.KUBECONFIG_KEY}'")
    try:
        data = base64.b64decode(encoded, validate=True)
        return Credential(from_secret(data), digest_of(data))
    except (binascii.Error, KubeconfigError) as error:
        raise KubeconfigUnusableError(f"{where}: {error}") from error


async def contact_with(client: Client, binding: Binding, expires_at: datetime | None, now: datetime) -> Contact:
    """Ask the worker who it is and what it allows."""
    try:
        uid = await cluster_uid(client)
        missing = await missing_permissions(client, binding.mount_namespace)
    except KubeError as error:
        expired = (
            f"; the credential expired at {expires_at:%Y-%m-%d %H:%M:%S} UTC"
            if expires_at and expires_at <= now
            else ""
        )
        return Contact(f"{error}{expired}", is_refused=isinstance(error, ForbiddenError))
    return Contact(None, uid, missing)


async def missing_permissions(client: Client, mount_namespace: str) -> tuple[str, ...]:
    """What the worker refuses of `permissions.WORKER`, as `verb resource in NAMESPACE`; resources it does not serve are not missed."""
    rules = [rule for rule in permissions.WORKER if rule.resource != names.POLICIES or await client.has(rule.resource)]
    attributes = permissions.reviews(rules, mount_namespace)
    answers = await asyncio.gather(*(_is_allowed(client, wanted) for wanted in attributes))
    return tuple(_text(wanted) for wanted, is_allowed in zip(attributes, answers, strict=True) if not is_allowed)


async def _is_allowed(client: Client, attributes: dict[str, Any]) -> bool:
    review = {
        "apiVersion": ACCESS_REVIEWS.api_version,
        "kind": ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.create(ACCESS_REVIEWS, review)
    return bool(answer["status"].get("allowed"))


def _text(attributes: dict[str, Any]) -> str:
    subresource = f"/{attributes['subresource']}" if "subresource" in attributes else ""
    place = f" in {attributes['namespace']}" if "namespace" in attributes else ""
    group = f".{attributes['group']}" if attributes["group"] else ""
    return f"{attributes['verb']} {attributes['resource']}{group}{subresource}{place}"
