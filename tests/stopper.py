"""Runs the command line as it is, and stops its own process at one of its outside effects.

Python tells an audit hook (PEP 578) of every program that is started, every byte that is sent and
every file that is written, so the list of effects is whatever the command really does. Called as a
script: `python -I stopper.py LOG STOP ARGUMENTS…`, where STOP is the JSON of a `Stop`, or null.

The log has a row [seconds, word, effect] when an effect began, ended, or was stopped at. Only one
that could be seen under way gets an end, and where a stop is chosen, no other one than that.
"""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

PROGRAM, SENT = "subprocess.Popen", "http.client.send"
WATCHED = (PROGRAM, SENT, "tempfile.mkdtemp", "shutil.", "webbrowser.open")
FILES = {"open", "os.remove", "os.rename"}  # by pathlib, for this package
# What differs from run to run: ids, temporary names, addresses, boundaries.
VARIES = re.compile(r"[0-9a-f]{16,}|/\S*/(?:\d+$)?|nox-release-\w+|127\.0\.0\.1:\d+|tmp\w{8}")
HOWS = ("kill", "power", "interrupt", "terminate")
MISSED = 77  # the exit code of a process that wasn't stopped in the middle, as it should have been
INTERRUPTED = 130  # the exit code after SIGINT and SIGTERM
LOOK = 0.0002  # seconds between two looks at what is under way
COMING, UNDER_WAY, OVER = "coming", "under way", "over"


def named(event: str, args: tuple[Any, ...], frame: FrameType) -> str:
    """Say what an effect is, in words that are the same in every run; "" when it is none."""
    text = ""
    if event in FILES:
        text = on_file(event, args, frame)
        if not text:
            return ""
    elif not event.startswith(WATCHED):
        return ""
    elif event == PROGRAM:
        words = [str(word) for word in args[1]]
        text = " ".join(words[:14])
    elif event == SENT:
        start = bytes(args[1][:80]) if isinstance(args[1], (bytes, bytearray)) else b""
        first = re.match(rb"(GET|POST|HEAD|PUT|PATCH|DELETE) \S+", start)
        text = first[0].decode() if first else "the body"
    return VARIES.sub("*", f"{event} {text}".strip())


def programs() -> list[int]:
    """The programs that run now: their process ids, and those of their own process groups."""
    known = [one for one in gc.get_objects() if isinstance(one, subprocess.Popen)]
    return [one.pid for one in known if one.pid and one.returncode is None]


def on_file(event: str, args: tuple[Any, ...], frame: FrameType | None) -> str:
    """Name the file, and the function of this package that changes it; "" when there is none."""
    if event == "open" and not set(args[1] or "r") & set("wax+"):
        return ""
    inner = frame
    while frame and "pathlib" in frame.f_code.co_filename:
        frame = frame.f_back
    if not frame or frame is inner or not frame.f_globals["__name__"].startswith("release."):
        return ""
    return f"{os.path.basename(args[0])} by {frame.f_code.co_name}"  # noqa: PTH119


class Effect:
    """One that has begun; it is over when its program, its request or its function has ended."""

    def __init__(self, key: str, event: str, frame: FrameType) -> None:
        self.key, self.event, self.frame = key, event, frame
        self.owner: Any = frame.f_locals.get("self")  # the Popen, or the connection
        self.thread = threading.get_ident()
        self.began = time.monotonic()
        self.was_seen, self.is_under_way = False, False

    def state(self) -> str:
        """Say how far it is by now."""
        if self.event == PROGRAM:
            if self.owner.pid is None:
                return COMING
            return OVER if self.owner.returncode is not None or ended(self.owner.pid) else UNDER_WAY
        if self.event == SENT:  # the whole answer's head makes a connection idle
            return OVER if self.owner._HTTPConnection__state == "Idle" else UNDER_WAY  # noqa: SLF001
        frame = sys._current_frames().get(self.thread)  # noqa: SLF001
        while frame and frame is not self.frame:
            frame = frame.f_back
        return UNDER_WAY if frame else OVER


def ended(pid: int) -> bool:
    """Say whether a program has ended, though nobody has asked for its exit code yet."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


class Watch:
    """Logs the effects, and stops the process at the chosen one: before it, or in its middle."""

    def __init__(self, log: IO[str], chosen: dict[str, Any] | None) -> None:
        self.log, self.chosen = log, chosen or {}
        self.seen: Counter[str] = Counter()
        self.open: list[Effect] = []
        self.target: Effect | None = None
        self.began = time.monotonic()
        self.lock = threading.RLock()  # held while it stops: other threads get no further
        self.is_idle = threading.Event()
        self.is_wanted = threading.Event()  # to look takes as long as a third of a release
        if not chosen:
            self.is_wanted.set()

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not (event in FILES or event.startswith(WATCHED)):
            return
        frame = sys._getframe(1)  # noqa: SLF001
        if not (name := named(event, args, frame)):
            return
        with self.lock:
            if self.is_idle.is_set():  # since this thread has waited
                return
            self.seen[name] += 1
            effect = Effect(f"{name} #{self.seen[name]}", event, frame)
            self.write("began", effect.key)
            is_it = self.is_chosen(effect)
            if event not in FILES and (is_it or not self.chosen):
                self.open.append(effect)
            if is_it and self.chosen["delay"]:
                self.target = effect
                self.is_wanted.set()
        if is_it and not self.chosen["delay"]:
            self.stop(effect.key)

    def is_chosen(self, effect: Effect) -> bool:
        return effect.key == self.chosen.get("at") or (
            self.seen.total() == self.chosen.get("number")
        )

    @property
    def is_strict(self) -> bool:
        """Whether the effect has to be under way; a random stop may come when it comes."""
        return "at" in self.chosen

    def look(self) -> None:
        """Look again and again at what is under way."""
        self.is_wanted.wait()
        while not self.is_idle.wait(LOOK):
            with self.lock:
                for effect in [] if self.is_idle.is_set() else [*self.open]:
                    self.follow(effect)
                target = self.target
            if target and self.is_time(target):
                self.stop(target.key)

    def is_time(self, target: Effect) -> bool:
        is_late = time.monotonic() - target.began >= self.chosen["delay"]
        return is_late and (target.is_under_way or not self.is_strict)

    def follow(self, effect: Effect) -> None:
        """Log the end of an effect; whoever comes too late to stop in its middle, gives up."""
        state = effect.state()
        effect.is_under_way = state == UNDER_WAY
        effect.was_seen |= effect.is_under_way
        if state == OVER:
            self.open.remove(effect)
            if effect.was_seen:
                self.write("ended", effect.key)
            if effect is self.target and self.is_strict:
                os._exit(MISSED)

    def stop(self, key: str) -> None:
        """Stop the process as a machine, a person or a system does it."""
        how = self.chosen["how"]
        with self.lock:
            self.is_idle.set()
            self.write("stopped", key)
            if how == "full":
                self.write("full", str(fill(os.environ["STOPPER_DISK"], self.chosen["room"])))
            else:
                send(how, f"{self.log.name}-survivors")

    def write(self, word: str, what: str) -> None:
        row = [round(time.monotonic() - self.began, 4), word, what]
        self.log.write(json.dumps(row) + "\n")
        self.log.flush()


def send(how: str, survivors: str) -> None:
    """Send the signals of a stop; programs that outlive it are written down."""
    if how == "power":  # with every program that was started
        for group in programs():
            with suppress(ProcessLookupError):  # it has none of its own
                os.killpg(group, signal.SIGKILL)
        os.killpg(0, signal.SIGKILL)
    if how == "kill":
        with open(survivors, "w", encoding="ascii") as file:  # noqa: PTH123
            json.dump(programs(), file)
    number = {"kill": "SIGKILL", "interrupt": "SIGINT", "terminate": "SIGTERM"}[how]
    os.kill(os.getpid(), signal.Signals[number])


def fill(disk: str, room: int) -> int:
    """Leave `room` bytes on a small file system; return how many are left."""

    def free() -> int:
        there = os.statvfs(disk)
        return there.f_bavail * there.f_frsize

    with open(os.path.join(disk, "ballast"), "wb", buffering=0) as ballast:  # noqa: PTH118, PTH123
        while (left := free()) > room:
            ballast.write(bytes(min(left - room, 1 << 20)))
    return free()


def main() -> None:
    """Run the rest of the command line under a watch."""
    log, chosen, *sys.argv[1:] = sys.argv[1:]
    from release.__main__ import run

    with open(log, "w", encoding="utf-8") as file:  # noqa: PTH123
        watch = Watch(file, json.loads(chosen))
        threading.Thread(target=watch.look, daemon=True).start()
        sys.addaudithook(watch)
        try:
            run()
        except SystemExit as end:
            with watch.lock:  # while it is held, a stop is under way
                watch.is_idle.set()
            if watch.target and watch.is_strict and end.code != INTERRUPTED:
                os._exit(MISSED)
            raise


if __name__ == "__main__":
    main()
