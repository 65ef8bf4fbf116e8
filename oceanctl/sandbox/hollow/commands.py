"""The few commands that a hollow container knows: enough to try `kubectl exec` and `attach` on."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Write = Callable[[bytes], Awaitable[None]]

NOT_FOUND: Final = 127
MISUSE: Final = 2
_TO_STDERR: Final = (">&2", "1>&2")
_END_OF_INPUT: Final = b"\x04"  # Ctrl-D on a terminal
_INTERRUPT: Final = b"\x03"


@dataclass(slots=True)
class Console:
    """What a command is connected to. `size` is that of the terminal, `None` without one."""

    stdin: AsyncIterator[bytes]
    stdout: Write
    stderr: Write
    has_terminal: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None  # rows, columns


class _ExitError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def run(argv: Sequence[str], console: Console) -> int:
    """Run a command to its end; its exit code."""
    try:
        return await _run(argv, console)
    except _ExitError as end:
        return end.code


async def _run(argv: Sequence[str], console: Console) -> int:
    name, *arguments = argv
    command = _COMMANDS.get(name.rpartition("/")[2])
    if command is None:
        await console.stderr(f"{name}: not found\n".encode())
        return NOT_FOUND
    return await command(arguments, console)


async def _echo(arguments: Sequence[str], console: Console) -> int:
    is_line = arguments[:1] != ["-n"]
    text = " ".join(arguments if is_line else arguments[1:])
    await console.stdout((text + "\n" * is_line).encode())
    return 0


async def _cat(_arguments: Sequence[str], console: Console) -> int:
    async for chunk in console.stdin:
        text, ends, _ = chunk.partition(_END_OF_INPUT) if console.has_terminal else (chunk, b"", b"")
        await console.stdout(text)
        if ends:
            break
    return 0


async def _sleep(arguments: Sequence[str], console: Console) -> int:
    try:
        seconds = float(arguments[0])
    except (IndexError, ValueError):
        await console.stderr(b"sleep: a number of seconds is expected\n")
        return MISUSE
    await asyncio.sleep(seconds)
    return 0


async def _env(_arguments: Sequence[str], console: Console) -> int:
    await console.stdout("".join(f"{name}={value}\n" for name, value in console.environment.items()).encode())
    return 0


async def _exit(arguments: Sequence[str], _console: Console) -> int:
    raise _ExitError(int(arguments[0]) if arguments and arguments[0].isdecimal() else 0)


async def _stty(arguments: Sequence[str], console: Console) -> int:
    if list(arguments) != ["size"] or console.size is None:
        await console.stderr(b"stty: not a terminal\n")
        return 1
    await console.stdout(b"%d %d\n" % console.size)
    return 0


async def _sh(arguments: Sequence[str], console: Console) -> int:
    if arguments[:1] == ["-c"] and len(arguments) > 1:
        return await _script(arguments[1], console)
    return await _interactive(console)


async def _script(text: str, console: Console) -> int:
    """Commands between semicolons, each to standard output or, with `>&2`, to standard error."""
    code = 0
    words = shlex.shlex(text, posix=True, punctuation_chars=";")
    words.whitespace_split = True
    argv: list[str] = []
    for word in (*words, ";"):
        if set(word) != {";"}:
            argv.append(word)
        elif argv:
            code = await _one(argv, console)
            argv = []
    return code


async def _one(argv: Sequence[str], console: Console) -> int:
    plain = [word for word in argv if word not in _TO_STDERR]
    if len(plain) == len(argv):
        return await _run(plain, console)
    redirected = Console(
        console.stdin, console.stderr, console.stderr, console.has_terminal, console.environment, console.size
    )
    return await _run(plain, redirected)


async def _interactive(console: Console) -> int:
    """A shell that reads lines; on a terminal it prompts and shows what is typed."""
    line = b""
    await _prompt(console)
    async for chunk in console.stdin:
        for character in (chunk[index : index + 1] for index in range(len(chunk))):
            if console.has_terminal and character in (_END_OF_INPUT, _INTERRUPT):
                return 0
            if console.has_terminal:
                await console.stdout(b"\r\n" if character in b"\r\n" else character)
            if character in b"\r\n":
                await _script(line.decode(errors="replace"), console)
                await _prompt(console)
                line = b""
            else:
                line += character
    return 0


async def _prompt(console: Console) -> None:
    if console.has_terminal:
        await console.stdout(b"$ ")


_COMMANDS: Final[Mapping[str, Callable[[Sequence[str], Console], Awaitable[int]]]] = {
    "cat": _cat,
    "echo": _echo,
    "env": _env,
    "exit": _exit,
    "sh": _sh,
    "sleep": _sleep,
    "stty": _stty,
    "true": lambda _arguments, console: _sh(["-c", ""], console),
}
