"""`oceanctl windows` on the leasing example, in the week in which Europe's clocks change."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oceanctl.errors import ExitCode

EXAMPLE = Path(__file__).parents[4] / "examples" / "leasing"
AT = ("--inventory", str(EXAMPLE), "--at", "2026-03-27T23:00:00Z")

GOLDEN = """\
1 policy, 2026-03-27T23:00:00Z to 2026-04-01T23:00:00Z (5 d)

policy paris-nights  paris  Europe/Paris  open  88 h per week
  OPENS                  CLOSES                 UTC                    LENGTH
  Fri 27 Mar 22:00 CET   Mon 30 Mar 06:00 CEST  Fri 21:00 - Mon 04:00  2 d 7 h
  Mon 30 Mar 22:00 CEST  Tue 31 Mar 06:00 CEST  Mon 20:00 - Tue 04:00  8 h
  Tue 31 Mar 22:00 CEST  Wed 01 Apr 06:00 CEST  Tue 20:00 - Wed 04:00  8 h
  Wed 01 Apr 22:00 CEST  Thu 02 Apr 06:00 CEST  Wed 20:00 - Thu 04:00  8 h
  ! the window of 27 March is 1 h shorter: the clocks change
"""


def test_the_week_of_the_clock_change_as_a_table(run: Callable[..., Any]) -> None:
    answer = run("windows", "paris-nights", *AT, "--horizon", "5d")
    assert (answer.code, answer.out, answer.err) == (ExitCode.OK, GOLDEN, "")


def test_the_same_as_json(run: Callable[..., Any]) -> None:
    [policy] = json.loads(run("windows", "paris-nights", *AT, "--horizon", "36h", "-o", "json").out)
    assert policy == {
        "name": "paris-nights",
        "cluster": "paris",
        "timeZone": "Europe/Paris",
        "open": True,
        "suspended": False,
        "nextEdge": "2026-03-30T04:00:00Z",
        "expiresAt": None,
        "hoursPerWeek": 88.0,
        "intervals": [{"start": "2026-03-27T23:00:00Z", "end": "2026-03-29T11:00:00Z"}],
        "remarks": [
            {
                "day": "2026-03-27",
                "seconds": -3600,
                "text": "the window of 27 March is 1 h shorter: the clocks change",
            }
        ],
    }


def test_all_policies_are_shown_by_name(run: Callable[..., Any]) -> None:
    policies = json.loads(run("windows", *AT, "-o", "json").out)
    names = [policy["name"] for policy in policies]
    assert names == ["new-york-nights", "paris-lunch", "paris-nights", "paris-spare"]


def test_ics_is_printed_to_the_letter(run: Callable[..., Any]) -> None:
    out = run("windows", *AT, "-o", "ics").out
    assert out.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert out.endswith("END:VCALENDAR\r\n")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param("suspend: true", "open  168 h per week  suspended: takes no new pods", id="suspended"),
        pytest.param('expiresAt: "2026-01-01T00:00:00Z"', "expired Thu 01 Jan 00:00 UTC", id="expired"),
        pytest.param("timeWindows: [{start: '22:00', end: '23:00'}]", "does not open before", id="nothing in range"),
    ],
)
def test_what_a_table_says_instead_of_intervals(run: Callable[..., Any], tmp_path: Path, spec: str, words: str) -> None:
    binding = (EXAMPLE / "bindings" / "paris.yaml").read_text()
    policy = "apiVersion: cloud.tencent.com/v1beta1\nkind: ResourceLeasingPolicy\nmetadata: {name: p}\n"
    tmp_path.joinpath("all.yaml").write_text(f"{binding}---\n{policy}spec:\n  cluster: paris\n  {spec}\n")
    at = ("--at", "2026-06-01T12:00Z", "--horizon", "1h")
    assert words in run("windows", "--inventory", str(tmp_path), *at).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("nigths",), "no policy 'nigths' in the inventory; it has", id="no such policy"),
        pytest.param(("paris-night",), "did you mean 'paris-nights'?", id="nearly a policy"),
        pytest.param(("--horizon", "soon"), "--horizon 'soon'", id="no span"),
        pytest.param(("--at", "2026-03-29 01:30"), "add Z for UTC", id="no zone"),
    ],
)
def test_mistakes_are_told(run: Callable[..., Any], arguments: tuple[str, ...], words: str) -> None:
    answer = run("windows", "--inventory", str(EXAMPLE), *arguments)
    assert answer.code == ExitCode.USAGE
    assert words in answer.err


def test_policies_of_a_suspended_binding_are_marked(run: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    shutil.copytree(EXAMPLE, folder)
    with folder.joinpath("bindings", "paris.yaml").open("a") as binding:
        binding.write("  suspend: true\n")
    policies = json.loads(run("windows", "--inventory", str(folder), "-o", "json").out)
    assert {policy["name"] for policy in policies if not policy["suspended"]} == {"new-york-nights"}
