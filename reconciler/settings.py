"""Settings of `python -m reconciler`: flag > OCEAN_* variable > --config FILE (YAML) > default, each with the place it came from."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

ENVIRONMENT_PREFIX = "OCEAN_"
ROLES = ("all",)  # manager and syncer, one process each, come with the Deployments that run them


class SettingsError(Exception):
    """A setting is unknown or has a value that cannot be used; the text names the setting and its source."""


def _setting(help_: str, *, default: Any, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"help": help_, "choices": choices})


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective values. Credentials are file paths only, so that nothing here is a secret."""

    role: str = _setting("what this process does", default="all", choices=ROLES)
    kubeconfig: str = _setting(
        "kubeconfig file of the computing cluster; empty: the pod's own service account", default=""
    )
    context: str = _setting("context of that kubeconfig; empty: its current one", default="")
    state_dir: str = _setting(
        "disposable folder: the Git mirror and the election identity", default="/var/lib/kubeocean"
    )
    resync_seconds: int = _setting("how often everything is looked at again though nothing has happened", default=300)
    request_timeout_seconds: float = _setting("limit of one API request", default=30.0)
    watch_idle_seconds: float = _setting(
        "a watch that is silent for longer is opened anew (servers send a bookmark each minute)", default=90.0
    )
    heartbeat_seconds: float = _setting("how often a worker is asked whether it is there", default=5.0)
    workers: int = _setting("keys that one controller works on at once", default=16)
    leader_elect: bool = _setting("run only while holding the election Lease", default=True)
    listen_address: str = _setting("address of metrics and probes; empty: every address of the machine", default="")
    metrics_port: int = _setting("port of /metrics; 0: none", default=8080)
    health_port: int = _setting("port of /healthz and /readyz; 0: none", default=8081)
    log_level: str = _setting(
        "least level that is logged", default="info", choices=("debug", "info", "warning", "error")
    )
    audit_log: str = _setting("file that gets one JSON line per write; empty: the log", default="")
    git_url: str = _setting(
        "inventory repository (https or ssh); empty: custom resources are managed by hand", default=""
    )
    git_branch: str = _setting("branch to follow", default="main")
    git_path: str = _setting("folder of the inventory within the repository; empty: its root", default="")
    git_poll_seconds: float = _setting("how often the repository is asked for news", default=60.0)
    git_timeout_seconds: float = _setting("limit of one fetch", default=120.0)
    git_allow_local: bool = _setting("allow a local path as git_url (tests and the sandbox)", default=False)
    git_ssh_key_file: str = _setting("private key for ssh", default="")
    git_known_hosts_file: str = _setting(
        "known hosts for ssh; required with ssh, never trusted on first use", default=""
    )
    git_token_file: str = _setting("file with an access token for https", default="")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and, for each name, where its value came from (`flag`, `OCEAN_…`, a file, `default`)."""

    settings: Settings
    sources: Mapping[str, str]


def load(flags: Mapping[str, str], environment: Mapping[str, str], config: Path | None) -> Loaded:
    """Merge the sources.

    Raises:
        SettingsError: A name is unknown or a value does not fit.

    """
    layers: list[tuple[str, Mapping[str, Any]]] = []
    if config is not None:
        layers.append((str(config), _from_file(config)))
    from_environment = _from_environment(environment)
    layers.append((ENVIRONMENT_PREFIX + "*", from_environment))
    layers.append(("flag", flags))
    known = {f.name: f for f in fields(Settings)}
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, "default")
    for source, layer in layers:
        for name, value in layer.items():
            if name not in known:
                raise SettingsError(f"{source}: unknown setting '{name}'{_suggestion(name, known)}")
            values[name] = _converted(known[name], value, source)
            sources[name] = ENVIRONMENT_PREFIX + name.upper() if source.startswith(ENVIRONMENT_PREFIX) else source
    settings = Settings(**values)
    return Loaded(settings, sources)


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    own = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)} - {"OCEAN_KUBERNETES_BIN"}
    return {name.removeprefix(ENVIRONMENT_PREFIX).lower(): environment[name] for name in sorted(own)}


def _from_file(path: Path) -> Mapping[str, Any]:
    try:
        loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from error
    if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded):
        raise SettingsError(f"{path}: a mapping of settings is expected")
    return loaded


def _converted(setting: Field[Any], value: Any, source: str) -> Any:
    kind: Any = type(setting.default)
    choices: Sequence[str] = setting.metadata["choices"]
    problem = f"{source}: {setting.name}: {value!r} is not "
    if kind is bool:
        lowered = str(value).lower()
        if lowered not in ("true", "false"):
            raise SettingsError(problem + "true or false")
        return lowered == "true"
    try:
        converted = kind(value)
    except (TypeError, ValueError) as error:
        raise SettingsError(problem + ("a number" if kind is not str else "text")) from error
    if choices and converted not in choices:
        raise SettingsError(problem + "one of " + ", ".join(choices))
    if kind in (int, float) and converted < 0:
        raise SettingsError(problem + "zero or more")
    return converted


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
