"""Kubeconfig files that carry all they need: nothing in them refers to another file or to a program."""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oceanctl.sandbox.pki import KeyPair


def with_certificate(name: str, server: str, authority: Path, client: KeyPair, server_name: str = "") -> dict[str, Any]:
    """A kubeconfig of one user who is known by a client certificate; `server_name` where the server's certificate has another than the URL."""
    user = {
        "client-certificate-data": _base64(client.certificate.read_bytes()),
        "client-key-data": _base64(client.key.read_bytes()),
    }
    content = _kubeconfig(name, server, authority, user)
    if server_name:
        content["clusters"][0]["cluster"]["tls-server-name"] = server_name
    return content


def with_token(name: str, server: str, authority: Path, token: str) -> dict[str, Any]:
    """A kubeconfig of one user who is known by a bearer token."""
    return _kubeconfig(name, server, authority, {"token": token})


def write(file: Path, kubeconfig: Mapping[str, Any]) -> Path:
    """Write it as JSON, which is YAML, for its owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = file.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(kubeconfig, stream, indent=1)
    unfinished.replace(file)
    return file


def _kubeconfig(name: str, server: str, authority: Path, user: Mapping[str, str]) -> dict[str, Any]:
    cluster = {"server": server, "certificate-authority-data": _base64(authority.read_bytes())}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
