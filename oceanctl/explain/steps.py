"""What an explanation is made of: a rule, what went in, what came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Ledger = tuple[tuple[str, str], ...]
"""Lines of a calculation: what it is, and how much."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rule.

    `inputs` are JSON. `subject` tells steps of one rule apart (a policy, a resource); `ledger` is for people, who also find it in the inputs.
    """

    rule: str
    inputs: Mapping[str, Any]
    outcome: str
    subject: str = ""
    ledger: Ledger = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"rule": self.rule, "inputs": dict(self.inputs), "outcome": self.outcome}
