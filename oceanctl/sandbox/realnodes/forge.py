"""What containerd, the kubelet and the network plugins of a node are told: pure functions of its configuration."""

from pathlib import Path
from typing import Any, Final

from oceanctl.sandbox.realnodes.config import NodeConfig

CONTAINERD_SOCKET: Final = Path("/run/containerd/containerd.sock")
KUBELET_FOLDER: Final = Path("/var/lib/kubelet")
_ENDPOINT: Final = f"unix://{CONTAINERD_SOCKET}"
_WITHOUT_DOCKERSHIM = 24  # minor versions from which on a flag or a field is known, or not any more
_RUNTIME_IN_CONFIG = 27
_MAY_REFUSE_CGROUP_V1 = 31
_EPHEMERAL_CONTAINERS_ARE_ALPHA = range(16, 23)


def containerd_config(config: NodeConfig, runc: Path, plugins: Path) -> str:
    """In TOML. Layers are copied, not mounted over each other: images are small, and the folder may be on an overlay itself."""
    return f"""version = 2
root = "{config.folder}/containerd"
state = "/run/containerd"
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
path = "{config.folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{config.sandbox_image}"
disable_apparmor = true
restrict_oom_score_adj = true # machines without CAP_SYS_RESOURCE
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{config.folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
BinaryName = "{runc}"
"""


def network_config(config: NodeConfig) -> dict[str, Any]:
    """A bridge inside the node. Pods reach their node and each other; nothing leads further, so no packet filter is needed."""
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni",
        "ranges": [[{"subnet": config.pod_range}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}


def kubelet_config(config: NodeConfig) -> dict[str, Any]:
    """A KubeletConfiguration, closed to everybody whom the cluster does not know."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(config.client_authority)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(config.certificate),
        "tlsPrivateKeyFile": str(config.key),
        "readOnlyPort": 0,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": config.cgroup,
        "failSwapOn": False,
        "protectKernelDefaults": True,  # never change what belongs to the whole machine
        "resolvConf": str(config.folder / "resolv.conf"),
        "nodeStatusUpdateFrequency": "2s",  # the second report is the one that says Ready
        "nodeStatusReportFrequency": "5m",
        "featureGates": _gates(config.minor),
        # The disk is the whole machine's: how full it is says nothing about this node.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "50Mi"},
        **_by_version(config.minor),
    }


def kubelet_flags(config: NodeConfig, file: Path) -> list[str]:
    """What no version takes from its file; `file` holds `kubelet_config`."""
    flags = [
        f"--config={file}",
        f"--kubeconfig={config.kubeconfig}",
        f"--hostname-override={config.name}",
        f"--node-ip={config.ip}",
        f"--root-dir={KUBELET_FOLDER}",
        f"--volume-plugin-dir={KUBELET_FOLDER}/volume-plugins",
    ]
    if config.minor < _WITHOUT_DOCKERSHIM:
        flags.append("--container-runtime=remote")
    if config.minor < _RUNTIME_IN_CONFIG:
        flags.append(f"--container-runtime-endpoint={_ENDPOINT}")
    return flags


def _by_version(minor: int) -> dict[str, Any]:
    endpoint = {"containerRuntimeEndpoint": _ENDPOINT} if minor >= _RUNTIME_IN_CONFIG else {}
    return endpoint | ({"failCgroupV1": False} if minor >= _MAY_REFUSE_CGROUP_V1 else {})


def _gates(minor: int) -> dict[str, bool]:
    """What `kubectl debug` needs; versions that have it anyway forget the gate some day."""
    return {"EphemeralContainers": True} if minor in _EPHEMERAL_CONTAINERS_ARE_ALPHA else {}
