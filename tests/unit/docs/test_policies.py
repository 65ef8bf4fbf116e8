"""Everything that docs/policies.md shows is true: manifests, commands and what they print, and the rows of its tables."""

import re
import shlex
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory.blobs import blobs_in
from inventory.cache import TextCache
from inventory.kinds import POLICY_SPEC
from inventory.load import load
from inventory.model import Limit, Policy, Window
from inventory.quantity import canonical, parse
from inventory.standing import Candidate, standing_among
from inventory.windows import is_open, parse_days, parse_time, zone_for
from oceanctl.cli import main
from reconciler.bottomup.capacity import lease_of
from reconciler.decision import Terms
from reconciler.reclaim.course import Course
from tests.leasing import BINDING
from tests.unit.docs.pages import DOCS, Block, Command, blocks_of, commands_of, table_of

PAGE = "policies.md"
EXAMPLE = DOCS.parent / "examples" / "leasing"
MANIFESTS = [block for block in blocks_of(PAGE) if block.language == "yaml"]
COMMANDS = [*commands_of(PAGE), *commands_of("../examples/leasing/README.md")]


def by_chapter(shown: Block | Command) -> str:
    return shown.chapter


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[[str], Path]:
    """The folder in which the examples of a chapter run."""

    def folder_for(chapter: str) -> Path:
        folder = tmp_path / "leasing"
        shutil.copytree(EXAMPLE, folder)
        manifests = [block.text for block in MANIFESTS if block.chapter == chapter]
        if manifests:
            shutil.rmtree(folder / "policies")
        for number, text in enumerate(manifests):
            (folder / "policies").mkdir(exist_ok=True)
            (folder / "policies" / f"{number}.yaml").write_text(text)
        return folder

    return folder_for


@pytest.mark.parametrize("block", MANIFESTS, ids=by_chapter)
def test_every_manifest_is_valid(block: Block, inventory: Callable[[str], Path]) -> None:
    found, problems = load(blobs_in(inventory(block.chapter)), TextCache())
    assert [problem.message for problem in problems] == []
    assert found is not None
    assert found.policies


@pytest.mark.parametrize("command", COMMANDS, ids=by_chapter)
def test_every_command_prints_what_is_shown(
    command: Command,
    inventory: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(inventory(command.chapter))
    program, *arguments = shlex.split(command.line)
    assert (program, main(arguments)) == ("oceanctl", 0)
    printed = capsys.readouterr().out
    shown, has_more, _ = command.output.partition("…\n")
    assert printed.startswith(shown) if has_more or not shown else printed == shown


def test_there_are_commands_and_manifests() -> None:
    assert len(COMMANDS) >= 8
    assert len(MANIFESTS) >= 4


def test_the_first_manifest_is_that_of_the_example() -> None:
    shown = re.sub(r"\s+#.*", "", MANIFESTS[0].text)
    kept = re.sub(r"^#.*\n", "", (EXAMPLE / "policies" / "paris-nights.yaml").read_text())
    assert shown.split() == kept.split()


def test_every_field_is_told() -> None:
    told = {name.strip("` ") for row in table_of(PAGE, "field", "default", "meaning") for name in row[0].split(",")}
    assert told == set(POLICY_SPEC.fields)


WINDOW_ROWS = table_of(PAGE, "window", "days", "zone", "instant", "open")


def windows_of(text: str, days: str) -> tuple[Window, ...]:
    if text == "none":
        return ()
    start, end = text[:5], text[-5:]
    names = parse_days([days] if days else [])
    return (Window(parse_time(start, is_end=False), parse_time(end, is_end=True), names),)


@pytest.mark.parametrize("row", WINDOW_ROWS, ids=" ".join)
def test_windows_are_open_when_the_tables_say_so(row: tuple[str, ...]) -> None:
    text, days, zone, instant, expected = row
    now = datetime.fromisoformat(instant.partition(" ")[0])
    weekday = re.search(r"\((\w+day)", instant)
    assert weekday is None or weekday[1] == f"{now.astimezone(zone_for(zone)):%A}"
    assert is_open(windows_of(text, days), zone_for(zone), now) is (expected == "yes")


SIDES_ROWS = table_of(PAGE, "computing cluster", "worker cluster", "the node is")
NOON = datetime(2026, 3, 25, 12, tzinfo=UTC)


def candidates_of(text: str) -> list[Candidate]:
    return [_candidate(state, f"p{number}") for number, state in enumerate(text.split(", ")) if state != "none"]


def _candidate(state: str, name: str) -> Candidate:
    policies = {
        "open": Policy(name, BINDING.name),
        "closed": Policy(name, BINDING.name, windows=(Window(0, 60),)),
        "expired": Policy(name, BINDING.name, expires_at=NOON - timedelta(days=1)),
        "being deleted": Policy(name, BINDING.name),
        "invalid": None,
    }
    return Candidate(name, policies[state], is_deleting=state == "being deleted")


@pytest.mark.parametrize("row", SIDES_ROWS, ids=" and ".join)
def test_nodes_stand_as_the_table_of_both_clusters_says(row: tuple[str, ...]) -> None:
    computing, worker, expected = row
    standing = standing_among(candidates_of(computing), candidates_of(worker), BINDING, NOON)
    assert standing.outcome.value.replace("-", " ") == {"outside its windows": "outside windows"}.get(
        expected, expected
    )


AMOUNT_ROWS = table_of(PAGE, "resource", "allocatable", "owner's pods", "limit", "lent")


def limits_of(resource: str, text: str) -> tuple[Limit, ...]:
    parts = [part for part in text.split(", ") if part]
    percent = [int(part[:-1]) for part in parts if part.endswith("%")]
    quantity = [parse(part) for part in parts if not part.endswith("%")]
    return (Limit(resource, next(iter(quantity), None), next(iter(percent), None)),) if parts else ()


@pytest.mark.parametrize("row", AMOUNT_ROWS, ids=" ".join)
def test_as_much_is_lent_as_the_table_says(row: tuple[str, ...]) -> None:
    resource, allocatable, load, limit, expected = row
    policy = Policy("p", BINDING.name, limits=limits_of(resource, limit))
    lease = lease_of({resource: allocatable}, {resource: parse(load)}, [policy])
    assert canonical(resource, lease[resource]) == expected


COURSE_ROWS = table_of(PAGE, "grace", "drain", "force", "E", "D")
CLOSE = datetime(2026, 3, 25, 6, tzinfo=UTC)


@pytest.mark.parametrize("row", COURSE_ROWS, ids=" ".join)
def test_capacity_goes_home_when_the_table_says(row: tuple[str, ...]) -> None:
    grace, drain, force, evicts_from, ends_at = row
    terms = Terms(timedelta(seconds=int(grace)), timedelta(seconds=int(drain)), force == "yes")
    course = Course.of(CLOSE, terms)
    told = [f"{at:%H:%M:%S}" if at else "never" for at in (course.evicts_from, course.ends_at)]
    assert told == [evicts_from, ends_at]


def test_no_table_is_empty() -> None:
    assert all((len(WINDOW_ROWS) >= 19, len(SIDES_ROWS) >= 14, len(AMOUNT_ROWS) >= 12, len(COURSE_ROWS) >= 6))
