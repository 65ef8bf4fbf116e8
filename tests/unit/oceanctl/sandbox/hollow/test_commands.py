from collections.abc import AsyncIterator

import pytest

from oceanctl.sandbox.hollow.commands import Console, run


async def typed(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Paper:
    """Keeps what is printed."""

    def __init__(self, *chunks: bytes, size: tuple[int, int] | None = None) -> None:
        self.out = b""
        self.err = b""
        self.console = Console(typed(*chunks), self._print, self._complain, size is not None, {"A": "1"}, size)

    async def _print(self, data: bytes) -> None:
        self.out += data

    async def _complain(self, data: bytes) -> None:
        self.err += data


@pytest.mark.parametrize(
    ("argv", "code", "out", "err"),
    [
        (["echo", "a", "b"], 0, b"a b\n", b""),
        (["/bin/echo", "-n", "a"], 0, b"a", b""),
        (["env"], 0, b"A=1\n", b""),
        (["sh", "-c", "echo 'x; y'; echo z >&2; exit 3; echo never"], 3, b"x; y\n", b"z\n"),
        (["sh", "-c", "true"], 0, b"", b""),
        (["sleep", "0"], 0, b"", b""),
        (["sleep", "long"], 2, b"", b"sleep: a number of seconds is expected\n"),
        (["stty", "size"], 1, b"", b"stty: not a terminal\n"),
        (["reboot", "-f"], 127, b"", b"reboot: not found\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_a_command_does_what_its_name_says(argv: list[str], code: int, out: bytes, err: bytes) -> None:
    paper = Paper()
    assert (await run(argv, paper.console), paper.out, paper.err) == (code, out, err)


async def test_cat_gives_back_every_byte() -> None:
    paper = Paper(b"\x00\x04", b"\xff")
    assert await run(["cat"], paper.console) == 0
    assert paper.out == b"\x00\x04\xff"


async def test_a_shell_on_a_terminal_echoes_and_ends_with_exit() -> None:
    paper = Paper(b"stty si", b"ze\rexit 4\r", size=(24, 80))
    assert await run(["sh"], paper.console) == 4
    assert paper.out == b"$ stty size\r\n24 80\n$ exit 4\r\n"


async def test_a_shell_without_a_terminal_reads_lines_silently() -> None:
    paper = Paper(b"echo a\necho b\n")
    assert await run(["sh"], paper.console) == 0
    assert paper.out == b"a\nb\n"
