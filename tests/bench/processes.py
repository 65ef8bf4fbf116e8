"""Measuring in a fresh interpreter, so that nothing that was measured before weighs on it."""

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")


def attempt(function: Callable[..., T], *arguments: object) -> T | BaseException:
    """The function's result, or what it raised; arguments and result must be picklable."""
    done = _done(function, *arguments)
    return done.exception() or done.result()


def in_child(function: Callable[..., T], *arguments: object) -> T:
    """The function's result."""
    return _done(function, *arguments).result()


def _done(function: Callable[..., T], *arguments: object) -> Future[T]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        return child.submit(function, *arguments)
