"""Every worker pod names copies only, holds no credential, and is valid."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from reconciler import names
from reconciler.kube.projections import ObjectMeta
from reconciler.kube.resources import SECRETS
from reconciler.topdown.pod_forge import hostname_for, worker_pod_for
from reconciler.topdown.references import references_of
from reconciler.topdown.view import Dependent, Reference, Workload
from tests.mirroring import NODE, Json, a_pod, a_view, copied, optional_fields

LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

dns_labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
subdomains = st.lists(dns_labels, min_size=1, max_size=11).map(".".join)  # up to 253 characters
object_names = st.sampled_from(["raw-a", "raw-b", "raw-c"])
by_name = optional_fields({"name": object_names}, optional=st.booleans())
by_key = optional_fields({"name": object_names, "key": st.just("k")}, optional=st.booleans())
by_secret_name = optional_fields({"secretName": object_names}, optional=st.booleans())
token_source = st.just({"serviceAccountToken": {"path": "token"}})
sources = st.lists(
    st.one_of(by_name.map(lambda it: {"configMap": it}), by_name.map(lambda it: {"secret": it}), token_source),
    max_size=3,
)
volumes = st.one_of(
    by_name.map(lambda it: {"configMap": it}),
    by_secret_name.map(lambda it: {"secret": it}),
    sources.map(lambda it: {"projected": {"sources": it}}),
    by_name.map(lambda it: {"csi": {"driver": "d", "nodePublishSecretRef": it}}),
    by_name.map(lambda it: {"rbd": {"image": "i", "secretRef": it}}),
    by_secret_name.map(lambda it: {"azureFile": it}),
    object_names.map(lambda it: {"persistentVolumeClaim": {"claimName": it}}),
    st.just({"emptyDir": {}}),
)
value_from = st.one_of(
    by_key.map(lambda it: {"configMapKeyRef": it}),
    by_key.map(lambda it: {"secretKeyRef": it}),
    st.sampled_from(["metadata.name", "metadata.uid", "spec.serviceAccountName"]).map(
        lambda it: {"fieldRef": {"fieldPath": it}}
    ),
)
containers = optional_fields(
    {"name": st.just("c")},
    env=st.lists(value_from.map(lambda it: {"name": "A", "valueFrom": it}), max_size=3),
    envFrom=st.lists(
        st.one_of(by_name.map(lambda it: {"configMapRef": it}), by_name.map(lambda it: {"secretRef": it})), max_size=2
    ),
)
volume_names = st.sampled_from(["v", "kube-api-access-abcde"])
specs = optional_fields(
    {"containers": st.lists(containers, min_size=1, max_size=2)},
    initContainers=st.lists(containers, max_size=1),
    volumes=st.lists(st.builds(lambda name, it: {"name": name, **it}, volume_names, volumes), max_size=3),
    imagePullSecrets=st.lists(object_names.map(lambda it: {"name": it}), max_size=2),
)


def dependents_of(pod: Json, tokens: set[str]) -> tuple[Dependent, ...]:
    def dependent(reference: Reference) -> Dependent:
        is_token = reference.resource == SECRETS and reference.name in tokens
        annotations = {names.SERVICE_ACCOUNT_NAME: "default"} if is_token else {}
        origin = ObjectMeta(reference.name, "shop", uid="o", annotations=annotations)
        copy_name = names.mirrored_name("shop", reference.name)
        return Dependent(reference, origin, ObjectMeta(copy_name, annotations={names.VIRTUAL_UID: "o"}), copy_name)

    return tuple(dependent(it) for it in references_of(json.dumps(pod).encode()))


def forged(pod: Json, tokens: set[str]) -> Json:
    view = a_view(pod, dependents=dependents_of(pod, tokens))
    return dict(worker_pod_for(view, copied(pod), NODE))


@given(specs)
def test_a_worker_pod_names_nothing_but_copies_of_what_its_computing_pod_names(spec: Json) -> None:
    pod = a_pod(spec=spec)
    wanted = {(it.resource, names.mirrored_name("shop", it.name)) for it in references_of(json.dumps(pod).encode())}
    named = {(it.resource, it.name) for it in references_of(json.dumps(forged(pod, set())).encode())}
    assert named == wanted
    assert not re.search(r'"raw-[abc]"', json.dumps(forged(pod, set())["spec"]))


@given(specs, st.sets(object_names))
def test_a_worker_pod_never_holds_a_credential(spec: Json, tokens: set[str]) -> None:
    made = forged(a_pod(spec=spec), tokens)["spec"]
    mounts = [
        it for it in made.get("volumes", []) if not {"csi", "rbd", "azureFile"} & set(it)
    ]  # those are the driver's to read
    seen = {"spec": {**made, "volumes": mounts, "imagePullSecrets": []}}
    named = {it.name for it in references_of(json.dumps(seen).encode()) if it.resource == SECRETS}
    assert not named & {names.mirrored_name("shop", it) for it in tokens}
    assert "serviceAccountToken" not in json.dumps(made.get("volumes"))
    assert made["automountServiceAccountToken"] is False


@given(specs)
def test_forging_neither_changes_its_input_nor_depends_on_the_pass(spec: Json) -> None:
    pod = a_pod(spec=spec)
    before = json.dumps(pod)
    assert forged(pod, set()) == forged(pod, set())
    assert json.dumps(pod) == before


@given(dns_labels, subdomains, st.tuples(dns_labels, subdomains))
def test_every_name_and_label_of_a_worker_pod_is_valid(namespace: str, name: str, workload: tuple[str, str]) -> None:
    pod = a_pod(meta={"namespace": namespace, "name": name})
    made = worker_pod_for(a_view(pod, workload=Workload(*workload)), copied(pod), NODE)
    assert SUBDOMAIN.fullmatch(made["metadata"]["name"])
    assert len(made["metadata"]["name"]) <= 63
    assert DNS_LABEL.fullmatch(made["spec"]["hostname"])
    assert all(LABEL.fullmatch(value) for value in made["metadata"]["labels"].values())


@given(subdomains)
def test_a_host_name_is_a_dns_label(name: str) -> None:
    assert DNS_LABEL.fullmatch(hostname_for(name))
