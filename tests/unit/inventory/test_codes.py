import re
from pathlib import Path

from inventory.codes import Code
from inventory.kinds import BINDING_SPEC, POLICY_SPEC

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "inventory.md").read_text(encoding="utf-8")
POLICIES = (DOCS / "policies.md").read_text(encoding="utf-8")


def test_every_code_is_explained_once_and_no_other() -> None:
    assert re.findall(r"^\| (OE\d{4}) \|", TEXT, re.MULTILINE) == [code.value for code in Code]


def test_every_field_is_explained() -> None:
    words = set(re.findall(r"`(\w+)`|^  (\w+):", TEXT + POLICIES, re.MULTILINE))
    named = {word for pair in words for word in pair}

    assert {*BINDING_SPEC.fields, *POLICY_SPEC.fields} <= named
