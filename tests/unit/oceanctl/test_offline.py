"""Reading nodes and pods from files, as kubectl prints them."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from inventory.codes import Code
from inventory.errors import Problem
from inventory.model import Binding, SecretRef
from oceanctl.errors import InvalidFilesError
from oceanctl.offline import is_ours, load_of, nodes_from, pods_from
from reconciler import names
from reconciler.kube.projections import ObjectMeta, Pod

NODE = """\
apiVersion: v1
kind: Node
metadata:
  name: n1
  creationTimestamp: "2026-01-02T03:04:05Z"
  labels: {tier: batch}
status:
  allocatable:
    cpu: "8"
    memory: 32Gi
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p1, namespace: shop}
spec:
  nodeName: n1
  containers:
  - name: main
    resources:
      requests: {cpu: 500m}
status: {phase: Running}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "objects.yaml"


def listed(*objects: str, kind: str = "List") -> str:
    items = "".join(textwrap.indent(each, "  ").replace("  ", "- ", 1) for each in objects)
    return f"apiVersion: v1\nkind: {kind}\nitems:\n{items}"


def problems_in(file: Path, text: str) -> tuple[Problem, ...]:
    file.write_text(text)
    with pytest.raises(InvalidFilesError) as caught:
        nodes_from(file)
    return caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NODE, id="one object"),
        pytest.param(listed(NODE), id="a list"),
        pytest.param(listed(POD, NODE), id="a list of several kinds"),
        pytest.param(f"---\n{POD}---\n{NODE}---\n", id="several documents"),
        pytest.param(f"\ufeff{NODE}", id="a byte order mark"),
    ],
)
def test_nodes_are_found_however_kubectl_prints_them(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    [node] = nodes_from(file)
    assert (node.metadata.name, dict(node.metadata.labels)) == ("n1", {"tier": "batch"})
    assert node.status.allocatable == {"cpu": "8", "memory": "32Gi"}


def test_the_items_of_a_typed_list_need_no_kind_of_their_own(file: Path) -> None:
    file.write_text(json.dumps({"kind": "NodeList", "items": [{"metadata": {"name": "n1"}}]}))
    assert [node.metadata.name for node in nodes_from(file)] == ["n1"]


def test_json_documents_may_follow_each_other(file: Path) -> None:
    nodes = [{"kind": "Node", "metadata": {"name": name}} for name in ("n1", "n2")]
    file.write_text("\n".join(map(json.dumps, nodes)))
    assert [node.metadata.name for node in nodes_from(file)] == ["n1", "n2"]


def test_a_mapping_of_yaml_may_begin_with_a_brace(file: Path) -> None:
    file.write_text("{kind: Node, metadata: {name: n1}}")
    assert [node.metadata.name for node in nodes_from(file)] == ["n1"]


def test_a_list_without_items_holds_nothing(file: Path) -> None:
    file.write_text("apiVersion: v1\nkind: List\nitems: []\n")
    assert pods_from(file) == ()


def test_pods_are_read_as_the_caches_hold_them(file: Path) -> None:
    file.write_text(listed(POD, NODE))
    [pod] = pods_from(file)
    assert (pod.metadata.key, pod.spec.node_name, pod.status.phase) == ("shop/p1", "n1", "Running")


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        pytest.param("kind: Node\nmetadata: [", Code.SYNTAX, 3, "not valid YAML", id="no YAML"),
        pytest.param('{"kind": "Node",\n "metadata": {', Code.SYNTAX, 3, "not valid YAML", id="JSON that ends early"),
        pytest.param("", Code.MISSING, 1, "the file is empty", id="nothing, as a kubectl that failed leaves it"),
        pytest.param("a: 1\n", Code.MISSING, 1, "not an object of Kubernetes", id="something else"),
        pytest.param("kind: List\nitems:\n- 7\n", Code.WRONG_TYPE, 3, "not an object", id="a list of something else"),
        pytest.param(POD, Code.UNKNOWN_KIND, 1, "no Node in this file; it holds Pod", id="another kind only"),
        pytest.param(listed(NODE, NODE), Code.DUPLICATE_ENTRY, 17, "Node 'n1' is in this file twice", id="twice"),
        pytest.param(NODE.replace("32Gi", "lots"), Code.INVALID_VALUE, 10, "'lots' is not a quantity", id="an amount"),
        pytest.param(NODE.replace('"8"', "8"), Code.WRONG_TYPE, 9, "expected str, got int", id="a number"),
        pytest.param(NODE.replace("name: n1", "id: n1"), Code.WRONG_TYPE, 4, "name", id="no name"),
    ],
)
def test_what_is_wrong_is_shown_with_its_place(file: Path, text: str, code: Code, line: int, words: str) -> None:
    [problem] = problems_in(file, text)
    assert (problem.code, problem.at.file, problem.at.line) == (code, str(file), line)
    assert words in problem.message


def test_every_wrong_object_is_told_at_once(file: Path) -> None:
    problems = problems_in(file, listed(NODE.replace("32Gi", "x"), NODE.replace("n1", "n2").replace("32Gi", "y")))
    assert [problem.message for problem in problems] == ["'x' is not a quantity", "'y' is not a quantity"]


def test_places_are_found_in_json_too(file: Path) -> None:
    node = {"kind": "Node", "metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "many"}}}
    [problem] = problems_in(file, json.dumps(node, indent=1))
    assert problem.source_line is not None
    assert '"cpu": "many"' in problem.source_line


def test_a_file_that_is_no_text_is_told(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidFilesError, match="not UTF-8"):
        nodes_from(file)


BINDING = Binding("w1", "w1", SecretRef("s", "n"), "lent")


def pod_in(namespace: str, **marks: Any) -> Pod:
    annotations = {names.VIRTUAL_POD_NAMESPACE: "a", names.VIRTUAL_POD_NAME: "b"}
    metadata = ObjectMeta("p", namespace, labels={names.MANAGED_BY: names.MANAGED_BY_VALUE}, annotations=annotations)
    return Pod(ObjectMeta("p", namespace) if marks.get("is_bare") else metadata)


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(pod_in("lent"), True, id="marked, in the binding's namespace"),
        pytest.param(pod_in("other"), False, id="marked, of another binding"),
        pytest.param(pod_in("lent", is_bare=True), False, id="not marked"),
    ],
)
def test_pods_of_ours_are_known_by_label_and_namespace(pod: Pod, *, expected: bool) -> None:
    assert is_ours(pod, BINDING) is expected


def test_load_counts_the_requests_of_foreign_pods_only(file: Path) -> None:
    file.write_text(POD)
    load = load_of([*pods_from(file), pod_in("lent")], BINDING)
    assert load.load_of("n1") == {"cpu": 500, "pods": 1000}
