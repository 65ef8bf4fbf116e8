import ipaddress
from pathlib import Path

import pytest

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.realnodes import network
from oceanctl.sandbox.realnodes.network import Bridge, _free_network, mark_of

FOLDER = Path("/s/clusters/worker-1")


def test_this_machine_and_the_nodes_have_different_addresses() -> None:
    bridge = Bridge("oc1", ipaddress.IPv4Network("198.18.7.0/24"))
    assert (bridge.address, bridge.node_address(1), bridge.node_address(2)) == (
        "198.18.7.1",
        "198.18.7.11/24",
        "198.18.7.12/24",
    )


def test_clusters_are_told_apart_by_their_folders() -> None:
    assert mark_of(FOLDER) == mark_of(FOLDER)
    assert mark_of(FOLDER) != mark_of(Path("/s/clusters/worker-2"))


def test_names_of_links_are_short_enough_for_the_kernel() -> None:
    assert len(f"oc{mark_of(FOLDER)}-999") <= 15


def test_a_network_that_the_machine_has_is_not_taken() -> None:
    first = _free_network(FOLDER, set())
    second = _free_network(FOLDER, {first})
    assert first != second
    assert not first.overlaps(second)


def test_a_machine_without_free_networks_says_so() -> None:
    with pytest.raises(SandboxError, match="no network is free"):
        _free_network(FOLDER, {ipaddress.IPv4Network("198.16.0.0/13")})


def test_a_complaint_of_ip_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    complaining = tmp_path / "ip"
    complaining.write_text("#!/bin/sh\necho not today >&2; exit 2\n")
    complaining.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(network, "SYSTEM_PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="ip link show: not today"):
        network.ip("link", "show")
