"""Runs the command line as it is, and stops its own process at one of its outside effects.

Python tells an audit hook (PEP 578) of every program that is started and every byte that is sent,
so the list of effects is whatever the command really does. Called as a script:
`python -I stopper.py LOG STOP ARGUMENTS…`, where STOP is the JSON of a `Stop`, or null.
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
from typing import IO, Any

WATCHED = ("subprocess.Popen", "http.client.send", "tempfile.mkdtemp", "shutil.", "webbrowser.open")
# What differs from run to run: ids, temporary names, addresses, boundaries.
VARIES = re.compile(r"[0-9a-f]{32,}|/\S*/|nox-release-\w+|127\.0\.0\.1:\d+|tmp\w{8}")
HOWS = ("kill", "power", "interrupt", "terminate", "full")


def named(event: str, args: tuple[Any, ...]) -> str:
    """Say what an effect is, in words that are the same in every run."""
    if event == "subprocess.Popen":
        words = [str(word) for word in args[1]]
        text = " ".join(words[:14])
    elif event == "http.client.send":
        start = bytes(args[1][:80]) if isinstance(args[1], (bytes, bytearray)) else b""
        first = re.match(rb"(GET|POST|HEAD|PUT|PATCH|DELETE) \S+", start)
        text = first[0].decode() if first else "the body"
    else:
        text = ""
    return VARIES.sub("*", f"{event} {text}".strip())


def programs() -> list[int]:
    """The programs that run now: their process ids, and those of their own process groups."""
    known = [one for one in gc.get_objects() if isinstance(one, subprocess.Popen)]
    return [one.pid for one in known if one.pid and one.returncode is None]


def stop(how: str, survivors: str = os.devnull) -> None:
    """Be stopped as a machine, a person or a system stops a process."""
    if how == "kill":
        with open(survivors, "w", encoding="ascii") as file:  # noqa: PTH123
            json.dump(programs(), file)
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "power":  # with every program that was started
        for group in programs():
            with suppress(ProcessLookupError):  # it has none of its own
                os.killpg(group, signal.SIGKILL)
        os.killpg(0, signal.SIGKILL)
    elif how == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    elif how == "terminate":
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        fill(os.environ["STOPPER_DISK"])


def fill(disk: str) -> None:
    """Leave no room on a small file system."""
    with open(os.path.join(disk, "ballast"), "wb", buffering=0) as ballast:  # noqa: PTH118, PTH123
        size = 1 << 20
        while size:
            try:
                ballast.write(bytes(size))
            except OSError:
                size //= 2


class Watch:
    """Counts and logs the effects, and stops the process at the chosen one."""

    def __init__(self, log: IO[str], chosen: dict[str, Any] | None) -> None:
        self.log, self.chosen = log, chosen
        self.seen: Counter[str] = Counter()
        self.began = time.monotonic()
        self.lock = threading.Lock()
        self.is_idle = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.is_idle or not event.startswith(WATCHED):
            return
        with self.lock:
            name = named(event, args)
            self.seen[name] += 1
            key = f"{name} #{self.seen[name]}"
            self.log.write(json.dumps([round(time.monotonic() - self.began, 4), key]) + "\n")
            self.log.flush()
            chosen = self.chosen or {}
            is_it = key == chosen.get("at") or self.seen.total() == chosen.get("number")
        if self.chosen and is_it:
            self.is_idle = True
            args = (self.chosen["how"], f"{self.log.name}-survivors")
            if delay := self.chosen["delay"]:
                threading.Timer(delay, stop, args).start()
            else:
                stop(*args)


def main() -> None:
    """Run the rest of the command line under a watch."""
    log, chosen, *sys.argv[1:] = sys.argv[1:]
    from release.__main__ import run

    with open(log, "w", encoding="utf-8") as file:  # noqa: PTH123
        watch = Watch(file, json.loads(chosen))
        sys.addaudithook(watch)
        try:
            run()
        finally:
            watch.is_idle = True


if __name__ == "__main__":
    main()
