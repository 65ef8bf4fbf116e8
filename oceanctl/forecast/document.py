"""Forecasts for programs: JSON with exact steps and hours, CSV by hour."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from inventory.quantity import MILLI, canonical
from oceanctl.forecast.evaluation import Forecast, Series, Step
from oceanctl.forecast.levels import (
    Level,
    Levels,
    floor_of,
    hours_of,
    levels_of,
    peak_of,
    resources_of,
    summary_of,
    total_of,
)
from reconciler.conditions import rfc3339

_HOUR: Final = timedelta(hours=1)
_COLUMNS: Final = ("hour", "cluster", "resource", "lowest", "mean", "highest")


def forecast_document(forecast: Forecast, notes: Sequence[str]) -> dict[str, Any]:
    """Quantities as Kubernetes writes them; `hours` have what is lent throughout the hour, `steps` what is lent from an instant on."""
    resources = resources_of(forecast)
    return {
        "from": rfc3339(forecast.begin),
        "to": rfc3339(forecast.end),
        "resources": {name: _extremes(name, total_of(forecast, name)) for name in resources},
        "clusters": [_cluster(series, resources, forecast) for series in forecast.series],
        "notes": list(notes),
    }


def to_csv(forecast: Forecast) -> str:
    """One row per hour of UTC, cluster and resource, in cores, bytes or pieces; an hour that begins before the forecast counts from its begin."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for series in forecast.series:
        for resource in resources_of(forecast):
            levels = levels_of(series, resource, forecast.end)
            writer.writerows(_rows(series.name, resource, levels, forecast))
    return text.getvalue()


def _rows(cluster: str, resource: str, levels: Levels, forecast: Forecast) -> Iterator[tuple[str, ...]]:
    for hour in hours_of(forecast):
        if found := summary_of(levels, hour, hour + _HOUR):
            amounts = (found.lowest, found.mean, found.highest)
            yield (rfc3339(hour), cluster, resource, *map(_plain, amounts))


def _plain(milli: int) -> str:
    """A number that every spreadsheet reads."""
    return f"{(Decimal(milli) / MILLI).normalize():f}"


def _extremes(resource: str, levels: Levels) -> dict[str, Any]:
    return {"peak": _extreme(resource, peak_of(levels)), "floor": _extreme(resource, floor_of(levels))}


def _extreme(resource: str, level: Level) -> dict[str, str]:
    return {
        "amount": canonical(resource, level.amount),
        "from": rfc3339(level.start),
        "to": rfc3339(level.end),
    }


def _cluster(series: Series, resources: Sequence[str], forecast: Forecast) -> dict[str, Any]:
    by_resource = {name: levels_of(series, name, forecast.end) for name in resources}
    return {
        "name": series.name,
        "clusterID": series.supply.binding.cluster_id,
        "nodes": len(series.supply.machines),
        "leftOut": list(series.supply.left_out),
        "steps": [_step(step) for step in series.steps],
        "hours": [{"start": rfc3339(hour), "capacity": _throughout(by_resource, hour)} for hour in hours_of(forecast)],
    }


def _step(step: Step) -> dict[str, Any]:
    capacity = {name: canonical(name, amount) for name, amount in step.capacity.items()}
    return {"at": rfc3339(step.at), "nodes": step.nodes, "capacity": capacity}


def _throughout(by_resource: Mapping[str, Levels], hour: datetime) -> dict[str, str]:
    found = ((name, summary_of(levels, hour, hour + _HOUR)) for name, levels in by_resource.items())
    return {name: canonical(name, summary.lowest) for name, summary in found if summary and summary.lowest}
