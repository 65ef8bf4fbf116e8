"""Whatever is asked for, ephemeral containers are only ever added, hold no credential, and come to rest."""

import json
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler import names
from reconciler.kube.resources import SECRETS
from reconciler.topdown.decide_pod import decide_pod, refused_pod
from reconciler.topdown.references import references_of
from reconciler.topdown.view import EphemeralApi, PodView
from tests.mirroring import NOW, Json, a_pod, a_view, a_worker_pod, after, changed, mapped, running, unpacked
from tests.property.test_topdown_forge import containers, dependents_of, object_names, volume_names, volumes

apis = st.sampled_from(EphemeralApi)
mounts = st.lists(volume_names.map(lambda it: {"name": it, "mountPath": "/m"}), max_size=2)


def debuggers(names_of: list[str]) -> st.SearchStrategy[list[Json]]:
    one = st.builds(
        lambda name, container, mounted: {**container, "name": name, "image": "busybox", "volumeMounts": mounted},
        st.sampled_from(names_of),
        containers,
        mounts,
    )
    return st.lists(one, unique_by=lambda it: str(it["name"]), max_size=4)


own = debuggers(["a", "b", "c", "d"])
theirs = debuggers(["c", "d", "e"])
pod_volumes = st.lists(
    st.builds(lambda name, it: {"name": name, **it}, volume_names, volumes),
    unique_by=lambda it: str(it["name"]),
    max_size=2,
)


def viewed(wanted: list[Json], there: list[Json], volumes_: list[Json], tokens: set[str], api: EphemeralApi) -> PodView:
    pod = a_pod(spec={"ephemeralContainers": wanted, "volumes": volumes_})
    dependents = dependents_of(pod, tokens)
    worker = a_worker_pod(pod, running(), dependents=dependents)
    worker = changed(worker, {"spec": {"ephemeralContainers": there}})
    pod = mapped({**pod, "status": running()})
    return a_view(pod, worker, dependents=dependents, ephemeral_api=api)


def ephemerals(view: PodView) -> list[Json]:
    return list(unpacked(view.worker_pod)["spec"].get("ephemeralContainers", []))


def played(view: PodView) -> PodView:
    """Pass after pass, by a server that asserts that nothing is changed or removed."""
    for _ in range(6):
        view = after(view, decide_pod(view, NOW))
    return view


@given(own, theirs, pod_volumes, apis)
def test_all_that_lack_are_added_and_then_nothing_is_done(
    wanted: list[Json], there: list[Json], volumes_: list[Json], api: EphemeralApi
) -> None:
    end = played(viewed(wanted, there, volumes_, set(), api))
    assert decide_pod(end, NOW).actions == ()
    assert ephemerals(end)[: len(there)] == there
    known = {it["name"] for it in there}
    assert [it["name"] for it in ephemerals(end)[len(there) :]] == [
        n for it in wanted if (n := it["name"]) not in known
    ]


@given(own, pod_volumes, st.sets(object_names), apis)
def test_none_names_a_credential_or_anything_but_copies(
    wanted: list[Json], volumes_: list[Json], tokens: set[str], api: EphemeralApi
) -> None:
    end = played(viewed(wanted, [], volumes_, tokens, api))
    spec = {"spec": {"ephemeralContainers": ephemerals(end)}}
    named = {it.name for it in references_of(json.dumps(spec).encode()) if it.resource == SECRETS}
    assert not named & {names.mirrored_name("shop", it) for it in tokens}
    assert not re.search(r'"raw-[abc]"', json.dumps(spec))


@given(own, pod_volumes, apis)
def test_none_mounts_what_the_worker_pod_has_not_or_what_the_worker_minted(
    wanted: list[Json], volumes_: list[Json], api: EphemeralApi
) -> None:
    view = viewed(wanted, [], [], set(), api)
    worker = changed(unpacked(view.worker_pod), {"spec": {"volumes": volumes_}})
    end = played(a_view(unpacked(view.computing_pod), worker, dependents=view.dependents, ephemeral_api=api))
    minted = {it["name"] for it in volumes_ if "serviceAccountToken" in json.dumps(it)}
    mounted = {mount["name"] for it in ephemerals(end) for mount in it["volumeMounts"]}
    assert mounted <= {it["name"] for it in volumes_} - minted


@given(own, st.sets(st.sampled_from(["a", "b", "c", "d"])), apis)
def test_refusals_end_and_take_no_other_with_them(wanted: list[Json], refused: set[str], api: EphemeralApi) -> None:
    view = viewed(wanted, [], [], set(), api)
    for _ in range(9):
        candidate = after(view, decide_pod(view, NOW))
        came = [it["name"] for it in ephemerals(candidate) if it["name"] in refused]
        view = after(view, refused_pod(view, "forbidden", NOW)) if came else candidate
    assert decide_pod(view, NOW).actions == ()
    assert [it["name"] for it in ephemerals(view)] == [n for it in wanted if (n := it["name"]) not in refused]


@given(own, theirs)
def test_a_worker_that_does_not_offer_them_is_left_alone(wanted: list[Json], there: list[Json]) -> None:
    view = replace(viewed(wanted, there, [], set(), EphemeralApi.POD), ephemeral_api=None)
    end = played(view)
    assert decide_pod(end, NOW).actions == ()
    assert ephemerals(end) == there
