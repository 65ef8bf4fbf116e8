"""Kubeconfigs as JSON, and what is in an Access."""

import base64
import json
from pathlib import Path
from typing import Any

from reconciler.kube.kubeconfig import Access

SECRET_TOKEN = "hunter2-token"
SERVER = "https://worker.example:6443"


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def secret(config: dict[str, Any]) -> bytes:
    return json.dumps(config).encode()


async def credential_of(access: Access) -> str | None:
    credential: str | None = await access.configuration.get_api_key_with_prefix("BearerToken")
    return credential
