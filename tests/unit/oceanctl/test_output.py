import io
import json
import time
from dataclasses import replace

import pytest

from oceanctl import output
from oceanctl.output import Color, Screen, Volume


def written(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_a_pipe_gets_no_escape_sequences(piped_screen: Screen) -> None:
    piped_screen.result(("bad", "bold red"), " news")
    assert written(piped_screen.out) == "bad news\n"


def test_a_terminal_gets_colour(terminal_screen: Screen) -> None:
    terminal_screen.result(("bad", "bold red"), " news")
    assert written(terminal_screen.out) == "\x1b[1;31mbad\x1b[0m news\n"


def test_color_never_is_plain_even_at_a_terminal(terminal_screen: Screen) -> None:
    screen = replace(terminal_screen, color=Color.NEVER)
    screen.result(("bad", "red"))
    assert written(screen.out) == "bad\n"


def test_color_always_colours_a_pipe(piped_screen: Screen) -> None:
    screen = replace(piped_screen, color=Color.ALWAYS)
    screen.result(("bad", "red"))
    assert written(screen.out) == "\x1b[31mbad\x1b[0m\n"


@pytest.mark.parametrize("kind", ["terminal_screen", "piped_screen"])
def test_brackets_are_text_not_markup(kind: str, request: pytest.FixtureRequest) -> None:
    screen: Screen = request.getfixturevalue(kind)
    screen.result("vnode [node-1] [bold]x[/bold] :smile:")
    assert written(screen.out) == "vnode [node-1] [bold]x[/bold] :smile:\n"


@pytest.mark.parametrize("kind", ["terminal_screen", "piped_screen"])
def test_a_long_line_is_never_broken(kind: str, request: pytest.FixtureRequest) -> None:
    screen: Screen = request.getfixturevalue(kind)
    screen.result("word " * 100 + "end")
    assert written(screen.out) == "word " * 100 + "end\n"


@pytest.mark.parametrize("kind", ["terminal_screen", "piped_screen"])
def test_control_characters_of_others_are_spelled_out(kind: str, request: pytest.FixtureRequest) -> None:
    screen: Screen = request.getfixturevalue(kind)
    screen.result("policies/\x1b[2J\x07\x9b.yaml")
    assert written(screen.out) == "policies/\\x1b[2J\\x07\\x9b.yaml\n"


def test_quiet_hides_progress_but_neither_results_nor_errors(piped_screen: Screen) -> None:
    screen = replace(piped_screen, volume=Volume.QUIET)
    screen.say("working")
    screen.detail("more")
    screen.result("done")
    screen.warn("careful")
    screen.error("broken")
    assert written(screen.out) == "done\n"
    assert written(screen.err) == "warning: careful\nerror: broken\n"


def test_details_need_verbose(piped_screen: Screen) -> None:
    piped_screen.detail("more")
    replace(piped_screen, volume=Volume.VERBOSE).detail("much more")
    assert written(piped_screen.err) == "much more\n"


def test_documents_carry_their_format_version(piped_screen: Screen) -> None:
    piped_screen.document({"name": "ü"})
    assert json.loads(written(piped_screen.out)) == {"formatVersion": "1.0", "name": "ü"}


def test_a_long_wait_gives_a_heartbeat_that_names_what_is_awaited(
    piped_screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "HEARTBEAT_SECONDS", 0.001)
    give_up_at = time.monotonic() + 10
    with piped_screen.awaiting("the API server"):
        while "the API server" not in written(piped_screen.err):
            assert time.monotonic() < give_up_at
    assert written(piped_screen.err).startswith("still waiting for the API server (0 s)\n")


def test_a_short_wait_is_silent(piped_screen: Screen) -> None:
    with piped_screen.awaiting("nothing"):
        pass
    assert written(piped_screen.err) == ""


def test_a_pipe_has_no_width(piped_screen: Screen) -> None:
    assert piped_screen.width is None
