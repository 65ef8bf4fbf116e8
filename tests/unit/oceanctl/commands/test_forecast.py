"""`oceanctl forecast` on the leasing example, in the week in which Europe's clocks change; what it draws is kept in golden files."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from oceanctl.errors import ExitCode

EXAMPLE = Path(__file__).parents[4] / "examples" / "leasing"
GOLDEN = Path(__file__).parents[1] / "forecast" / "golden"
PICTURE = EXAMPLE.parents[1] / "docs" / "forecast.svg"
CLUSTERS = EXAMPLE / "clusters"
PARIS = (f"--nodes=paris={CLUSTERS}/paris-nodes.yaml", f"--pods=paris={CLUSTERS}/paris-pods.yaml")
NEW_YORK = (f"--nodes=new-york={CLUSTERS}/new-york-nodes.yaml", f"--pods=new-york={CLUSTERS}/new-york-pods.yaml")
WEEK = ("forecast", "--inventory", str(EXAMPLE), "--at", "2026-03-26T23:00Z", "--zone", "Europe/Paris")

Run = Callable[..., Any]


def assert_golden(file: Path, text: str) -> None:
    """Set GOLDEN=write to take what is printed for right, then look at it."""
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_the_week_of_the_clock_change_in_a_terminal(run: Run) -> None:
    answer = run(*WEEK, *PARIS, *NEW_YORK)
    assert (answer.code, answer.err) == (ExitCode.OK, "")
    assert_golden(GOLDEN / "week.txt", answer.out)


def test_no_line_is_wider_than_eighty_columns(run: Run) -> None:
    lines = run(*WEEK, *PARIS, *NEW_YORK).out.splitlines()
    assert max(map(len, lines[4:14])) <= 80


def test_the_week_as_the_picture_of_the_documentation(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "week.svg"
    run(*WEEK, *PARIS, *NEW_YORK, "--svg", str(file))
    assert_golden(PICTURE, file.read_text(encoding="utf-8"))


def test_a_picture_is_xml_that_stays_within_its_bounds(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "week.svg"
    run(*WEEK, *PARIS, *NEW_YORK, "--svg", str(file))
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # what was drawn here
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert 0 <= float(rect.get("x", 0)) <= float(rect.get("x", 0)) + float(rect.attrib["width"]) <= width
        assert 0 <= float(rect.get("y", 0)) <= float(rect.get("y", 0)) + float(rect.attrib["height"]) <= height


def test_hours_as_csv(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    run(*WEEK, *PARIS, "--csv", str(file), "--horizon", "1d")
    assert_golden(GOLDEN / "day.csv", file.read_text(encoding="utf-8"))


def test_an_hour_that_begins_before_the_forecast_counts_from_its_begin(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hours.csv"
    late = ("--at", "2026-03-27T10:30Z", "--horizon", "45m")
    run(*WEEK, *PARIS, "--csv", str(file), *late)
    assert file.read_text().splitlines()[1:3] == [
        "2026-03-27T10:00:00Z,paris,cpu,2,2,2",
        "2026-03-27T11:00:00Z,paris,cpu,12,12,12",
    ]


def test_json_has_exact_steps_and_hours(run: Run) -> None:
    document = json.loads(run(*WEEK, *PARIS, "--horizon", "1d", "-o", "json").out)
    [paris] = document["clusters"]
    assert [(step["at"], step["nodes"], step["capacity"].get("cpu")) for step in paris["steps"]] == [
        ("2026-03-26T23:00:00Z", 3, "25600m"),
        ("2026-03-27T05:00:00Z", 1, "2"),
        ("2026-03-27T11:00:00Z", 1, "12"),
        ("2026-03-27T13:00:00Z", 1, "2"),
        ("2026-03-27T21:00:00Z", 3, "25600m"),
    ]
    assert len(paris["hours"]) == 24
    peak = {"amount": "25600m", "from": "2026-03-26T23:00:00Z", "to": "2026-03-27T05:00:00Z"}
    assert document["resources"]["cpu"]["peak"] == peak
    assert document["notes"] == ["without nodes and so left out: new-york"]


def test_what_was_not_given_is_told(run: Run) -> None:
    err = run(*WEEK, PARIS[0]).err
    assert "note: without nodes and so left out: new-york" in err
    assert "note: without pods, as if the owners ran nothing: paris" in err


def test_a_file_is_for_the_one_binding_that_is_lent(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    shutil.copytree(EXAMPLE, folder)
    folder.joinpath("policies", "new-york-nights.yaml").unlink()
    at = ("--at", "2026-03-26T23:00Z", "--horizon", "1h", "-o", "json")
    nodes, pods = f"{CLUSTERS}/paris-nodes.yaml", f"{CLUSTERS}/paris-pods.yaml"
    document = json.loads(run("forecast", "--inventory", str(folder), "--nodes", nodes, "--pods", pods, *at).out)
    assert [cluster["name"] for cluster in document["clusters"]] == ["paris"]


def test_what_was_written_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "week.svg"
    assert run(*WEEK, *PARIS, *NEW_YORK, "--svg", str(file)).err == f"wrote {file}\n"


def test_cordoned_nodes_are_left_out_and_told(run: Run, tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.yaml"
    text = (CLUSTERS / "paris-nodes.yaml").read_text()
    nodes.write_text(text.replace("    status:\n", "    spec: {unschedulable: true}\n    status:\n", 1))
    answer = run(*WEEK, f"--nodes=paris={nodes}", PARIS[1])
    assert "left out, because they take no pods now: paris/par-1" in answer.err
    assert "by 3 nodes" in answer.out


def test_one_resource_is_plotted_on_demand(run: Run) -> None:
    out = run(*WEEK, *PARIS, "--resource", "pods").out
    assert [line.split()[0] for line in out.splitlines() if "peak" in line] == ["pods"]


def test_a_terminal_without_blocks_gets_ascii(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oceanctl.commands.forecast._can_write", lambda *_: False)
    assert run(*WEEK, *PARIS).out.isascii()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("--nodes", "nodes.yaml"), "say whose, like --nodes new-york=FILE", id="two bindings, one file"),
        pytest.param(("--nodes", "parsi=n.yaml"), "no binding 'parsi'; did you mean 'paris'?", id="no such binding"),
        pytest.param(("--pods", "paris=pods.yaml"), "--pods needs --nodes", id="pods alone"),
        pytest.param((PARIS[0], "--pods=new-york=p"), "there are no --nodes of new-york", id="pods of another"),
        pytest.param((*PARIS, "--zone", "Paris"), "is not a known time zone", id="no zone"),
        pytest.param((*PARIS, "--resource", "gold"), "--resource gold: not lent; there is cpu,", id="no resource"),
    ],
)
def test_mistakes_are_told(run: Run, arguments: tuple[str, ...], words: str) -> None:
    answer = run(*WEEK, *arguments)
    assert answer.code == ExitCode.USAGE
    assert words in answer.err
