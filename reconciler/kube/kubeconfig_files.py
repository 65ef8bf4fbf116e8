"""Reading kubeconfig documents: YAML, the merging of several files, and the choice of a context."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from inventory.errors import OceanError

_MOST_BYTES: Final = 1 << 20  # what a Secret can hold
_PATHS: Final = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}
_LISTS: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}


class KubeconfigError(OceanError):
    """A kubeconfig that cannot be used; `field` says where, and nothing of its content is quoted."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cluster and user of one context; `cluster_at` and `user_at` say where they are, for messages."""

    cluster_at: str
    cluster: Mapping[str, Any]
    user_at: str
    user: Mapping[str, Any] = field(repr=False)


def parsed(content: bytes, name: str) -> Mapping[str, Any]:
    """The document; a KubeconfigError says which line is wrong without quoting it."""
    if len(content) > _MOST_BYTES:
        raise KubeconfigError(name, "is larger than 1 MiB")
    try:
        document = YAML(typ="safe", pure=True).load(content)
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        where = f" (line {mark.line + 1})" if mark else ""
        raise KubeconfigError(name, f"is not valid YAML{where}") from None  # the cause quotes the content
    if not isinstance(document, dict):
        raise KubeconfigError(name, "must be a mapping")
    return document


def merged_files(path: str | Path | None) -> Mapping[str, Any]:
    """The files at `path` (or listed by `KUBECONFIG`), merged as kubectl does: the first to name something wins."""
    listed = str(path or os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    files = [Path(part).expanduser() for part in listed.split(os.pathsep) if part]
    found = [file for file in files if file.is_file()]
    if not found:
        raise KubeconfigError("kubeconfig", f"there is no file {listed}")
    merged: dict[str, Any] = {name: [] for name in _LISTS}
    for file in found:
        _merge(merged, parsed(_content(file), str(file)), file.absolute().parent)
    return merged


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise KubeconfigError(str(file), error.strerror or str(error)) from error


def _merge(merged: dict[str, Any], document: Mapping[str, Any], folder: Path) -> None:
    if document.get("current-context"):
        merged.setdefault("current-context", document["current-context"])
    for listing, kind in _LISTS.items():
        for entry in document.get(listing) or ():
            if isinstance(entry, dict) and isinstance(entry.get(kind), dict):
                merged[listing].append({**entry, kind: _with_absolute_paths(entry[kind], kind, folder)})


def _with_absolute_paths(section: Mapping[str, Any], kind: str, folder: Path) -> dict[str, Any]:
    absolute: dict[str, Any] = {
        field: str(folder / section[field]) for field in _PATHS.get(kind, ()) if section.get(field)
    }
    program = section.get("exec")
    if isinstance(program, dict) and os.sep in str(program.get("command", "")):
        absolute["exec"] = {**program, "command": str(folder / program["command"])}
    return {**section, **absolute}


def chosen_in(document: Mapping[str, Any], context: str | None = None) -> Chosen:
    """The cluster and user of `context`, or of the current one."""
    name = context or document.get("current-context")
    if not name:
        raise KubeconfigError("current-context", "is missing")
    at, chosen = _named(document, "contexts", name, "current-context")
    cluster_at, cluster = _named(document, "clusters", chosen.get("cluster"), f"{at}.cluster")
    if not chosen.get("user"):
        return Chosen(cluster_at, cluster, f"{at}.user", {})
    user_at, user = _named(document, "users", chosen["user"], f"{at}.user")
    return Chosen(cluster_at, cluster, user_at, user)


def _named(document: Mapping[str, Any], listing: str, name: Any, said_by: str) -> tuple[str, Mapping[str, Any]]:
    if not name:
        raise KubeconfigError(said_by, "is missing")
    kind = _LISTS[listing]
    entries = document.get(listing)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            section = entry.get(kind)
            at = f"{listing}[{name}].{kind}"
            if not isinstance(section, dict):
                raise KubeconfigError(at, "must be a mapping")
            return at, section
    raise KubeconfigError(said_by, f"names {name!r}, which is not in {listing}")
