"""Clients for caches that are filled by hand."""

import ssl
from collections.abc import AsyncIterator

import pytest
from kubernetes.aio.client.configuration import Configuration

from reconciler.kube.access import Access
from reconciler.kube.client import Client, connect


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Nothing is sent by it."""
    access = Access(Configuration(host="https://127.0.0.1:1"), ssl.create_default_context())
    async with await connect(access) as connected:
        yield connected
