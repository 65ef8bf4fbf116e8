from pathlib import Path

import pytest

from inventory.errors import InvalidInventoryError
from inventory.model import Guards
from oceanctl.planning import Desired, read_desired, styled, with_limit
from tests.quickstart import QUICKSTART
from tests.unit.reconciler.gitops.worlds import inventory

GUARDED = Desired(Path(), inventory(guards=Guards(5, 20, ("sha256:ab",))), "quick", ())


@pytest.mark.parametrize(
    ("limit", "guards"),
    [
        pytest.param(None, Guards(5, 20, ("sha256:ab",)), id="as the inventory says"),
        pytest.param("7", Guards(7, 100, ("sha256:ab",)), id="a count stands for itself"),
        pytest.param("30%", Guards(5, 30, ("sha256:ab",)), id="a share leaves the count"),
    ],
)
def test_max_delete_takes_the_place_of_the_guards(limit: str | None, guards: Guards) -> None:
    assert with_limit(GUARDED, limit).inventory.guards == guards


@pytest.mark.parametrize(
    ("line", "style"),
    [
        ("  + ClusterBinding/east", "green"),
        ("      ~ spec.priority   1 -> 2", "yellow"),
        ("  - ResourceLeasingPolicy/night", "red"),
        ("      ! spec.priority   live 1 -> 2", "magenta"),
        ("  x ClusterBinding/east", "bold red"),
    ],
)
def test_a_line_of_a_plan_is_coloured_by_its_symbol(line: str, style: str) -> None:
    assert styled(line) == ((line, style),)


@pytest.mark.parametrize("line", ["Guards   delete 0/6", "Plan: 1 create", "  fleet.yaml:1:1: error OE4101 taken"])
def test_other_lines_are_plain(line: str) -> None:
    assert styled(line) == (line,)


def test_the_quickstart_may_be_applied() -> None:
    assert read_desired(QUICKSTART).inventory_id == "quickstart"


def test_an_inventory_without_an_id_may_not(tmp_path: Path) -> None:
    (tmp_path / "ocean.yaml").write_text("version: 1\n")
    with pytest.raises(InvalidInventoryError) as raised:
        read_desired(tmp_path)
    (problem,) = raised.value.problems
    assert problem.at.file == "ocean.yaml"
    assert "inventory.id" in problem.message
