"""The two custom resource definitions as package data, and how to load them."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

FILES = ("clusterbindings.yaml", "resourceleasingpolicies.yaml")


def text(file: str) -> str:
    """The YAML of one of `FILES`, as shipped."""
    return resources.files(__name__).joinpath(file).read_text(encoding="utf-8")


def load() -> tuple[Mapping[str, Any], ...]:
    """Both definitions as manifests, in the order in which to install them.

    Create or PUT them rather than server-side apply where the server is older than 1.25: it refuses to apply
    `x-kubernetes-validations`, which a create merely drops.
    """
    return tuple(YAML(typ="safe", pure=True).load(text(file)) for file in FILES)
