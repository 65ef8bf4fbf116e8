import io
import os
import signal

import pytest

from oceanctl.output import Screen
from oceanctl.shell import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_the_current_object_finish(piped_screen: Screen, number: signal.Signals) -> None:
    interrupts = Interrupts(piped_screen)
    with interrupts.deferred():
        os.kill(os.getpid(), number)
        assert interrupts.is_wanted
    assert isinstance(piped_screen.err, io.StringIO)
    assert "once more to stop now" in piped_screen.err.getvalue()


def test_the_second_signal_stops_at_once(piped_screen: Screen) -> None:
    interrupts = Interrupts(piped_screen)
    with interrupts.deferred():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_signals_mean_what_they_meant_before_afterwards(piped_screen: Screen) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts(piped_screen).deferred():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
