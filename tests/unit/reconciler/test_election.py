from pathlib import Path

import pytest

from reconciler.election import Claim, Record, identity_from, judge


def record(holder: str, seen_at: float = 0.0) -> Record:
    return Record(holder, duration_seconds=15, resource_version="1", transitions=0, seen_at=seen_at)


@pytest.mark.parametrize(
    ("there", "now", "claim"),
    [
        (None, 0.0, Claim.CREATE),
        (record("me"), 100.0, Claim.RENEW),
        (record(""), 0.0, Claim.TAKE),
        (record("other"), 15.0, Claim.WAIT),
        (record("other"), 15.1, Claim.TAKE),
        (record("other", seen_at=10.0), 20.0, Claim.WAIT),
    ],
    ids=["no lease", "mine", "released", "theirs and fresh", "theirs and lapsed", "theirs, renewed as we watched"],
)
def test_a_lease_is_taken_only_when_nobody_can_hold_it(there: Record | None, now: float, claim: Claim) -> None:
    assert judge(there, "me", now) is claim


def test_the_identity_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert identity_from(state) == identity_from(state)
    assert identity_from(state) != identity_from(tmp_path / "other")
