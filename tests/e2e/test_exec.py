"""`kubectl exec` on a vnode, with each kubectl and in each way it speaks."""

from tests.e2e.hands import MEGABYTE, Hand, noise, sha256

BULK = noise(20 * MEGABYTE)


def test_exit_codes_and_both_outputs_come_back(hand: Hand, workbench: str) -> None:
    done = hand.try_run("exec", workbench, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.returncode) == (b"out\n", 7)
    assert done.stderr.startswith(b"err\n")
    assert hand.try_run("exec", workbench, "--", "true").returncode == 0
    assert hand.try_run("exec", workbench, "--", "sh", "-c", "kill -9 $$").returncode == 137


def test_a_command_that_is_not_there_is_an_error(hand: Hand, workbench: str) -> None:
    done = hand.try_run("exec", workbench, "--", "no-such-command")
    assert done.returncode != 0
    assert b"no-such-command" in done.stderr


def test_standard_input_reaches_the_command(hand: Hand, workbench: str) -> None:
    assert hand.run("exec", "-i", workbench, "--", "sort", stdin=b"b\na\n") == b"a\nb\n"


def test_twenty_megabytes_go_in_unharmed(hand: Hand, workbench: str) -> None:
    told = hand.run("exec", "-i", workbench, "--", "sha256sum", stdin=BULK)
    assert told.decode().split()[0] == sha256(BULK)


def test_twenty_megabytes_come_out_unharmed(hand: Hand, workbench: str) -> None:
    # The shell keeps its standard output: containerd 1.6 closes a command's input when that command closes its output.
    hand.run("exec", "-i", workbench, "--", "sh", "-c", "cat > /tmp/bulk; true", stdin=BULK)
    assert sha256(hand.run("exec", workbench, "--", "cat", "/tmp/bulk")) == sha256(BULK)


def test_both_ways_at_once(hand: Hand, workbench: str) -> None:
    assert sha256(hand.run("exec", "-i", workbench, "--", "cat", stdin=BULK)) == sha256(BULK)


def test_a_terminal_has_the_size_of_the_person_s(hand: Hand, workbench: str) -> None:
    with hand.terminal("exec", "-it", workbench, "--", "sh") as terminal:
        assert terminal.reads("# ")
        assert terminal.size_becomes(41, 123)
        assert terminal.size_becomes(50, 132)
        terminal.type("exit 5\n")
        assert terminal.ends_with() == 5
