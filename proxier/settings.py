"""Settings of `python -m proxier`."""

from dataclasses import dataclass

from reconciler.layered import setting

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
    tls_cert_file: str = setting("serving certificate with its chain, PEM; read again when it changes", default="")
    tls_key_file: str = setting("its private key, PEM", default="")
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
    drain_seconds: float = setting("how long streams may go on after SIGTERM", default=30.0)
    request_timeout_seconds: float = setting("limit of one API request of our own", default=30.0)
    watch_idle_seconds: float = setting("a watch that is silent for longer is opened anew", default=90.0)
    listen_address: str = setting("address of metrics and probes; empty: every address of the machine", default="")
    metrics_port: int = setting("port of /metrics; 0: none", default=8080)
    health_port: int = setting("port of /healthz and /readyz; 0: none", default=8081)
    log_level: str = setting(
        "least level that is logged", default="info", choices=("debug", "info", "warning", "error")
    )
