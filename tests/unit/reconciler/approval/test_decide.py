from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from reconciler import names
from reconciler.approval.decide import KEPT_FOR, LEASE_GRACE, decide, is_about_a_proxier
from reconciler.approval.view import RequestCondition, RequestSpec, RequestStatus, RequestView, SigningRequest, Wish
from reconciler.decision import Delete, Patch
from reconciler.kube.projections import ObjectMeta
from reconciler.permissions import PROXIER_USER

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = "kubeocean-proxier-b1-0"
NAME = f"system:node:{LEASE}"
ADDRESS = "10.0.0.7"
OTHER = "system:serviceaccount:app:default"
WISH = Wish(NAME, ("system:nodes",), (ADDRESS,))
SPEC = RequestSpec(
    "kubernetes.io/kubelet-serving", PROXIER_USER, ("digital signature", "key encipherment", "server auth")
)


def view(wish: Wish | None = WISH, **more: Any) -> RequestView:
    fields: dict[str, Any] = {
        "spec": SPEC,
        "status": RequestStatus(),
        "living": {LEASE: ADDRESS},
        "seen_since": NOW,
    } | more
    seen = SigningRequest(ObjectMeta("r", uid="u", resource_version="7"), fields["spec"], fields["status"])
    return RequestView(seen, wish, fields["living"], fields["seen_since"])


def asked(**more: Any) -> RequestSpec:
    return msgspec.structs.replace(SPEC, **more)


def answer(of: RequestView, now: datetime = NOW) -> tuple[str, str] | None:
    """Approved or Denied, and why."""
    actions = decide(of, now).actions
    if not actions:
        return None
    (action,) = actions
    assert isinstance(action, Patch)
    (condition,) = action.patch["status"]["conditions"]
    assert (action.subresource, condition["status"], condition["reason"]) == ("approval", "True", "KubeoceanProxier")
    return condition["type"], condition["message"]


def test_what_a_living_proxier_asks_for_is_approved() -> None:
    assert answer(view()) == ("Approved", "asked for by a proxier, for the address that it announces")


def test_an_answer_is_for_the_request_as_it_was_seen() -> None:
    (action,) = decide(view(), NOW).actions
    assert isinstance(action, Patch)
    assert (action.target.name, action.target.uid, action.target.resource_version) == ("r", "u", "7")


def test_a_long_name_is_known_by_its_digest() -> None:
    lease = LEASE + "-with-the-name-of-a-long-pod-7d9f8b6c5d-x2x4z"
    wish = replace(WISH, common_name=names.serving_common_name(lease))
    assert len(wish.common_name) <= 64
    assert (answer(view(wish, living={lease: ADDRESS})) or ("", ""))[0] == "Approved"


FORGED: dict[str, tuple[RequestView, str]] = {
    "another user": (view(spec=asked(username=OTHER)), "asked for by"),
    "another account of ours": (
        view(spec=asked(username="system:serviceaccount:kubeocean-system:kubeocean-reconciler")),
        "asked for by",
    ),
    "the account's name elsewhere": (
        view(spec=asked(username="system:serviceaccount:app:kubeocean-proxier")),
        "asked for by",
    ),
    "a node in a proxier's name": (view(spec=asked(username="system:node:n1")), "asked for by"),
    "to be a client": (view(spec=asked(usages=("digital signature", "key encipherment", "client auth"))), "usages"),
    "to be a client too": (view(spec=asked(usages=(*SPEC.usages, "client auth"))), "usages"),
    "one usage twice": (view(spec=asked(usages=(*SPEC.usages, "server auth"))), "usages"),
    "fewer usages": (view(spec=asked(usages=("digital signature", "server auth"))), "usages"),
    "no usage": (view(spec=asked(usages=())), "usages"),
    "a proxier in a node's name, Lease and all": (
        view(replace(WISH, common_name="system:node:n1"), living={"n1": ADDRESS}),
        "no proxier's name",
    ),
    "a node's name": (view(replace(WISH, common_name="system:node:n1")), "no proxier's name"),
    "an administrator's name": (view(replace(WISH, common_name="kubernetes-admin")), "no proxier's name"),
    "unreadable": (view(None), "cannot be read"),
    "another organization": (view(replace(WISH, organizations=("system:masters",))), "organization"),
    "one organization more": (view(replace(WISH, organizations=("system:nodes", "system:masters"))), "organization"),
    "no organization": (view(replace(WISH, organizations=())), "organization"),
    "a DNS name": (view(replace(WISH, extras=("DNSName",))), "DNSName"),
    "only a DNS name": (view(replace(WISH, addresses=(), extras=("DNSName",))), "DNSName"),
    "no address": (view(replace(WISH, addresses=())), "one IP address"),
    "one address more": (view(replace(WISH, addresses=(ADDRESS, "10.0.0.8"))), "one IP address"),
    "its address twice": (view(replace(WISH, addresses=(ADDRESS, ADDRESS))), "one IP address"),
}


@pytest.mark.parametrize(("forged", "why"), FORGED.values(), ids=FORGED)
def test_what_only_looks_like_it_is_denied_at_once(forged: RequestView, why: str) -> None:
    kind, message = answer(forged) or ("", "")
    assert (kind, why in message) == ("Denied", True), message


STRANGERS: dict[str, tuple[RequestView, str]] = {
    "an address of nobody": (view(replace(WISH, addresses=("10.0.0.8",))), "not 10.0.0.8"),
    "an address of another proxier": (
        view(replace(WISH, addresses=("10.0.0.8",)), living={LEASE: ADDRESS, "kubeocean-proxier-b1-1": "10.0.0.8"}),
        "not 10.0.0.8",
    ),
    "a dead Lease": (view(living={}), "no living proxier"),
    "another proxier's name": (view(replace(WISH, common_name=f"{NAME}0")), "no living proxier"),
}


@pytest.mark.parametrize(("stranger", "why"), STRANGERS.values(), ids=STRANGERS)
def test_who_announces_nothing_is_waited_for_and_then_denied(stranger: RequestView, why: str) -> None:
    waiting = decide(stranger, NOW)
    assert (waiting.actions, waiting.wake_at) == ((), NOW + timedelta(seconds=1))
    kind, message = answer(stranger, NOW + LEASE_GRACE) or ("", "")
    assert (kind, why in message) == ("Denied", True), message


FOREIGN = {
    "another signer": view(spec=asked(signer_name="kubernetes.io/kube-apiserver-client")),
    "another signer, another user": view(spec=asked(signer_name="example.com/s", username=OTHER)),
    "a kubelet": view(replace(WISH, common_name="system:node:n1"), spec=asked(username="system:node:n1")),
    "a kubelet whose node has a name like a proxier": view(spec=asked(username=NAME)),
    "somebody for a node": view(replace(WISH, common_name="system:node:n1"), spec=asked(username=OTHER)),
    "somebody, unreadable": view(None, spec=asked(username=OTHER)),
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_what_is_about_no_proxier_is_not_touched(foreign: RequestView) -> None:
    assert not is_about_a_proxier(foreign)
    later = decide(foreign, NOW + timedelta(days=1))
    assert (later.actions, later.wake_at) == ((), None)


def answered(kind: str, certificate: str = "", **more: Any) -> RequestView:
    return view(status=RequestStatus((RequestCondition(kind, "True", NOW),), certificate), **more)


@pytest.mark.parametrize("done", [answered("Approved", "Q0VSVA=="), answered("Denied")], ids=["issued", "denied"])
def test_what_was_answered_goes_after_a_while(done: RequestView) -> None:
    soon = decide(done, NOW)
    assert (soon.actions, soon.wake_at) == ((), NOW + KEPT_FOR)
    (action,) = decide(done, NOW + KEPT_FOR).actions
    assert isinstance(action, Delete)
    assert action.target.uid == "u"


@pytest.mark.parametrize(
    "kept",
    [answered("Approved"), answered("Denied", spec=asked(username=OTHER))],
    ids=["approved, not signed yet", "somebody else's"],
)
def test_what_is_not_over_or_not_ours_stays(kept: RequestView) -> None:
    assert decide(kept, NOW + timedelta(days=1)).actions == ()
