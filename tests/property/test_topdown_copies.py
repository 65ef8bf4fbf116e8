"""Every copy becomes its origin, and spares what others put on it."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.decision import Create, Delete, Patch
from reconciler.kube.projections import ObjectMeta
from reconciler.kube.resources import CONFIGMAPS
from reconciler.topdown.decide_dependent import decide_dependent
from reconciler.topdown.metadata import marks_for, metadata_changes
from reconciler.topdown.view import DependentView
from tests.mirroring import BINDING, NOW, STATE, Json, changed, merged, optional_fields

texts = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["1", "2", ""]), max_size=4)


@given(texts, texts, texts, texts)
def test_metadata_follows_the_user_and_spares_everybody_elses(
    before: Json, after_: Json, theirs: Json, notes: Json
) -> None:
    written, wanted = marks_for(before, notes), marks_for(after_, {})
    foreign = {f"foreign-{key}": value for key, value in theirs.items()}
    seen = ObjectMeta("x", labels={**foreign, **written.labels}, annotations={**foreign, **written.annotations})
    made = merged({"labels": seen.labels, "annotations": seen.annotations}, metadata_changes(wanted, seen))
    assert made["labels"] == {**foreign, **wanted.labels}
    assert made["annotations"] == {**foreign, **wanted.annotations}
    settled = ObjectMeta("x", labels=made["labels"], annotations=made["annotations"])
    assert metadata_changes(wanted, settled) == {}


contents = optional_fields({}, data=texts, binaryData=texts, immutable=st.booleans())


def dependent_view(origin: Json, copy: Json | None) -> DependentView:
    return DependentView(BINDING, STATE, CONFIGMAPS, "shop", "settings", origin, copy, is_referenced=True)


def an_origin(of: Json) -> Json:
    return {"metadata": {"name": "settings", "namespace": "shop", "uid": "o"}, **of}


def as_copied(origin: Json) -> Json:
    (create,) = decide_dependent(dependent_view(origin, None), NOW).actions
    assert isinstance(create, Create)
    return changed(dict(create.manifest), {"metadata": {"uid": "c"}})


@given(contents, contents)
def test_a_copy_becomes_its_origin_in_one_patch_or_is_made_anew(before: Json, wanted: Json) -> None:
    copy, origin = as_copied(an_origin(before)), an_origin(wanted)
    decision = decide_dependent(dependent_view(origin, copy), NOW)
    if any(isinstance(it, Delete) for it in decision.actions):
        assert before["immutable"], "only what is immutable is made anew"
        return
    for action in decision.actions:
        assert isinstance(action, Patch)
        copy = changed(copy, action.patch)
    for field in ("data", "binaryData"):
        assert (copy.get(field) or {}) == (origin.get(field) or {})
    assert bool(copy.get("immutable")) == bool(origin.get("immutable"))
    assert decide_dependent(dependent_view(origin, copy), NOW).actions == ()
