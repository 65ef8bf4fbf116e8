from dataclasses import replace
from typing import Any

import pytest

from reconciler import names
from reconciler.gitops.state import Held, Source, State, config_map_for, record_from

SOURCE = Source("https://git.example/fleet.git", "main")
STATE = State(
    "quick",
    revision="4f2c9e1" + "0" * 33,
    source=SOURCE.fingerprint,
    cluster_uid="hub",
    conditions=({"type": "Ready", "status": "True", "reason": "Applied"},),
    held=Held("sha256:ab", "12 of 40", ("ResourceLeasingPolicy/a",)),
)


def live(config_map: Any, **annotations: str) -> dict[str, Any]:
    metadata = {**config_map["metadata"], "uid": "u", "resourceVersion": "7", "annotations": annotations}
    return {**config_map, "metadata": metadata}


@pytest.mark.parametrize("state", [pytest.param(STATE, id="full"), pytest.param(State("quick"), id="empty")])
def test_what_is_written_is_read_again(state: State) -> None:
    assert record_from(live(config_map_for(state, SOURCE))).state == state


def test_a_record_knows_its_object_for_preconditions() -> None:
    target = record_from(live(config_map_for(STATE, SOURCE))).target
    assert (target.name, target.namespace) == ("kubeocean-inventory-quick", "kubeocean-system")
    assert (target.uid, target.resource_version) == ("u", "7")


def test_approvals_stand_in_an_annotation() -> None:
    config_map = live(config_map_for(STATE, SOURCE))
    config_map["metadata"]["annotations"] = {names.APPROVE: "sha256:ab, sha256:cd"}
    assert record_from(config_map).approvals == {"sha256:ab", "sha256:cd"}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("revision", "HEAD~1"),
        ("conditions", "{"),
        ("conditions", '"text"'),
        ("heldPrune", "[1]"),
        ("heldPrune", '{"token": 3}'),
    ],
)
def test_what_somebody_broke_by_hand_is_not_known(key: str, text: str) -> None:
    config_map = live(config_map_for(STATE, SOURCE))
    config_map["data"] = {**config_map["data"], key: text}
    state = record_from(config_map).state
    unknown: dict[str, Any] = (
        {"revision": None} if key == "revision" else {"conditions": ()} if key == "conditions" else {"held": None}
    )
    assert state == replace(STATE, **unknown)


def test_no_credential_of_a_url_reaches_the_cluster() -> None:
    secret = Source("https://robot:s3cret@git.example/fleet.git", "main")
    assert "s3cret" not in str(config_map_for(STATE, secret))


def test_a_changed_credential_is_the_same_source() -> None:
    assert Source("https://a:b@git.example/fleet.git", "main").fingerprint == SOURCE.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(SOURCE, url="https://git.example/other.git"), id="url"),
        pytest.param(replace(SOURCE, branch="dev"), id="branch"),
        pytest.param(replace(SOURCE, path="fleet"), id="path"),
    ],
)
def test_another_url_branch_or_path_is_another_source(other: Source) -> None:
    assert other.fingerprint != SOURCE.fingerprint
