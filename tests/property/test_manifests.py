"""Manifests and the model say the same, in both directions."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.manifests import binding_from, manifest_for, policy_from
from inventory.model import Binding, Limit, NodeSelector, Policy, Requirement, SecretRef, SelectorTerm, Window

MODERATE = settings(max_examples=150, deadline=None)

labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
seconds = st.integers(0, 2**31 - 1).map(lambda count: timedelta(seconds=count))
requirements = st.one_of(
    st.builds(Requirement, labels, st.sampled_from(["In", "NotIn"]), st.lists(labels, min_size=1).map(tuple)),
    st.builds(Requirement, labels, st.sampled_from(["Exists", "DoesNotExist"])),
    st.builds(Requirement, labels, st.sampled_from(["Gt", "Lt"]), st.integers(0, 99).map(lambda n: (str(n),))),
)
selectors = (
    st.lists(st.builds(SelectorTerm, st.lists(requirements).map(tuple)), max_size=3).map(tuple).map(NodeSelector)
)
bindings = st.builds(
    Binding,
    name=labels,
    cluster_id=labels,
    secret_ref=st.builds(SecretRef, labels, labels),
    mount_namespace=labels,
    node_selector=st.none() | selectors,
    service_namespaces=st.lists(labels).map(tuple),
    disable_node_default_taint=st.booleans(),
    pod_priority_class_name=labels,
    suspend=st.booleans(),
    unplaced_timeout=seconds,
)
minutes = st.integers(0, 1439)
windows = st.builds(Window, minutes, minutes, st.frozensets(st.integers(0, 6)))
limits = st.builds(Limit, labels, st.none() | st.integers(0, 10**15), st.none() | st.integers(0, 100))
policies = st.builds(
    Policy,
    name=labels,
    cluster=labels,
    node_selector=st.none() | selectors,
    windows=st.lists(windows).map(tuple),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    limits=st.lists(limits, unique_by=lambda limit: limit.resource).map(tuple),
    force_reclaim=st.booleans(),
    grace=seconds,
    notice=seconds,
    drain=seconds,
    priority=st.integers(-(2**31), 2**31 - 1),
    expires_at=st.none() | st.integers(0, 2**33).map(lambda second: datetime.fromtimestamp(second, UTC)),
    suspend=st.booleans(),
)


@MODERATE
@given(bindings)
def test_a_binding_survives_its_manifest(binding: Binding) -> None:
    assert binding_from(manifest_for(binding)) == binding


@MODERATE
@given(policies)
def test_a_policy_survives_its_manifest(policy: Policy) -> None:
    assert policy_from(manifest_for(policy)) == policy
