from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from inventory.manifests import policy_from
from inventory.windows import is_open, next_edge, zone_for
from oceanctl.demo.edits import closed, with_percent

EXAMPLE = Path(__file__).parents[4] / "examples" / "quickstart" / "policies" / "worker-2-half-cpu.yaml"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def loaded(text: str) -> dict[str, object]:
    document: dict[str, object] = YAML(typ="safe", pure=True).load(text)
    return document


@pytest.mark.parametrize("hours", range(0, 7 * 24, 5))
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_closed_policy_is_closed_now_and_for_a_day_at_every_hour(hours: int, zone: str) -> None:
    now = MONDAY + timedelta(hours=hours)
    text = closed(EXAMPLE.read_text() + f"\n  timeZone: {zone}\n", now)
    policy = policy_from(loaded(text))
    edge = next_edge(policy.windows, zone_for(zone), now)
    assert not is_open(policy.windows, zone_for(zone), now)
    assert edge is not None
    assert edge > now + timedelta(days=1)


def test_an_edit_keeps_every_other_line() -> None:
    before = EXAMPLE.read_text()
    after = with_percent(before, "cpu", 75)
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert [line.strip() for line in changed] == ["percent: 75"]
    assert len(after.splitlines()) == len(before.splitlines())


def test_other_resources_keep_their_limits() -> None:
    assert with_percent(EXAMPLE.read_text(), "memory", 75) == EXAMPLE.read_text()
