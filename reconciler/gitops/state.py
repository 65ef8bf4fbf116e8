"""What the computing cluster remembers of an inventory: one ConfigMap, so that a wiped disk forgets nothing."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from reconciler import names
from reconciler.decision import Manifest, Side, Target
from reconciler.kube.resources import CONFIGMAPS

_COMMIT: Final = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where an inventory is read from."""

    url: str
    branch: str
    path: str = ""

    @property
    def fingerprint(self) -> str:
        """Tells one source from another; a changed one never prunes what the other made."""
        text = "\n".join((self.shown_url, self.branch, self.path.strip("/")))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def shown_url(self) -> str:
        """The URL without credentials, fit for a person and for a cluster; the user of an ssh URL is none."""
        parts = urlsplit(self.url)
        has_credential = parts.password or (parts.username and parts.scheme in ("http", "https"))
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if has_credential else self.url


@dataclass(frozen=True, slots=True)
class Held:
    """Deletions that wait for somebody's word: `token` names exactly this set."""

    token: str
    reason: str
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What was achieved last, and what stands in the way.

    `revision` is the last commit that was applied completely, `source` and `cluster_uid` where it came from and went to; all None before the first.
    """

    inventory_id: str
    revision: str | None = None
    source: str | None = None
    cluster_uid: str | None = None
    conditions: tuple[Mapping[str, Any], ...] = ()
    held: Held | None = None

    def condition(self, kind: str) -> Mapping[str, Any]:
        """The condition of that type; empty when it was never set."""
        return next((condition for condition in self.conditions if condition.get("type") == kind), {})


@dataclass(frozen=True, slots=True)
class Record:
    """The ConfigMap as it is: the state, its identity and data, and the tokens that somebody approved on it."""

    state: State
    uid: str
    resource_version: str
    data: Mapping[str, str] = field(default_factory=dict)
    approvals: frozenset[str] = frozenset()

    @property
    def target(self) -> Target:
        """The ConfigMap, exactly as observed."""
        return target_for(self.state.inventory_id, self.uid, self.resource_version)


def name_for(inventory_id: str) -> str:
    """The ConfigMap's name."""
    return f"{names.INVENTORY_STATE_PREFIX}{inventory_id}"


def target_for(inventory_id: str, uid: str | None = None, resource_version: str | None = None) -> Target:
    """The ConfigMap of an inventory, by name, or as observed."""
    return Target(Side.COMPUTING, CONFIGMAPS, name_for(inventory_id), names.SYSTEM_NAMESPACE, uid, resource_version)


def config_map_for(state: State, source: Source) -> Manifest:
    """The ConfigMap that says `state`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name_for(state.inventory_id),
            "namespace": names.SYSTEM_NAMESPACE,
            "labels": {names.MANAGED_BY: names.MANAGED_BY_VALUE, names.INVENTORY_ID: state.inventory_id},
        },
        "data": data_for(state, source),
    }


def data_for(state: State, source: Source) -> Mapping[str, str]:
    """The ConfigMap's data; what is not known yet is left out."""
    held = state.held and json.dumps(
        {"token": state.held.token, "reason": state.held.reason, "objects": list(state.held.objects)}
    )
    fields = {
        "url": source.shown_url,
        "branch": source.branch,
        "path": source.path,
        "revision": state.revision,
        "source": state.source,
        "clusterUID": state.cluster_uid,
        "conditions": json.dumps([dict(condition) for condition in state.conditions]),
        "heldPrune": held,
    }
    return {name: value for name, value in fields.items() if value}


def record_from(config_map: Manifest) -> Record:
    """Read a ConfigMap; what somebody broke by hand counts as not known, which never deletes anything."""
    metadata, data = config_map["metadata"], config_map.get("data") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    state = State(
        inventory_id=labels.get(names.INVENTORY_ID) or metadata["name"].removeprefix(names.INVENTORY_STATE_PREFIX),
        revision=_commit(data.get("revision")),
        source=data.get("source"),
        cluster_uid=data.get("clusterUID"),
        conditions=tuple(entry for entry in _list(data.get("conditions")) if isinstance(entry, dict)),
        held=_held(data.get("heldPrune")),
    )
    approvals = frozenset(annotations.get(names.APPROVE, "").replace(",", " ").split())
    return Record(state, metadata["uid"], metadata["resourceVersion"], data, approvals)


def _commit(text: str | None) -> str | None:
    return text if text and _COMMIT.fullmatch(text) else None


def _held(text: str | None) -> Held | None:
    match _json(text):
        case {"token": str(token), "reason": str(reason), "objects": [*objects]}:
            return Held(token, reason, tuple(map(str, objects)))
        case _:
            return None


def _list(text: str | None) -> Sequence[Any]:
    parsed = _json(text)
    return parsed if isinstance(parsed, list) else []


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None
