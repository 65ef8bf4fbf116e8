"""Views of bindings, with a live contact to each worker; the supervisor follows what they show."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from inventory.errors import InvalidInventoryError, Problem
from inventory.model import Binding
from reconciler import names
from reconciler.bridge.bridge import Bridge, Surroundings
from reconciler.bridge.computing import Computing
from reconciler.bridge.ground import Bound
from reconciler.bridge.policies import parsed_binding
from reconciler.kube.client import Client, connect
from reconciler.kube.projections import CustomObject
from reconciler.kube.transport import OnRequest
from reconciler.manager.decide import Verdict, verdict_of
from reconciler.manager.probe import Credential, KubeconfigUnusableError, contact_with, credential_of
from reconciler.manager.supervise import Order, Supervisor
from reconciler.manager.view import Contact, ManagerView
from reconciler.marks import BindingState, Identity

log = logging.getLogger(__name__)


class ManagerObserver:
    """Builds ManagerViews; keys are names of bindings. A contact is made at every look, with the binding's current kubeconfig."""

    def __init__(self, around: Surroundings, supervisor: Supervisor, on_request: OnRequest) -> None:
        self._around = around
        self._supervisor = supervisor
        self._on_request = on_request

    async def observe(self, name: str, now: datetime) -> ManagerView | None:
        """The view of one binding, its Bridge started or stopped accordingly; None (and no Bridge) when the binding is gone."""
        seen = self._around.computing.bindings.get(name)
        if seen is None:
            await self._supervisor.stop(name)
            return None
        binding, problems = _parsed(seen)
        credential, trouble = await self._credential(binding)
        client = await self._client(credential) if credential else None
        try:
            contact = await self._contact(client, binding, credential, now)
            view = self._view(seen, binding, problems, trouble, contact)
            client = await self._follow(view, client, credential)
        finally:
            if client is not None:
                await client.close()
        return view

    async def _credential(self, binding: Binding | None) -> tuple[Credential | None, str | None]:
        if binding is None:
            return None, None
        try:
            return await credential_of(self._around.computing.client, binding), None
        except KubeconfigUnusableError as error:
            return None, str(error)

    async def _client(self, credential: Credential) -> Client:
        timeout_seconds = self._around.settings.request_timeout_seconds
        return await connect(credential.access, timeout_seconds=timeout_seconds, on_request=self._on_request)

    async def _contact(
        self, client: Client | None, binding: Binding | None, credential: Credential | None, now: datetime
    ) -> Contact | None:
        if client is None or binding is None or credential is None:
            return None
        return await contact_with(client, binding, credential.access.expires_at, now)

    def _view(
        self,
        seen: CustomObject,
        binding: Binding | None,
        problems: tuple[Problem, ...],
        trouble: str | None,
        contact: Contact | None,
    ) -> ManagerView:
        computing = self._around.computing
        identity = identity_of(seen, binding, computing) if binding else None
        return ManagerView(
            seen=seen,
            binding=binding,
            problems=problems,
            kubeconfig_problem=trouble,
            contact=contact,
            rival=_rival(seen, computing.bindings.values(), _same_cluster_id),
            rival_worker=_rival(seen, computing.bindings.values(), _same_worker(contact)),
            bridge=self._supervisor.health(seen.metadata.name),
            vnodes=tuple(vnode for vnode in computing.nodes.values() if identity and identity.owns_vnode(vnode)),
        )

    async def _follow(self, view: ManagerView, client: Client | None, credential: Credential | None) -> Client | None:
        """Start or stop the Bridge; returns the client if nobody took it over."""
        name = view.seen.metadata.name
        verdict = verdict_of(view)
        is_abandoned = (
            view.seen.metadata.is_deleting and view.seen.metadata.annotations.get(names.ABANDON_WORKER) == "true"
        )
        if verdict.must_stop or is_abandoned or _is_over(view):
            await self._supervisor.stop(name)
            return client
        if client is None or credential is None or not self._should_start(view, verdict, credential):
            return client
        await self._supervisor.start(Order(name, credential.digest, client, self._builder(view)))
        return None

    def _should_start(self, view: ManagerView, verdict: Verdict, credential: Credential) -> bool:
        return verdict.may_start and not self._supervisor.is_up_to_date(view.seen.metadata.name, credential.digest)

    def _builder(self, view: ManagerView) -> Callable[[Client], Bridge]:
        assert view.binding is not None
        bound = Bound(
            view.binding,
            BindingState(identity_of(view.seen, view.binding, self._around.computing), view.seen.metadata.is_deleting),
        )
        worker_uid = str(view.seen.status["workerClusterUID"])  # pinned, or it would not start
        return lambda client: Bridge(self._around, client, bound, worker_uid)


def identity_of(seen: CustomObject, binding: Binding, computing: Computing) -> Identity:
    """Who this binding is towards its worker."""
    return Identity(computing.uid, seen.metadata.name, seen.metadata.uid, binding.cluster_id, binding.mount_namespace)


def _parsed(seen: CustomObject) -> tuple[Binding | None, tuple[Problem, ...]]:
    try:
        return parsed_binding(seen), ()
    except InvalidInventoryError as error:
        return None, error.problems


def _is_over(view: ManagerView) -> bool:
    metadata = view.seen.metadata
    return metadata.is_deleting and names.FINALIZER_SYNCER not in metadata.finalizers


def _rival(
    seen: CustomObject, others: Iterable[CustomObject], clashes: Callable[[CustomObject, CustomObject], bool]
) -> str | None:
    """The oldest other binding that clashes and is older; age, then name, decides."""
    older = [
        other
        for other in others
        if other.metadata.uid != seen.metadata.uid and clashes(seen, other) and _age(other) < _age(seen)
    ]
    return min(older, key=_age).metadata.name if older else None


def _age(seen: CustomObject) -> tuple[datetime, str]:
    assert seen.metadata.creation_timestamp is not None
    return seen.metadata.creation_timestamp, seen.metadata.name


def _same_cluster_id(seen: CustomObject, other: CustomObject) -> bool:
    return bool(seen.spec.get("clusterID")) and seen.spec.get("clusterID") == other.spec.get("clusterID")


def _same_worker(contact: Contact | None) -> Callable[[CustomObject, CustomObject], bool]:
    uid = contact.worker_uid if contact else None

    def clashes(seen: CustomObject, other: CustomObject) -> bool:
        same_mount = seen.spec.get("mountNamespace") == other.spec.get("mountNamespace")
        return uid is not None and other.status.get("workerClusterUID") == uid and same_mount

    return clashes
