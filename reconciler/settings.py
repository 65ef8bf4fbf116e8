"""Settings of `python -m reconciler`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.layered import Loaded, SettingsError, loaded, setting

__all__ = ["ROLES", "Settings", "SettingsError", "load"]

ROLES = ("all",)  # manager and syncer, one process each, come with the Deployments that run them


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective values. Credentials are file paths only, so that nothing here is a secret."""

    role: str = setting("what this process does", default="all", choices=ROLES)
    kubeconfig: str = setting(
        "kubeconfig file of the computing cluster; empty: the pod's own service account", default=""
    )
    context: str = setting("context of that kubeconfig; empty: its current one", default="")
    state_dir: str = setting(
        "disposable folder: the Git mirror and the election identity", default="/var/lib/kubeocean"
    )
    resync_seconds: int = setting("how often everything is looked at again though nothing has happened", default=300)
    request_timeout_seconds: float = setting("limit of one API request", default=30.0)
    watch_idle_seconds: float = setting(
        "a watch that is silent for longer is opened anew (servers send a bookmark each minute)", default=90.0
    )
    heartbeat_seconds: float = setting("how often a worker is asked whether it is there", default=5.0)
    workers: int = setting("keys that one controller works on at once", default=16)
    leader_elect: bool = setting("run only while holding the election Lease", default=True)
    approve_serving_certificates: bool = setting(
        "approve the serving certificates that proxiers ask the computing cluster for", default=True
    )
    listen_address: str = setting("address of metrics and probes; empty: every address of the machine", default="")
    metrics_port: int = setting("port of /metrics; 0: none", default=8080)
    health_port: int = setting("port of /healthz and /readyz; 0: none", default=8081)
    log_level: str = setting(
        "least level that is logged", default="info", choices=("debug", "info", "warning", "error")
    )
    audit_log: str = setting("file that gets one JSON line per write; empty: the log", default="")
    git_url: str = setting(
        "inventory repository (https or ssh); empty: custom resources are managed by hand", default=""
    )
    git_branch: str = setting("branch to follow", default="main")
    git_path: str = setting("folder of the inventory within the repository; empty: its root", default="")
    git_poll_seconds: float = setting("how often the repository is asked for news", default=60.0)
    git_timeout_seconds: float = setting("limit of one fetch", default=120.0)
    git_allow_local: bool = setting("allow a local path as git_url (tests and the sandbox)", default=False)
    git_ssh_key_file: str = setting("private key for ssh", default="")
    git_known_hosts_file: str = setting(
        "known hosts for ssh; required with ssh, never trusted on first use", default=""
    )
    git_token_file: str = setting("file with an access token for https", default="")


def load(flags: Mapping[str, str], environment: Mapping[str, str], config: Path | None) -> Loaded[Settings]:
    """Merge the sources; SettingsError when a name is unknown or a value does not fit."""
    return loaded(Settings, flags, environment, config)
