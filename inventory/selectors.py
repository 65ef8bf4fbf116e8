"""Which nodes: what a core NodeSelector selects, asked of one selector or of many at once.

As in Kubernetes, a requirement that it would not accept makes its whole term match nothing; the other terms still count. Unlike in a pod's affinity,
a selector that is absent or has no terms selects every node.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from inventory.model import NodeSelector, Requirement, SelectorTerm

_NAME_FIELD = "metadata.name"
EVERY_NODE = "every node"
_SET_OPERATORS = ("In", "NotIn")
_PRESENCE_OPERATORS = ("Exists", "DoesNotExist")
_COMPARISONS = ("Gt", "Lt")
OPERATORS = _SET_OPERATORS + _PRESENCE_OPERATORS + _COMPARISONS

_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT64 = range(-(2**63), 2**63)
_LONGEST_INTEGER = 64  # characters; leading zeros are legal and endless digits are not worth reading

_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_LABEL_PREFIX = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_UNLISTED = "\0"  # stands for every value that no requirement lists; no label has it
_LONGEST_PREFIX = 253
_LONGEST_NAME = 63


def matches(selector: NodeSelector | None, labels: Mapping[str, str], name: str) -> bool:
    """Whether the selector selects the node with these labels and this name."""
    if selector is None or not selector.terms:
        return True
    return any(_selects(term, labels, name) for term in selector.terms)


def refusals(selector: NodeSelector | None, labels: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Why a selector does not select the node: a sentence for each of its terms, in order; none if it does."""
    if selector is None or matches(selector, labels, name):
        return ()
    return tuple(_refusal(term, labels, name) for term in selector.terms)


def selector_text(selector: NodeSelector | None) -> str:
    """A selector as a person reads it, like `gpu In (a100), zone Exists; or metadata.name In (n1)`."""
    if selector is None or not selector.terms:
        return EVERY_NODE
    terms = (", ".join(map(_text, (*term.expressions, *term.fields))) for term in selector.terms)
    return "; or ".join(term or "a term without conditions" for term in terms)


def expression_flaw(requirement: Requirement) -> str | None:
    """Why Kubernetes would not accept this as one of `matchExpressions`, or None if it would."""
    if not _is_label_key(requirement.key):
        return f"{requirement.key!r} is not a label key"
    if flaw := _operand_flaw(requirement):
        return flaw
    wrong = next((value for value in requirement.values if not _is_label_value(value)), None)
    return None if wrong is None else f"{wrong!r} is not a label value"


def field_flaw(requirement: Requirement) -> str | None:
    """Why Kubernetes would not accept this as one of `matchFields`, or None if it would."""
    if requirement.key != _NAME_FIELD:
        return f"{requirement.key!r} is not a field to select nodes by; {_NAME_FIELD} is the only one"
    if requirement.operator not in _SET_OPERATORS:
        return f"{requirement.operator!r} does not apply to fields; In and NotIn do"
    return None if len(requirement.values) == 1 else f"{requirement.operator} takes exactly one value here"


class Matcher:
    """Many selectors at once, each known by its position: which of them select a node.

    Each term is a bit. For each key that any selector asks about, a column tells which terms a value leaves standing; the terms that every column leaves
    standing hold. So the cost of a node grows with the number of keys, not of selectors, and nothing is remembered of a node.
    """

    def __init__(self, selectors: Iterable[NodeSelector | None]) -> None:
        owners: list[int] = []
        by_label: defaultdict[str, list[_Condition]] = defaultdict(list)
        by_name: list[_Condition] = []
        for owner, term in _usable_terms(selectors):
            bit = 1 << len(owners)
            owners.append(owner)
            for requirement in term.expressions:
                by_label[requirement.key].append((bit, requirement))
            by_name.extend((bit, requirement) for requirement in term.fields)
        every_term = (1 << len(owners)) - 1
        self._labels = tuple((key, _column_for(conditions, every_term)) for key, conditions in by_label.items())
        self._name = _column_for(by_name, every_term)
        self._owners_of = lru_cache(maxsize=1024)(partial(_owners_of, tuple(owners)))  # nodes fall into few groups

    def matching(self, labels: Mapping[str, str], name: str) -> tuple[int, ...]:
        """The positions of the selectors that select the node, in ascending order."""
        standing = self._name.standing(name)
        for key, column in self._labels:
            standing &= column.standing(labels.get(key))
        return self._owners_of(standing)


_Condition = tuple[int, Requirement]
"""The bit of a term, and one requirement of that term."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Which terms the value of one key leaves standing: those that accept it, and those that ask nothing of the key.

    Comparisons change their answer at `steps` only: `between[i]` stands for the integers from `steps[i - 1]` to below `steps[i]`.
    """

    absent: int
    unlisted: int
    listed: Mapping[str, int]
    no_integer: int
    steps: tuple[int, ...]
    between: tuple[int, ...]

    def standing(self, value: str | None) -> int:
        if value is None:
            return self.absent
        standing = self.listed.get(value, self.unlisted)
        return standing & self._compared(value) if self.steps else standing

    def _compared(self, value: str) -> int:
        number = _int64(value)
        return self.no_integer if number is None else self.between[bisect_right(self.steps, number)]


def _column_for(conditions: Sequence[_Condition], every_term: int) -> _Column:
    compared = [each for each in conditions if each[1].operator in _COMPARISONS]
    settled = [each for each in conditions if each[1].operator not in _COMPARISONS]
    listed = {value for _, requirement in settled for value in requirement.values}
    steps = sorted({int(requirement.values[0]) + (requirement.operator == "Gt") for _, requirement in compared})
    starts = (_INT64.start, *steps)
    return _Column(
        absent=_standing(conditions, None, every_term),
        unlisted=_standing(settled, _UNLISTED, every_term),
        listed={value: _standing(settled, value, every_term) for value in listed},
        no_integer=_standing(compared, _UNLISTED, every_term),
        steps=tuple(steps),
        between=tuple(_standing(compared, str(start), every_term) for start in starts),
    )


def _standing(conditions: Iterable[_Condition], value: str | None, standing: int) -> int:
    """What remains of `standing` when the terms whose requirement refuses the value have fallen."""
    for bit, requirement in conditions:
        if not _holds(requirement, value):
            standing &= ~bit
    return standing


def _usable_terms(selectors: Iterable[NodeSelector | None]) -> Iterator[tuple[int, SelectorTerm]]:
    """Terms that can hold, with the position of their selector; a term without conditions, which always holds, for a selector of every node."""
    for owner, selector in enumerate(selectors):
        if selector is None or not selector.terms:
            yield owner, SelectorTerm()
        else:
            yield from ((owner, term) for term in selector.terms if _is_usable(term))


def _owners_of(owners: tuple[int, ...], standing: int) -> tuple[int, ...]:
    """The positions behind the bits, each once; bits are in the order of positions."""
    found: dict[int, None] = {}
    while standing:
        lowest = standing & -standing
        found[owners[lowest.bit_length() - 1]] = None
        standing ^= lowest
    return tuple(found)


def _selects(term: SelectorTerm, labels: Mapping[str, str], name: str) -> bool:
    labels_fit = all(_holds(requirement, labels.get(requirement.key)) for requirement in term.expressions)
    return labels_fit and all(_holds(requirement, name) for requirement in term.fields) and _is_usable(term)


def _refusal(term: SelectorTerm, labels: Mapping[str, str], name: str) -> str:
    """The first thing that keeps a term from selecting the node."""
    if not _is_usable(term):
        flaws = filter(None, (*map(expression_flaw, term.expressions), *map(field_flaw, term.fields)))
        return f"Kubernetes does not accept the term: {next(flaws, 'it has no conditions')}"
    for requirement in term.expressions:
        value = labels.get(requirement.key)
        if not _holds(requirement, value):
            has = "has no such label" if value is None else f"has {requirement.key}={value}"
            return f"{_text(requirement)}, but the node {has}"
    wrong = next(requirement for requirement in term.fields if not _holds(requirement, name))
    return f"{_text(wrong)}, but the node is {name}"


def _text(requirement: Requirement) -> str:
    values = f" ({', '.join(requirement.values)})" if requirement.values else ""
    return f"{requirement.key} {requirement.operator}{values}"


@lru_cache(maxsize=4096)
def _is_usable(term: SelectorTerm) -> bool:
    """Whether Kubernetes would evaluate the term: it asks something, and nothing that is not legal."""
    if not term.expressions and not term.fields:
        return False
    return not (any(map(expression_flaw, term.expressions)) or any(map(field_flaw, term.fields)))


def _holds(requirement: Requirement, value: str | None) -> bool:
    """Whether a requirement accepts a value; None is a label that the node does not have. What it says of an illegal requirement means nothing."""
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" if value is not None:
            return _compares(requirement, value)
        case _:
            return False


def _compares(requirement: Requirement, value: str) -> bool:
    number = _int64(value)
    bound = _int64(requirement.values[0]) if requirement.values else None
    if number is None or bound is None:
        return False
    return number > bound if requirement.operator == "Gt" else number < bound


def _operand_flaw(requirement: Requirement) -> str | None:
    """Why operator and number of values do not fit each other."""
    operator, values = requirement.operator, requirement.values
    if operator not in OPERATORS:
        return f"{operator!r} is not an operator; {', '.join(OPERATORS)} are"
    if operator in _SET_OPERATORS and not values:
        return f"{operator} takes at least one value"
    if operator in _PRESENCE_OPERATORS and values:
        return f"{operator} takes no values"
    if operator in _COMPARISONS and (len(values) != 1 or _int64(values[0]) is None):
        return f"{operator} takes exactly one value, an integer"
    return None


def _int64(text: str) -> int | None:
    """The number that Go's ParseInt reads in base 10 and 64 bits, or None."""
    if len(text) > _LONGEST_INTEGER or not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if number in _INT64 else None


def _is_label_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and not (len(prefix) <= _LONGEST_PREFIX and _LABEL_PREFIX.fullmatch(prefix)):
        return False
    return len(name) <= _LONGEST_NAME and _LABEL_NAME.fullmatch(name) is not None


def _is_label_value(value: str) -> bool:
    return value == "" or (len(value) <= _LONGEST_NAME and _LABEL_NAME.fullmatch(value) is not None)
