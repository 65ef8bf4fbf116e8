import json
import stat
from pathlib import Path

import pytest

from oceanctl.sandbox import kubeconfig
from oceanctl.sandbox.pki import Authority, Identity
from reconciler.kube.kubeconfig import from_secret

SERVER = "https://127.0.0.1:6443"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


def test_a_kubeconfig_with_a_certificate_is_fit_for_a_binding(authority: Authority) -> None:
    client = authority.issue("client", Identity("alice"))
    content = kubeconfig.with_certificate("c", SERVER, authority.pair.certificate, client)
    assert from_secret(json.dumps(content).encode()).server == SERVER


def test_a_kubeconfig_with_a_token_is_fit_for_a_binding(authority: Authority) -> None:
    content = kubeconfig.with_token("c", SERVER, authority.pair.certificate, "secret")
    access = from_secret(json.dumps(content).encode())
    assert access.configuration.api_key["BearerToken"] == "Bearer secret"


def test_a_kubeconfig_is_for_its_owner_only(authority: Authority, tmp_path: Path) -> None:
    content = kubeconfig.with_token("c", SERVER, authority.pair.certificate, "secret")
    file = kubeconfig.write(tmp_path / "k" / "c.yaml", content)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_writing_again_leaves_one_file(authority: Authority, tmp_path: Path) -> None:
    content = kubeconfig.with_token("c", SERVER, authority.pair.certificate, "secret")
    files = {kubeconfig.write(tmp_path / "k" / "c.yaml", content) for _ in range(2)}
    assert set((tmp_path / "k").iterdir()) == files
