"""The one way to run a program: an argument list, its output read, its exit code checked."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager, nullcontext, suppress
from typing import IO, TYPE_CHECKING, Any

from release import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    Take = Callable[[bytes], object]

# Every wish to end this process; Windows knows fewer.
ENDINGS = {getattr(signal, name) for name in {"SIGINT", "SIGTERM", "SIGHUP"} & set(dir(signal))}
TAIL = 60  # lines of a failed program's output that an error shows
TICK = 0.1  # seconds between two looks at a program
TERMINAL = threading.RLock()
GRACE = 4.0  # seconds that a program which was asked to end has for that


class ProgramFailed(ReleaseError):
    """A program exited with another code than 0; its words are in the message."""

    def __init__(self, argv: Sequence[str], returncode: int, output: str) -> None:
        super().__init__(f"`{' '.join(argv)}` failed (exit code {returncode}):\n{output.strip()}")
        self.output = output
        self.returncode = returncode


def capture(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: bytes | None = None
) -> bytes:
    """Run `argv` and return its standard output; `ProgramFailed` has standard error and output.

    Where there is a terminal, the program may ask for a password there.
    """
    output, errors = bytearray(), bytearray()
    takes, apart = (output.extend, errors.extend), not _has_terminal()
    if returncode := _run(argv, takes, cwd=cwd, env=env, stdin=stdin, apart=apart):
        raise ProgramFailed(argv, returncode, (errors + output).decode("utf-8", "replace"))
    return bytes(output)


def stream(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[str], object],
    umask: int = -1,
) -> None:
    """Run `argv` with `on_line` seeing each line of output and error as it comes.

    `umask` -1 is our own; Windows has none. Raises `ProgramFailed` with the last lines when it
    exits with another code than 0.
    """
    lines: deque[str] = deque(maxlen=TAIL)

    def take(text: bytes) -> None:
        for line in text.splitlines():
            lines.append(line.decode("utf-8", "replace").rstrip())
            on_line(lines[-1])

    if returncode := _run(argv, [take], cwd=cwd, env=env, apart=True, umask=umask):
        raise ProgramFailed(argv, returncode, "\n".join(lines))


@contextmanager
def terminal() -> Iterator[None]:
    """Let what may ask for a password take turns, where there is a terminal to ask on."""
    with TERMINAL if _has_terminal() else nullcontext():
        yield


# Signals


class Interrupts:
    """A handler of signals: each raises KeyboardInterrupt, at once or at the end of a block."""

    def __init__(self) -> None:
        self.held: list[int] | None = None
        self.elsewhere: dict[int, list[int]] = {}  # by thread

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Be told of a signal."""
        for came in list(self.elsewhere.values()):
            came.append(number)
        if self.held is None:
            raise KeyboardInterrupt
        self.held.append(number)

    @contextmanager
    def later(self) -> Iterator[Sequence[int]]:
        """Yield the signals that come in this block; Python tells only the main thread of them."""
        came: list[int] = []
        thread = threading.get_ident()
        is_told = thread == threading.main_thread().ident
        if is_told:
            self.held = came
        else:
            self.elsewhere[thread] = came
        try:
            yield came
        finally:
            if is_told:
                self.held = None
            else:
                del self.elsewhere[thread]
            if came:
                raise KeyboardInterrupt


interrupts = Interrupts()


# A program, from its start to its end


def _run(
    argv: Sequence[str],
    takes: Sequence[Take],
    *,
    stdin: bytes | None = None,
    apart: bool,
    **kind: Any,  # noqa: ANN401 - of process, as Popen takes it
) -> int:
    """Run a program and return its exit code; an error or a signal ends it, and is raised then.

    What it prints is taken line by line: by one of two `takes` its output, by the other its
    errors; or both by one. `apart` gives it a session and process group of its own: then we reach
    all that it has started, but the terminal doesn't reach it, neither by Ctrl-C nor for input.
    """
    with interrupts.later() as came, _pipes(takes) as pipes:
        ends = [pipe.entrance for pipe in pipes]
        child = _started(argv, ends, apart=apart, reads=stdin is not None, **kind)
        life = _in_background(child.wait)
        if child.stdin:
            _in_background(_feed, child.stdin, stdin)
        try:
            while life.is_alive() and not came:
                life.join(TICK)
                for pipe in pipes:
                    pipe.hand_over()
        finally:
            if came or life.is_alive():
                _end(child, came, apart=apart)
            life.join()
    return child.returncode


def _started(
    argv: Sequence[str],
    ends: Sequence[int],
    *,
    apart: bool,
    reads: bool,
    **kind: Any,  # noqa: ANN401
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            **kind,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=ends[0],
            stderr=ends[-1],
            start_new_session=apart,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) * apart,
        )
    except OSError as error:
        why = error.strerror or error
        raise ReleaseError(f"`{argv[0]}` can't be started: {why}") from error


def _end(child: subprocess.Popen[bytes], came: Sequence[int], *, apart: bool) -> None:
    """Ask a program, and all in its own group, to end, as we were asked; then kill what is left.

    It has GRACE seconds, or until we are asked once more.
    """
    ask, kill = came[0] if came else signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)
    if sys.platform == "win32":
        ask = signal.CTRL_BREAK_EVENT if apart else signal.SIGTERM
    until, asked = time.monotonic() + GRACE, len(came)
    _send(child, ask, apart=apart)
    while _is_there(child, apart=apart):
        if len(came) > asked or time.monotonic() > until:
            _send(child, kill, apart=apart)
            return
        time.sleep(TICK / 10)


def _send(child: subprocess.Popen[bytes], number: int, *, apart: bool) -> None:
    with suppress(OSError):  # it has ended
        if apart and hasattr(os, "killpg"):
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)


def _is_there(child: subprocess.Popen[bytes], *, apart: bool) -> bool:
    """Say whether a program runs, or anything else in its own group."""
    if child.poll() is None:
        return True
    if apart and hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(child.pid, 0)
            return True
    return False


def _has_terminal() -> bool:
    """Say whether a program can ask: git and ssh do so on the terminal of their session."""
    if hasattr(os, "ctermid"):
        try:
            os.close(os.open(os.ctermid(), os.O_RDWR))
        except OSError:
            return False
    return True


# Its input and output


class _Pipe:
    """A pipe from a program, read up to that program's end.

    It is open for longer when the program leaves others behind that have inherited it. So its last
    line is our own: all that the program wrote comes before.
    """

    def __init__(self, take: Take) -> None:
        self.take, self.lines = take, deque[bytes]()
        self.last = secrets.token_hex(16).encode() + b"\n"
        exit_, self.entrance = os.pipe()
        self.reader = _in_background(self._read, exit_)

    def _read(self, exit_: int) -> None:
        with os.fdopen(exit_, "rb") as pipe:
            self.lines.extend(iter(pipe.readline, self.last))

    def hand_over(self) -> None:
        """Let the lines that have come be taken."""
        while self.lines:
            self.take(self.lines.popleft())

    def close(self) -> None:
        """Read the rest; the program has ended."""
        os.write(self.entrance, b"\n" + self.last)
        os.close(self.entrance)
        self.reader.join()
        self.lines.append(self.lines.pop().removesuffix(b"\n"))  # which we have written


@contextmanager
def _pipes(takes: Sequence[Take]) -> Iterator[list[_Pipe]]:
    """Yield pipes from a program that ends within this block."""
    pipes = [_Pipe(take) for take in takes]
    try:
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
    for pipe in pipes:
        pipe.hand_over()


def _feed(pipe: IO[bytes], content: bytes) -> None:
    with suppress(OSError), pipe:  # a program may end without reading
        pipe.write(content)


def _in_background(target: Callable[..., object], *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread
