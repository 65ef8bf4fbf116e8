"""What no file can show alone: names that are taken, clusters that nobody declares, policies that get into each other's way."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from inventory import names
from inventory.codes import Code
from inventory.declarations import Declaration
from inventory.errors import Problem, Severity
from inventory.model import Binding, Policy
from inventory.overlap import are_open_together, common_node
from inventory.schema import Finding
from inventory.words import brief, meant

_MAX_COMPARED: Final = 100  # policies of one cluster and priority; every pair is compared


def problems_across(declarations: Sequence[Declaration]) -> Iterator[Problem]:
    """All problems of these manifests with each other."""
    yield from _duplicate_names(declarations)
    yield from _duplicate_cluster_ids(declarations)
    yield from _same_workers(declarations)
    yield from _unknown_clusters(declarations)
    yield from _overlaps(declarations)


def _duplicate_names(declarations: Iterable[Declaration]) -> Iterator[Problem]:
    for first, second in _sharing(declarations, lambda each: each.name and (each.kind, each.name)):
        message = f"{second.kind} {brief(second.name or '')} is declared twice"
        at_first = first.document.position(("metadata", "name"))
        finding = Finding(Code.DUPLICATE_NAME, ("metadata", "name"), message, f"the first is at {at_first}")
        yield second.document.problem(finding, (at_first,))


def _duplicate_cluster_ids(declarations: Iterable[Declaration]) -> Iterator[Problem]:
    for first, second in _sharing(_bindings(declarations), lambda each: each.text("spec", "clusterID")):
        path = ("spec", "clusterID")
        message = f"clusterID {brief(second.text(*path) or '')} belongs to another binding, {brief(first.name or '')}"
        at_first = first.document.position(path)
        finding = Finding(Code.DUPLICATE_CLUSTER_ID, path, message, f"the first is at {at_first}")
        yield second.document.problem(finding, (at_first,))


def _same_workers(declarations: Iterable[Declaration]) -> Iterator[Problem]:
    for first, second in _sharing(_bindings(declarations), _worker):
        message = (
            f"the same secretRef and mountNamespace as {brief(first.name or '')}: the younger of the two will fail"
        )
        path, at_first = ("spec", "secretRef"), first.document.position(("spec", "secretRef"))
        finding = Finding(Code.SAME_WORKER, path, message, f"the first is at {at_first}", Severity.WARNING)
        yield second.document.problem(finding, (at_first,))


def _worker(declaration: Declaration) -> object:
    value = declaration.value
    return (value.secret_ref, value.mount_namespace) if isinstance(value, Binding) else None


def _unknown_clusters(declarations: Sequence[Declaration]) -> Iterator[Problem]:
    bindings = list(_bindings(declarations))
    known = {binding.name for binding in bindings if binding.name is not None}
    by_cluster_id = {binding.text("spec", "clusterID"): binding.name for binding in bindings}
    for policy in declarations:
        cluster = policy.text("spec", "cluster") if policy.kind == names.POLICY_KIND else None
        if cluster is None or cluster in known:
            continue
        if cluster in by_cluster_id:
            hint = f"that is a clusterID; write the name of its binding, {brief(by_cluster_id[cluster] or '')}"
        else:
            hint = meant(cluster, known) or "declare a ClusterBinding of this name"
        message = f"no ClusterBinding is called {brief(cluster)}"
        yield policy.document.problem(Finding(Code.UNKNOWN_CLUSTER, ("spec", "cluster"), message, hint))


def _overlaps(declarations: Sequence[Declaration]) -> Iterator[Problem]:
    bindings = {each.name: each.value for each in declarations if isinstance(each.value, Binding)}
    groups: defaultdict[tuple[str, int], list[Declaration]] = defaultdict(list)
    for each in declarations:
        if isinstance(each.value, Policy):
            groups[each.value.cluster, each.value.priority].append(each)
    for (cluster, priority), group in groups.items():
        if len(group) > _MAX_COMPARED:
            message = f"{len(group)} policies of {brief(cluster)} have priority {priority}; they are not compared"
            yield group[0].document.problem(
                Finding(Code.OVERLAP_UNCHECKED, ("spec", "cluster"), message, None, Severity.WARNING)
            )
        else:
            yield from _overlaps_in(group, bindings.get(cluster))


def _overlaps_in(group: Sequence[Declaration], binding: Binding | None) -> Iterator[Problem]:
    """One warning for each policy that overlaps with an earlier one."""
    warned: set[int] = set()
    for (_, first), (index, second) in combinations(enumerate(group), 2):
        if index in warned:
            continue
        finding = _overlap(first, second, binding)
        if finding is not None:
            warned.add(index)
            yield second.document.problem(finding, (first.document.position(("metadata", "name")),))


def _overlap(first: Declaration, second: Declaration, binding: Binding | None) -> Finding | None:
    one, other = first.value, second.value
    if not isinstance(one, Policy) or not isinstance(other, Policy) or not are_open_together(one, other):
        return None
    node = common_node((one.node_selector, other.node_selector, binding.node_selector if binding else None))
    if node is None:
        return None
    labels = ", ".join(f"{key}={value}" for key, value in node.labels.items())
    which = f"a node with {labels}" if labels else "the same nodes"
    message = f"{brief(other.name)} and {brief(one.name)} can be open for {which} at once, with the same priority"
    hint = "the older one will win; give one of them a higher priority"
    return Finding(Code.OVERLAP, ("metadata", "name"), message, hint, Severity.WARNING)


def _bindings(declarations: Iterable[Declaration]) -> Iterator[Declaration]:
    return (each for each in declarations if each.kind == names.BINDING_KIND)


def _sharing(
    declarations: Iterable[Declaration], key: Callable[[Declaration], object]
) -> Iterator[tuple[Declaration, Declaration]]:
    """Each declaration whose key is taken, after the one that has it; a key of None or "" is no key."""
    first: dict[object, Declaration] = {}
    for declaration in declarations:
        found = key(declaration)
        if found and first.setdefault(found, declaration) is not declaration:
            yield first[found], declaration
