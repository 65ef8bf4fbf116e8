import pytest

from inventory.errors import Position, Problem, Severity
from tests.unit.inventory.repository import binding, policy, read

NIGHTS = '  timeWindows: [{start: "22:00", end: "06:00"}]\n'
DAYS = '  timeWindows: [{start: "07:00", end: "21:00"}]\n'
GPU = "  nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: gpu, operator: In, values: [a100]}]}]}\n"
NO_GPU = "  nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: gpu, operator: DoesNotExist}]}]}\n"


def only(files: dict[str, str]) -> Problem:
    (problem,) = read(files)[1]
    return problem


def codes(files: dict[str, str]) -> list[str]:
    return [problem.code for problem in read(files)[1]]


def test_a_name_is_taken_once_and_both_places_are_named() -> None:
    problem = only(
        {
            "bindings/a.yaml": binding("a"),
            "bindings/b.yaml": binding("a")
            .replace("clusterID: a", "clusterID: b")
            .replace("a-kubeconfig", "b-kubeconfig"),
        }
    )

    assert (problem.code, problem.at) == ("OE3101", Position("bindings/b.yaml", 4, 9))
    assert problem.related == (Position("bindings/a.yaml", 4, 9),)


def test_a_binding_and_a_policy_may_share_a_name() -> None:
    assert codes({"a.yaml": binding("a"), "b.yaml": policy("a", "a")}) == []


def test_a_cluster_id_is_taken_once_and_both_places_are_named() -> None:
    problem = only(
        {"bindings/a.yaml": binding("a"), "bindings/b.yaml": binding("b").replace("clusterID: b", "clusterID: a")}
    )

    assert (problem.code, problem.at) == ("OE3102", Position("bindings/b.yaml", 6, 14))
    assert problem.related == (Position("bindings/a.yaml", 6, 14),)


def test_duplicates_count_while_something_else_is_wrong_with_them() -> None:
    files = {"bindings/a.yaml": binding("a", "  suspend: perhaps\n"), "bindings/b.yaml": binding("a")}

    assert codes(files) == ["OE2201", "OE3101", "OE3102"]


def test_two_bindings_to_one_place_are_a_warning() -> None:
    problem = only({"a.yaml": binding("a"), "b.yaml": binding("b").replace("b-kubeconfig", "a-kubeconfig")})

    assert (problem.code, problem.severity) == ("OE3104", Severity.WARNING)


@pytest.mark.parametrize(
    ("cluster", "hint"),
    [
        ("worker-11", "did you mean 'worker-1'?"),
        ("c1", "that is a clusterID; write the name of its binding, 'worker-1'"),
        ("elsewhere", "declare a ClusterBinding of this name"),
    ],
)
def test_a_policy_for_an_unknown_cluster_is_an_error(cluster: str, hint: str) -> None:
    worker = binding("worker-1").replace("clusterID: worker-1", "clusterID: c1")

    problem = only({"a.yaml": worker, "p.yaml": policy("p", cluster)})

    assert (problem.code, problem.at, problem.hint) == ("OE3103", Position("p.yaml", 6, 12), hint)


def test_a_binding_that_is_faulty_is_still_known() -> None:
    assert codes({"a.yaml": binding("a", "  suspend: 1\n"), "p.yaml": policy("p", "a")}) == ["OE2201"]


def test_a_binding_needs_no_policies() -> None:
    assert codes({"a.yaml": binding("a")}) == []


def overlaps(one: str, other: str, *, worker: str = "") -> list[str]:
    return codes({"w.yaml": binding("w", worker), "p.yaml": policy("p", "w", one), "q.yaml": policy("q", "w", other)})


@pytest.mark.parametrize(
    ("one", "other"),
    [("", ""), (NIGHTS, ""), (NIGHTS, NIGHTS), (GPU, ""), (GPU + NIGHTS, NIGHTS), ("  suspend: true\n", "")],
    ids=["both always", "nights and always", "same nights", "GPU and all", "GPU nights and all nights", "suspended"],
)
def test_policies_that_lend_a_node_at_once_are_a_warning(one: str, other: str) -> None:
    assert overlaps(one, other) == ["OE3105"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("  priority: 1\n", ""), (NIGHTS, DAYS), (GPU, NO_GPU)],
    ids=["priorities", "windows", "nodes"],
)
def test_policies_that_keep_out_of_each_other_s_way_are_fine(one: str, other: str) -> None:
    assert overlaps(one, other) == []


def test_the_binding_s_selector_counts_too() -> None:
    assert overlaps(GPU, "", worker=NO_GPU) == []


def test_policies_of_two_clusters_never_overlap() -> None:
    assert (
        codes({"a.yaml": binding("a"), "b.yaml": binding("b"), "p.yaml": policy("p", "a"), "q.yaml": policy("q", "b")})
        == []
    )


def test_an_overlap_names_both_policies_and_a_node() -> None:
    problem = only({"w.yaml": binding("w"), "p.yaml": policy("p", "w", GPU), "q.yaml": policy("q", "w")})

    assert problem.message == "'q' and 'p' can be open for a node with gpu=a100 at once, with the same priority"
    assert (problem.at.file, problem.related) == ("q.yaml", (Position("p.yaml", 4, 9),))
    assert problem.severity is Severity.WARNING


def test_each_policy_is_warned_of_once() -> None:
    files = {"w.yaml": binding("w"), **{f"p{n}.yaml": policy(f"p{n}", "w") for n in range(6)}}

    assert codes(files) == ["OE3105"] * 5


def test_a_crowd_of_policies_is_not_compared_and_that_is_said() -> None:
    files = {"w.yaml": binding("w"), **{f"p{n}.yaml": policy(f"p{n}", "w") for n in range(101)}}

    problem = only(files)

    assert (problem.code, problem.severity) == ("OE3106", Severity.WARNING)
