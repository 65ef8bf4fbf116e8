"""Whole inventories: what makes one, and that everything wrong with it is told at once."""

from pathlib import Path

import pytest

from inventory.blobs import Blob, BlobKind, blobs_in
from inventory.cache import TextCache
from inventory.compose import Limits
from inventory.errors import Position, Severity
from inventory.files import Caps
from inventory.load import load
from inventory.model import Guards
from tests.unit.inventory.repository import binding, blobs, policy, problems, read

SETTINGS = "version: 1\ninventory: {id: prod}\nguards: {maxDelete: 3, maxDeletePercent: 50}\n"
KEY = "-----BEGIN PRIVATE KEY-----\nhunter2\n"


def test_an_inventory_holds_what_its_files_declare() -> None:
    inventory, found = read(
        {"ocean.yaml": SETTINGS, "bindings/w.yaml": binding("w"), "policies/p.yaml": policy("p", "w")}
    )

    assert found == ()
    assert inventory is not None
    assert (inventory.id, inventory.guards) == ("prod", Guards(3, 50))
    assert [each.value.name for each in inventory.bindings] == ["w"]
    assert [each.value.name for each in inventory.policies] == ["p"]


def test_a_declaration_knows_where_each_value_stands() -> None:
    inventory, _ = read({"bindings/w.yaml": "# first line\n" + binding("w")})

    assert inventory is not None
    (located,) = inventory.bindings
    assert located.at == Position("bindings/w.yaml", 2, 1)
    assert located.origins["/spec/clusterID"] == Position("bindings/w.yaml", 7, 14)


def test_an_inventory_may_have_no_settings_and_nothing_in_it() -> None:
    inventory, found = read({"README.md": "# Hello"})

    assert (inventory is not None and inventory.id, found) == (None, ())


def test_several_documents_of_a_file_count_each() -> None:
    inventory, found = read({"manifests/all.yaml": f"---\n{binding('a')}---\n---\n{binding('b')}"})

    assert found == ()
    assert inventory is not None
    assert [each.value.name for each in inventory.bindings] == ["a", "b"]


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Case 8 of the main job's acceptance."""
    files = {
        "bindings/a.yaml": binding("a"),
        "bindings/b.yaml": binding("b").replace("clusterID: b", "clusterID: a"),
        "policies/alias-bomb.yaml": "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "policies/empty.yaml": "",
        "policies/field.yaml": policy("field", "a", "  resouceLimits: []\n"),
        "policies/large.yaml": policy("large", "a") + "#" * (5 * 1024 * 1024),
        "policies/percent.yaml": policy("percent", "a", "  resourceLimits: [{resource: cpu, percent: 150}]\n"),
        "policies/start.yaml": policy("start", "a", '  timeWindows: [{start: "25:00", end: "06:00"}]\n'),
        "policies/syntax.yaml": "a: [\n",
        "policies/type.yaml": policy("type", "a", "  priority: high\n"),
        "policies/unknown.yaml": policy("unknown", "nowhere"),
        "policies/zone.yaml": policy("zone", "a", "  timeZone: Mars/Olympus\n"),
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    (tmp_path / "policies" / "link.yaml").symlink_to("type.yaml")

    inventory, found = load(blobs_in(tmp_path), TextCache())

    assert inventory is None
    assert [f"{problem.at} {problem.code}" for problem in found if problem.severity is Severity.ERROR] == [
        "bindings/b.yaml:6:14 OE3102",
        "policies/alias-bomb.yaml:1:4 OE1104",
        "policies/alias-bomb.yaml:2:4 OE1104",
        "policies/alias-bomb.yaml:2:8 OE1104",
        "policies/alias-bomb.yaml:2:12 OE1104",
        "policies/alias-bomb.yaml:3:5 OE1104",
        "policies/alias-bomb.yaml:3:9 OE1104",
        "policies/empty.yaml:1:1 OE1203",
        "policies/field.yaml:7:3 OE2102",
        "policies/large.yaml:1:1 OE1301",
        "policies/link.yaml:1:1 OE1204",
        "policies/percent.yaml:7:45 OE2202",
        "policies/start.yaml:7:25 OE2202",
        "policies/syntax.yaml:2:1 OE1101",
        "policies/type.yaml:7:13 OE2201",
        "policies/unknown.yaml:6:12 OE3103",
        "policies/zone.yaml:7:13 OE2202",
    ]


def test_a_problem_shows_the_line_and_what_of_it_is_meant() -> None:
    _, (problem,) = read(
        {"policies/p.yaml": policy("p", "w", "  resouceLimits: []\n"), "bindings/w.yaml": binding("w")}
    )

    assert (problem.source_line, problem.span) == ("  resouceLimits: []", len("resouceLimits"))
    assert (problem.message, problem.hint) == ("unknown key 'resouceLimits' in spec", "did you mean 'resourceLimits'?")


def test_warnings_leave_the_inventory_usable() -> None:
    inventory, (problem,) = read({"bindings/w.yaml": binding("w").replace("name: w\n", "name: w\n  namespace: x\n", 1)})

    assert inventory is not None
    assert problem.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("policies/a.yaml", "# only a comment\n", ["policies/a.yaml:1:1 OE1203"]),
        ("policies/a.yaml", "---\n---\n", ["policies/a.yaml:1:1 OE1203"]),
        ("policies/a.yaml", "just text\n", ["policies/a.yaml:1:1 OE2201"]),
        ("policies/a.yaml", "a: 1\n", ["policies/a.yaml:1:1 OE2103"]),
        ("policies/a.yaml", "apiVersion: v1\nkind: Secret\n", ["policies/a.yaml:1:13 OE2101"]),
        ("policies/a.yaml", "apiVersion: cloud.tencent.com/v1beta1\n", ["policies/a.yaml:1:1 OE2103"]),
        (
            "policies/a.yaml",
            "apiVersion: cloud.tencent.com/v1beta1\nkind: ClusterBindings\n",
            ["policies/a.yaml:2:7 OE2101"],
        ),
        ("ocean.yaml", "", ["ocean.yaml:1:1 OE1203"]),
        ("ocean.yaml", "version: 2\n", ["ocean.yaml:1:10 OE2202"]),
        ("ocean.yaml", "inventory: {id: Not Good}\n", ["ocean.yaml:1:17 OE2202"]),
        ("ocean.yaml", "inventory: {}\n", ["ocean.yaml:1:1 OE2103"]),
        ("ocean.yaml", "guards: {maxDeletePercent: 101}\n", ["ocean.yaml:1:28 OE2202"]),
        ("ocean.yaml", "guards: {approve: [yes]}\n", ["ocean.yaml:1:20 OE2202"]),
        ("ocean.yaml", "version: 1\n---\nversion: 1\n", ["ocean.yaml:3:1 OE2202"]),
        ("ocean.yaml", "gaurds: {}\n", ["ocean.yaml:1:1 OE2102"]),
        ("inventory.yaml", "all: {}\n", ["inventory.yaml:1:1 OE1501"]),
        ("group_vars/all.yaml", "", ["group_vars/all.yaml:1:1 OE1501"]),
        ("host_vars/w.yaml", "", ["host_vars/w.yaml:1:1 OE1501"]),
        ("elsewhere/p.yaml", policy("p", "w"), ["elsewhere/p.yaml:6:12 OE3103"]),
        ("values.yaml", "a: {{ helm }}\nx: &a 1\n", []),
        ("empty.yaml", "", []),
        (".github/workflow.yaml", policy("p", "w"), []),
        ("policies/notes.txt", "x", []),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_each_file_is_read_for_what_it_is(path: str, content: str, expected: list[str]) -> None:
    assert problems({path: content}) == expected


def test_other_documents_of_a_file_elsewhere_are_passed_over() -> None:
    inventory, found = read({"all.yaml": f"apiVersion: v1\nkind: Namespace\n---\n{binding('w')}---\n[1]\n"})

    assert found == ()
    assert inventory is not None
    assert [each.value.name for each in inventory.bindings] == ["w"]


def test_ignored_files_are_not_read() -> None:
    files = {
        ".oceanignore": "drafts/\n*.off.yaml\n",
        "drafts/a.yaml": policy("p", "w"),
        "policies/b.off.yaml": "x: [\n",
    }

    assert problems(files) == []


def test_an_ignore_file_that_cannot_be_read_is_a_problem() -> None:
    assert problems({".oceanignore": b"\xff"}) == [".oceanignore:1:1 OE1201"]


def test_an_ignore_file_with_patterns_without_end_is_a_problem() -> None:
    assert problems({".oceanignore": "x\n" * 1001}) == [".oceanignore:1:1 OE1303"]


@pytest.mark.parametrize("kind", [BlobKind.SYMLINK, BlobKind.SUBMODULE, BlobKind.OTHER])
def test_what_is_not_a_file_is_a_problem_unless_it_is_ignored(kind: BlobKind) -> None:
    def never(_: int) -> bytes:
        raise AssertionError("must not be read")

    entry = Blob("module", kind, 0, never)
    hidden = Blob(".module", kind, 0, never)

    _, found = load([entry, hidden], TextCache())
    _, without = load([entry, *blobs({".oceanignore": "module\n"})], TextCache())

    assert [f"{problem.at.file} {problem.code}" for problem in found] == ["module OE1204"]
    assert without == ()


@pytest.mark.parametrize(
    "path", ["policies/a.yaml", "worker.kubeconfig", "elsewhere/values.yaml", "tls.key", "ocean.yaml"]
)
def test_a_key_is_reported_and_not_a_line_of_its_file_is_shown(path: str) -> None:
    _, (problem,) = read({path: f"a: hunter2\nunknown: &x *y\n{KEY}"})

    assert problem.code == "OE1401"
    assert problem.at.line == 3
    assert "hunter2" not in repr(problem)


def test_a_file_that_cannot_be_read_is_a_problem() -> None:
    def refuse(_: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    _, (problem,) = load([Blob("policies/a.yaml", BlobKind.FILE, 5, refuse)], TextCache())

    assert (problem.code, problem.message) == ("OE1205", "cannot be read: Permission denied")


def test_a_large_file_is_not_read() -> None:
    def never(_: int) -> bytes:
        raise AssertionError("must not be read")

    _, (problem,) = load([Blob("policies/a.yaml", BlobKind.FILE, 5 * 1024 * 1024, never)], TextCache())

    assert problem.code == "OE1301"


def test_a_file_that_grew_since_it_was_listed_is_refused() -> None:
    _, (problem,) = load([Blob("policies/a.yaml", BlobKind.FILE, 1, lambda limit: b"#" * limit)], TextCache())

    assert problem.code == "OE1301"


@pytest.mark.parametrize(
    ("caps", "file"),
    [
        (Caps(entries=2), "policies/c.yaml"),
        (Caps(files=2), "policies/c.yaml"),
        (Caps(total_bytes=50), "policies/a.yaml"),
    ],
    ids=["entries", "files", "bytes"],
)
def test_an_inventory_has_its_bounds(caps: Caps, file: str) -> None:
    files = {f"policies/{name}.yaml": policy(name, "w") for name in "abcd"}

    inventory, found = load(blobs(files), TextCache(), caps)

    assert inventory is None
    assert [problem.at.file for problem in found if problem.code == "OE1303"] == [file]


def test_a_file_has_its_bounds() -> None:
    caps = Caps(limits=Limits(depth=2))

    _, (problem,) = load(blobs({"policies/a.yaml": "a: {b: {c: {}}}\n"}), TextCache(), caps)

    assert problem.code == "OE1302"


def test_a_blob_is_read_once_wherever_it_lies() -> None:
    reads: list[str] = []

    def blob(path: str, identity: str) -> Blob:
        data = binding("w").encode()

        def content(_: int) -> bytes:
            reads.append(path)
            return data

        return Blob(path, BlobKind.FILE, len(data), content, identity)

    cache = TextCache()
    first, _ = load([blob("bindings/a.yaml", "1")], cache)
    second, _ = load([blob("bindings/renamed.yaml", "1")], cache)

    assert reads == ["bindings/a.yaml"]
    assert first is not None
    assert second is not None
    assert [each.at.file for each in (*first.bindings, *second.bindings)] == [
        "bindings/a.yaml",
        "bindings/renamed.yaml",
    ]


def test_a_file_of_a_folder_is_read_every_time() -> None:
    cache = TextCache()
    load(blobs({"bindings/a.yaml": binding("a")}), cache)

    inventory, _ = load(blobs({"bindings/a.yaml": binding("b")}), cache)

    assert inventory is not None
    assert [each.value.name for each in inventory.bindings] == ["b"]


def test_problems_come_in_the_order_of_files_and_lines() -> None:
    found = read({"policies/b.yaml": "x: [\n", "policies/a.yaml": policy("p", "w", "  z: 1\n  y: 1\n")})[1]

    assert [problem.at for problem in found] == sorted(problem.at for problem in found)
    assert len(found) == 4
