"""The loop of GitOps: woken by a timer, it looks at Git and at the cluster, decides, carries out and reports.

What a pass does depends on nothing that an earlier pass remembers, except how long to leave an unreachable server alone and what was good last.
"""

import asyncio
import logging
from datetime import UTC
from typing import Final, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from inventory.model import Inventory
from reconciler import names
from reconciler.clock import Clock
from reconciler.gitops.carry import Outcome, carry_out
from reconciler.gitops.decide import GitDecision, conclude, decide
from reconciler.gitops.fetch import Fetcher, source_of
from reconciler.gitops.live import live_objects
from reconciler.gitops.report import Outlook
from reconciler.gitops.state import Record, name_for, record_from
from reconciler.gitops.view import Failed, Fetched, GitView, News
from reconciler.kube.backoff import Backoff
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError, NotFoundError
from reconciler.kube.resources import CONFIGMAPS
from reconciler.perform import Performer
from reconciler.settings import Settings

log = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS: Final = 300.0  # as every retry
_JITTER: Final = 0.1  # of the interval: a thousand reconcilers must not poll one server at once


class GitLoop:
    """Keeps the custom resources of one computing cluster equal to one inventory."""

    def __init__(
        self, settings: Settings, client: Client, performer: Performer, cluster_uid: str, clock: Clock
    ) -> None:
        self._client = client
        self._performer = performer
        self._cluster_uid = cluster_uid
        self._clock = clock
        self.source = source_of(settings)
        self._poll_seconds = settings.git_poll_seconds
        self._repository = Repository(Fetcher(settings), Backoff(settings.git_poll_seconds, _LONGEST_PAUSE_SECONDS))
        self._wake = asyncio.Event()
        self._inventory_id: str | None = None
        self._good: Inventory | None = None
        self._said = ""

    async def run(self) -> None:
        """Poll until cancelled."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        trigger = IntervalTrigger(seconds=self._poll_seconds, jitter=self._poll_seconds * _JITTER, timezone=UTC)
        scheduler.add_job(self._tick, trigger, misfire_grace_time=None, coalesce=True, max_instances=1)
        scheduler.start()
        try:
            while True:
                self._wake.clear()
                await self.attend()
                await self._wake.wait()
        finally:
            scheduler.shutdown(wait=False)

    async def _tick(self) -> None:
        """A coroutine, because the scheduler would run a plain function in another thread."""
        self._wake.set()

    async def attend(self) -> None:
        """One pass. An API server that does not answer or refuses is logged and met again at the next pass."""
        try:
            await self._attend()
        except KubeError as error:
            log.warning("will retry the inventory", extra={"error": str(error), "status": error.status})
        except Exception:  # the supervisor of the loop: a commit that trips over a defect must not end the manager
            log.exception("defect while attending the inventory")

    async def _attend(self) -> None:
        now = self._clock.now()
        view = await self._observed()
        decision = await asyncio.to_thread(decide, view, now)  # ten thousand objects take a second to compare
        for action in decision.first:
            await self._performer.perform(action, decision.because)
            self._wake.set()
        outcome = await self._carried_out(decision)
        for action in conclude(view, decision, outcome, now):
            await self._performer.perform(action, decision.because)
        self._good = decision.good
        self._say(decision)

    async def _carried_out(self, decision: GitDecision) -> Outcome:
        if decision.plan is None or not decision.plan.has_changes:
            return Outcome()
        return await carry_out(decision.plan, self._performer.perform, decision.because)

    async def _observed(self) -> GitView:
        record = await self._record()
        news = await self._repository.news(_base(record, self.source.fingerprint))
        if (
            isinstance(news, Fetched)
            and news.inventory is not None
            and news.inventory.id not in (None, self._inventory_id)
        ):
            self._inventory_id = news.inventory.id
            record = await self._record()
        live = await live_objects(self._client)
        return GitView(self.source, self._cluster_uid, news, record, live, self._good)

    async def _record(self) -> Record | None:
        """The ConfigMap of the inventory; while its ID is not known, the one that was written for the same source."""
        if self._inventory_id is None:
            return await self._record_of_source()
        try:
            found = await self._client.get(CONFIGMAPS, name_for(self._inventory_id), names.SYSTEM_NAMESPACE)
        except NotFoundError:
            return None
        return record_from(found)

    async def _record_of_source(self) -> Record | None:
        found = await self._client.list(CONFIGMAPS, names.SYSTEM_NAMESPACE, label_selector=names.INVENTORY_ID)
        records = [record_from(each) for each in found]
        mine = [record for record in records if record.state.source == self.source.fingerprint]
        return mine[0] if len(mine) == 1 else None

    def _say(self, decision: GitDecision) -> None:
        """Log what became of the inventory when it is something else than before."""
        if decision.because == self._said:
            return
        self._said = decision.because
        is_well = decision.first or decision.verdict.outlook is Outlook.DONE
        level = logging.INFO if is_well else logging.WARNING
        log.log(level, "inventory", extra={"reason": decision.verdict.reason, "because": decision.because})


class Fetches(Protocol):
    """What blocks until there is news; see fetch.Fetcher."""

    def fetch(self, applied: str | None) -> News:
        """The head of the branch, or why it cannot be read."""
        ...


class Repository:
    """A fetcher that leaves an unreachable server alone for longer and longer."""

    def __init__(self, fetcher: Fetches, backoff: Backoff) -> None:
        self._fetcher = fetcher
        self._backoff = backoff
        self._failures = 0
        self._failed: Failed | None = None
        self._not_before = 0.0

    async def news(self, applied: str | None) -> News:
        """What the repository says, or what it said last while it is left alone."""
        time = asyncio.get_running_loop().time
        if self._failed is not None and time() < self._not_before:
            return self._failed
        news = await asyncio.to_thread(self._fetcher.fetch, applied)
        if isinstance(news, Failed):
            self._failed = news
            self._not_before = time() + self._backoff.delay_seconds(self._failures)
            self._failures += 1
        else:
            self._failed, self._failures = None, 0
        return news


def _base(record: Record | None, fingerprint: str) -> str | None:
    """The commit that the branch has to contain; none where another source was applied before."""
    return record.state.revision if record is not None and record.state.source == fingerprint else None
