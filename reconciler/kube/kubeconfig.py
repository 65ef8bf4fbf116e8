"""How to reach an API server: by the kubeconfig of a person or process, from inside a pod, or by a kubeconfig that came in a Secret.

A kubeconfig from a Secret is somebody else's data: it names a server and carries a credential, and can neither run programs, read files nor switch
checks off. kubernetes.aio does the authentication and TLS of people's kubeconfigs; inline keys are kept away from it, because it leaves them in
temporary files.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config
from kubernetes.aio.config.kube_config import KubeConfigLoader

from reconciler.kube.access import Access, Material, access_for
from reconciler.kube.kubeconfig_files import Chosen, KubeconfigError, chosen_in, merged_files, parsed

__all__ = ["Access", "KubeconfigError", "digest_of", "from_file", "from_secret", "in_cluster"]

_TOKEN_REFRESH_SECONDS: Final = 60  # as client-go reads token files
_INLINE: Final = ("certificate-authority-data", "client-certificate-data", "client-key-data")

_FILE: Final = "files cannot be named in a kubeconfig from a Secret; put the content into {}"
_IMPERSONATION: Final = "impersonation is not supported; give the credential of the account itself"
_REFUSED_OF_CLUSTER: Final = {
    "insecure-skip-tls-verify": "the server's certificate is always verified; give certificate-authority-data",
    "certificate-authority": _FILE.format("certificate-authority-data"),
}
_REFUSED_OF_USER: Final = {
    "exec": "programs are not run for a kubeconfig from a Secret; use a token or a client certificate",
    "auth-provider": "auth providers are not run for a kubeconfig from a Secret; use a token or a client certificate",
    "client-certificate": _FILE.format("client-certificate-data"),
    "client-key": _FILE.format("client-key-data"),
    "tokenFile": _FILE.format("token"),
    "as": _IMPERSONATION,
    "as-uid": _IMPERSONATION,
    "as-groups": _IMPERSONATION,
    "as-user-extra": _IMPERSONATION,
}


def digest_of(kubeconfig: bytes) -> str:
    """A digest that tells one kubeconfig's content from another's, fit for logs and comparisons."""
    return hashlib.sha256(kubeconfig).hexdigest()


def from_secret(kubeconfig: bytes, authorities: bytes | None = None) -> Access:
    """The access that a binding's kubeconfig gives; KubeconfigError names the field that is wrong or refused.

    `authorities` (PEM) are believed instead of the kubeconfig's own, for servers other than the API server.
    """
    chosen = chosen_in(parsed(kubeconfig, "kubeconfig"))
    _refuse(chosen.cluster_at, chosen.cluster, _REFUSED_OF_CLUSTER)
    _refuse(chosen.user_at, chosen.user, _REFUSED_OF_USER)
    configuration = Configuration()
    configuration.host = _server_of(chosen)
    configuration.tls_server_name = _text(chosen.cluster_at, chosen.cluster, "tls-server-name")
    configuration.proxy = _proxy_of(chosen)
    token = _text(chosen.user_at, chosen.user, "token")
    if token is not None:
        configuration.api_key["BearerToken"] = f"Bearer {token}"
    material = Material.of(chosen)
    if authorities is not None:
        material = replace(material, cluster_at="authorities of other servers", authorities=authorities)
    if token is None and material.certificate is None:
        raise KubeconfigError(chosen.user_at, "holds no credential: neither token nor client-certificate-data")
    return access_for(configuration, material)


async def from_file(path: str | Path | None = None, context: str | None = None) -> Access:
    """The access of a person or process: every feature of kubeconfigs that kubernetes.aio knows.

    Without `path` the files that `KUBECONFIG` lists, or `~/.kube/config`; without `context` the current one. Tokens of files and programs are renewed.
    """
    chosen = chosen_in(merged_files(path), context)
    configuration = Configuration()
    loader = KubeConfigLoader(_document_without_inline(chosen), config_base_path=None)
    try:
        await loader.load_and_set(configuration)
    except (ConfigException, OSError, ValueError) as error:
        raise KubeconfigError(chosen.user_at, str(error)) from error
    if chosen.user.get("exec") and not (configuration.api_key or configuration.cert_file):
        raise KubeconfigError(f"{chosen.user_at}.exec", "the program gave no credential")
    if any(chosen.user.get(field) for field in ("exec", "auth-provider", "tokenFile")):
        configuration.refresh_api_key_hook = _refreshing(loader)
    return access_for(configuration, Material.of(chosen))


def in_cluster() -> Access:
    """The access of the pod's own service account; its token file is read again every minute."""
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise KubeconfigError("in-cluster", str(error)) from error
    return access_for(configuration, Material())


def _refuse(at: str, section: Mapping[str, Any], refused: Mapping[str, str]) -> None:
    for field, why in refused.items():
        if section.get(field):
            raise KubeconfigError(f"{at}.{field}", why)


def _text(at: str, section: Mapping[str, Any], field: str) -> str | None:
    value = section.get(field)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not value.strip().isprintable():
        raise KubeconfigError(f"{at}.{field}", "must be one line of text")
    return value.strip()


def _server_of(chosen: Chosen) -> str:
    field = f"{chosen.cluster_at}.server"
    server = _text(chosen.cluster_at, chosen.cluster, "server")
    if server is None:
        raise KubeconfigError(field, "is missing")
    if not _is_url(server, ("https",)):
        raise KubeconfigError(field, "must be an https:// address without user, query or fragment")
    return server.rstrip("/")


def _proxy_of(chosen: Chosen) -> str | None:
    proxy = _text(chosen.cluster_at, chosen.cluster, "proxy-url")
    if proxy is not None and not _is_url(proxy, ("http", "https")):
        raise KubeconfigError(f"{chosen.cluster_at}.proxy-url", "must be an http:// or https:// address")
    return proxy


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in schemes and bool(parts.hostname) and not (parts.query or parts.fragment or "@" in parts.netloc)
    )


def _document_without_inline(chosen: Chosen) -> dict[str, Any]:
    cluster = {field: value for field, value in chosen.cluster.items() if field not in _INLINE}
    user = {field: value for field, value in chosen.user.items() if field not in _INLINE}
    return {
        "current-context": "chosen",
        "contexts": [{"name": "chosen", "context": {"cluster": "chosen", "user": "chosen"}}],
        "clusters": [{"name": "chosen", "cluster": cluster}],
        "users": [{"name": "chosen", "user": user}],
    }


def _refreshing(loader: Any) -> Callable[[Any], Awaitable[None]]:
    refreshed_at = monotonic()

    async def refresh(configuration: Any) -> None:
        nonlocal refreshed_at
        if monotonic() - refreshed_at < _TOKEN_REFRESH_SECONDS:
            return
        refreshed_at = monotonic()
        await loader.load_and_set(configuration)

    return refresh
