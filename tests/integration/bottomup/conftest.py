"""A real API server with a real node controller, and one vnode that decisions are carried out on."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
import pytest

from oceanctl.sandbox.controlplane import ControlPlane
from reconciler import names
from reconciler.bottomup import decide as bottomup
from reconciler.bottomup.view import NodeView
from reconciler.clock import SystemClock
from reconciler.decision import Decision, Side
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import ConflictError, NotFoundError
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.projections import Node
from reconciler.kube.resources import NODES
from reconciler.marks import BindingState, Identity
from reconciler.perform import Performer
from reconciler.reclaim import decide as reclaim
from tests.leasing import node_view
from tests.recording import new_recorder

MOST_PASSES = 8


@dataclass(slots=True)
class Lease:
    """One vnode of a computing cluster; `fields` are those of its view that do not come from there."""

    client: Client
    identity: Identity
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def vnode_name(self) -> str:
        return names.vnode_name(self.identity.cluster_id, "n1")

    async def vnode(self) -> Node | None:
        try:
            return msgspec.json.decode(await self.client.get_raw(NODES, self.vnode_name), type=Node)
        except NotFoundError:
            return None

    async def view(self) -> NodeView:
        given: dict[str, Any] = {"vnode_name": self.vnode_name, "state": BindingState(self.identity), **self.fields}
        return replace(node_view(**given), vnode=await self.vnode())

    async def decide(self, now: datetime) -> Decision:
        view = await self.view()
        return bottomup.decide(view, reclaim.decide(view, now), now)

    async def settle(self, now: datetime) -> Node | None:
        """Pass after pass until nothing is left to do; the node controller may come in between."""
        recorder = new_recorder()
        performer = Performer({Side.COMPUTING: self.client}, SystemClock(), lambda _line: None, recorder.record)
        for _ in range(MOST_PASSES):
            decision = await self.decide(now)
            if not decision.actions:
                return await self.vnode()
            for action in decision.actions:
                try:
                    await performer.perform(action, decision.because)
                except ConflictError:
                    break
            await recorder.flush()
        raise AssertionError(f"still busy after {MOST_PASSES} passes")


@pytest.fixture
async def lease(cluster: ControlPlane) -> AsyncIterator[Lease]:
    cluster_id = f"c{uuid.uuid4().hex[:8]}"
    async with await connect(await from_file(cluster.kubeconfig)) as client:
        yield Lease(client, Identity("computing-uid", "tokyo", "binding-uid", cluster_id, "kubeocean-worker"))
