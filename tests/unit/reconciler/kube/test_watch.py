"""List and watch against a server that breaks in every way: nothing is lost, nothing is invented."""

import asyncio

import pytest

from reconciler.kube.backoff import Backoff
from reconciler.kube.client import Client
from reconciler.kube.errors import ForbiddenError
from reconciler.kube.projections import PartialObject
from reconciler.kube.resources import PODS
from reconciler.kube.watch import Control
from reconciler.kube.watch_events import Added, Bookmark, Cause, Following, Interrupted, Modified, Page, Synced
from tests.unit.reconciler.kube.fake_api import Answer, FakeApi, refuses, streams
from tests.unit.reconciler.kube.watching import (
    AN_HOUR,
    DROPS,
    EXPIRED,
    HISTORY,
    bookmark,
    decode,
    item,
    line,
    listed,
    resumes,
    spec,
    told,
    watching,
)


async def test_a_watch_is_a_list_and_then_events(api: FakeApi, client: Client) -> None:
    api.will(
        listed(5, item("a", 1), item("b", 2), rest="more"),
        listed(5, item("c", 3)),
        streams(
            line("ADDED", item("d", 6)),
            line("MODIFIED", item("a", 7)) + line("DELETED", item("b", 8)),
            bookmark(9),
            stalls=True,
        ),
    )
    async with watching(client, spec()) as reader:
        assert told(await reader.until(Following)) == ["listing", "a@1", "b@2", "c@3", "synced@5", "following"]
        assert told(await reader.until(Bookmark)) == ["+d@6", "~a@7", "-b@8", "@9"]
    assert [seen.query.get("continue", "") for seen in api.seen] == ["", "more", ""]
    assert (api.seen[2].query["watch"], api.seen[2].query["resourceVersion"]) == ("true", "5")


async def test_what_is_asked_for_is_what_the_spec_says(api: FakeApi, client: Client) -> None:
    api.will(listed(5), streams(stalls=True))
    watched = spec(resource=PODS, namespace="shop", label_selector="a=b", field_selector="spec.nodeName!=")
    async with watching(client, watched) as reader:
        await reader.until(Following)
    for seen in api.seen:
        assert seen.line == "GET /api/v1/namespaces/shop/pods"
        assert (seen.query["labelSelector"], seen.query["fieldSelector"]) == ("a=b", "spec.nodeName!=")


async def test_metadata_alone_can_be_asked_for(api: FakeApi, client: Client) -> None:
    api.will(listed(5), streams(stalls=True))
    async with watching(client, spec(metadata_only=True)) as reader:
        await reader.until(Following)
    assert "as=PartialObjectMetadataList;" in api.seen[0].headers["Accept"]
    assert "as=PartialObjectMetadata;" in api.seen[1].headers["Accept"]


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, "240"), (0.5, "360"), (0.999, "479")])
async def test_watches_of_a_fleet_do_not_end_together(api: FakeApi, client: Client, drawn: float, seconds: str) -> None:
    api.will(listed(5), streams(stalls=True))
    async with watching(client, spec(random=lambda: drawn)) as reader:
        await reader.until(Following)
    assert api.seen[1].query["timeoutSeconds"] == seconds


async def test_objects_that_are_not_kept_are_not_there(api: FakeApi, client: Client) -> None:
    def ours(raw: bytes | memoryview) -> PartialObject | None:
        found = decode(raw)
        return found if found.metadata.labels.get("ours") else None

    mine = {"labels": {"ours": "yes"}}
    api.will(
        listed(5, item("a", 1, **mine), item("b", 2)),
        streams(line("MODIFIED", item("a", 6)) + line("MODIFIED", item("b", 7, **mine)), stalls=True),
    )
    async with watching(client, spec(decode=ours)) as reader:
        assert told(await reader.until(Modified)) == ["listing", "a@1", "synced@5", "following", "-a@6", "~b@7"]


async def test_a_server_that_ignores_the_limit_is_read_in_slices(api: FakeApi, client: Client) -> None:
    api.will(listed(5, *(item(f"a{number}", 1) for number in range(1200))))
    async with watching(client, spec()) as reader:
        pages = [event for event in await reader.until(Synced) if isinstance(event, Page)]
    assert [len(page.objects) for page in pages] == [500, 500, 200]


async def test_a_line_of_many_megabytes_is_one_event(api: FakeApi, client: Client) -> None:
    big = item("a", 6, annotations={"big": "x" * (20 << 20)})
    api.will(listed(5), streams(line("ADDED", big), bookmark(7), stalls=True))
    async with watching(client, spec()) as reader:
        assert told(await reader.until(Bookmark)) == ["listing", "synced@5", "following", "+a@6", "@7"]


@pytest.mark.parametrize(
    ("first", "cause"),
    [
        pytest.param(streams(HISTORY[6], HISTORY[7], ends=True), Cause.ENDED, id="ended"),
        pytest.param(streams(HISTORY[6], HISTORY[7]), Cause.BROKEN, id="cut-between-lines"),
        pytest.param(streams(HISTORY[6], HISTORY[7], HISTORY[8][:40]), Cause.BROKEN, id="cut-within-a-line"),
        pytest.param(streams(HISTORY[6] + HISTORY[7][:40], ends=True), Cause.BROKEN, id="ended-within-a-line"),
        pytest.param(streams(HISTORY[6], HISTORY[7], stalls=True), Cause.STALLED, id="stalled"),
        pytest.param(streams(HISTORY[6] + HISTORY[7][:40], stalls=True), Cause.STALLED, id="stalled-within-a-line"),
        pytest.param(streams(HISTORY[6] + b"<html>\n" + HISTORY[7], stalls=True), Cause.BROKEN, id="garbage"),
    ],
)
async def test_a_watch_that_breaks_goes_on_after_the_last_whole_event(
    api: FakeApi, client: Client, first: Answer, cause: Cause
) -> None:
    api.will(listed(5), first, resumes)
    async with watching(client, spec(idle_seconds=0.3)) as reader:
        await reader.until(Synced)
        events = await reader.until(Added, 3)
    happened = [event for event in events if not isinstance(event, Interrupted | Following)]
    assert told(happened) == ["+a@6", "+b@7", "+c@8"]
    assert [event.cause for event in events if isinstance(event, Interrupted)] == [cause]


async def test_the_first_break_of_a_stream_is_mended_at_once(api: FakeApi, client: Client) -> None:
    api.will(listed(5), streams(HISTORY[6], ends=True), resumes)
    async with watching(client, spec(retry=AN_HOUR)) as reader:
        await reader.until(Synced)
        assert told(await reader.until(Added, 2)) == ["following", "+a@6", "ended", "following", "+b@7"]


async def test_attempts_become_rarer_until_an_event_comes(api: FakeApi, client: Client) -> None:
    nothing = streams(ends=True)
    api.will(listed(5), nothing, nothing, nothing, *DROPS, *DROPS, refuses(503, "ServiceUnavailable"))
    api.will(streams(HISTORY[6], ends=True), nothing, nothing)
    doubling = Backoff(base_seconds=0.01, cap_seconds=0.1, random=lambda: 1.0)
    async with watching(client, spec(retry=doubling)) as reader:
        events = await reader.until(Interrupted, 9)
    delays = [event.delay_seconds for event in events if isinstance(event, Interrupted)]
    assert delays == [0.0, 0.02, 0.04, 0.08, 0.1, 0.1, 0.0, 0.02, 0.04]


async def test_a_long_quiet_stream_was_no_failure(
    api: FakeApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.kube.watch._STEADY_SECONDS", 0)
    nothing = streams(ends=True)
    api.will(listed(5), nothing, nothing, nothing)
    async with watching(client, spec(retry=AN_HOUR)) as reader:
        events = await reader.until(Interrupted, 3)
    assert {event.delay_seconds for event in events if isinstance(event, Interrupted)} == {0.0}


async def first_interruption(client: Client) -> Interrupted:
    async with watching(client, spec()) as reader:
        (event,) = await reader.until(Interrupted)
    assert isinstance(event, Interrupted)
    return event


async def test_a_servers_hint_is_waited_for(api: FakeApi, client: Client) -> None:
    api.will(refuses(429, "TooManyRequests", **{"Retry-After": "7"}))
    assert (await first_interruption(client)).delay_seconds == 7


@pytest.mark.parametrize("code", [401, 403])
async def test_a_missing_permission_is_reported(api: FakeApi, client: Client, code: int) -> None:
    api.will(refuses(code, "Forbidden"))
    interruption = await first_interruption(client)
    assert (interruption.cause, type(interruption.error)) == (Cause.REFUSED, ForbiddenError)
    assert interruption.delay_seconds > 0


async def test_a_server_that_does_not_answer_is_reported(api: FakeApi, client: Client) -> None:
    api.will(*DROPS)
    interruption = await first_interruption(client)
    assert (interruption.cause, interruption.delay_seconds > 0) == (Cause.UNREACHABLE, True)


async def test_what_is_mended_goes_on_by_itself(api: FakeApi, client: Client) -> None:
    api.will(*DROPS, refuses(403, "Forbidden"), refuses(500, "InternalError"), listed(5, item("a", 1)))
    async with watching(client, spec()) as reader:
        words = ["unreachable", "refused", "refused", "listing", "a@1", "synced@5"]
        assert told(await reader.until(Synced)) == words


@pytest.mark.parametrize(
    "forgotten",
    [
        pytest.param(refuses(410, "Expired"), id="as-a-status"),
        pytest.param(streams(EXPIRED, stalls=True), id="as-an-event"),
        pytest.param(streams(HISTORY[6] + EXPIRED, stalls=True), id="as-an-event-after-others"),
    ],
)
async def test_a_forgotten_version_brings_a_new_list_at_once(api: FakeApi, client: Client, forgotten: Answer) -> None:
    api.will(listed(5, item("a", 1)), forgotten, listed(9, item("b", 8)), streams(stalls=True))
    async with watching(client, spec(retry=AN_HOUR)) as reader:
        await reader.until(Synced)
        events = await reader.until(Synced)
        await reader.until(Following)
    assert told(events)[-4:] == ["expired", "listing", "b@8", "synced@9"]
    assert api.seen[-1].query["resourceVersion"] == "9"


async def test_an_event_before_an_error_in_one_chunk_counts(api: FakeApi, client: Client) -> None:
    api.will(listed(5), streams(HISTORY[6] + EXPIRED, stalls=True), listed(9))
    async with watching(client, spec()) as reader:
        await reader.until(Following)
        assert told(await reader.until(Interrupted)) == ["+a@6", "expired"]


async def test_versions_that_are_forgotten_again_and_again_do_not_make_a_storm(api: FakeApi, client: Client) -> None:
    api.will(*(answer for _ in range(3) for answer in (listed(5), streams(EXPIRED, stalls=True))))
    doubling = Backoff(base_seconds=0.01, cap_seconds=1, random=lambda: 1.0)
    async with watching(client, spec(retry=doubling)) as reader:
        events = await reader.until(Interrupted, 3)
    assert [event.delay_seconds for event in events if isinstance(event, Interrupted)] == [0.0, 0.02, 0.04]


async def test_a_list_goes_on_with_the_page_that_failed(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1), rest="more"), refuses(500, "InternalError"), listed(5, item("b", 2)))
    async with watching(client, spec()) as reader:
        assert told(await reader.until(Synced)) == ["listing", "a@1", "refused", "b@2", "synced@5"]
    assert [seen.query.get("continue") for seen in api.seen] == [None, "more", "more"]


async def test_a_list_that_took_too_long_begins_anew(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1), rest="more"), refuses(410, "Expired"), listed(9, item("b", 8)))
    async with watching(client, spec()) as reader:
        assert told(await reader.until(Synced)) == ["listing", "a@1", "expired", "listing", "b@8", "synced@9"]


async def test_a_hand_on_the_watch_reconnects_it_where_it_was(api: FakeApi, client: Client) -> None:
    control = Control()
    api.will(listed(5), resumes, streams(stalls=True))
    async with watching(client, spec(retry=AN_HOUR), control) as reader:
        await reader.until(Added, 3)
        control.reconnect()
        assert told(await reader.until(Following)) == ["asked", "following"]
    assert api.seen[-1].query["resourceVersion"] == "8"


async def test_a_hand_on_the_watch_wakes_it_from_waiting(api: FakeApi, client: Client) -> None:
    control = Control()
    api.will(refuses(500, "InternalError"), listed(5))
    async with watching(client, spec(retry=AN_HOUR), control) as reader:
        await reader.until(Interrupted)
        waiting = asyncio.create_task(reader.until(Synced))
        await asyncio.sleep(0)
        control.reconnect()
        assert told(await waiting) == ["asked", "listing", "synced@5"]


async def test_a_hand_on_the_watch_forgives_earlier_failures(api: FakeApi, client: Client) -> None:
    """A server that was away for long has forgotten our version; whoever reconnects knows that it is back, and the list must not wait."""
    control = Control()
    api.will(
        listed(5),
        streams(),
        refuses(503, "ServiceUnavailable"),
        refuses(410, "Expired"),
        listed(9),
        streams(stalls=True),
    )
    async with watching(client, spec(retry=AN_HOUR), control) as reader:
        while "refused" not in told(await reader.until(Interrupted)):
            pass
        waiting = asyncio.create_task(reader.until(Synced))
        await asyncio.sleep(0)
        control.reconnect()
        assert told(await asyncio.wait_for(waiting, 5)) == ["asked", "expired", "listing", "synced@9"]


async def test_a_hand_on_the_watch_lists_anew(api: FakeApi, client: Client) -> None:
    control = Control()
    api.will(listed(5), streams(stalls=True), listed(9), streams(stalls=True))
    async with watching(client, spec(retry=AN_HOUR), control) as reader:
        await reader.until(Following)
        waiting = asyncio.create_task(reader.until(Following))
        await asyncio.sleep(0)
        control.relist()
        assert told(await waiting) == ["asked", "listing", "synced@9", "following"]


async def test_every_byte_is_a_contact(api: FakeApi, client: Client) -> None:
    control = Control()
    api.will(listed(5), streams(HISTORY[6][:20], HISTORY[6][20:], stalls=True))
    loop = asyncio.get_running_loop()
    async with watching(client, spec(), control) as reader:
        assert control.contact_at is None
        for kind in (Synced, Following, Added):
            before = loop.time()
            await reader.until(kind)
            assert control.contact_at is not None
            assert before < control.contact_at < loop.time()
