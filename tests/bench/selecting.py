"""Which policies lend a node and how much, for 10,000 nodes and 100 policies: the index beside the plain double loop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Final

from inventory.model import Limit, NodeSelector, Policy, Requirement, SelectorTerm, Window
from inventory.quantity import MILLI
from inventory.selection import Selection
from inventory.selectors import Matcher, matches
from inventory.standing import Candidate, Sides, Standing, standing_of
from reconciler.bottomup.capacity import lease_of
from tests.bench.figures import Figure, cpu_seconds, interleaved
from tests.leasing import BINDING

ROUNDS: Final = 3
NODES: Final = 10_000
POLICIES: Final = 100
POOLS: Final = 60
FULL_BOUND: Final = 0.3
MILLI_SECONDS: Final = 1000
MONDAY_NOON: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
PASS: Final = timedelta(milliseconds=1)  # every pass over a node has an instant of its own
ZONES: Final = ("UTC", "Europe/Paris", "Asia/Shanghai", "America/New_York")
MODELS: Final = ("a100", "h100", "l4")
ALLOCATABLE: Final = {"cpu": "63900m", "memory": "255Gi", "pods": "110", "ephemeral-storage": "900Gi"}

Judge = Callable[[Mapping[str, str], str, datetime], Standing | None]


@dataclass(frozen=True, slots=True)
class Machine:
    """A worker node as the rules see it."""

    name: str
    labels: Mapping[str, str]
    load: Mapping[str, int]


def figures() -> Sequence[Figure]:
    random = Random("fleet")
    nodes = [_machine(number, random) for number in range(NODES)]
    policies = [_policy(number, random) for number in range(POLICIES)]
    selecting = interleaved(
        ROUNDS, partial(_select_at_once, nodes, policies), partial(_select_one_by_one, nodes, policies)
    )
    full = interleaved(ROUNDS, partial(_evaluate_indexed, nodes, policies), partial(_evaluate_plainly, nodes, policies))
    size = f"{NODES} nodes x {POLICIES} policies"
    return [
        Figure.of(f"selectors that match, {size}", "ms", selecting),
        Figure.of(f"lender and capacity of every node, {size}", "ms", full, bound=FULL_BOUND),
    ]


def _select_at_once(nodes: Sequence[Machine], policies: Sequence[Policy]) -> float:
    def select() -> None:
        matcher = Matcher([policy.node_selector for policy in policies])
        for node in nodes:
            matcher.matching(node.labels, node.name)

    return cpu_seconds(select) * MILLI_SECONDS


def _select_one_by_one(nodes: Sequence[Machine], policies: Sequence[Policy]) -> float:
    def select() -> None:
        for node in nodes:
            for policy in policies:
                matches(policy.node_selector, node.labels, node.name)

    return cpu_seconds(select) * MILLI_SECONDS


def _evaluate_indexed(nodes: Sequence[Machine], policies: Sequence[Policy]) -> float:
    """As a Bridge does after a policy has changed: the index is made, then every node is looked at."""
    return cpu_seconds(lambda: _evaluate(nodes, Selection(BINDING, _sides(policies)).standing_of)) * MILLI_SECONDS


def _evaluate_plainly(nodes: Sequence[Machine], policies: Sequence[Policy]) -> float:
    sides = _sides(policies)

    def judge(labels: Mapping[str, str], name: str, now: datetime) -> Standing | None:
        return standing_of(labels, name, BINDING, sides, now)

    return cpu_seconds(lambda: _evaluate(nodes, judge)) * MILLI_SECONDS


def _evaluate(nodes: Sequence[Machine], judge: Judge) -> None:
    now = MONDAY_NOON
    for node in nodes:
        standing = judge(node.labels, node.name, now)
        if standing and standing.lenders:
            lease_of(ALLOCATABLE, node.load, standing.lenders)
        now += PASS


def _sides(policies: Sequence[Policy]) -> Sides:
    return Sides([Candidate(policy.name, policy) for policy in policies])


def _machine(number: int, random: Random) -> Machine:
    name = f"node-{number:05}"
    pool = random.randrange(POOLS)
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": f"m{pool % 7}.16xlarge",
        "topology.kubernetes.io/region": f"region-{pool % 3}",
        "topology.kubernetes.io/zone": f"region-{pool % 3}{'abc'[number % 3]}",
        "example.com/pool": f"pool-{pool}",
        "example.com/generation": str(1 + pool % 5),
        **({"example.com/gpu": MODELS[pool % 3]} if pool % 4 == 0 else {}),
    }
    load = {"cpu": random.randrange(64) * MILLI, "memory": random.randrange(256) * 2**30 * MILLI, "pods": 12 * MILLI}
    return Machine(name, labels, load)


def _policy(number: int, random: Random) -> Policy:
    pools = tuple(f"pool-{random.randrange(POOLS)}" for _ in range(2))
    terms = (
        (Requirement("example.com/pool", "In", pools),),
        (Requirement("example.com/pool", "In", pools), Requirement("example.com/gpu", "DoesNotExist")),
        (
            Requirement("example.com/gpu", "In", (MODELS[number % 3],)),
            Requirement("example.com/generation", "Gt", ("3",)),
        ),
        (
            Requirement("topology.kubernetes.io/zone", "In", (f"region-{number % 3}a",)),
            Requirement("example.com/pool", "In", pools),
        ),
    )
    return Policy(
        f"policy-{number:03}",
        BINDING.name,
        NodeSelector((SelectorTerm(terms[number % len(terms)]),)),
        (
            Window(22 * 60, 6 * 60, frozenset(range(5))),
            Window(0, 23 * 60 + 59, frozenset({5, 6})),
            Window(11 * 60, 15 * 60),
        ),
        ZONES[number % len(ZONES)],
        (Limit("cpu", percent=50), Limit("memory", quantity=128 * 2**30 * MILLI, percent=80)),
        priority=number % 3,
    )
