"""Looking at ten thousand nodes reads the policies once, and never a moment too late again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from inventory.selection import Selection
from inventory.standing import Outcome
from reconciler import names
from reconciler.bridge.computing import decode_custom
from reconciler.bridge.policies import PolicyBook, PolicyIndex
from reconciler.kube.cache import Cache
from reconciler.kube.client import Client
from reconciler.kube.projections import CustomObject, ObjectMeta
from reconciler.kube.watch import WatchSpec
from reconciler.kube.watch_events import Added, Deleted
from tests.leasing import BINDING, MONDAY_NOON


@pytest.fixture
async def cache(client: Client) -> Cache[CustomObject]:
    """The policies of one side."""
    return Cache(client, WatchSpec(resource=names.POLICIES, decode=decode_custom))


def show(
    cache: Cache[CustomObject], name: str, version: str = "1", *, spec: dict[str, Any] | None = None, **meta: Any
) -> None:
    metadata = ObjectMeta(name, uid=name, resource_version=version, **meta)
    cache._take(Added(CustomObject(metadata, {"cluster": BINDING.name, **(spec or {})})))


def outcome(selection: Selection) -> Outcome | None:
    standing = selection.standing_of({}, "n1", MONDAY_NOON)
    return standing.outcome if standing else None


def test_the_index_is_kept_while_nothing_changes(cache: Cache[CustomObject]) -> None:
    show(cache, "nights")
    index = PolicyIndex(PolicyBook(cache, BINDING.name))
    first = index.selection(BINDING, None, worker_is_readable=True)
    assert index.selection(replace(BINDING), None, worker_is_readable=True) is first


def test_a_policy_that_comes_or_goes_counts_at_once(cache: Cache[CustomObject]) -> None:
    index = PolicyIndex(PolicyBook(cache, BINDING.name))
    found = [outcome(index.selection(BINDING, None, worker_is_readable=True))]
    show(cache, "nights")
    found.append(outcome(index.selection(BINDING, None, worker_is_readable=True)))
    cache._take(Deleted("nights", "2"))
    found.append(outcome(index.selection(BINDING, None, worker_is_readable=True)))
    assert found == [Outcome.NOT_LENT, Outcome.LENT, Outcome.NOT_LENT]


def test_the_binding_of_this_moment_counts(cache: Cache[CustomObject]) -> None:
    show(cache, "nights")
    index = PolicyIndex(PolicyBook(cache, BINDING.name))
    index.selection(BINDING, None, worker_is_readable=True)
    suspended = index.selection(replace(BINDING, suspend=True), None, worker_is_readable=True)
    standing = suspended.standing_of({}, "n1", MONDAY_NOON)
    assert standing is not None
    assert standing.is_suspended


def test_of_policies_that_clusters_hold_the_oldest_lends(cache: Cache[CustomObject]) -> None:
    for name, age in (("a", 1), ("b", 3), ("c", 2)):
        show(cache, name, creation_timestamp=MONDAY_NOON - timedelta(days=age))
    found = PolicyIndex(PolicyBook(cache, BINDING.name)).selection(BINDING, None, worker_is_readable=True)
    standing = found.standing_of({}, "n1", MONDAY_NOON)
    assert standing is not None
    assert [each.name for each in standing.lenders] == ["b"]


def test_a_policy_that_is_being_deleted_lends_nothing_any_more(cache: Cache[CustomObject]) -> None:
    index = PolicyIndex(PolicyBook(cache, BINDING.name))
    show(cache, "nights", generation=1)
    assert outcome(index.selection(BINDING, None, worker_is_readable=True)) is Outcome.LENT
    show(cache, "nights", "2", generation=1, deletion_timestamp=MONDAY_NOON)
    assert outcome(index.selection(BINDING, None, worker_is_readable=True)) is Outcome.NOT_LENT


@pytest.mark.parametrize("generations", [(1, 2), (None, None)], ids=["counted", "not counted by the server"])
def test_an_edit_counts_at_once(cache: Cache[CustomObject], generations: tuple[int | None, int | None]) -> None:
    index = PolicyIndex(PolicyBook(cache, BINDING.name))
    expired = {"expiresAt": "2020-01-01T00:00:00Z"}
    found = []
    for version, generation, spec in zip("12", generations, ({}, expired), strict=True):
        show(cache, "nights", version, spec=spec, generation=generation)
        found.append(outcome(index.selection(BINDING, None, worker_is_readable=True)))
    assert found == [Outcome.LENT, Outcome.NOT_LENT]


def test_nothing_is_known_as_long_as_the_workers_policies_cannot_be_read(cache: Cache[CustomObject]) -> None:
    show(cache, "nights")
    book = PolicyBook(cache, BINDING.name)
    index = PolicyIndex(book)
    told = [outcome(index.selection(BINDING, book, worker_is_readable=is_readable)) for is_readable in (True, False)]
    assert told == [Outcome.LENT, None]
