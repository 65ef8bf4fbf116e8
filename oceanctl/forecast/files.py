"""Supplies from files: each worker's nodes and pods, as kubectl prints them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from inventory.model import Binding
from oceanctl.errors import UsageMistakeError
from oceanctl.explain.names import unknown
from oceanctl.forecast.supply import Supply, supply_of
from oceanctl.offline import load_of, nodes_from, pods_from


def supplies_from(
    bindings: Sequence[Binding], lent: Collection[str], nodes: Sequence[str], pods: Sequence[str]
) -> tuple[tuple[Supply, ...], tuple[str, ...]]:
    """What `--nodes` and `--pods` say, each `[BINDING=]FILE`, and what has to be known of it.

    A file without a name is for the one binding that any policy lends; `lent` are the names of those.

    Raises UsageMistakeError where a file is not for one binding; InvalidFilesError; OSError.
    """
    node_files, pod_files = (
        _by_binding([binding.name for binding in bindings], lent, option, given)
        for option, given in (("--nodes", nodes), ("--pods", pods))
    )
    for name in pod_files.keys() - node_files.keys():
        raise UsageMistakeError(f"--pods {name}=…: there are no --nodes of {name}")
    supplies = tuple(_supply(binding, node_files, pod_files) for binding in bindings if binding.name in node_files)
    missing = [binding.name for binding in bindings if binding.name not in node_files]
    podless = [name for name in node_files if name not in pod_files]
    notes = []
    if missing:
        notes.append(f"without nodes and so left out: {', '.join(missing)}")
    if podless:
        notes.append(f"without pods, as if the owners ran nothing: {', '.join(podless)}")
    return supplies, tuple(notes)


def _supply(binding: Binding, nodes: Mapping[str, list[Path]], pods: Mapping[str, list[Path]]) -> Supply:
    seen = [node for path in nodes[binding.name] for node in nodes_from(path)]
    running = (pod for path in pods.get(binding.name, ()) for pod in pods_from(path))
    return supply_of(binding, seen, load_of(running, binding))


def _by_binding(
    names: Sequence[str], lent: Collection[str], option: str, given: Sequence[str]
) -> Mapping[str, list[Path]]:
    meant = [name for name in names if name in lent] or names
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for text in given:
        name, has_name, path = text.partition("=")
        if has_name and name in names:
            found[name].append(Path(path))
        elif has_name and not Path(text).exists():
            raise UsageMistakeError(f"{option} {text}: {unknown('binding', name, names)}")
        elif len(meant) == 1:
            found[meant[0]].append(Path(text))
        else:
            example = meant[0] if meant else "BINDING"
            raise UsageMistakeError(f"{option} {text}: say whose, like {option} {example}=FILE")
    return found
