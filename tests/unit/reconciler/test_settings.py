from pathlib import Path

import pytest

from reconciler.settings import Settings, SettingsError, load


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("resync_seconds: 7\nworkers: 3\nleader_elect: false\n")
    return path


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(config: Path) -> None:
    loaded = load({"workers": "9"}, {"OCEAN_WORKERS": "5", "OCEAN_RESYNC_SECONDS": "6", "HOME": "/"}, config)
    assert (loaded.settings.workers, loaded.settings.resync_seconds, loaded.settings.leader_elect) == (9, 6, False)
    assert loaded.settings.heartbeat_seconds == Settings().heartbeat_seconds
    assert {loaded.sources[name] for name in ("workers", "resync_seconds", "leader_elect", "git_url")} == {
        "flag",
        "OCEAN_RESYNC_SECONDS",
        str(config),
        "default",
    }


def test_the_sandbox_s_own_variable_is_not_a_setting() -> None:
    assert load({}, {"OCEAN_KUBERNETES_BIN": "/x"}, None).settings == Settings()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("worker: 3\n", "unknown setting 'worker'; did you mean 'workers'?"),
        ("workers: many\n", "workers: 'many' is not a number"),
        ("workers: -1\n", "zero or more"),
        ("leader_elect: perhaps\n", "true or false"),
        ("log_level: loud\n", "one of debug, info"),
        ("- a\n", "a mapping of settings is expected"),
        ("a: [\n", "cannot read"),
    ],
    ids=["unknown", "not a number", "negative", "not a bool", "no choice", "a list", "broken yaml"],
)
def test_what_does_not_fit_is_said_with_its_source(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"config\.yaml") as error:
        load({}, {}, path)
    assert complaint in str(error.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        load({}, {}, tmp_path / "none.yaml")
