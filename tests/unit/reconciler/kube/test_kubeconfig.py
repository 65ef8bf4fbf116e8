"""Kubeconfigs: what is taken from a Secret, what is refused, and what people's files may do."""

import base64
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from oceanctl.sandbox.pki import LIFETIME, Authority, Identity, KeyPair, load_key
from reconciler.kube.kubeconfig import KubeconfigError, digest_of, from_secret
from tests.unit.reconciler.kube.kubeconfigs import SECRET_TOKEN, SERVER, credential_of, encoded, names_in, secret


def cluster_of(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["clusters"][0]["cluster"]
    return found


def user_of(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["users"][0]["user"]
    return found


async def test_a_secret_gives_server_token_and_certificate(config: dict[str, Any]) -> None:
    access = from_secret(secret(config))
    assert access.server == SERVER
    assert await credential_of(access) == f"Bearer {SECRET_TOKEN}"
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    assert access.tls.check_hostname
    assert [found["issuer"] for found in access.tls.get_ca_certs()]


def test_inline_keys_leave_no_file_behind(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    from_secret(secret(config))
    assert names_in(tmp_path) == []


def test_a_certificate_tells_when_it_ends(config: dict[str, Any]) -> None:
    ends = from_secret(secret(config)).expires_at
    assert ends is not None
    assert abs(ends - datetime.now(UTC) - LIFETIME) < timedelta(hours=1)


def test_a_token_that_ends_first_is_what_ends(config: dict[str, Any]) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1_700_000_000}).encode()).decode().rstrip("=")
    user_of(config)["token"] = f"head.{claims}.signature"
    assert from_secret(secret(config)).expires_at == datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.bnVsbA.c", "a.e30.c"])
def test_a_token_that_does_not_say_so_never_ends(config: dict[str, Any], token: str) -> None:
    config["users"][0]["user"] = {"token": token}
    assert from_secret(secret(config)).expires_at is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("insecure-skip-tls-verify", True),
        ("certificate-authority", "/etc/passwd"),
    ],
)
def test_a_secrets_cluster_switches_no_check_off_and_reads_no_file(
    config: dict[str, Any], field: str, value: object
) -> None:
    cluster_of(config)[field] = value
    with pytest.raises(KubeconfigError) as refused:
        from_secret(secret(config))
    assert refused.value.field == f"clusters[c].cluster.{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("exec", {"command": "sh", "apiVersion": "client.authentication.k8s.io/v1"}),
        ("auth-provider", {"name": "gcp"}),
        ("client-certificate", "/c.crt"),
        ("client-key", "/c.key"),
        ("tokenFile", "/token"),
        ("as", "admin"),
        ("as-uid", "0"),
        ("as-groups", ["system:masters"]),
        ("as-user-extra", {"a": ["b"]}),
    ],
)
def test_a_secrets_user_runs_nothing_reads_nothing_and_is_nobody_else(
    config: dict[str, Any], field: str, value: object
) -> None:
    user_of(config)[field] = value
    with pytest.raises(KubeconfigError) as refused:
        from_secret(secret(config))
    assert refused.value.field == f"users[u].user.{field}"


def test_what_another_context_uses_is_not_refused(config: dict[str, Any]) -> None:
    config["users"].append({"name": "other", "user": {"exec": {"command": "sh"}}})
    assert from_secret(secret(config)).server == SERVER


def test_checks_that_are_not_switched_off_are_fine(config: dict[str, Any]) -> None:
    cluster_of(config)["insecure-skip-tls-verify"] = False
    assert from_secret(secret(config)).tls.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("http://worker.example", id="clear-text"),
        pytest.param("worker.example:6443", id="no-scheme"),
        pytest.param("https://", id="no-host"),
        pytest.param("https://user:pass@worker.example", id="user-in-it"),
        pytest.param("https://worker.example?a=b", id="query"),
        pytest.param("https://worker.example:http", id="port"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param(["https://worker.example"], id="list"),
        pytest.param("https://a\nb", id="two-lines"),
    ],
)
def test_a_secrets_server_is_an_https_address(config: dict[str, Any], server: object) -> None:
    cluster_of(config)["server"] = server
    with pytest.raises(KubeconfigError) as refused:
        from_secret(secret(config))
    assert refused.value.field == "clusters[c].cluster.server"


def test_a_server_may_have_a_path(config: dict[str, Any]) -> None:
    cluster_of(config)["server"] = "https://proxy.example/k8s/clusters/c-1/"
    assert from_secret(secret(config)).server == "https://proxy.example/k8s/clusters/c-1"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param(lambda c: c.pop("current-context"), "current-context", id="no-current-context"),
        pytest.param(lambda c: c.update({"current-context": "x"}), "current-context", id="unknown-context"),
        pytest.param(lambda c: c.pop("contexts"), "current-context", id="no-contexts"),
        pytest.param(lambda c: c.update(contexts="x"), "current-context", id="contexts-no-list"),
        pytest.param(lambda c: c["contexts"][0].update(context=None), "contexts[ctx].context", id="empty-context"),
        pytest.param(
            lambda c: c["contexts"][0]["context"].pop("cluster"),
            "contexts[ctx].context.cluster",
            id="no-cluster",
        ),
        pytest.param(
            lambda c: c["contexts"][0]["context"].update(user="x"),
            "contexts[ctx].context.user",
            id="unknown-user",
        ),
        pytest.param(lambda c: c["contexts"][0]["context"].pop("user"), "contexts[ctx].context.user", id="no-user"),
        pytest.param(lambda c: cluster_of(c).pop("server"), "clusters[c].cluster.server", id="no-server"),
        pytest.param(lambda c: user_of(c).clear(), "users[u].user", id="no-credential"),
        pytest.param(lambda c: user_of(c).update(token=5), "users[u].user.token", id="token-a-number"),
        pytest.param(lambda c: user_of(c).update(token="a\nb"), "users[u].user.token", id="token-two-lines"),
        pytest.param(lambda c: user_of(c).pop("client-key-data"), "users[u].user.client-key-data", id="no-key"),
        pytest.param(
            lambda c: user_of(c).pop("client-certificate-data"),
            "users[u].user.client-certificate-data",
            id="no-certificate",
        ),
        pytest.param(
            lambda c: user_of(c).update({"client-key-data": "%%%"}),
            "users[u].user.client-key-data",
            id="not-base64",
        ),
        pytest.param(
            lambda c: user_of(c).update({"client-certificate-data": "aGk="}),
            "users[u].user.client-certificate-data",
            id="not-a-certificate",
        ),
        pytest.param(
            lambda c: user_of(c).update({"client-key-data": "aGk="}),
            "users[u].user.client-key-data",
            id="not-a-key",
        ),
        pytest.param(
            lambda c: cluster_of(c).update({"certificate-authority-data": "aGk="}),
            "clusters[c].cluster.certificate-authority-data",
            id="not-a-ca",
        ),
        pytest.param(
            lambda c: cluster_of(c).update({"proxy-url": "socks5://p:1"}),
            "clusters[c].cluster.proxy-url",
            id="socks",
        ),
    ],
)
def test_what_is_wrong_with_a_secret_is_named(
    config: dict[str, Any], change: Callable[[dict[str, Any]], object], field: str
) -> None:
    change(config)
    with pytest.raises(KubeconfigError) as refused:
        from_secret(secret(config))
    assert refused.value.field == field


def test_a_key_of_another_certificate_is_refused(config: dict[str, Any], authority: Authority) -> None:
    user_of(config)["client-key-data"] = encoded(authority.issue("stranger", Identity("x")).key)
    with pytest.raises(KubeconfigError, match="not a pair"):
        from_secret(secret(config))


def test_an_encrypted_key_is_refused_and_no_password_asked_for(config: dict[str, Any], key_pair: KeyPair) -> None:
    locked = load_key(key_pair.key).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    user_of(config)["client-key-data"] = base64.b64encode(locked).decode()
    with pytest.raises(KubeconfigError, match="not a pair"):
        from_secret(secret(config))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"- a", id="list"),
        pytest.param(f"token: {SECRET_TOKEN}\n  bad: [".encode(), id="yaml-error"),
        pytest.param(f"a: {SECRET_TOKEN}\na: {SECRET_TOKEN}".encode(), id="duplicate-key"),
        pytest.param(b"\xff\xfe\x00" + SECRET_TOKEN.encode(), id="not-text"),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b"a: " + b"x" * (1 << 20), id="large"),
    ],
)
def test_what_is_no_kubeconfig_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(KubeconfigError) as refused:
        from_secret(content)
    assert SECRET_TOKEN not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_credential_shows_in_what_is_printed(config: dict[str, Any]) -> None:
    access = from_secret(secret(config))
    assert SECRET_TOKEN not in repr(access)


def test_a_changed_secret_has_another_digest(config: dict[str, Any]) -> None:
    before = digest_of(secret(config))
    assert before == digest_of(secret(config))
    user_of(config)["token"] = "new"
    assert digest_of(secret(config)) != before
