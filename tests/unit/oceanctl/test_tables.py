from oceanctl.output import plain
from oceanctl.tables import columns


def test_columns_are_aligned_and_lines_have_no_tail() -> None:
    lines = [plain(line) for line in columns(["NAME", "STATE"], [["a", ("Lent", "green")], ["longer", "Closed"]])]
    assert lines == ["NAME    STATE", "a       Lent", "longer  Closed"]


def test_an_empty_cell_is_a_dash() -> None:
    assert plain(list(columns(["A", "B"], [["", "x"]]))[1]) == "-  x"


def test_wide_characters_keep_the_columns_straight() -> None:
    lines = [plain(line) for line in columns(["A", "B"], [["名前", "x"], ["abcd", "y"]])]
    assert [line[-1] for line in lines[1:]] == ["x", "y"]
    assert lines[1] == "名前  x"
