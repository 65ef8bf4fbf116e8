"""`oceanctl apply`: plan, confirm, carry out, recap."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from inventory.errors import OceanError
from inventory.plan import Action, Change, Plan
from inventory.render import to_json
from oceanctl.access import computing_cluster
from oceanctl.commands.plan import show
from oceanctl.errors import ExitCode, StaleError, UsageMistakeError
from oceanctl.formats import Format, OutputOption
from oceanctl.output import Line
from oceanctl.planning import Compared, Desired, compare, guard_help, origin_document, read_desired, with_limit
from oceanctl.problems import render_problems
from oceanctl.shell import Shell
from reconciler.clock import SystemClock
from reconciler.decision import Emit, Side
from reconciler.gitops.carry import Outcome, carry_out
from reconciler.kube.client import Client
from reconciler.perform import AuditLine, Performer

_ALL: Final = 100  # per cent


def _limit(text: str | None) -> str | None:
    """`N` or `P%`."""
    if text is None:
        return None
    number = text.removesuffix("%")
    if not (number.isascii() and number.isdigit()) or (text.endswith("%") and int(number) > _ALL):
        raise typer.BadParameter(f"{text!r} is neither a count like 5 nor a share like 30%")
    return text


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False
    max_delete: Annotated[
        str | None,
        typer.Option(
            "--max-delete",
            metavar="N|P%",
            callback=_limit,
            help="How many objects may be deleted, in place of what ocean.yaml says.",
        ),
    ] = None
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="TOKEN", help="Carry out the held deletions that TOKEN names.")
    ] = None
    output: OutputOption = Format.TEXT


def run(shell: Shell, options: Options) -> ExitCode:
    """Apply an inventory to the computing cluster. Shows the plan and asks first, unless --yes."""
    desired = with_limit(read_desired(shell.inventory_folder()), options.max_delete)
    for line in render_problems(desired.warnings):
        shell.screen.note(*line)
    approved = frozenset({options.approve} if options.approve else ())
    compared = asyncio.run(_compared(shell, desired, approved))
    if options.output is Format.TEXT:
        show(shell, compared, Format.TEXT)
    is_asked = compared.plan.has_changes and not options.yes
    if is_asked:
        _confirm(shell, compared)
    with shell.interrupts.deferred():
        outcome = asyncio.run(_carried_out(shell, compared, approved if is_asked else None))
    return _finish(shell, compared, outcome, options.output)


async def _compared(shell: Shell, desired: Desired, approved: frozenset[str]) -> Compared:
    async with computing_cluster(shell) as client:
        with shell.screen.awaiting(f"the plan for {client.server}"):
            return await compare(client, desired, approved)


def _confirm(shell: Shell, compared: Compared) -> None:
    if not (shell.may_ask and shell.screen.is_interactive):
        raise UsageMistakeError("there is nobody to ask: repeat with --yes to apply this plan")
    if not shell.screen.is_told_yes(f"Apply this to {compared.server}?"):
        raise OceanError("nothing was applied")


async def _require_fresh(client: Client, compared: Compared, approved: frozenset[str]) -> None:
    """What was confirmed is what is applied, however long somebody thought about it."""
    now = await compare(client, compared.desired, approved)
    if now.plan.digest != compared.plan.digest:
        raise StaleError("the cluster has changed since the plan was shown; nothing was applied")


async def _carried_out(shell: Shell, compared: Compared, confirmed: frozenset[str] | None) -> Outcome:
    """`confirmed` are the approvals of a plan that somebody looked at, which has to be made once more; None when nobody did."""

    def audited(line: AuditLine) -> None:
        shell.screen.say(f"{line.verb} {line.resource}/{line.key}")

    if not compared.plan.has_changes:
        return Outcome()
    async with computing_cluster(shell) as client:
        if confirmed is not None:
            await _require_fresh(client, compared, confirmed)
        performer = Performer({Side.COMPUTING: client}, SystemClock(), audited, _no_events)
        with shell.screen.awaiting("the changes"):
            return await carry_out(
                compared.plan, performer.perform, "applied by oceanctl", lambda: shell.interrupts.is_wanted
            )


def _no_events(_client: Client, _emit: Emit) -> None:
    """A plan consists of applies and deletes."""


def _finish(shell: Shell, compared: Compared, outcome: Outcome, output: Format) -> ExitCode:
    plan = compared.plan
    if output is Format.JSON:
        recap = [{"cluster": cluster, **counts} for cluster, counts in recap_of(plan, outcome).items()]
        applied = {"recap": recap, "failures": [_failure_document(change, why) for change, why in outcome.failures]}
        shell.screen.document({**to_json(plan), **origin_document(compared), **applied})
    else:
        for line in render_recap(plan, outcome):
            shell.screen.result(*line)
    for change, why in outcome.failures:
        shell.screen.error(f"{change.kind}/{change.name}: {why}")
    if outcome.untried:
        shell.screen.error(f"{len(outcome.untried)} changes were not tried")
    if plan.held:
        shell.screen.error(guard_help(compared))
    return exit_code_of(plan, outcome)


def exit_code_of(plan: Plan, outcome: Outcome) -> ExitCode:
    """Partly applied before refused: what is half done is more urgent."""
    is_complete = not (outcome.failures or outcome.untried or plan.problems)
    if is_complete:
        return ExitCode.REFUSED if plan.held else ExitCode.OK
    if outcome.done:
        return ExitCode.PARTIAL
    return ExitCode.TEMPORARY if outcome.outage is not None else ExitCode.FAILED


def recap_of(plan: Plan, outcome: Outcome) -> dict[str, dict[str, int]]:
    """Counts per worker cluster, as Ansible shows them: `ok` are all that are as they should be, `changed` those of them that were not before."""
    clusters = sorted({change.binding for change in plan.changes})
    return {cluster: _counts(cluster, plan, outcome) for cluster in clusters}


def render_recap(plan: Plan, outcome: Outcome) -> Iterator[Line]:
    """One line per worker cluster."""
    recap = recap_of(plan, outcome)
    width = max(map(len, recap), default=0)
    yield ()
    for cluster, counts in recap.items():
        style = "red" if counts["failed"] else "yellow" if counts["changed"] else "green"
        shown = " ".join(f"{name}={count}" for name, count in counts.items())
        yield ((f"{cluster:<{width}}", style), f" : {shown}")


def _counts(cluster: str, plan: Plan, outcome: Outcome) -> dict[str, int]:
    actions = Counter(change.action for change in plan.changes if change.binding == cluster)
    changed = [change for change in outcome.done if change.binding == cluster]
    failed = sum(change.binding == cluster for change, _ in outcome.failures) + actions[Action.CONFLICT]
    drifted = sum(each.drift_by is not None for change in changed for each in change.fields)
    return {
        "ok": actions[Action.UNCHANGED] + len(changed),
        "changed": len(changed),
        "reverted": drifted,
        "failed": failed,
        "protected": actions[Action.PROTECTED],
        "held": sum(change.binding == cluster for change in plan.held),
    }


def _failure_document(change: Change, why: str) -> dict[str, Any]:
    return {"kind": change.kind, "name": change.name, "message": why}
