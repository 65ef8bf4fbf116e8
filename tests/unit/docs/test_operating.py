"""The tables of docs/operating.md are the program's own."""

import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import pytest

from reconciler.permissions import COMPUTING, WORKER, Rule
from reconciler.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"


def settings_table() -> str:
    rows = [
        f"| `{f.name}` | {f.metadata['help']} | `{f.default if f.default != '' else ' '}` |" for f in fields(Settings)
    ]
    return "\n".join(["| setting | meaning | default |", "|---|---|---|", *rows])


def permissions_table(rules: Iterable[Rule]) -> str:
    rows = [f"| {rule.scope.value} | `{resource_of(rule)}` | {', '.join(rule.verbs)} | {rule.why} |" for rule in rules]
    return "\n".join(["| where | resource | verbs | why |", "|---|---|---|---|", *rows])


def resource_of(rule: Rule) -> str:
    group = f".{rule.resource.group}" if rule.resource.group else ""
    only = f" {rule.only}" if rule.only else ""
    return f"{rule.path}{group}{only}"


TABLES = {
    "settings": settings_table(),
    "permissions worker": permissions_table(WORKER),
    "permissions computing": permissions_table(COMPUTING),
}


@pytest.mark.parametrize("name", list(TABLES))
def test_the_table_says_what_the_program_does(name: str) -> None:
    found = re.search(rf"<!-- {name} -->\n\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"))
    assert found, f"no table after <!-- {name} -->"
    assert found[1].strip() == TABLES[name]
