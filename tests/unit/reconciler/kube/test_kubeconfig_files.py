"""Kubeconfigs of people, processes and pods."""

import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.config import incluster_config

from oceanctl.sandbox.pki import Authority, KeyPair
from reconciler.kube import kubeconfig
from reconciler.kube.kubeconfig import KubeconfigError, from_file, in_cluster
from tests.unit.reconciler.kube.kubeconfigs import SECRET_TOKEN, credential_of, names_in, secret


async def test_a_file_may_name_other_files_relative_to_itself(
    config: dict[str, Any], key_pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "sub").mkdir()
    for name, content in (("c.crt", key_pair.certificate), ("c.key", key_pair.key)):
        (tmp_path / "sub" / name).write_bytes(content.read_bytes())
    config["users"][0]["user"] = {"client-certificate": "c.crt", "client-key": "c.key"}
    file = tmp_path / "sub" / "config"
    file.write_bytes(secret(config))
    access = await from_file(file)
    assert access.configuration.cert_file == str(tmp_path / "sub" / "c.crt")


async def test_a_file_that_names_a_missing_file_is_refused(config: dict[str, Any], tmp_path: Path) -> None:
    config["users"][0]["user"] = {"client-certificate": "absent.crt", "client-key": "absent.key"}
    (tmp_path / "config").write_bytes(secret(config))
    with pytest.raises(KubeconfigError, match=r"absent\.crt"):
        await from_file(tmp_path / "config")


async def test_a_files_inline_keys_leave_no_file_behind(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_bytes(secret(config))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    access = await from_file(file)
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    assert names_in(tmp_path) == [file.name]


async def test_a_token_file_is_read_again_after_a_minute(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(kubeconfig, "monotonic", lambda: now)
    (tmp_path / "token").write_text("old")
    config["users"][0]["user"] = {"tokenFile": "token"}
    (tmp_path / "config").write_bytes(secret(config))
    access = await from_file(tmp_path / "config")
    (tmp_path / "token").write_text("new")
    assert await credential_of(access) == "Bearer old"
    now += 61
    assert await credential_of(access) == "Bearer new"


def plugin(folder: Path, answer: dict[str, Any]) -> dict[str, Any]:
    program = folder / "plugin"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(answer)!r})\n")
    program.chmod(0o700)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}}


async def test_a_persons_program_gives_the_token(config: dict[str, Any], tmp_path: Path) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    config["users"][0]["user"] = plugin(tmp_path, answer)
    (tmp_path / "config").write_bytes(secret(config))
    assert await credential_of(await from_file(tmp_path / "config")) == "Bearer from-plugin"


async def test_a_program_that_gives_nothing_is_named(config: dict[str, Any], tmp_path: Path) -> None:
    config["users"][0]["user"] = plugin(tmp_path, {})
    (tmp_path / "config").write_bytes(secret(config))
    with pytest.raises(KubeconfigError) as refused:
        await from_file(tmp_path / "config")
    assert refused.value.field == "users[u].user.exec"


async def test_a_context_can_be_chosen(config: dict[str, Any], tmp_path: Path) -> None:
    config["clusters"].append({"name": "c2", "cluster": {"server": "http://127.0.0.1:8001"}})
    config["contexts"].append({"name": "proxy", "context": {"cluster": "c2"}})
    (tmp_path / "config").write_bytes(secret(config))
    assert (await from_file(tmp_path / "config", "proxy")).server == "http://127.0.0.1:8001"


async def test_of_several_files_the_first_to_name_something_wins(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {"clusters": [{"name": "c", "cluster": {"server": "https://first.example"}}], "users": None}
    (tmp_path / "first").write_text(json.dumps(first))
    (tmp_path / "second").write_bytes(secret(config))
    files = ("first", "absent", "second")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(str(tmp_path / name) for name in files))
    access = await from_file()
    assert access.server == "https://first.example"
    assert await credential_of(access) == f"Bearer {SECRET_TOKEN}"


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=str(tmp_path / "absent")):
        await from_file(tmp_path / "absent")


async def test_a_pod_uses_its_own_account(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("of-the-pod")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority.pair.certificate))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    access = in_cluster()
    assert access.server == "https://[fd00::1]:443"
    assert await credential_of(access) == "bearer of-the-pod"


def test_outside_of_a_pod_there_is_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeconfigError, match="in-cluster"):
        in_cluster()
