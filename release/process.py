"""The one way to run a program: an argument list, its output read, its exit code checked."""

from __future__ import annotations

import io
import signal
import subprocess
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from release import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

# Every wish to end this process; Windows knows fewer.
ENDINGS = {getattr(signal, name) for name in {"SIGINT", "SIGTERM", "SIGHUP"} & set(dir(signal))}
TAIL = 60  # lines of a failed program's output that an error shows


class ProgramFailed(ReleaseError):
    """A program exited with another code than 0; its words are in the message."""

    def __init__(self, argv: Sequence[str], returncode: int, output: str) -> None:
        super().__init__(f"`{' '.join(argv)}` failed (exit code {returncode}):\n{output.strip()}")
        self.output = output
        self.returncode = returncode


def capture(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: bytes | None = None
) -> bytes:
    """Run `argv` and return its standard output; `ProgramFailed` has standard error and output."""
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    with _running(argv, cwd=cwd, env=env, stdin=source, stderr=subprocess.PIPE) as child:
        output, errors = child.communicate(stdin)
    if child.returncode:
        words = (errors + output).decode("utf-8", "replace")
        raise ProgramFailed(argv, child.returncode, words)
    return bytes(output)


def stream(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[str], object],
) -> None:
    """Run `argv` with `on_line` seeing each line of output and error as it comes.

    Raises `ProgramFailed` with the last lines when it exits with another code than 0.
    """
    lines: deque[str] = deque(maxlen=TAIL)
    null, both = subprocess.DEVNULL, subprocess.STDOUT
    with (
        _running(argv, cwd=cwd, env=env, stdin=null, stderr=both) as child,
        io.TextIOWrapper(child.stdout or io.BytesIO(), "utf-8", "replace") as output,
    ):
        for line in output:
            lines.append(line.rstrip())
            on_line(lines[-1])
    if child.returncode:
        raise ProgramFailed(argv, child.returncode, "\n".join(lines))


@contextmanager
def _running(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: int, stderr: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program as long as the block, and wait for its end; an exception in it kills it."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        with _uninterrupted():  # else a program may be born that nobody knows of
            children.append(
                subprocess.Popen(
                    argv, cwd=cwd, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr
                )
            )
        yield children[0]
    except BaseException as error:
        for child in children:
            child.kill()
        if isinstance(error, OSError) and not children:
            why = error.strerror or error
            raise ReleaseError(f"`{argv[0]}` can't be started: {why}") from error
        raise
    finally:
        for child in children:
            with child:  # waits for its end
                pass


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Raise the KeyboardInterrupt of a signal at the end of the block; only the main thread can."""
    is_main = threading.current_thread() is threading.main_thread()
    raising = (one for one in ENDINGS if signal.getsignal(one) is signal.default_int_handler)
    held, came = list(raising) if is_main else [], list[int]()
    for number in held:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, signal.default_int_handler)
        if came:
            raise KeyboardInterrupt
