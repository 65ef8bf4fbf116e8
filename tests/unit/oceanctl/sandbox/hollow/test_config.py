from pathlib import Path

import pytest

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.hollow.config import HollowConfig, NodeConfig, dump, load

NODE = NodeConfig(
    name="n1",
    kubeconfig=Path("/k/n1.yaml"),
    port=20001,
    certificate=Path("/k/n1.crt"),
    key=Path("/k/n1.key"),
    capacity={"cpu": "8"},
    pod_range="10.244.0.0/24",
)
CONFIG = HollowConfig(version="1.20.2", client_authority=Path("/k/ca.crt"), folder=Path("/k/containers"), nodes=(NODE,))


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    dump(CONFIG, tmp_path / "hollow.json")
    assert load(tmp_path / "hollow.json") == CONFIG


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"port"', '"prot"'), "unknown field `prot`"),
        (("20001", '"20001"'), "Expected `int`"),
        (("10.0", "0.0"), "restart_backoff_seconds"),
    ],
    ids=["unknown field", "wrong type", "restarts without a pause"],
)
def test_a_wrong_configuration_is_refused_with_its_place(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    file = tmp_path / "hollow.json"
    dump(CONFIG, file)
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(SandboxError, match=message):
        load(file)


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"nowhere\.json"):
        load(tmp_path / "nowhere.json")
