"""What is drawn of forecasts that are not like the example: long, short, many, none."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from inventory.model import Binding, Policy, SecretRef, Window
from inventory.windows import zone_for
from oceanctl.forecast.evaluation import Forecast, forecast_of
from oceanctl.forecast.plot import columns_for, plot
from oceanctl.forecast.supply import Machine, Supply
from oceanctl.forecast.svg import to_svg
from oceanctl.output import plain

BEGIN = datetime(2026, 10, 20, 6, tzinfo=UTC)
PARIS = zone_for("Europe/Paris")
NIGHT = (Window(22 * 60, 6 * 60 - 1),)


def forecast(*names: str, span: timedelta = timedelta(days=7), windows: tuple[Window, ...] = NIGHT) -> Forecast:
    machine = Machine("n", {}, {"cpu": "8"}, {})
    supplies = [Supply(Binding(name, name, SecretRef("s", "n"), "m"), (machine,)) for name in names]
    policies = [Policy(f"of-{name}", name, windows=windows, time_zone="Europe/Paris") for name in names]
    return forecast_of(supplies, policies, BEGIN, BEGIN + span)


def plotted(found: Forecast, width: int = 80) -> list[str]:
    return [plain(line) for line in plot(found, "cpu", columns_for(found, width, PARIS))]


def texts(svg: str) -> list[str]:
    return [found.text or "" for found in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


SPANS = [timedelta(minutes=20), timedelta(hours=7), timedelta(days=2), timedelta(days=60), timedelta(days=3660)]


@pytest.mark.parametrize("width", [20, 80, 120])
@pytest.mark.parametrize("span", SPANS, ids=str)
def test_axis_and_area_have_the_same_columns_and_fit(span: timedelta, width: int) -> None:
    lines = plotted(forecast("a", span=span), width)
    axis = next(line for line in lines if "┼" in line)
    assert 10 < len(axis) <= width
    assert max(map(len, lines[1:9])) <= len(axis)


def test_a_day_of_23_hours_has_fewer_columns() -> None:
    found = forecast_of([], [], datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC))
    axis = next(plain(line) for line in plot(found, "cpu", columns_for(found, 82, PARIS)) if "┼" in plain(line))
    first, second, third = (at.start() for at in re.finditer("┬", axis))
    assert third - second < second - first


def test_little_is_not_drawn_as_nothing() -> None:
    machines = [Machine("n", {}, {"cpu": cpu}, {}) for cpu in ("1000", "1")]
    bindings = [Binding(name, name, SecretRef("s", "n"), "m") for name in ("big", "small")]
    supplies = [Supply(each, (machine,)) for each, machine in zip(bindings, machines, strict=True)]
    policies = [Policy("always", "small"), Policy("nights", "big", windows=NIGHT)]
    area = plotted(forecast_of(supplies, policies, BEGIN, BEGIN + timedelta(days=2)))[8]
    assert "·" not in area
    assert "▁" in area


def test_names_that_are_too_long_stand_above_their_row() -> None:
    lines = plotted(forecast("paris-la-defense"))
    assert lines[-2] == "paris-la-defense: 0 cores to 8 cores"
    assert "█" in lines[-1]


def test_what_never_changes_is_told_as_such() -> None:
    found = forecast("a", windows=())
    assert plotted(found)[0].endswith(" throughout")
    assert "8 cores throughout" in texts(to_svg(found, ["cpu"], PARIS))


def test_a_long_picture_names_days_only() -> None:
    assert "06" not in texts(to_svg(forecast("a", span=timedelta(days=60)), ["cpu"], PARIS))
    assert "06" in texts(to_svg(forecast("a"), ["cpu"], PARIS))


def test_utc_is_not_drawn_twice() -> None:
    assert "UTC" in texts(to_svg(forecast("a"), ["cpu"], PARIS))
    assert "UTC" not in texts(to_svg(forecast("a"), ["cpu"], zone_for("UTC")))


def test_many_clusters_have_a_legend_of_several_rows() -> None:
    svg = to_svg(forecast(*(f"worker-number-{number}" for number in range(14))), ["cpu"], PARIS)
    legend = [found for found in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text") if found.text]
    rows = {found.get("y") for found in legend if (found.text or "").startswith("worker-number-1")}
    assert len(rows) >= 2
    assert all(float(found.get("x", 0)) <= 1080 for found in legend)


def test_names_and_markup_do_not_mix() -> None:
    assert "a<b&c" in texts(to_svg(forecast("a<b&c"), ["cpu"], PARIS))


def test_very_long_names_are_cut_in_the_middle_of_their_lane() -> None:
    found = texts(to_svg(forecast("a" * 40 + "z"), ["cpu"], PARIS))
    assert any(re.fullmatch("a+…a+z", text) for text in found)


def test_a_forecast_of_nothing_is_a_picture_too() -> None:
    assert "Open" in texts(to_svg(forecast(), [], PARIS))
