"""Programs end with us, and we don't wait for what they leave behind; no signal is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from release import ReleaseError
from release.process import GRACE, ProgramFailed, capture, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and process groups")
PYTHON = (sys.executable, "-I", "-c")
CHATTER = "x" * 999 + "\n"  # short enough to be written in one piece, in the middle of a line too
LEFT = """
import subprocess, sys
code = "import time\\nfor _ in range(3000): {act}; time.sleep(0.01)"
subprocess.Popen([sys.executable, "-I", "-c", code])
sys.stdout.write("word\\n" * 100_000 + "last")
sys.exit({code})
"""


def streamed(code: str) -> list[str]:
    lines: list[str] = []
    stream([*PYTHON, code], cwd=Path.cwd(), env=os.environ, on_line=lines.append)
    return lines


def captured(code: str, stdin: bytes | None = None) -> bytes:
    return capture([*PYTHON, code], cwd=Path.cwd(), env=os.environ, stdin=stdin)


# Input, output, and who else has them


@pytest.mark.parametrize("act", ["0", "print('x' * 999, flush=True)"], ids=["silent", "chatty"])
def test_what_a_program_leaves_behind_is_not_waited_for(act: str) -> None:
    """It has inherited the pipes; all that the program itself wrote is there."""
    began = time.monotonic()
    code = LEFT.format(act=act, code=0)
    lines = "".join(f"{line}\n" for line in streamed(code)).replace(CHATTER, "")
    assert lines.splitlines().count("word") == 100_000
    words = captured(code).replace(CHATTER.encode(), b"")
    assert (words.count(b"word\n"), words.count(b"last")) == (100_000, 1)
    with pytest.raises(ProgramFailed, match="last"):
        captured(LEFT.format(act=act, code=7))
    assert time.monotonic() - began < 20, "it lives for 30 seconds"


@pytest.mark.parametrize("content", [b"", b"x", b"x\n", b"\r\n\n", bytes(range(256)) * 9999])
def test_what_is_captured_is_exactly_what_was_written(content: bytes) -> None:
    code = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    assert captured(code, content) == content


def test_a_program_need_not_read() -> None:
    assert captured("print(end='done')", b"x" * 1_000_000) == b"done"
    assert captured("import sys; print(end=repr(sys.stdin.read()))") == b"''"


def test_every_line_is_seen_as_it_comes() -> None:
    code = r"import sys; sys.stdout.buffer.write(b'a\r\nb\rc\n\n\xff\n  d'); sys.exit(4)"
    with pytest.raises(ProgramFailed) as failed:
        streamed(code)
    assert failed.value.returncode == 4
    assert failed.value.output == "a\nb\nc\n\n\ufffd\n  d"
    assert streamed("import sys; print('e', file=sys.stderr)") == ["e"]


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ReleaseError, match="`no-such-program` can't be started: No such file"):
        capture(["no-such-program"], cwd=Path.cwd(), env=os.environ)


def test_an_error_of_who_looks_on_ends_the_program(tmp_path: Path) -> None:
    def refuse(line: str) -> None:
        raise ValueError(line)

    code = f"import time; print('word', flush=True)\n{WRITER}"
    with pytest.raises(ValueError, match="word"):
        stream([*PYTHON, code], cwd=tmp_path, env=os.environ, on_line=refuse)
    assert_nobody_writes(tmp_path)


# Its end

# It goes on writing, as a test runner's worker does.
WRITER = """
import time
for _ in range(3000):
    with open("written", "a") as file: file.write(".")
    time.sleep(0.01)
"""
PARENT = f"""
import subprocess, sys
sys.exit(subprocess.run([sys.executable, "-I", "-c", {WRITER!r}]).returncode)
"""
DEAF = f"""
import signal
for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(one, signal.SIG_IGN)
{WRITER}
"""
TIDY = f"""
import signal, time
def tidy(number, _frame):
    time.sleep(0.5)
    open("tidied", "w").write(signal.Signals(number).name)
    raise SystemExit
for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(one, tidy)
{WRITER}
"""
OURS = """
import os, signal, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from release.process import ENDINGS, capture, interrupts, stream

for number in ENDINGS:
    signal.signal(number, interrupts)
how, *argv = sys.argv[1:]
if how.endswith("terminal"):
    import fcntl, termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
try:
    if how == "capture in a thread":
        with ThreadPoolExecutor() as pool:
            pool.submit(capture, argv, cwd=Path.cwd(), env=os.environ).result()
    elif how.startswith("capture"):
        print(capture(argv, cwd=Path.cwd(), env=os.environ).decode())
    else:
        stream(argv, cwd=Path.cwd(), env=os.environ, on_line=print)
except KeyboardInterrupt:
    sys.exit(130)
"""


def begin(how: str, at: Path, *argv: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """Run a program through this package, in a process of its own, until it writes."""
    process = subprocess.Popen(
        [*PYTHON, OURS, how, *argv],
        cwd=at,
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(at / "written")
    return process


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


def assert_nobody_writes(at: Path) -> None:
    before = (at / "written").stat().st_size if (at / "written").exists() else 0
    time.sleep(0.3)
    assert not before or (at / "written").stat().st_size == before


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("how", ["capture", "stream", "capture in a thread"])
def test_a_signal_to_us_alone_ends_all_that_a_program_has_started(
    tmp_path: Path, how: str, name: str
) -> None:
    process = begin(how, tmp_path, *PYTHON, PARENT)
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=30) == 130
    assert_nobody_writes(tmp_path)


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("how", ["capture", "stream"])
def test_a_program_has_time_to_tidy_up(tmp_path: Path, how: str, name: str) -> None:
    process = begin(how, tmp_path, *PYTHON, TIDY)
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=30) == 130
    assert (tmp_path / "tidied").read_text(encoding="utf-8") == name


@posix
def test_a_child_of_a_program_that_has_ended_has_time_to_tidy_up(tmp_path: Path) -> None:
    parent = f"import os, subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {TIDY!r}])\n"
    process = begin("stream", tmp_path, *PYTHON, f"{parent}import time; time.sleep(30)")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    assert (tmp_path / "tidied").exists()


@posix
@pytest.mark.parametrize("how", ["capture", "stream"])
def test_a_program_that_does_not_listen_is_killed(tmp_path: Path, how: str) -> None:
    process, began = begin(how, tmp_path, *PYTHON, DEAF), time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert time.monotonic() - began > GRACE
    assert_nobody_writes(tmp_path)


@posix
def test_the_second_signal_kills_at_once(tmp_path: Path) -> None:
    process, began = begin("stream", tmp_path, *PYTHON, DEAF), time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    assert time.monotonic() - began < GRACE
    assert_nobody_writes(tmp_path)


@posix
def test_git_and_its_hooks_end_with_us(stage: Stage) -> None:
    command = f'cd "{stage.clone.parent}"; "{sys.executable}" -I -c \'{WRITER}\''
    stage.hook("pre-push", command.replace('"written", "a"', '"written", mode="a"'))
    place = stage.clone.parent
    process = begin("capture", place, "git", "-C", str(stage.clone), "push", "origin", "HEAD:new")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    assert_nobody_writes(place)
    assert "refs/heads/new" not in stage.remote_refs()


# On a terminal

ASKING = """
with open("/dev/tty", "r+b", buffering=0) as terminal, open("written", "w") as file:
    terminal.write(b"Password: ")
    file.write("asked")
    file.flush()
    print(terminal.readline().decode())
"""


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Our side of a pseudo-terminal, and that of a program."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on Windows")
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(theirs)
    os.close(ours)


def test_a_program_may_ask_on_the_terminal(tmp_path: Path, terminal: tuple[int, int]) -> None:
    """As git and ssh do."""
    ours, theirs = terminal
    process = begin("capture on a terminal", tmp_path, *PYTHON, ASKING, stdin=theirs)
    os.write(ours, b"secret\n")
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out.strip()) == (0, "secret")


@pytest.mark.parametrize("how", ["capture on a terminal", "stream on a terminal"])
def test_ctrl_c_on_the_terminal_reaches_every_program(
    tmp_path: Path, terminal: tuple[int, int], how: str
) -> None:
    ours, theirs = terminal
    process = begin(how, tmp_path, *PYTHON, TIDY, stdin=theirs)
    os.write(ours, b"\x03")
    assert process.wait(timeout=30) == 130
    assert (tmp_path / "tidied").read_text(encoding="utf-8") == "SIGINT"


# Signals at every moment

# Signals come when the given numbers of steps have been made, in any function of ours.
MOMENTS = """
import contextlib, os, signal, sys
from pathlib import Path
from release import process

for number in process.ENDINGS:
    signal.signal(number, process.interrupts)
OURS = {process.__file__, contextlib.__file__}

def tried(seconds, moments):
    steps, came = 0, False
    def trace(frame, event, arg):
        nonlocal steps
        if frame.f_code.co_filename in OURS:
            steps += 1
            if steps in moments:
                os.kill(os.getpid(), moments[steps])
        return trace
    sys.settrace(trace)
    try:
        process.capture(["sleep", seconds], cwd=Path.cwd(), env=os.environ)
    except KeyboardInterrupt:
        came = True
    finally:
        sys.settrace(None)
    return came, steps

def check(seconds, moments):
    came, steps = tried(seconds, moments)
    assert came or steps < min(moments), f"{moments}: it was lost"
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
        sys.exit(f"{moments}: a program lives on")
    for number in process.ENDINGS:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            sys.exit(f"{moments}: {number} isn't listened to any more")

_, count = tried("0", {})
for moment in range(1, count + 1):
    check("0", {moment: signal.SIGINT})
    check("30", {moment: signal.SIGINT, moment + 1 + moment % 5: signal.SIGTERM})
print(count)
"""


@posix
def test_no_signal_is_lost_and_no_program_lives_on() -> None:
    argv = [*PYTHON, MOMENTS]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50, "moments"
