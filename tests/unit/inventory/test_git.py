"""The mirror against real repositories on this machine."""

import contextlib
import os
import shutil
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import git
import pytest

from inventory import git as inventory_git
from inventory.blobs import BlobKind
from inventory.cache import TextCache
from inventory.git import (
    DamagedMirrorError,
    Fetched,
    GitError,
    Mirror,
    MissingBranchError,
    MissingFolderError,
    UnreachableError,
)
from inventory.gitprocess import locked
from inventory.gitremote import RefusedRemoteError, Remote
from inventory.load import load
from tests.unit.inventory.origin import Origin
from tests.unit.inventory.repository import binding, policy

PLENTY = timedelta(seconds=30)
FILES = {"bindings/w.yaml": binding("w"), "policies/p.yaml": policy("p", "w")}


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
def mirror(tmp_path: Path, origin: Origin) -> Mirror:
    return mirror_of(origin, tmp_path)


def mirror_of(origin: Origin, tmp_path: Path, branch: str = "main") -> Mirror:
    return Mirror(tmp_path / "state", Remote(str(origin.folder), branch, allow_local=True), PLENTY)


def paths(mirror: Mirror, commit: str, folder: str = "") -> dict[str, BlobKind]:
    with mirror.blobs(commit, folder) as blobs:
        return {blob.path: blob.kind for blob in blobs}


def content(mirror: Mirror, commit: str, path: str) -> bytes:
    with mirror.blobs(commit) as blobs:
        (found,) = (blob for blob in blobs if blob.path == path)
        return found.read(1024)


def test_a_fetch_tells_the_head_of_the_branch(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit(FILES, "Lend nights\n\nand nothing else")

    assert mirror.fetch() == Fetched(commit, "Lend nights", "Ada", datetime(2026, 1, 5, 12, tzinfo=UTC))


def test_the_files_of_a_commit_make_an_inventory(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit(FILES)
    mirror.fetch()

    with mirror.blobs(commit) as blobs:
        inventory, problems = load(blobs, TextCache())

    assert problems == ()
    assert inventory is not None
    assert [policy.value.name for policy in inventory.policies] == ["p"]


def test_a_fetch_follows_the_branch(mirror: Mirror, origin: Origin) -> None:
    first = origin.commit({"a.yaml": "1"})
    mirror.fetch()
    second = origin.commit({"a.yaml": "2"})

    assert mirror.fetch().commit == second
    assert (content(mirror, first, "a.yaml"), content(mirror, second, "a.yaml")) == (b"1", b"2")
    assert mirror.is_ancestor(first, second)
    assert not mirror.is_ancestor(second, first)


def test_history_that_was_rewritten_shows_as_another_line(mirror: Mirror, origin: Origin) -> None:
    origin.commit({"a.yaml": "1"})
    old = origin.commit({"a.yaml": "2"})
    mirror.fetch()
    origin.git("reset", "--quiet", "--hard", "HEAD~1")
    new = origin.commit({"a.yaml": "3"})

    assert mirror.fetch().commit == new
    assert not mirror.is_ancestor(old, new)


def test_a_commit_that_nobody_knows_is_no_ancestor(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({"a.yaml": "1"})
    mirror.fetch()

    assert not mirror.is_ancestor("0" * 40, commit)


@pytest.mark.parametrize("text", ["main", "HEAD", "--all", "abc1234", ""])
def test_only_whole_commit_ids_reach_git(mirror: Mirror, origin: Origin, text: str) -> None:
    commit = origin.commit({})
    mirror.fetch()

    with pytest.raises(ValueError, match="not the ID of a commit"):
        mirror.is_ancestor(text, commit)


def test_a_new_mirror_in_the_same_folder_goes_on(tmp_path: Path, mirror: Mirror, origin: Origin) -> None:
    first = origin.commit({"a.yaml": "1"})
    mirror.fetch()
    second = origin.commit({"a.yaml": "2"})
    restarted = mirror_of(origin, tmp_path)

    assert restarted.fetch().commit == second
    assert restarted.is_ancestor(first, second)


def test_what_was_fetched_stays_readable_while_the_server_is_away(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({"a.yaml": "1"})
    mirror.fetch()
    origin.folder.rename(origin.folder.with_name("gone"))

    with pytest.raises(UnreachableError, match="cannot be reached"):
        mirror.fetch()
    assert content(mirror, commit, "a.yaml") == b"1"


def test_a_missing_branch_is_not_an_empty_one(tmp_path: Path, origin: Origin) -> None:
    origin.commit(FILES)

    with pytest.raises(MissingBranchError, match="'production'"):
        mirror_of(origin, tmp_path, "production").fetch()


def test_a_branch_that_was_deleted_is_missing_though_it_was_fetched(tmp_path: Path, origin: Origin) -> None:
    origin.commit(FILES)
    origin.git("branch", "production")
    mirror = mirror_of(origin, tmp_path, "production")
    mirror.fetch()
    origin.git("branch", "-D", "production")

    with pytest.raises(MissingBranchError):
        mirror.fetch()


def test_a_repository_without_commits_has_no_branch(mirror: Mirror) -> None:
    with pytest.raises(MissingBranchError):
        mirror.fetch()


def test_a_folder_of_the_repository_is_read_as_a_root(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({"README.md": "", "clusters/prod/policies/p.yaml": "", "clusters/dev/x.yaml": ""})
    mirror.fetch()

    assert paths(mirror, commit, "clusters/prod") == {"policies/p.yaml": BlobKind.FILE}


@pytest.mark.parametrize("folder", ["clusters/nowhere", "README.md", "clusters/prod/x.yaml"])
def test_a_missing_folder_is_not_an_empty_one(mirror: Mirror, origin: Origin, folder: str) -> None:
    commit = origin.commit({"README.md": "", "clusters/prod/x.yaml": ""})
    mirror.fetch()

    with pytest.raises(MissingFolderError), mirror.blobs(commit, folder):
        pass


def test_links_and_submodules_are_called_what_they_are(mirror: Mirror, origin: Origin) -> None:
    (origin.folder / "link.yaml").symlink_to("/etc/passwd")
    (origin.folder / "run.sh").touch(0o755)
    origin.commit({"a.yaml": "a: 1", ".github/x.yaml": ""})
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    origin.git("commit", "--quiet", "--message", "Add a submodule")
    mirror.fetch()

    assert paths(mirror, origin.head()) == {
        "a.yaml": BlobKind.FILE,
        "link.yaml": BlobKind.SYMLINK,
        "run.sh": BlobKind.FILE,
        "module": BlobKind.SUBMODULE,
    }


def test_a_blob_beyond_the_limit_is_left_out_and_known_to_be_large(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({"big.yaml": os.urandom(1024 * 1024 + 1), "fits.yaml": b"x" * (1024 * 1024)})
    mirror.fetch()

    with mirror.blobs(commit) as blobs:
        sizes = {blob.path: blob.size for blob in blobs}

    assert sizes["fits.yaml"] == 1024 * 1024
    assert sizes["big.yaml"] > 1024 * 1024
    assert stored(mirror) < 1024 * 1024


def stored(mirror: Mirror) -> int:
    """Bytes of the mirror on disk."""
    return sum(path.stat().st_size for path in mirror._repository.rglob("*") if path.is_file())


def test_a_large_blob_does_not_keep_others_from_being_read(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({**FILES, "big.yaml": os.urandom(5 * 1024 * 1024)})
    mirror.fetch()

    with mirror.blobs(commit) as blobs:
        _, problems = load(blobs, TextCache())

    assert [(problem.at.file, problem.code) for problem in problems] == [("big.yaml", "OE1301")]


@pytest.mark.parametrize(
    ("path", "codes"), [(".oceanignore", ["OE1301"]), ("big.key", []), ("ocean.yaml", ["OE1301"]), ("README.md", [])]
)
def test_no_blob_that_was_left_out_is_asked_for(mirror: Mirror, origin: Origin, path: str, codes: list[str]) -> None:
    commit = origin.commit({path: os.urandom(2 * 1024 * 1024)})
    mirror.fetch()

    with mirror.blobs(commit) as blobs:
        _, problems = load(blobs, TextCache())

    assert [problem.code for problem in problems] == codes


def test_blobs_carry_the_id_that_a_cache_knows_them_by(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({"a.yaml": "same", "b.yaml": "same"})
    mirror.fetch()

    with mirror.blobs(commit) as blobs:
        assert {blob.id for blob in blobs} == {origin.git("hash-object", "a.yaml")}


def test_no_hook_runs(mirror: Mirror, origin: Origin, tmp_path: Path) -> None:
    origin.commit({"a.yaml": "1"})
    mirror.fetch()
    witness = tmp_path / "witness"
    for folder in (mirror._repository / "hooks", origin.folder / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in ("reference-transaction", "post-checkout", "post-merge", "pre-auto-gc", "post-update"):
            hook = folder / name
            hook.write_text(f"#!/bin/sh\ntouch {witness}\n")
            hook.chmod(0o755)
    (origin.folder / "b.yaml").write_text("2")
    origin.git("-c", "core.hooksPath=/dev/null", "add", "--all")
    origin.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", "Change")

    assert mirror.fetch().commit == origin.head()
    assert not witness.exists()


@pytest.fixture
def hostile_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and an environment in which every git command would run a program of somebody else's choice; it leaves its mark here."""
    witness, trap = tmp_path / "witness", tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {witness}\nexit 1\n")
    trap.chmod(0o755)
    settings = f"""
[core]
    fsmonitor = {trap}
    hooksPath = {tmp_path}
    alternateRefsCommand = {trap}
[uploadpack]
    packObjectsHook = {trap}
[credential]
    helper = !{trap}
[url "file:///nowhere/"]
    insteadOf = /
"""
    for name in (".gitconfig", "global"):
        (tmp_path / name).write_text(settings)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.repositoryformatversion")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "99")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", "/nowhere")
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", str(trap))
    monkeypatch.setenv("GIT_TRACE", str(witness))
    return witness


def test_settings_of_the_machine_have_no_effect(hostile_machine: Path, mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({"a.yaml": "1"})

    assert mirror.fetch().commit == commit
    assert content(mirror, commit, "a.yaml") == b"1"
    assert not hostile_machine.exists()


@pytest.mark.parametrize("name", ["GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_WORK_TREE"])
def test_an_environment_that_leads_elsewhere_is_refused(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/nowhere")

    with pytest.raises(RefusedRemoteError, match=name):
        mirror_of(origin, tmp_path)


def test_a_repository_around_the_state_folder_is_not_touched(tmp_path: Path, origin: Origin) -> None:
    around = Origin(tmp_path / "around")
    before = around.commit({"a.yaml": "around"})
    mirror = Mirror(around.folder / ".state", Remote(str(origin.folder), allow_local=True), PLENTY)
    origin.commit({"a.yaml": "inside"})
    mirror.fetch()
    shutil.rmtree(mirror._repository / "refs")

    assert not mirror.is_ancestor(before, before), "a commit of the repository around it"
    assert mirror.fetch().commit == origin.head()
    assert around.head() == before


@pytest.mark.parametrize("part", ["HEAD", "refs", "objects", "config"])
def test_a_mirror_that_lost_a_part_is_mended(mirror: Mirror, origin: Origin, part: str) -> None:
    commit = origin.commit({"a.yaml": "1"})
    mirror.fetch()
    lost = mirror._repository / part
    if lost.is_dir():
        shutil.rmtree(lost)
    else:
        lost.write_text("damaged")

    with contextlib.suppress(DamagedMirrorError):
        mirror.fetch()
    assert mirror.fetch().commit == commit
    assert content(mirror, commit, "a.yaml") == b"1"


def test_a_lock_file_of_a_killed_process_does_not_stop_the_next_fetch(mirror: Mirror, origin: Origin) -> None:
    origin.commit({"a.yaml": "1"})
    mirror.fetch()
    (mirror._repository / "refs" / "ocean" / "head.lock").touch()
    commit = origin.commit({"a.yaml": "2"})

    assert mirror.fetch().commit == commit


def test_a_damaged_mirror_is_made_anew(mirror: Mirror, origin: Origin) -> None:
    commit = origin.commit({"policies/a.yaml": "1"})
    mirror.fetch()
    for file in (mirror._repository / "objects").rglob("*"):
        if file.is_file() and file.suffix != ".idx":
            file.chmod(0o600)
            file.write_bytes(b"damaged")

    with pytest.raises(DamagedMirrorError):
        paths(mirror, commit)
    assert mirror.fetch().commit == commit
    assert content(mirror, commit, "policies/a.yaml") == b"1"


def test_nothing_can_be_read_before_the_first_fetch(mirror: Mirror) -> None:
    with pytest.raises(DamagedMirrorError, match="nothing has been fetched"), mirror.blobs("0" * 40):
        pass


def test_processes_that_share_a_mirror_take_turns(tmp_path: Path, origin: Origin) -> None:
    origin.commit({"a.yaml": "1"})
    remote = Remote(str(origin.folder), allow_local=True)
    hasty = Mirror(tmp_path / "state", remote, timedelta(seconds=0.2))
    patient = Mirror(tmp_path / "state", remote, PLENTY)
    (tmp_path / "state").mkdir()
    fetched: list[str] = []

    with locked(tmp_path / "state" / "lock", 0.0):
        with pytest.raises(UnreachableError, match="another process"):
            hasty.fetch()
        waiting = threading.Thread(target=lambda: fetched.append(patient.fetch().commit))
        waiting.start()
        assert fetched == []
    waiting.join(PLENTY.total_seconds())
    assert fetched == [origin.head()]


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("  Padded  ", "Padded"),
        ("Bell \x07 and escape \x1b[31m", "Bell � and escape �[31m"),
        ("x" * 500, "x" * 200),
    ],
    ids=["padded", "control characters", "long"],
)
def test_a_subject_is_one_harmless_line(mirror: Mirror, origin: Origin, message: str, subject: str) -> None:
    origin.commit({}, message)

    assert mirror.fetch().subject == subject


def break_fetches_of(origin: Origin) -> None:
    """From now on the server answers what it has, and cannot hand it over."""
    for file in (origin.folder / ".git" / "objects").rglob("*"):
        if file.is_file():
            file.chmod(0o600)
            file.write_bytes(b"damaged")


def test_a_server_that_breaks_off_leaves_the_mirror_as_it_was(mirror: Mirror, origin: Origin) -> None:
    first = origin.commit({"a.yaml": "1"})
    mirror.fetch()
    origin.commit({"a.yaml": "2"})
    break_fetches_of(origin)

    with pytest.raises(UnreachableError, match="cannot be fetched"):
        mirror.fetch()
    assert content(mirror, first, "a.yaml") == b"1"


def test_a_mirror_that_is_found_damaged_while_fetching_is_thrown_away(mirror: Mirror, origin: Origin) -> None:
    origin.commit({"a.yaml": "1"})
    mirror.fetch()
    for file in (mirror._repository / "objects").rglob("*.pack"):
        file.chmod(0o600)
        file.write_bytes(b"damaged")
    second = origin.commit({"a.yaml": "2"})

    with contextlib.suppress(DamagedMirrorError):
        mirror.fetch()
    assert mirror.fetch().commit == second
    assert content(mirror, second, "a.yaml") == b"2"


def test_a_mirror_that_is_damaged_while_the_server_breaks_off_is_thrown_away(mirror: Mirror, origin: Origin) -> None:
    origin.commit({"a.yaml": "1"})
    mirror.fetch()
    for file in (mirror._repository / "objects").rglob("*.pack"):
        file.chmod(0o600)
        file.write_bytes(b"damaged")
    origin.commit({"a.yaml": "2"})
    break_fetches_of(origin)

    with pytest.raises(DamagedMirrorError, match="made anew"):
        mirror.fetch()
    assert not mirror._repository.exists()


def test_a_first_fetch_that_breaks_off_is_the_server_s_fault(mirror: Mirror, origin: Origin) -> None:
    origin.commit({"a.yaml": "1"})
    break_fetches_of(origin)

    with pytest.raises(UnreachableError):
        mirror.fetch()


def test_no_answer_in_time_is_unreachable(tmp_path: Path) -> None:
    """A server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/inventory.git"
        hasty = Mirror(tmp_path / "state", Remote(url), timedelta(seconds=1))

        with pytest.raises(UnreachableError, match="no answer in time"):
            hasty.fetch()


def test_asking_for_ancestry_ends_in_time_too(
    tmp_path: Path, mirror: Mirror, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = origin.commit({})
    mirror.fetch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexec /bin/sleep 1000\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    hasty = Mirror(tmp_path / "state", Remote(str(origin.folder), allow_local=True), timedelta(seconds=0.2))

    with pytest.raises(UnreachableError, match="did not answer in time"):
        hasty.is_ancestor(commit, commit)


def test_a_machine_without_git_is_told_as_such(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(GitError, match="'git'"):
        mirror.fetch()


def test_a_folder_that_cannot_be_used_is_told_as_such(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "state").write_text("a file")

    with pytest.raises(GitError, match="state"):
        mirror_of(origin, tmp_path).fetch()


def test_a_commit_with_endless_folders_is_not_walked_to_its_end(
    mirror: Mirror, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.git._MAX_TREES", 5)
    commit = origin.commit({f"{'x/' * depth}a.yaml": "" for depth in range(10)})
    mirror.fetch()

    with pytest.raises(GitError, match="more than 5 folders"):
        paths(mirror, commit)


def test_an_object_that_is_not_there_ends_the_reading(mirror: Mirror, origin: Origin) -> None:
    origin.commit({})
    mirror.fetch()
    nothing = b"\1" * 20

    with mirror._objects() as repo:
        with pytest.raises(DamagedMirrorError, match="the folder 'policies'"):
            inventory_git._items(git.Tree(repo, nothing, 0o40000, "policies"))
        with pytest.raises(DamagedMirrorError, match="cannot be read"):
            inventory_git._read(git.Blob(repo, nothing, 0o100644, "p.yaml"), 10)


def test_files_of_odd_modes_are_not_read(mirror: Mirror, origin: Origin) -> None:
    origin.commit({})
    mirror.fetch()

    with mirror._objects() as repo:
        odd = git.Blob(repo, b"\1" * 20, 0o100664, "p.yaml")
        assert inventory_git._blob(odd).kind is BlobKind.OTHER
