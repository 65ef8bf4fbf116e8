import io
import re

import pytest

from oceanctl.demo.errors import DemoError
from oceanctl.demo.narrator import Narrator
from oceanctl.output import Screen


def told(screen: Screen) -> list[str]:
    assert isinstance(screen.out, io.StringIO)
    return [re.sub(r"\d+\.\d s", "0.0 s", line).strip() for line in screen.out.getvalue().splitlines()]


def test_a_step_has_a_number_a_reason_and_a_time(piped_screen: Screen) -> None:
    with Narrator(piped_screen, 6).step("Lend", "A commit says what."):
        pass
    assert told(piped_screen) == ["", "0.0 s 1/6 Lend", "0.0 s A commit says what.", "0.0 s done in 0.0 s"]


def test_a_command_is_shown_as_it_could_be_typed_with_what_it_printed(piped_screen: Screen) -> None:
    Narrator(piped_screen, 6).command("kubectl get nodes", "NAME\nvnode-a [ready]\n")
    assert told(piped_screen) == ["$ kubectl get nodes", "NAME", "vnode-a [ready]"]


def test_waiting_ends_with_what_was_seen(piped_screen: Screen) -> None:
    looks = iter([None, None, "it"])
    assert Narrator(piped_screen, 6).wait("it", lambda: next(looks), 30) == "it"


def test_waiting_in_vain_names_what_for(piped_screen: Screen) -> None:
    with pytest.raises(DemoError, match="waited 0 s in vain for the pods"):
        Narrator(piped_screen, 6).wait("the pods", lambda: None, 0)
