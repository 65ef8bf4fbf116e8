import os
import shlex
import subprocess
from pathlib import Path

import pytest

from inventory.gitremote import (
    RefusedRemoteError,
    Remote,
    environment_for,
    fixed_settings,
    prepare_home,
    protocol_of,
)

HOSTS = Path("/etc/kubeocean/known_hosts")


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("https://git.example.org/team/inventory.git", "https"),
        ("https://git.example.org:8443/team/inventory", "https"),
        ("ssh://git@git.example.org/team/inventory.git", "ssh"),
        ("ssh://git@git.example.org:2222/team/inventory.git", "ssh"),
        ("git@git.example.org:team/inventory.git", "ssh"),
    ],
)
def test_https_and_ssh_are_allowed(url: str, protocol: str) -> None:
    assert protocol_of(Remote(url, known_hosts_file=HOSTS)) == protocol


@pytest.mark.parametrize(
    "url",
    [
        "http://git.example.org/team/inventory.git",
        "git://git.example.org/team/inventory.git",
        "ext::sh -c touch% /tmp/x",
        "ssh://-oProxyCommand=touch/x",
        "ssh://git@-oProxyCommand=touch/x",
        "-oProxyCommand=touch:x",
        "git@git.example.org:-oProxyCommand=x",
        "fd::17/foo",
        "https:///nothing",
        "https://git.example.org/a b",
        "/srv/git/inventory.git",
        "file:///srv/git/inventory.git",
        "../inventory.git",
        "--upload-pack=touch /tmp/x",
        "",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(RefusedRemoteError, match="https:// or ssh://"):
        protocol_of(Remote(url, known_hosts_file=HOSTS))


@pytest.mark.parametrize("url", ["/srv/git/inventory.git", "file:///srv/git/inventory.git"])
def test_a_local_path_has_to_be_allowed(url: str) -> None:
    assert protocol_of(Remote(url, allow_local=True)) == "file"


@pytest.mark.parametrize("url", ["https://user:hunter2@git.example.org/x", "ssh://user:hunter2@git.example.org/x"])
def test_a_credential_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(RefusedRemoteError) as caught:
        protocol_of(Remote(url, known_hosts_file=HOSTS))

    assert "hunter2" not in str(caught.value)


def test_a_host_is_never_trusted_on_first_use() -> None:
    with pytest.raises(RefusedRemoteError, match="known-hosts"):
        protocol_of(Remote("git@git.example.org:team/inventory.git"))


@pytest.mark.parametrize("branch", ["main", "release/2026.1", "feature_x", "v1.2", "team@prod"])
def test_names_of_branches_are_accepted(branch: str) -> None:
    assert protocol_of(Remote("https://git.example.org/x", branch)) == "https"


@pytest.mark.parametrize(
    "branch",
    ["-x", "--upload-pack=x", "a..b", "a b", "a:b", "+a", "a^", "a~1", "a/", "/a", "a.lock", "a//b", "", "a\n"],
)
def test_what_is_no_name_of_a_branch_is_refused(branch: str) -> None:
    with pytest.raises(RefusedRemoteError, match="not the name of a branch"):
        protocol_of(Remote("https://git.example.org/x", branch))


def test_only_the_protocol_of_the_remote_is_allowed() -> None:
    settings = fixed_settings("https", Remote("https://git.example.org/x"))

    assert {each for each in settings if each.startswith("protocol.")} == {
        "protocol.allow=never",
        "protocol.https.allow=always",
    }


def test_nothing_of_this_process_s_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch /tmp/x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")

    environment = environment_for(Remote("https://git.example.org/x"), tmp_path, tmp_path / "repository.git")

    inherited = {name for name in environment if os.environ.get(name) == environment[name]}
    assert inherited <= {"PATH", "LC_ALL"}
    assert environment["GIT_SSH_COMMAND"] == "/bin/false"
    assert environment["GIT_TERMINAL_PROMPT"] == "0"


def test_ssh_checks_the_host_against_the_given_file_only(tmp_path: Path) -> None:
    remote = Remote("git@h:x", known_hosts_file=Path("/a b/hosts"), ssh_key_file=Path("/keys/it's"))

    words = shlex.split(environment_for(remote, tmp_path, tmp_path)["GIT_SSH_COMMAND"])

    assert words[:3] == ["ssh", "-F", "none"]
    assert words[words.index("-i") + 1] == "/keys/it's"
    assert {"StrictHostKeyChecking=yes", 'UserKnownHostsFile="/a b/hosts"', "BatchMode=yes"} <= set(words)


def test_a_token_is_read_from_its_file_when_git_asks(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hunter2\n")
    home = tmp_path / "home"
    prepare_home(home)
    environment = environment_for(Remote("https://git.example.org/x", token_file=token), home, tmp_path)

    def answer(question: str) -> str:
        return subprocess.check_output([environment["GIT_ASKPASS"], question], env=environment, text=True).strip()

    assert answer("Username for 'https://git.example.org': ") == "git"
    assert answer("Password for 'https://git@git.example.org': ") == "hunter2"
    assert "hunter2" not in str(environment)
