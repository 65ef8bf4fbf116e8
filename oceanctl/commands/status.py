"""`oceanctl status`: the fleet at a glance."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from inventory.quantity import MILLI, canonical, parse
from oceanctl.access import computing_cluster
from oceanctl.errors import ExitCode
from oceanctl.fleet import Binding, Fleet, Policy, Vnode, fleet_document, observe
from oceanctl.formats import Format, OutputOption
from oceanctl.output import Line, Part
from oceanctl.problems import counted
from oceanctl.shell import Shell
from oceanctl.tables import columns
from reconciler.gitops.state import State

_GOOD: Final = frozenset({"Ready", "Active", "Lent", "True", "yes"})
_BAD: Final = frozenset({"Failed", "False", "no", "Unreachable", "Evicting"})
_GIB: Final = 1 << 30
_MIB: Final = 1 << 20
_NEAR: Final = timedelta(minutes=100)  # the longest in two digits of minutes
_WEEK: Final = timedelta(days=6)  # within it a weekday names one day
_TWO_MINUTES: Final = 120


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    output: OutputOption = Format.TEXT


def run(shell: Shell, options: Options) -> ExitCode:
    """Show what is lent now, and until when. Bindings with their vnodes, and policies."""
    now = datetime.now(UTC)
    fleet = asyncio.run(_observed(shell, now))
    if options.output is Format.JSON:
        shell.screen.document(fleet_document(fleet))
        return ExitCode.OK
    for line in render(fleet, now):
        shell.screen.result(*line)
    return ExitCode.OK


async def _observed(shell: Shell, now: datetime) -> Fleet:
    async with computing_cluster(shell) as client:
        return await observe(client, now)


def render(fleet: Fleet, now: datetime) -> Iterator[Line]:
    """The fleet as paragraphs: inventories, then each binding with its vnodes, then the policies."""
    paragraphs = [list(paragraph) for paragraph in _paragraphs(fleet, now)]
    for number, paragraph in enumerate(filter(None, paragraphs)):
        if number:
            yield ()
        yield from paragraph


def _paragraphs(fleet: Fleet, now: datetime) -> Iterator[Iterator[Line]]:
    yield (line for state in fleet.inventories for line in _inventory(state))
    if not fleet.bindings:
        yield iter([("No bindings: nothing is lent to this cluster.",)])
    for binding in fleet.bindings:
        yield _binding(binding, [vnode for vnode in fleet.vnodes if vnode.binding == binding.name], now)
    if fleet.policies:
        yield _policies(fleet.policies, now)


def _policies(policies: Sequence[Policy], now: datetime) -> Iterator[Line]:
    yield from columns(["POLICY", "BINDING", "PHASE", "LENT", "NEXT"], [_policy(each, now) for each in policies])
    yield from (("  ", policy.name, ": ", policy.complaint) for policy in policies if policy.complaint)


def _inventory(state: State) -> Iterator[Line]:
    ready = state.condition("Ready")
    revision = state.revision[:12] if state.revision else "nothing applied yet"
    yield (
        (f"inventory {state.inventory_id}", "bold"),
        f"  {revision}  ",
        _marked("Ready" if ready.get("status") == "True" else ready.get("reason", "Unknown")),
    )
    if ready.get("status") == "False":
        yield (f"  {ready.get('message', '')}",)


def _binding(binding: Binding, vnodes: list[Vnode], now: datetime) -> Iterator[Line]:
    connected = {"True": "connected", "False": "not connected"}.get(binding.connected, "connection unknown")
    yield (
        (f"binding {binding.name}", "bold"),
        "  ",
        _marked(binding.phase),
        f"  {connected}  {binding.leased} of {counted(binding.matched, 'node')} leased{_total(binding.totals)}",
        "  suspended" if binding.is_suspended else "",
    )
    if binding.complaint:
        yield (f"  {binding.complaint}",)
    if vnodes:
        header = ["VNODE", "STATE", "POLICY", "CPU", "MEM", "PODS", "ENDS"]
        yield from columns(header, [_vnode(vnode, now) for vnode in vnodes])


def _vnode(vnode: Vnode, now: datetime) -> list[Part]:
    capacity = vnode.capacity
    return [
        vnode.name,
        _marked(vnode.state),
        vnode.policy,
        shown_amount("cpu", capacity.get("cpu", "0")),
        shown_amount("memory", capacity.get("memory", "0")),
        f"{vnode.pods}/{capacity.get('pods', '0')}",
        until(vnode.ends_at, now),
    ]


def _policy(policy: Policy, now: datetime) -> list[Part]:
    verb = {"Close": "closes ", "Open": "opens "}.get(policy.next_direction, "")
    return [
        policy.name,
        policy.binding,
        _marked(policy.phase),
        f"{policy.leased}/{policy.matched}",
        f"{verb}{until(policy.next_at, now)}" if policy.next_at else "",
    ]


def _total(totals: Mapping[str, str]) -> str:
    shown = [f"{shown_amount(name, totals[name])} {name}" for name in ("cpu", "memory") if name in totals]
    return f": {', '.join(shown)}" if shown else ""


def _marked(word: str) -> Part:
    style = "green" if word in _GOOD else "red" if word in _BAD else "yellow"
    return (word, style)


def shown_amount(resource: str, quantity: str) -> str:
    """A quantity short enough for a column: cores and GiB with at most one digit after the point, the rest as Kubernetes writes it."""
    if resource == "cpu":
        return f"{parse(quantity) / MILLI:.1f}".removesuffix(".0")
    if resource != "memory":
        return canonical(resource, parse(quantity))
    size = parse(quantity) // MILLI
    return f"{size / _GIB:.1f}Gi".replace(".0Gi", "Gi") if size >= _GIB else f"{size // _MIB}Mi"


def until(instant: datetime | None, now: datetime) -> str:
    """What a person wants to know of an instant, in ten characters: `in 4 min` when it is near, else `Sat 06:00Z`, else its date."""
    if instant is None:
        return ""
    left = instant - now
    if abs(left) < _NEAR:
        return f"in {_span(left)}" if left >= timedelta() else f"{_span(-left)} ago"
    return f"{instant.astimezone(UTC):{'%a %H:%MZ' if abs(left) < _WEEK else '%Y-%m-%d'}}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 60} min" if seconds >= _TWO_MINUTES else f"{seconds} s"
