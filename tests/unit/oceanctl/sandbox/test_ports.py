import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from oceanctl.sandbox import ports
from oceanctl.sandbox.errors import SandboxError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kubeocean"


def _only(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Leave `count` ports to choose from, which nobody listens on."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        monkeypatch.setattr(ports, "PORTS", [each.getsockname()[1] for each in sockets])


def _owner(folder: Path, name: str) -> Path:
    owner = folder / name
    owner.mkdir()
    return owner


def test_two_owners_never_get_the_same_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, 8)
    given = [ports.reserve(_owner(tmp_path, name), 4) for name in ("a", "b")]
    assert len({port for each in given for port in each}) == 8


def test_ports_given_back_can_be_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, 3)
    owner = _owner(tmp_path, "a")
    first = ports.reserve(owner, 3)
    ports.release(owner)
    assert sorted(ports.reserve(_owner(tmp_path, "b"), 3)) == sorted(first)


def test_the_ports_of_an_owner_that_is_gone_are_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _only(monkeypatch, 3)
    owner = _owner(tmp_path, "a")
    ports.reserve(owner, 3)
    owner.rmdir()
    assert len(ports.reserve(_owner(tmp_path, "b"), 3)) == 3


def test_a_port_that_somebody_listens_on_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        taken = stranger.getsockname()[1]
        monkeypatch.setattr(ports, "PORTS", range(taken, taken + 1))
        with pytest.raises(SandboxError, match="no 1 free ports"):
            ports.reserve(_owner(tmp_path, "a"), 1)


def test_nothing_is_left_when_the_last_port_is_given_back(tmp_path: Path, cache: Path) -> None:
    owner = _owner(tmp_path, "a")
    ports.reserve(owner, 2)
    ports.release(owner)
    assert list(cache.iterdir()) == []
