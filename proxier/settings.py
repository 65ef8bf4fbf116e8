"""Settings of `python -m proxier`."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.layered import SettingsError, setting

FILES, SECRET, CSR, OWN_CA = SOURCES = ("files", "secret", "csr", "own-ca")
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    FILES: ("tls_cert_file", "tls_key_file"),
    SECRET: ("tls_secret",),
    CSR: ("advertise_address",),
    OWN_CA: ("advertise_address",),
}
ONE_SOURCE_S_OWN: Final = ("tls_cert_file", "tls_key_file", "tls_secret")
SHORTEST_SECONDS: Final = 600  # API servers take no wish below that
FIRST_PORT, LAST_PORT = 12000, 19999  # of vnodes; below the ports that systems hand out by themselves


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective values. Credentials are file paths only, so that nothing here is a secret."""

    binding: str = setting("name of the ClusterBinding whose vnodes are served", default="")
    kubeconfig: str = setting(
        "kubeconfig file of the computing cluster; empty: the pod's own service account", default=""
    )
    context: str = setting("context of that kubeconfig; empty: its current one", default="")
    address: str = setting("address on which vnodes are served; empty: every address of the machine", default="")
    advertise_address: str = setting(
        "address that vnodes get, and under which the API server reaches this process; empty: no vnode is pointed here",
        default="",
    )
    name: str = setting("name of this replica; empty: the machine's (a pod's is its own)", default="")
    first_port: int = setting("first port of vnodes", default=FIRST_PORT)
    last_port: int = setting("last port of vnodes", default=LAST_PORT)
    serving_certificate: str = setting(
        "where the serving certificate comes from: files, secret, csr or own-ca", default=FILES, choices=SOURCES
    )
    serving_certificate_seconds: int = setting(
        "how long certificates of csr and own-ca are to live; a signer before Kubernetes 1.22 decides by itself",
        default=7 * 86400,
    )
    tls_cert_file: str = setting(
        "files: serving certificate with its chain, PEM; read again when it changes", default=""
    )
    tls_key_file: str = setting("files: its private key, PEM", default="")
    tls_secret: str = setting(
        "secret: namespace/name of a kubernetes.io/tls Secret of the computing cluster, as cert-manager writes it",
        default="",
    )
    client_ca_file: str = setting(
        "authority of clients besides the one that the computing cluster publishes, PEM", default=""
    )
    worker_kubelets: str = setting(
        "who is asked for metrics: the worker's kubelets themselves, or its API server for them",
        default="direct",
        choices=("direct", "api-server"),
    )
    streams_per_vnode: int = setting("requests that one vnode serves at once; beyond that 429", default=1000)
    streams_per_user: int = setting(
        "requests that one user has at once; beyond that 429. API servers are one user", default=10000
    )
    connections: int = setting("connections of this process at once", default=20000)
    strangers: int = setting("connections at once that have not been let in yet", default=512)
    strangers_per_source: int = setting(
        "of these, from one address (IPv6: from one /64); API servers may share one, and open many at once", default=256
    )
    drain_seconds: float = setting("how long streams may go on after SIGTERM", default=30.0)
    request_timeout_seconds: float = setting("limit of one API request of our own", default=30.0)
    watch_idle_seconds: float = setting("a watch that is silent for longer is opened anew", default=90.0)
    listen_address: str = setting("address of metrics and probes; empty: every address of the machine", default="")
    metrics_port: int = setting("port of /metrics; 0: none", default=8080)
    health_port: int = setting("port of /healthz and /readyz; 0: none", default=8081)
    log_level: str = setting(
        "least level that is logged", default="info", choices=("debug", "info", "warning", "error")
    )


def check_certificate(settings: Settings) -> None:
    """Whether everything is said that the source of the serving certificate needs, and nothing that it would not look at.

    Raises:
        SettingsError: Something is missing or contradicts the source.

    """
    source = settings.serving_certificate
    for name in ONE_SOURCE_S_OWN:
        if name not in NEEDS[source] and getattr(settings, name):
            raise SettingsError(f"{name}: is not looked at with serving_certificate '{source}'; leave out one of them")
    for name in NEEDS[source]:
        if not getattr(settings, name):
            raise SettingsError(f"{name}: is required with serving_certificate '{source}'")
    namespace, separator, secret = settings.tls_secret.partition("/")
    if settings.tls_secret and not (namespace and separator and secret and "/" not in secret):
        raise SettingsError(f"tls_secret: '{settings.tls_secret}' is not namespace/name")
    if source in (CSR, OWN_CA):
        _check_own(settings)


def _check_own(settings: Settings) -> None:
    try:
        ipaddress.ip_address(settings.advertise_address)
    except ValueError as error:
        raise SettingsError(f"advertise_address: '{settings.advertise_address}' is not an IP address") from error
    if settings.serving_certificate_seconds < SHORTEST_SECONDS:
        raise SettingsError(f"serving_certificate_seconds: must be {SHORTEST_SECONDS} or more")
