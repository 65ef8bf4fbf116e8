"""Resource limits in a comparison: known by their resource, not by where they stand in the list."""

from collections.abc import Mapping
from typing import Any, Final

LIMITS: Final = ("spec", "resourceLimits")
_KEY: Final = "resource"


class LimitPlaces:
    """Where the limits stand in a live object while one operation after another changes it.

    The comparison sees a mapping from resource to limit; `real` leads its paths back into the list.
    """

    def __init__(self, live: object) -> None:
        self._order = list(by_resource(live) or ())

    def real(self, op: str, path: tuple[str, ...]) -> tuple[str, ...]:
        """The path in the live object of an operation at `path` of the comparison."""
        if path[:2] != LIMITS or len(path) == len(LIMITS):
            return path
        resource, *rest = path[2:]
        if rest or op == "replace":
            return (*LIMITS, str(self._order.index(resource)), *rest)
        if op == "add":
            self._order.append(resource)
            return (*LIMITS, "-")
        index = self._order.index(resource)
        del self._order[index]
        return (*LIMITS, str(index))


def by_resource(limits: object) -> dict[str, Any] | None:
    """The limits of a list by their resource; None if it is no such list, or names a resource twice."""
    if not isinstance(limits, list) or not all(isinstance(limit, Mapping) for limit in limits):
        return None
    found = {limit.get(_KEY): limit for limit in limits}
    is_clear = len(found) == len(limits) and all(isinstance(resource, str) for resource in found)
    return found if is_clear else None


def as_list(value: object) -> object:
    """All limits of a comparison as the list that they are in a manifest."""
    return list(value.values()) if isinstance(value, dict) else value
