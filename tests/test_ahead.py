"""What other machines are asked, they are asked at once; and nothing more than once."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.githttp import git_over_http
from tests.hub import TOKEN
from tests.stage import with_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.github.forge import Forge
    from tests.stage import Stage

# listing, credentials · ls-remote, push · token, three about tests, pull requests, drafts
ASKED_OF_GITHUB = 6
ASKED = 2 + 2 + ASKED_OF_GITHUB
PATIENCE = 60  # seconds until questions that don't come at once fail the test


class Relay(ThreadingTCPServer):
    """Stands before a server that is so many seconds away, both ways together."""

    daemon_threads = True

    def __init__(self, url: str, seconds: float = 0) -> None:
        there = urlsplit(url)
        self.target, self.seconds = (there.hostname or "", there.port or 0), seconds
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = url.replace(f":{there.port}", f":{self.server_address[1]}")

    def opened(self) -> bool:
        """Say whether a connection may be used, a round trip after it was asked for."""
        time.sleep(self.seconds)
        return True


class Gate(Relay):
    """Lets nothing pass until `barrier` has seen all first connections."""

    def __init__(self, url: str, barrier: threading.Barrier) -> None:
        super().__init__(url)
        self.barrier, self.is_open = barrier, threading.Event()

    def opened(self) -> bool:
        if not self.is_open.is_set():
            try:
                self.barrier.wait(PATIENCE)
            except threading.BrokenBarrierError:
                return False
            self.is_open.set()
        return True


class Handler(BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        if not self.server.opened():
            return
        with socket.create_connection(self.server.target) as there:
            half = self.server.seconds / 2
            back = threading.Thread(target=pour, args=(there, self.request, half))
            back.start()
            pour(self.request, there, half)
            back.join()


def pour(source: socket.socket, target: socket.socket, seconds: float) -> None:
    """Hand on what comes, each piece so much later; one that follows at once isn't held up."""
    late = 0.0
    with suppress(OSError):
        while data := source.recv(1 << 16):
            if time.monotonic() > late:
                time.sleep(seconds)
            late = time.monotonic() + seconds
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def relay(url: str, seconds: float) -> Iterator[str]:
    with Relay(url, seconds) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.url
        server.shutdown()


@contextmanager
def gate(url: str, barrier: threading.Barrier) -> Iterator[str]:
    with Gate(url, barrier) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.url
        server.shutdown()


def test_every_question_is_on_its_way_before_any_is_answered(stage: Stage, hub: Forge) -> None:
    name, barrier = "corp/acme", threading.Barrier(ASKED)
    hub.token(TOKEN, pushes=name)
    repository = hub.repository(name)
    repository.check_run("tests", stage.git("rev-parse", "HEAD"))
    repository.release("v1.3.0", draft=True, body="All is new.")
    (stage.remote.parent / "corp").mkdir()
    (stage.remote.parent / "corp/acme.git").symlink_to(stage.remote)
    with ExitStack() as stack, git_over_http(stage.remote) as server:
        api, index, web = (
            stack.enter_context(gate(url, barrier))
            for url in (os.environ["GITHUB_API_URL"], stage.url, server.url)
        )
        remote = web.replace("remote.git", f"{name}.git")
        stage.git("remote", "set-url", "origin", remote)
        for key, value in {
            "GITHUB_SERVER_URL": f"http://{urlsplit(web).netloc.rpartition('@')[2]}",
            "GITHUB_API_URL": api,
            "TWINE_REPOSITORY_URL": index,
        }.items():
            stage.monkeypatch.setenv(key, value)
        done = stage.run("publish", "minor", "--dry-run")
    assert done.code == 0, done.err
    assert not barrier.broken
    assert len(hub.requests) == len({*hub.requests}) == ASKED_OF_GITHUB


WAITING = """
import pathlib, sys, time
from release.__main__ import run

class Waits:
    def find_spec(self, name, *_):
        until = time.monotonic() + 30
        while name == "twine" and not pathlib.Path(asked).exists():
            assert time.monotonic() < until, "nobody asks the remote meanwhile"
            time.sleep(0.01)

_, asked, *sys.argv[1:] = sys.argv
sys.meta_path.insert(0, Waits())
run()
"""


def test_the_remote_is_asked_while_twine_is_imported(stage: Stage, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    stage.git("config", "remote.origin.uploadpack", f"touch '{asked}'; git-upload-pack")
    argv = [sys.executable, "-c", WAITING, str(asked), "publish", "minor", "--dry-run"]
    done = subprocess.run(argv, cwd=stage.clone, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_release_asks_the_remote_few_times(stage: Stage) -> None:
    """Each question is a connection, which over ssh takes a second."""
    with git_over_http(stage.remote) as server:
        stage.git("remote", "set-url", "origin", server.url)
        done = stage.run("publish", "minor")
    assert done.code == 0, done.err
    begun = [one for one in server.seen if one.startswith("GET")]  # each twice: 401 comes first
    reads = [one for one in begun if "git-upload-pack" in one]
    assert len(begun) - len(reads) == 2 * PUSHES
    assert len(reads) <= 2 * LOOKS


PUSHES = 2 + 3  # two for show; the intent, the release, and the end of the intent
LOOKS = (
    12  # facts, rehearsal, after the intent, two a file, two at the push, checkout, two at the end
)


@pytest.mark.parametrize("way", ["hook", "tests"])
def test_what_programs_leave_in_the_worktree_is_not_built(stage: Stage, way: str) -> None:
    backend = """\
from pathlib import Path
from flit_core.buildapi import *
assert not Path("left").exists(), "something was left"
"""
    stage.commit(with_backend(backend))
    if way == "hook":
        stage.hook("post-commit", "mkdir left")
        done = stage.run("publish", "minor", "--skip-tests")
    else:
        noxfile = stage.clone.joinpath("noxfile.py").read_text(encoding="utf-8")
        stage.commit({"noxfile.py": re.sub("import acme", "import os; os.mkdir('left')", noxfile)})
        done = stage.run("publish", "minor")
    assert done.code == 0, done.err


def test_nobody_waits_for_an_answer_that_is_of_no_use(stage: Stage, hub: Forge) -> None:
    """GitHub would be silent for half a minute, and be asked again then."""
    hub.fault("GET", "/repos/acme/acme/pulls", "silence")
    done = stage.spawn("publish", "minro")
    out, err = done.communicate(timeout=25)
    assert done.returncode == 2, out + err
    assert any("/pulls" in request for request in hub.requests)


@pytest.mark.parametrize("session", ["publish", "publish-rc"])
def test_nobody_is_asked_for_a_password_in_vain(stage: Stage, session: str) -> None:
    """On a terminal twine would ask; no level is given."""
    pytest.importorskip("pty", reason="there are no pseudo-terminals on Windows")
    stage.monkeypatch.delenv("TWINE_PASSWORD")
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    argv = [sys.executable, "-c", script, sys.executable, "-I", "-m", "release", session]
    done = subprocess.run(
        argv, cwd=stage.clone, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2, done.stdout
    assert "say what comes after 1.2.3" in done.stdout
    assert "password" not in done.stdout.lower()
