"""From the files of an inventory to the inventory, or to everything that keeps it from being one; pure but for reading the blobs."""

from collections.abc import Iterable
from typing import TypeVar

from inventory.blobs import Blob
from inventory.cache import TextCache
from inventory.declarations import Declaration, declaration_of, settings_of
from inventory.errors import Problem, Severity
from inventory.files import Caps, read_files
from inventory.manifests import declared_manifest
from inventory.model import Binding, Inventory, Located, Policy
from inventory.rules import problems_across

_Kind = TypeVar("_Kind", Binding, Policy)


def load(
    blobs: Iterable[Blob], cache: TextCache, caps: Caps | None = None
) -> tuple[Inventory | None, tuple[Problem, ...]]:
    """The inventory that a tree holds, and all problems in the order of files and lines.

    There is an inventory only if nothing is wrong but warnings: half an inventory would say that the other half is to be deleted.
    """
    files = read_files(blobs, cache, caps or Caps())
    settings, found = settings_of(files.settings)
    problems = [*files.problems, *found]
    declarations: list[Declaration] = []
    for document in files.documents:
        declaration, found = declaration_of(document)
        problems.extend(found)
        declarations.extend([] if declaration is None else [declaration])
    problems.extend(problems_across(declarations))
    in_order = tuple(sorted(problems, key=lambda problem: (problem.at, problem.code)))
    if any(problem.severity is Severity.ERROR for problem in in_order):
        return None, in_order
    bindings = tuple(_located(each, each.value) for each in declarations if isinstance(each.value, Binding))
    policies = tuple(_located(each, each.value) for each in declarations if isinstance(each.value, Policy))
    return Inventory(settings.id, bindings, policies, settings.guards), in_order


def _located(declaration: Declaration, value: _Kind) -> Located[_Kind]:
    document = declaration.document
    return Located(value, declared_manifest(document.data), document.position(), document.origins())
