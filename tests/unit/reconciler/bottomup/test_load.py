"""The load of nodes, kept by deltas."""

from typing import Any

import msgspec
import pytest

from reconciler import names
from reconciler.bottomup.load import ForeignPod, LoadBook, Waiting, foreign_pod_for
from reconciler.kube.placement import Placement
from reconciler.kube.projections import Copied, ObjectMeta, Pod
from tests.leasing import MONDAY_NOON

Json = dict[str, Any]


def pod(name: str = "web", node: str = "n1", cpu: str = "1", phase: str = "Running") -> Pod:
    containers = [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "7"},
            "spec": {"nodeName": node, "containers": containers},
            "status": {"phase": phase},
        },
        Pod,
    )


def foreign(name: str = "web", node: str = "n1", cpu: str = "1", phase: str = "Running") -> ForeignPod:
    return foreign_pod_for(pod(name, node, cpu, phase))


class TestProjection:
    def test_it_keeps_identity_place_and_requests(self) -> None:
        kept = foreign()
        assert kept.metadata == ObjectMeta("web", "shop", "uid-web", "7")
        assert (kept.node_name, kept.phase, kept.requests) == ("n1", "Running", (("cpu", 1000), ("pods", 1000)))

    @pytest.mark.parametrize(
        ("node", "phase"),
        [
            pytest.param("n1", "Succeeded", id="succeeded"),
            pytest.param("n1", "Failed", id="failed"),
            pytest.param("", "Pending", id="not-bound"),
        ],
    )
    def test_a_pod_that_holds_nothing_requests_nothing(self, node: str, phase: str) -> None:
        assert foreign(node=node, phase=phase).requests == ()

    @pytest.mark.parametrize("phase", ["Pending", "Running", "Unknown"])
    def test_a_bound_pod_counts_in_every_other_phase(self, phase: str) -> None:
        assert foreign(phase=phase).requests

    def test_pods_that_request_the_same_share_it(self) -> None:
        assert foreign("a").requests is foreign("b").requests


UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


def waiting(spec: Json | None = None, status: Json | None = None, **metadata: Any) -> ForeignPod:
    """A pod that its scheduler cannot place."""
    raw = msgspec.json.encode(
        {
            "metadata": {
                "name": "web",
                "namespace": "shop",
                "uid": "u",
                "creationTimestamp": "2026-01-05T12:00:00Z",
                **metadata,
            },
            "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "2"}}}], **(spec or {})},
            "status": {"phase": "Pending", "conditions": [UNPLACED], **(status or {})},
        }
    )
    return foreign_pod_for(msgspec.json.decode(raw, type=Pod), raw)


class TestWaiting:
    def test_what_waits_for_a_place_keeps_what_it_asks_of_one(self) -> None:
        kept = waiting({"nodeSelector": {"zone": "a"}})
        assert kept.waiting == Waiting(MONDAY_NOON, (("cpu", 2000), ("pods", 1000)), Placement({"zone": "a"}))
        assert kept.requests == ()

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(waiting({"nodeName": "n1"}), id="placed"),
            pytest.param(waiting(status={"phase": "Failed"}), id="finished"),
            pytest.param(waiting(status={"conditions": []}), id="not-looked-at-yet"),
            pytest.param(waiting(status={"conditions": [{**UNPLACED, "reason": "SchedulingGated"}]}), id="gated"),
            pytest.param(waiting(status={"nominatedNodeName": "n1"}), id="preempting-by-itself"),
            pytest.param(waiting(deletionTimestamp="2026-01-05T12:00:00Z"), id="leaving"),
            pytest.param(waiting(labels={names.MANAGED_BY: names.MANAGED_BY_VALUE}), id="of-another-borrower"),
        ],
    )
    def test_nothing_is_kept_of_any_other(self, other: ForeignPod) -> None:
        assert other.waiting is None


class TestLoadBook:
    def test_a_new_pod_adds_its_requests(self) -> None:
        book = LoadBook()
        assert book.apply(None, foreign()) == {"n1"}
        assert book.load_of("n1") == {"cpu": 1000, "pods": 1000}

    def test_pods_add_up(self) -> None:
        book = LoadBook()
        book.apply(None, foreign("a"))
        book.apply(None, foreign("b", cpu="500m"))
        assert book.load_of("n1") == {"cpu": 1500, "pods": 2000}

    def test_a_pod_that_finishes_gives_its_requests_back(self) -> None:
        book = LoadBook()
        book.apply(None, foreign())
        assert book.apply(foreign(), foreign(phase="Succeeded")) == {"n1"}
        assert book.load_of("n1") == {}

    def test_a_resize_counts_the_difference(self) -> None:
        book = LoadBook()
        book.apply(None, foreign())
        assert book.apply(foreign(), foreign(cpu="3")) == {"n1"}
        assert book.load_of("n1") == {"cpu": 3000, "pods": 1000}

    def test_a_deleted_pod_leaves_the_others(self) -> None:
        book = LoadBook()
        book.apply(None, foreign("a"))
        book.apply(None, foreign("b"))
        assert book.apply(foreign("a"), None) == {"n1"}
        assert book.load_of("n1") == {"cpu": 1000, "pods": 1000}

    def test_a_pod_that_gets_bound_counts_from_then_on(self) -> None:
        book = LoadBook()
        assert book.apply(None, foreign(node="")) == frozenset()
        assert book.apply(foreign(node=""), foreign(node="n2")) == {"n2"}
        assert book.load_of("n2") == {"cpu": 1000, "pods": 1000}

    def test_a_name_used_again_on_another_node_changes_both(self) -> None:
        book = LoadBook()
        book.apply(None, foreign())
        assert book.apply(foreign(), foreign(node="n2")) == {"n1", "n2"}
        assert (book.load_of("n1"), book.load_of("n2")) == ({}, {"cpu": 1000, "pods": 1000})

    def test_a_change_of_nothing_that_counts_changes_no_node(self) -> None:
        book = LoadBook()
        book.apply(None, foreign(phase="Pending"))
        assert book.apply(foreign(phase="Pending"), foreign()) == frozenset()

    def test_our_own_pods_do_not_count(self) -> None:
        book = LoadBook()
        ours = Copied(pod(), b"{}")
        assert book.apply(None, ours) == frozenset()
        book.apply(None, foreign())
        assert book.apply(foreign(), ours) == {"n1"}
        assert book.load_of("n1") == {}

    def test_what_was_read_does_not_change_afterwards(self) -> None:
        book = LoadBook()
        book.apply(None, foreign("a"))
        seen = book.load_of("n1")
        book.apply(None, foreign("b"))
        assert seen == {"cpu": 1000, "pods": 1000}

    def test_a_node_without_pods_is_not_remembered(self) -> None:
        book = LoadBook()
        book.apply(None, foreign())
        book.apply(foreign(), None)
        book.load_of("n9")
        assert not book._loads
