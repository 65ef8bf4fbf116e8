from dataclasses import fields
from pathlib import Path

import pytest

from oceanctl.sandbox import components
from oceanctl.sandbox.components import Credentials, Ports

OPENED = "--feature-gates=EphemeralContainers=true"
PORTS = Ports(20001, 20002, 20003, 20004, 20005)


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return components.credentials_in(tmp_path_factory.mktemp("cluster") / "pki")


def _program(folder: Path, *flags: str) -> Path:
    """A program whose help names these flags."""
    program = folder / "program"
    lines = "\n".join(f"      {flag} int   What it does." for flag in flags)
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("known", "given"), [(("--port", "--other"), ["--port=0"]), (("--secure-port",), [])])
def test_the_insecure_port_is_closed_where_there_is_one(
    tmp_path: Path, credentials: Credentials, known: tuple[str, ...], given: list[str]
) -> None:
    flags = components.scheduler_flags(_program(tmp_path, *known), tmp_path / "kubeconfig", 20005, credentials)
    assert [flag for flag in flags if flag.startswith("--port")] == given


@pytest.mark.parametrize(("known", "given"), [(("--unsafe-no-fsync",), ["--unsafe-no-fsync"]), ((), [])])
def test_etcd_syncs_only_where_it_cannot_do_without(
    tmp_path: Path, credentials: Credentials, known: tuple[str, ...], given: list[str]
) -> None:
    flags = components.etcd_flags(_program(tmp_path, *known), tmp_path / "data", PORTS, credentials)
    assert [flag for flag in flags if "fsync" in flag] == given


@pytest.mark.parametrize(
    ("version", "flags"), [("1.20.2", [OPENED]), ("1.22.17", [OPENED]), ("1.23.0", []), ("1.33.1", [])]
)
def test_the_gate_of_ephemeral_containers_is_opened_where_it_is_closed(version: str, flags: list[str]) -> None:
    assert components.ephemeral_containers_flags(version) == flags


def test_nothing_listens_beyond_loopback(tmp_path: Path, credentials: Credentials) -> None:
    program = _program(tmp_path)
    flags = [
        *components.etcd_flags(program, tmp_path, PORTS, credentials),
        *components.api_server_flags(PORTS, credentials),
        *components.controller_manager_flags(program, tmp_path, 20004, credentials),
        *components.scheduler_flags(program, tmp_path, 20005, credentials),
    ]
    listening = [flag for flag in flags if flag.startswith(("--bind-address", "--listen-"))]
    assert len(listening) == 5
    assert all("127.0.0.1" in flag for flag in listening)


def test_every_credential_is_there(credentials: Credentials) -> None:
    assert all(getattr(credentials, each.name).exists for each in fields(credentials))
