import time

import pytest

from inventory.ignore import rules_from


@pytest.mark.parametrize(
    ("pattern", "ignored", "kept"),
    [
        ("drafts", ["drafts", "drafts/a.yaml", "x/drafts/a.yaml"], ["drafts2/a.yaml", "mydrafts"]),
        ("drafts/", ["drafts/a.yaml", "x/drafts/a.yaml"], ["drafts"]),
        ("/drafts", ["drafts/a.yaml"], ["x/drafts/a.yaml"]),
        ("docs/drafts", ["docs/drafts/a.yaml"], ["x/docs/drafts/a.yaml"]),
        ("*.tmp.yaml", ["a.tmp.yaml", "x/b.tmp.yaml"], ["a.yaml"]),
        ("policies/*.yaml", ["policies/a.yaml"], ["policies/x/a.yaml", "x/policies/a.yaml"]),
        ("policies/**/old.yaml", ["policies/old.yaml", "policies/a/b/old.yaml"], ["old.yaml"]),
        ("charts/**", ["charts/a", "charts/a/b"], ["charts"]),
        ("**/charts", ["charts/a", "x/y/charts/a"], ["mycharts/a"]),
        ("a?.yaml", ["ab.yaml"], ["a.yaml", "abc.yaml", "a/.yaml"]),
        ("[ab].yaml", ["a.yaml"], ["c.yaml"]),
        ("[!ab].yaml", ["c.yaml"], ["a.yaml"]),
        ("[z-a].yaml", [], ["a.yaml"]),
        ("a[.yaml", ["a[.yaml"], ["a.yaml"]),
        (r"\!important", ["!important"], ["important"]),
        (r"\#1", ["#1"], ["1"]),
        ("trailing   ", ["trailing"], ["trailing   "]),
    ],
)
def test_patterns_mean_what_they_mean_to_git(pattern: str, ignored: list[str], kept: list[str]) -> None:
    rules = rules_from([pattern])

    assert [path for path in (*ignored, *kept) if rules.ignores(path)] == ignored


@pytest.mark.parametrize("line", ["", "   ", "# comment", "/", "!", "!/"])
def test_lines_that_say_nothing_ignore_nothing(line: str) -> None:
    assert rules_from([line]).patterns == ()


def test_the_last_pattern_that_fits_decides() -> None:
    rules = rules_from(["*.yaml", "!keep.yaml", "x/keep.yaml"])

    assert [rules.ignores(path) for path in ("a.yaml", "keep.yaml", "x/keep.yaml")] == [True, False, True]


def test_nothing_comes_back_from_an_ignored_folder() -> None:
    assert rules_from(["drafts/", "!drafts/keep.yaml"]).ignores("drafts/keep.yaml")


def test_a_hostile_pattern_costs_no_time() -> None:
    rules = rules_from(["**/a/" * 50 + "b", "*a" * 50 + "b"])
    before = time.monotonic()

    assert not rules.ignores("a/" * 100 + "a" * 200)
    assert time.monotonic() - before < 5
