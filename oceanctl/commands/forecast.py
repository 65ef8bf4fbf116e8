"""`oceanctl forecast`: how much the policies of an inventory will lend, hour by hour."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Annotated

import typer

from inventory.errors import InvalidValueError
from inventory.model import Inventory
from inventory.windows import zone_for
from oceanctl.errors import ExitCode, UsageMistakeError
from oceanctl.forecast.document import forecast_document, to_csv
from oceanctl.forecast.evaluation import Forecast, forecast_of
from oceanctl.forecast.files import supplies_from
from oceanctl.forecast.levels import resources_of
from oceanctl.forecast.live import live_supplies
from oceanctl.forecast.plot import ASCII, columns_for, plot
from oceanctl.forecast.supply import Supply
from oceanctl.forecast.svg import to_svg
from oceanctl.formats import Format, OutputOption
from oceanctl.instants import AtOption, HorizonOption, horizon_from
from oceanctl.output import Line
from oceanctl.problems import counted, render_problems
from oceanctl.shell import Shell
from oceanctl.sources import valid_inventory
from oceanctl.windows.words import span_words
from reconciler.conditions import rfc3339

_WIDTH = 80
_MAX_WIDTH = 120
_UNPLOTTED = ("pods", "ephemeral-storage")
_FILE = "[BINDING=]FILE"


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    at: AtOption = None
    horizon: HorizonOption = "7d"
    nodes: Annotated[
        list[str] | None,
        typer.Option("--nodes", metavar=_FILE, help="A worker's nodes, as kubectl get nodes -o yaml prints them."),
    ] = None
    pods: Annotated[
        list[str] | None,
        typer.Option("--pods", metavar=_FILE, help="With --nodes: its pods, of all namespaces."),
    ] = None
    resource: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="NAME", help="What to plot; by default cpu, memory and devices."),
    ] = None
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="Whose days and hours; by default the policies', or UTC."),
    ] = None
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into a file, too.")] = None
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a row per hour, too.")] = None
    output: OutputOption = Format.TEXT


def run(shell: Shell, options: Options) -> ExitCode:
    """Forecast what is lent, hour by hour, if the owners' pods stay as they are: from given nodes and pods, or from the workers."""
    begin, end = horizon_from(options.at, options.horizon)
    inventory, warnings = valid_inventory(shell.inventory_folder())
    for line in render_problems(warnings):
        shell.screen.note(*line)
    zone = _zone(options.zone, inventory)
    supplies, notes = _supplies(shell, options, inventory)
    forecast = forecast_of(supplies, [located.value for located in inventory.policies], begin, end)
    plotted = _plotted(forecast, options.resource or ())
    _write(shell, options.csv, lambda: to_csv(forecast))
    _write(shell, options.svg, lambda: to_svg(forecast, plotted, zone))
    if options.output is Format.JSON:
        shell.screen.document(forecast_document(forecast, notes))
    else:
        _show(shell, forecast, plotted, zone)
        for note in notes:
            shell.screen.note(("note: ", "yellow"), note)
    return ExitCode.OK


def _write(shell: Shell, file: Path | None, made: Callable[[], str]) -> None:
    if file is not None:
        file.write_text(made(), encoding="utf-8")
        shell.screen.say(f"wrote {file}")


def _supplies(shell: Shell, options: Options, inventory: Inventory) -> tuple[tuple[Supply, ...], tuple[str, ...]]:
    bindings = [located.value for located in inventory.bindings]
    if options.nodes:
        lent = {located.value.cluster for located in inventory.policies}
        supplies, notes = supplies_from(bindings, lent, options.nodes, options.pods or ())
    elif options.pods:
        raise UsageMistakeError("--pods needs --nodes: without nodes there is nothing that pods could take")
    else:
        supplies, notes = asyncio.run(live_supplies(shell, bindings))
    left_out = [f"{supply.binding.name}/{name}" for supply in supplies for name in supply.left_out]
    if left_out:
        notes = (*notes, f"left out, because they take no pods now: {', '.join(left_out)}")
    return supplies, notes


def _zone(wanted: str | None, inventory: Inventory) -> tzinfo:
    """The zone that was named, else the one of all policies that have windows, else UTC."""
    if wanted is not None:
        try:
            return zone_for(wanted)
        except InvalidValueError as error:
            raise UsageMistakeError(f"--zone: {error}") from error
    zones = {located.value.time_zone for located in inventory.policies if located.value.windows}
    return zone_for(zones.pop() if len(zones) == 1 else "UTC")


def _plotted(forecast: Forecast, wanted: Sequence[str]) -> tuple[str, ...]:
    lent = resources_of(forecast)
    unknown = [name for name in wanted if name not in lent]
    if unknown:
        raise UsageMistakeError(f"--resource {unknown[0]}: not lent; there is {', '.join(lent) or 'nothing'}")
    return tuple(wanted) or tuple(name for name in lent if name not in _UNPLOTTED)


def _show(shell: Shell, forecast: Forecast, plotted: Sequence[str], zone: tzinfo) -> None:
    has_blocks = _can_write(shell.screen.out.encoding, "█")
    for line in _lines(forecast, plotted, zone, shell.screen.width or _WIDTH):
        shell.screen.result(*(line if has_blocks else _in_ascii(line)))


def _lines(forecast: Forecast, plotted: Sequence[str], zone: tzinfo, width: int) -> Iterator[Line]:
    span = span_words(forecast.end - forecast.begin)
    nodes = counted(sum(len(series.supply.machines) for series in forecast.series), "node")
    yield (f"lent from {rfc3339(forecast.begin)} on for {span}, by {nodes}; times of {zone}",)
    columns = columns_for(forecast, min(width, _MAX_WIDTH), zone)
    for resource in plotted:
        yield ()
        yield from plot(forecast, resource, columns)
    if not plotted:
        yield ("nothing is lent",)


def _can_write(encoding: str | None, text: str) -> bool:
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _in_ascii(line: Line) -> Line:
    return tuple(
        part.translate(ASCII) if isinstance(part, str) else (part[0].translate(ASCII), part[1]) for part in line
    )
