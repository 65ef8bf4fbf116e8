"""Where an inventory is fetched from, and the surroundings in which git may do it.

Git gets no setting, helper or credential from the machine it runs on: its environment is made here from nothing, and every configuration file but the
mirror's own is switched off.
"""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from inventory.errors import OceanError

_BRANCH: Final = re.compile(r"(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)|@\{))[A-Za-z0-9_][A-Za-z0-9_./@+-]*(?<![./])")
_HTTPS: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/\S*")
_SSH: Final = re.compile(r"ssh://(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/[^-\s]\S*")
_SCP: Final = re.compile(r"(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!:|/)[^-\s]\S*")
_LOCAL: Final = re.compile(r"(?:file://)?/[^\n]*")
_CREDENTIALS: Final = re.compile(r"[a-z]+://[^/@]*:[^/@]*@")

_MISLEADING: Final = ("GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_WORK_TREE")
_DETACHED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }
)
"""No configuration of the machine or its user, no questions, and no fetching behind our back."""

_ASKPASS: Final = """\
#!/bin/sh
case "$1" in
Username*) echo "${OCEAN_GIT_USER}" ;;
*) cat -- "${OCEAN_GIT_TOKEN_FILE}" ;;
esac
"""
_ANY_USER: Final = "git"  # with an access token the servers look at the token only


class RefusedRemoteError(OceanError):
    """The repository must not be fetched as it is configured."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A branch of a repository, and the files that hold what opens it.

    https and ssh are known; a local path only with `allow_local`. ssh needs `known_hosts_file`: a host is never trusted on first use.
    """

    url: str
    branch: str = "main"
    token_file: Path | None = None
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None
    allow_local: bool = False

    @property
    def ref(self) -> str:
        """The full name of the branch."""
        return f"refs/heads/{self.branch}"


def protocol_of(remote: Remote) -> str:
    """The one protocol that a remote may use.

    Raises RefusedRemoteError, whose text does not repeat the URL, because it may hold a credential.
    """
    if _CREDENTIALS.match(remote.url):
        raise RefusedRemoteError("the repository's URL holds a credential; put it in a file")
    if not _BRANCH.fullmatch(remote.branch):
        raise RefusedRemoteError(f"{remote.branch!r} is not the name of a branch")
    if _HTTPS.fullmatch(remote.url):
        return "https"
    if _SSH.fullmatch(remote.url) or _SCP.fullmatch(remote.url):
        if remote.known_hosts_file is None:
            raise RefusedRemoteError("ssh needs a known-hosts file: a host is never trusted on first use")
        return "ssh"
    if remote.allow_local and _LOCAL.fullmatch(remote.url):
        return "file"
    raise RefusedRemoteError("the repository's URL has to be https:// or ssh://")


def refuse_misleading_environment() -> None:
    """Raise RefusedRemoteError if this process's own environment would lead GitPython to another repository, as in a hook of git."""
    found = [name for name in _MISLEADING if name in os.environ]
    if found:
        raise RefusedRemoteError(f"unset {', '.join(found)}: they would lead git to another repository")


def fixed_settings(protocol: str, remote: Remote) -> tuple[str, ...]:
    """Options for every git command: one protocol, no hooks, no submodules, no redirects, no helpers, and every object checked."""
    settings = (
        f"remote.origin.url={remote.url}",
        "remote.origin.promisor=true",
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "credential.helper=",
        "protocol.allow=never",
        f"protocol.{protocol}.allow=always",
        "http.followRedirects=false",
        "submodule.recurse=false",
        "fetch.recurseSubmodules=false",
        "fetch.fsckObjects=true",
        "transfer.fsckObjects=true",
        "gc.autoDetach=false",  # housekeeping ends with the fetch, or with its time
    )
    return tuple(part for setting in settings for part in ("-c", setting))


def environment_for(remote: Remote, home: Path, repository: Path) -> dict[str, str]:
    """The whole environment of a git process that works on `repository` and no other; `home` is what `prepare_home` has made."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_DIR": str(repository),
        "LC_ALL": "C",
        **_DETACHED,
        "GIT_ASKPASS": str(home / "askpass") if remote.token_file else "/bin/false",
        "GIT_SSH_COMMAND": _ssh_command(remote),
        "GIT_SSH_VARIANT": "ssh",
    }
    if remote.token_file is not None:
        environment |= {"OCEAN_GIT_USER": _ANY_USER, "OCEAN_GIT_TOKEN_FILE": str(remote.token_file)}
    return environment


def reading_environment(folder: Path) -> dict[str, str]:
    """What GitPython's child processes get on top of this process's environment, which it always hands on: no inherited GIT_* variable has an effect."""
    inherited = dict.fromkeys((name for name in os.environ if name.startswith("GIT_")), "")
    own = {"GIT_DIR": str(folder), "GIT_COMMON_DIR": str(folder), "GIT_OBJECT_DIRECTORY": str(folder / "objects")}
    return {**inherited, **_DETACHED, **own}


def prepare_home(home: Path) -> None:
    """Make the folder that git takes for its user's: with a program that answers what git asks, and nothing else."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    askpass = home / "askpass"
    askpass.write_text(_ASKPASS, encoding="utf-8")
    askpass.chmod(0o700)


def _ssh_command(remote: Remote) -> str:
    if remote.known_hosts_file is None:
        return "/bin/false"
    options = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={_quoted_option(remote.known_hosts_file)}",
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "ClearAllForwardings=yes",
        "ConnectTimeout=15",
    ]
    key = [] if remote.ssh_key_file is None else ["-i", str(remote.ssh_key_file)]
    return shlex.join(["ssh", "-F", "none", *key, *(part for option in options for part in ("-o", option))])


def _quoted_option(path: Path) -> str:
    """A path as ssh's own option parser reads it, blanks included."""
    return f'"{path}"'
