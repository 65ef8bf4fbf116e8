from pathlib import PurePath

import pytest

from inventory.errors import Position, Problem, Severity
from oceanctl.output import plain
from oceanctl.problems import problem_document, render_problems, tally

TYPO = Problem(
    code="OE1203",
    message="unknown key 'resouceLimits'",
    at=Position("policies/night.yaml", 9, 3),
    hint="did you mean 'resourceLimits'?",
    span=13,
    source_line="  resouceLimits:",
)


def rendered(*problems: Problem, folder: PurePath | None = None) -> list[str]:
    return [plain(line) for line in render_problems(problems, folder)]


def test_a_problem_shows_its_place_its_line_and_carets() -> None:
    assert rendered(TYPO) == [
        "policies/night.yaml:9:3: error OE1203 unknown key 'resouceLimits'",
        "   9 |   resouceLimits:",
        "     |   ^^^^^^^^^^^^^ did you mean 'resourceLimits'?",
    ]


def test_the_folder_is_put_before_the_file_so_that_a_click_finds_it() -> None:
    assert rendered(TYPO, folder=PurePath("../fleet"))[0].startswith("../fleet/policies/night.yaml:9:3: ")


def test_problems_come_in_the_order_of_their_places() -> None:
    early = Problem("OE2001", "first", Position("a.yaml", 2))
    late = Problem("OE2001", "second", Position("a.yaml", 10))
    assert [line.split()[-1] for line in rendered(late, early)] == ["first", "second"]


def test_every_related_place_is_named() -> None:
    twice = Problem("OE3001", "duplicate", Position("b.yaml"), related=(Position("a.yaml", 4, 2),))
    assert rendered(twice) == ["b.yaml:1:1: error OE3001 duplicate", "     = also a.yaml:4:2"]


def test_a_hint_without_a_source_line_still_shows() -> None:
    assert rendered(Problem("OE1001", "empty file", Position("a.yaml"), hint="remove it"))[1:] == ["     = remove it"]


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        pytest.param("\tkey: 1", 2, "     | \t^^^", id="tabs stay tabs"),
        pytest.param("名前: key", 5, "     |       ^^^", id="wide characters are two columns"),
        pytest.param("a\x1bb", 3, "     |      ^", id="spelled-out control characters are four"),
        pytest.param("short", 40, "     |      ^", id="beyond the end"),
    ],
)
def test_carets_stand_below_what_they_mean(line: str, column: int, expected: str) -> None:
    problem = Problem("OE1", "m", Position("f", 1, column), span=3, source_line=line)
    assert rendered(problem)[2].rstrip() == expected


def test_a_line_of_megabytes_is_cut_around_the_place() -> None:
    problem = Problem("OE1", "m", Position("f", 1, 500_001), span=4, source_line="x" * 500_000 + "HERE" + "y" * 500_000)
    _, line, carets = rendered(problem)
    assert len(line) < 140
    assert line[carets.index("^") :].startswith("HERE")


def test_the_document_of_a_problem() -> None:
    assert problem_document(TYPO) == {
        "code": "OE1203",
        "severity": "error",
        "message": "unknown key 'resouceLimits'",
        "file": "policies/night.yaml",
        "line": 9,
        "column": 3,
        "endColumn": 16,
        "hint": "did you mean 'resourceLimits'?",
        "related": [],
    }


def test_the_tally_counts_by_severity() -> None:
    warning = Problem("OE3", "m", Position("f"), Severity.WARNING)
    assert tally([TYPO, TYPO, warning]) == "2 errors, 1 warning"
    assert tally([]) == "no problems"
