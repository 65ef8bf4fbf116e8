"""The command line of every component of a control plane; flags that not every version knows are asked for by `--help`."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from oceanctl.sandbox.pki import Authority, Identity, KeyPair, Usage, signing_key

ETCD: Final = "etcd"
API_SERVER: Final = "kube-apiserver"
CONTROLLER_MANAGER: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
COMPONENTS: Final = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER)  # in the order in which they start

SERVICE_RANGE: Final = "10.96.0.0/16"
SERVICE_HOSTS: Final = ("10.96.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
LOOPBACK: Final = "127.0.0.1"
ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
_HELP_TIMEOUT_SECONDS = 20.0
_EPHEMERAL_CONTAINERS_BETA = (1, 23)  # on by default from then on


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the components of one cluster listen, all on loopback."""

    etcd: int
    etcd_peer: int
    api_server: int
    controller_manager: int
    scheduler: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """Every certificate and key that a control plane's components hold."""

    authority: KeyPair
    front_proxy_authority: KeyPair
    etcd: KeyPair
    api_server: KeyPair
    kubelet_client: KeyPair
    front_proxy_client: KeyPair
    admin: KeyPair
    controller_manager: KeyPair
    scheduler: KeyPair
    service_accounts: KeyPair


def credentials_in(folder: Path) -> Credentials:
    """Made on the first call, found on later ones."""
    authority, front_proxy = Authority(folder), Authority(folder, "front-proxy-ca")
    kubelet_client = Identity("kube-apiserver-kubelet-client", ("system:masters",))
    return Credentials(
        authority=authority.pair,
        front_proxy_authority=front_proxy.pair,
        # The gateway from JSON to gRPC inside etcd calls etcd itself with this certificate.
        etcd=authority.issue("etcd", Identity("etcd", hosts=(LOOPBACK,), usage=Usage.PEER)),
        api_server=authority.issue(
            "apiserver", Identity("kube-apiserver", hosts=(LOOPBACK, *SERVICE_HOSTS), usage=Usage.SERVER)
        ),
        kubelet_client=authority.issue("apiserver-kubelet-client", kubelet_client),
        front_proxy_client=front_proxy.issue("front-proxy-client", Identity("front-proxy-client")),
        admin=authority.issue("admin", Identity("sandbox-admin", ("system:masters",))),
        controller_manager=authority.issue("controller-manager", _component_identity(CONTROLLER_MANAGER)),
        scheduler=authority.issue("scheduler", _component_identity(SCHEDULER)),
        service_accounts=signing_key(folder, "service-accounts"),
    )


def _component_identity(name: str) -> Identity:
    """One certificate for both ends: towards the API server and of the component's own health port."""
    return Identity(f"system:{name}", hosts=(LOOPBACK,), usage=Usage.PEER)


def etcd_flags(program: Path, data: Path, ports: Ports, credentials: Credentials) -> list[str]:
    """One member, closed to everybody without a certificate of this cluster."""
    client, peer = f"https://{LOOPBACK}:{ports.etcd}", f"https://{LOOPBACK}:{ports.etcd_peer}"
    flags = [
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--logger=zap",
        "--log-level=warn",
    ]
    for prefix in ("", "peer-"):
        flags += [
            f"--{prefix}trusted-ca-file={credentials.authority.certificate}",
            f"--{prefix}cert-file={credentials.etcd.certificate}",
            f"--{prefix}key-file={credentials.etcd.key}",
            f"--{prefix}client-cert-auth",
        ]
    # A sandbox need not survive a power cut; fsync is most of etcd's time on a laptop's disk.
    return flags + _known(program, "--unsafe-no-fsync")


def api_server_flags(ports: Ports, credentials: Credentials) -> list[str]:
    """Node authorizer, NodeRestriction and RBAC as in any cluster; kubelets must show certificates of the cluster's authority."""
    c = credentials
    return [
        f"--etcd-servers=https://{LOOPBACK}:{ports.etcd}",
        f"--etcd-cafile={c.authority.certificate}",
        f"--etcd-certfile={c.etcd.certificate}",
        f"--etcd-keyfile={c.etcd.key}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports.api_server}",
        "--endpoint-reconciler-type=none",  # a loopback address cannot be an Endpoint
        f"--tls-cert-file={c.api_server.certificate}",
        f"--tls-private-key-file={c.api_server.key}",
        f"--client-ca-file={c.authority.certificate}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--profiling=false",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={c.service_accounts.certificate}",
        f"--service-account-signing-key-file={c.service_accounts.key}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--kubelet-client-certificate={c.kubelet_client.certificate}",
        f"--kubelet-client-key={c.kubelet_client.key}",
        f"--kubelet-certificate-authority={c.authority.certificate}",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        f"--requestheader-client-ca-file={c.front_proxy_authority.certificate}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={c.front_proxy_client.certificate}",
        f"--proxy-client-key-file={c.front_proxy_client.key}",
    ]


def audit_flags(policy: Path, log: Path) -> list[str]:
    """Not batched: a request's line is written when the request ends."""
    return [f"--audit-policy-file={policy}", f"--audit-log-path={log}", "--audit-log-mode=blocking"]


def ephemeral_containers_flags(version: str) -> list[str]:
    """What it takes that the API server of a version (`1.20.2`) offers ephemeral containers: newer ones do, and have forgotten the gate since."""
    is_alpha = tuple(int(part) for part in version.split(".")[:2]) < _EPHEMERAL_CONTAINERS_BETA
    return ["--feature-gates=EphemeralContainers=true"] if is_alpha else []


def without_controller_manager_flags() -> list[str]:
    """Nobody makes service accounts then, and the admission plugin that asks for one would refuse every pod."""
    return ["--disable-admission-plugins=ServiceAccount"]


def controller_manager_flags(program: Path, kubeconfig: Path, port: int, credentials: Credentials) -> list[str]:
    """All controllers that run by default; signs kubelets' certificates and service accounts' tokens."""
    return [
        *_client_flags(program, kubeconfig, port, credentials.controller_manager),
        "--use-service-account-credentials=true",
        f"--root-ca-file={credentials.authority.certificate}",
        f"--service-account-private-key-file={credentials.service_accounts.key}",
        f"--cluster-signing-cert-file={credentials.authority.certificate}",
        f"--cluster-signing-key-file={credentials.authority.key}",
        "--kube-api-qps=300",  # tests delete whole namespaces; the default of 20 makes that slow
        "--kube-api-burst=600",
    ]


def scheduler_flags(program: Path, kubeconfig: Path, port: int, credentials: Credentials) -> list[str]:
    """The ordinary scheduler with its default profile."""
    return _client_flags(program, kubeconfig, port, credentials.scheduler)


def _client_flags(program: Path, kubeconfig: Path, port: int, serving: KeyPair) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--leader-elect=false",
        "--profiling=false",
        *_known(program, "--port=0"),  # the insecure port of versions before 1.24
    ]


def _known(program: Path, *flags: str) -> list[str]:
    return [flag for flag in flags if f"{flag.partition('=')[0]} " in _help(program)]


@cache
def _help(program: Path) -> str:
    answer = subprocess.run(
        [program, "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_HELP_TIMEOUT_SECONDS,
        check=False,
        text=True,
    )
    return answer.stdout
