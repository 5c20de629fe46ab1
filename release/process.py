"""The one way to run a program: an argument list, its output read, its exit code checked."""

from __future__ import annotations

import subprocess
from collections import deque
from typing import TYPE_CHECKING

from release import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

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
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise _not_started(argv, error) from error
    if done.returncode:
        words = (done.stderr + done.stdout).decode("utf-8", "replace")
        raise ProgramFailed(argv, done.returncode, words)
    return done.stdout


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
    try:
        with subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as child:
            try:
                for line in child.stdout or ():
                    lines.append(line.rstrip())
                    on_line(lines[-1])
            except BaseException:
                child.kill()  # leaving the block waits for it
                raise
    except OSError as error:
        raise _not_started(argv, error) from error
    if child.returncode:
        raise ProgramFailed(argv, child.returncode, "\n".join(lines))


def _not_started(argv: Sequence[str], error: OSError) -> ReleaseError:
    return ReleaseError(f"`{argv[0]}` can't be started: {error.strerror or error}")
