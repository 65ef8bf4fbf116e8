"""The frame of `make bench`: what its document says, and what its benches are fed with."""

import json
from collections.abc import Sequence

import pytest

from reconciler.bridge.computing import decode_pod
from tests.bench import __main__ as bench
from tests.bench.figures import CannotRunError, Figure, Pair, interleaved
from tests.bench.samples import IDENTITY, Side, Template


def good() -> Sequence[Figure]:
    return [Figure.of("one", "ms", [Pair(1.0, 2.0)])]


def hopeless() -> Sequence[Figure]:
    raise CannotRunError("no clusters here")


def test_a_ratio_is_the_median_of_the_pairs_so_that_one_bad_moment_does_not_count() -> None:
    figure = Figure.of("read", "µs", [Pair(1.0, 2.0), Pair(2.2, 4.0), Pair(90.0, 4.0)])
    assert (figure.ours, figure.reference, figure.ratio) == (2.2, 4.0, 0.55)


def test_a_bound_is_judged_only_where_there_is_one() -> None:
    judged = [Figure.of("read", "µs", [Pair(1.0, 2.0)], bound=bound).ok for bound in (None, 0.5, 0.4)]
    assert judged == [None, True, False]


def test_ours_and_the_reference_take_turns() -> None:
    turns: list[str] = []

    def measure(who: str) -> float:
        turns.append(who)
        return float(len(turns))

    pairs = interleaved(2, lambda: measure("ours"), lambda: measure("reference"))
    assert (turns, pairs) == (["ours", "reference"] * 2, [Pair(1.0, 2.0), Pair(3.0, 4.0)])


def test_a_bench_that_cannot_run_does_not_keep_the_others_from_it(capsys: pytest.CaptureFixture[str]) -> None:
    document = bench.run({"hopeless": hopeless, "good": good})
    assert document["failed"] == {"hopeless": "no clusters here"}
    assert [figure["ratio"] for figure in document["figures"]["good"]] == [0.5]
    assert json.loads(json.dumps(document))["machine"]["cores"] > 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("side", Side)
def test_a_sample_pod_has_11_kb_and_is_where_it_should_be(side: Side) -> None:
    raw = Template(side).pod(3, version=7, node=2)
    pod = decode_pod(raw)
    assert 10_500 < len(raw) < 11_500
    assert (pod.metadata.resource_version, pod.spec.node_name) == ("0000007", f"{side.value}0000002")
    assert IDENTITY.owns(pod.metadata) is (side is Side.MIRRORED)


def test_a_watch_adds_every_pod_once_and_then_modifies_them() -> None:
    lines = [json.loads(line) for line in Template(Side.FOREIGN).events(5, pods=2, nodes=2)]
    assert [line["type"] for line in lines] == ["ADDED", "ADDED", "MODIFIED", "MODIFIED", "MODIFIED"]
    assert len({line["object"]["metadata"]["name"] for line in lines}) == 2
    assert [int(line["object"]["metadata"]["resourceVersion"]) for line in lines] == [2, 3, 4, 5, 6]
