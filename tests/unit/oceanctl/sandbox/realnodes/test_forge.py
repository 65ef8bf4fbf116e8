import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.realnodes import forge
from oceanctl.sandbox.realnodes.config import NodeConfig, dump, load

CONFIG = NodeConfig(
    name="n1",
    folder=Path("/s/nodes/n1"),
    cgroup="/kubeocean-1",
    address="198.18.1.11/24",
    pod_range="10.1.2.0/24",
    version="1.20.2",
    kubelet=Path("/bin/kubelet"),
    kubeconfig=Path("/s/kubeconfig"),
    client_authority=Path("/s/ca.crt"),
    certificate=Path("/s/n1.crt"),
    key=Path("/s/n1.key"),
    images=(Path("/s/busybox.tar"),),
    sandbox_image="busybox:1",
)


def of_version(version: str) -> NodeConfig:
    return msgspec.structs.replace(CONFIG, version=version)


def test_a_configuration_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    dump(CONFIG, tmp_path / "node.json")
    assert load(tmp_path / "node.json") == CONFIG


def test_an_unknown_field_of_a_configuration_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text('{"colour": "red"}')
    with pytest.raises(SandboxError, match="colour"):
        load(tmp_path / "node.json")


def test_containerd_keeps_to_the_node_s_folder() -> None:
    parsed = tomllib.loads(forge.containerd_config(CONFIG, Path("/sbin/runc"), Path("/lib/cni")))
    plugin = parsed["plugins"]["io.containerd.grpc.v1.cri"]
    assert (parsed["root"], plugin["cni"]["conf_dir"]) == ("/s/nodes/n1/containerd", "/s/nodes/n1/cni")
    assert (plugin["sandbox_image"], plugin["cni"]["bin_dir"]) == ("busybox:1", "/lib/cni")


def test_pods_have_addresses_of_the_node_s_range() -> None:
    (bridge,) = forge.network_config(CONFIG)["plugins"]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.1.2.0/24"}]]


def test_a_kubelet_lets_nobody_in_whom_the_cluster_does_not_know() -> None:
    config = forge.kubelet_config(CONFIG)
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert (config["authorization"], config["readOnlyPort"]) == ({"mode": "Webhook"}, 0)


def test_a_kubelet_changes_nothing_of_the_machine_s_kernel() -> None:
    assert forge.kubelet_config(CONFIG)["protectKernelDefaults"] is True


@pytest.mark.parametrize(("version", "gates"), [("1.20.2", {"EphemeralContainers": True}), ("1.23.0", {})])
def test_pods_can_be_debugged_in_every_version(version: str, gates: dict[str, bool]) -> None:
    assert forge.kubelet_config(of_version(version))["featureGates"] == gates


@pytest.mark.parametrize(
    ("version", "flags", "fields"),
    [
        ("1.20.2", {"--container-runtime", "--container-runtime-endpoint"}, set()),
        ("1.26.1", {"--container-runtime-endpoint"}, set()),
        ("1.27.0", set(), {"containerRuntimeEndpoint"}),
        ("1.35.9", set(), {"containerRuntimeEndpoint", "failCgroupV1"}),
    ],
)
def test_a_kubelet_is_told_of_containerd_in_its_version_s_way(version: str, flags: set[str], fields: set[str]) -> None:
    config: dict[str, Any] = forge.kubelet_config(of_version(version))
    given = {flag.partition("=")[0] for flag in forge.kubelet_flags(of_version(version), Path("/k.json"))}
    versioned = {"--container-runtime", "--container-runtime-endpoint"}
    assert (given & versioned, config.keys() & {"containerRuntimeEndpoint", "failCgroupV1"}) == (flags, fields)
