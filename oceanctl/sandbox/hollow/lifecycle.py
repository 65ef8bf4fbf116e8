"""The life of a pod's containers as a pure function of time: what runs, what has ended, what is started next.

`advance(run, now)` carries a pod as far as it comes by `now`; `next_change(run)` is the instant at which calling it again makes a difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from oceanctl.sandbox.hollow.script import Script

CONTAINER_CREATING = "ContainerCreating"
POD_INITIALIZING = "PodInitializing"
CRASH_LOOP = "CrashLoopBackOff"
KILLED_EXIT_CODE = 137
TERM_EXIT_CODE = 143
MAX_BACKOFF = timedelta(minutes=5)  # as kubelets
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not started, or not again; `until` is the end of a back-off."""

    reason: str = CONTAINER_CREATING
    message: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """Started."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Terminated:
    """Ended."""

    exit_code: int
    started_at: datetime | None
    finished_at: datetime

    @property
    def reason(self) -> str:
        """As the container runtimes call it."""
        return "Completed" if self.exit_code == 0 else "Error"


State = Waiting | Running | Terminated


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """One container under its own restart policy (an init container's differs from its pod's)."""

    name: str
    script: Script
    policy: str
    state: State = Waiting()
    last: Terminated | None = None
    restarts: int = 0

    @property
    def ends_at(self) -> datetime | None:
        """When it will end by itself."""
        if not isinstance(self.state, Running) or self.script.seconds is None:
            return None
        return self.state.since + timedelta(seconds=self.script.seconds)

    @property
    def starts(self) -> int:
        """How often it was started."""
        never = isinstance(self.state, Waiting) and self.last is None
        return 0 if never else self.restarts + 1

    @property
    def endings(self) -> int:
        """How often it ended."""
        return self.starts - isinstance(self.state, Running)

    @property
    def exit_code(self) -> int:
        """Of its latest end; of the end to come, if there was none."""
        ended = self.state if isinstance(self.state, Terminated) else self.last
        return ended.exit_code if ended is not None else self.script.exit_code

    @property
    def is_sidecar(self) -> bool:
        """An init container that is meant to run on (only asked of init containers)."""
        return self.policy == "Always"

    @property
    def has_succeeded(self) -> bool:
        """Ended with 0."""
        return isinstance(self.state, Terminated) and self.state.exit_code == 0

    def will_restart(self) -> bool:
        """Whether its policy wants it again, now that it has ended."""
        return self.policy == "Always" or (self.policy == "OnFailure" and not self.has_succeeded)


@dataclass(frozen=True, slots=True)
class Stop:
    """The order to end everything, and when patience is over. `reason` and `message` are for the pod's status."""

    ordered_at: datetime
    kill_at: datetime
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class PodRun:
    """Everything that a container runtime would know of one pod.

    `blocked` says, by container name, what a container still waits for. `deadline` is the end of `activeDeadlineSeconds`, `grace` the patience with
    containers that are stopped for another reason than the pod's deletion.
    """

    started_at: datetime
    init: tuple[ContainerRun, ...]
    main: tuple[ContainerRun, ...]
    ephemeral: tuple[ContainerRun, ...] = ()
    address: str | None = None
    stop: Stop | None = None
    backoff: timedelta = timedelta(seconds=10)
    grace: timedelta = timedelta(seconds=30)
    deadline: datetime | None = None
    blocked: Mapping[str, Waiting] = field(default_factory=dict)

    @property
    def containers(self) -> tuple[ContainerRun, ...]:
        """Init containers first, ephemeral ones last."""
        return self.init + self.main + self.ephemeral

    @property
    def is_initialized(self) -> bool:
        """Every init container is done, and every sidecar has started."""
        return all(_has_initialized(container) for container in self.init)

    @property
    def is_over(self) -> bool:
        """Nothing runs, and nothing will."""
        if any(isinstance(container.state, Running) for container in self.containers):
            return False
        return self.stop is not None or self.has_no_future

    @property
    def is_blocked(self) -> bool:
        """A container was not started because of its dependents."""
        return any(container.state == self.blocked.get(container.name) for container in self.containers)

    @property
    def has_no_future(self) -> bool:
        """No container will start again by itself; sidecars and ephemeral containers may still run."""
        return self.has_failed_init or all(
            isinstance(main.state, Terminated) and not main.will_restart() for main in self.main
        )

    @property
    def has_failed_init(self) -> bool:
        """An init container failed for good, so that no container will ever start."""
        return any(
            isinstance(init.state, Terminated) and not init.has_succeeded and not init.will_restart()
            for init in self.init
        )


def advance(run: PodRun, now: datetime) -> PodRun:
    """The pod as it is at `now`: containers end when their time has come, and what may start does."""
    while (further := _step(run, now)) != run:
        run = further
    return run


def next_change(run: PodRun) -> datetime | None:
    """The next instant at which time alone changes something; may lie in the past for a run that was not advanced."""
    changes = [ending[0] for container in run.containers if (ending := _ending_of(container, run.stop)) is not None]
    if run.stop is None and not run.has_no_future:
        waiting = [container.state for container in run.containers if isinstance(container.state, Waiting)]
        changes += [until for until in (run.deadline, *(state.until for state in waiting)) if until is not None]
    return min(changes, default=None)


def may_start(run: PodRun, now: datetime) -> bool:
    """Whether a container could start at or before `now`, so that dependents have to be looked at before `advance`."""
    if run.stop is not None or run.has_no_future:
        return False
    return any(not isinstance(c.state, Running) or (c.ends_at is not None and c.ends_at <= now) for c in run.containers)


def _step(run: PodRun, now: datetime) -> PodRun:
    """One round: endings first, then starts. Several rounds may fit into one pass, as init containers follow each other."""
    ended = replace(
        run,
        init=tuple(_ended(container, run.stop, now) for container in run.init),
        main=tuple(_ended(container, run.stop, now) for container in run.main),
        ephemeral=tuple(_ended(container, run.stop, now) for container in run.ephemeral),
    )
    ended = replace(ended, stop=ended.stop or _own_stop(ended, now))
    if ended.stop is not None:
        return ended
    turn = {container.name for container in _candidates(ended)}
    return replace(
        ended,
        init=tuple(_moved_on(c, ended, now, turn) for c in ended.init),
        main=tuple(_moved_on(c, ended, now, turn) for c in ended.main),
        ephemeral=tuple(_moved_on(c, ended, now, turn) for c in ended.ephemeral),
    )


def _own_stop(run: PodRun, now: datetime) -> Stop | None:
    """Not ordered by anybody: the pod's deadline has passed, or only sidecars and ephemeral containers are left."""
    if run.has_no_future:
        return Stop(now, now + run.grace) if not run.is_over else None
    if run.deadline is not None and run.deadline <= now:
        message = "Pod was active on the node longer than the specified deadline"
        return Stop(run.deadline, run.deadline + run.grace, "DeadlineExceeded", message)
    return None


def _candidates(run: PodRun) -> tuple[ContainerRun, ...]:
    """Init containers come one after the other, then all containers at once; sidecars may come back while there is work beside them.

    Ephemeral containers wait for nobody.
    """
    if run.has_no_future:
        return ()
    sidecars = tuple(init for init in run.init if init.is_sidecar and _has_initialized(init))
    beside = (*sidecars, *run.ephemeral)
    unfinished = next((init for init in run.init if not _has_initialized(init)), None)
    return (*beside, unfinished) if unfinished is not None else (*beside, *run.main)


def _has_initialized(init: ContainerRun) -> bool:
    if init.is_sidecar:
        return not isinstance(init.state, Waiting) or init.last is not None
    return init.has_succeeded


def _ended(container: ContainerRun, stop: Stop | None, now: datetime) -> ContainerRun:
    ending = _ending_of(container, stop)
    if ending is None or ending[0] > now or not isinstance(container.state, Running):
        return container
    at, exit_code = ending
    return replace(container, state=Terminated(exit_code, container.state.since, at))


def _ending_of(container: ContainerRun, stop: Stop | None) -> tuple[datetime, int] | None:
    """When a running container ends as things stand, and with which exit code: by itself or by being stopped, whatever comes first."""
    if not isinstance(container.state, Running):
        return None
    endings = [(container.ends_at, container.script.exit_code)] if container.ends_at else []
    if stop is not None:
        endings.append((stop.kill_at, KILLED_EXIT_CODE))
        if not container.script.ignores_term:
            endings.append((stop.ordered_at, TERM_EXIT_CODE))
    return min(endings, default=None)


def _moved_on(container: ContainerRun, run: PodRun, now: datetime, turn: set[str]) -> ContainerRun:
    if container.name not in turn:
        return container
    match container.state:
        case Terminated() as ended if container.will_restart():
            return _backing_off(container, ended, run.backoff)
        case Waiting() if _is_due(container, now):
            return _started(container, run, now)
        case _:
            return container


def _is_due(container: ContainerRun, now: datetime) -> bool:
    return isinstance(container.state, Waiting) and (container.state.until is None or container.state.until <= now)


def _backing_off(container: ContainerRun, ended: Terminated, base: timedelta) -> ContainerRun:
    """The first restart is immediate, later ones wait for twice as long each time."""
    doublings = min(container.restarts - 1, _MOST_DOUBLINGS)
    delay = min(base * 2**doublings, MAX_BACKOFF) if container.restarts else timedelta(0)
    message = f"back-off {delay.total_seconds():g}s restarting failed container={container.name}"
    return replace(container, state=Waiting(CRASH_LOOP, message, ended.finished_at + delay), last=ended)


def _started(container: ContainerRun, run: PodRun, now: datetime) -> ContainerRun:
    blocked = run.blocked.get(container.name)
    if blocked is not None:
        return replace(container, state=blocked)
    restarts = container.restarts + (container.last is not None)
    return replace(container, state=Running(now), restarts=restarts)
