"""The tables of docs/proxier.md are the program's own."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from proxier.settings import Settings
from reconciler.permissions import PROXIER_COMPUTING, PROXIER_WORKER
from tests.unit.docs.test_operating import permissions_table

PAGE = Path(__file__).parents[3] / "docs" / "proxier.md"


def settings_table() -> str:
    rows = [
        f"| `{f.name}` | {f.metadata['help']} | `{f.default if f.default != '' else ' '}` |" for f in fields(Settings)
    ]
    return "\n".join(["| setting | meaning | default |", "|---|---|---|", *rows])


TABLES = {
    "proxier settings": settings_table(),
    "proxier worker": permissions_table(PROXIER_WORKER),
    "proxier computing": permissions_table(PROXIER_COMPUTING),
}


@pytest.mark.parametrize("name", list(TABLES))
def test_the_table_says_what_the_program_does(name: str) -> None:
    found = re.search(rf"<!-- {name} -->\n\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"))
    assert found, f"no table after <!-- {name} -->"
    assert found[1].strip() == TABLES[name]
