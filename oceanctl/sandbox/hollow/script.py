"""What a container would do: how long it runs, how it ends, and whether it listens when asked to stop."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oceanctl.sandbox.hollow.podspec import EXIT_CODE, IGNORE_TERM, RUN_SECONDS, Container, Pod

_SLEEP = re.compile(
    r"\bsleep\s+(?:(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd]?)|(?P<ever>inf(?:inity)?))(?=[\s;&|)'\"]|$)"
)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LOOP = re.compile(r"\b(?:while|until)\b")
_EXIT = re.compile(r"\bexit\s+(\d{1,3})\s*;?\s*$")


class AnnotationError(ValueError):
    """An annotation for the hollow kubelet that cannot be understood; the text names it."""


@dataclass(frozen=True, slots=True)
class Script:
    """A container's future. `seconds` None means that it runs until it is stopped."""

    seconds: float | None
    exit_code: int = 0
    ignores_term: bool = False


def scripts_for(pod: Pod) -> dict[str, Script]:
    """One script per container and init container, by name; AnnotationError where an annotation makes no sense."""
    annotations = pod.metadata.annotations
    ignores_term = annotations.get(IGNORE_TERM) == "true"
    scripts = {}
    for container in pod.spec.init_containers:
        is_sidecar = container.restart_policy == "Always"
        scripts[container.name] = _script_for(container, {}, runs_on=is_sidecar, ignores_term=ignores_term)
    for container in pod.spec.containers:
        runs_on = pod.spec.restart_policy == "Always"
        scripts[container.name] = _script_for(container, annotations, runs_on=runs_on, ignores_term=ignores_term)
    return scripts


def ephemeral_script_for(container: Container) -> Script:
    """What an ephemeral container would do: without a command a shell, which ends at once unless it has an input."""
    return _script_for(container, {}, runs_on=container.stdin, ignores_term=False)


def _script_for(container: Container, annotations: Mapping[str, str], *, runs_on: bool, ignores_term: bool) -> Script:
    command = [*container.command, *container.args]
    seconds = _number(annotations, RUN_SECONDS)
    exit_code = _number(annotations, EXIT_CODE)
    return Script(
        seconds=_seconds_of(command, runs_on=runs_on) if seconds is None else seconds,
        exit_code=_exit_code_of(command) if exit_code is None else int(exit_code),
        ignores_term=ignores_term,
    )


def _seconds_of(command: Sequence[str], *, runs_on: bool) -> float | None:
    """The sum of all sleeps. Without any: a server runs on, a batch job is done at once."""
    text = " ".join(command)
    sleeps = list(_SLEEP.finditer(text))
    if not sleeps:
        return None if runs_on else 0.0
    if _LOOP.search(text) or any(sleep["ever"] for sleep in sleeps):
        return None
    return sum(float(sleep["number"]) * _UNITS[sleep["unit"]] for sleep in sleeps)


def _exit_code_of(command: Sequence[str]) -> int:
    """What a closing `exit N` says; `false` fails."""
    text = " ".join(command)
    if text in ("false", "/bin/false"):
        return 1
    found = _EXIT.search(text)
    return int(found[1]) if found else 0


def _number(annotations: Mapping[str, str], name: str) -> float | None:
    text = annotations.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        raise AnnotationError(f"{name}: {text!r} is not a number") from None
    if number < 0 or not math.isfinite(number):
        raise AnnotationError(f"{name}: {text!r} is out of range")
    return number
