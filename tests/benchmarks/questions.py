"""All checks of a release, and all of a release, while every other machine is 100 ms away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from release.rehearsal import USER, serve
from tests.benchmarks.turns import Measured, Run, Turns, table, timed
from tests.githttp import git_over_http
from tests.hub import TOKEN, on_github
from tests.stage import FILES
from tests.test_ahead import relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

AWAY = 0.1  # seconds of a round trip
NAME = "corp/acme"
OURS, NEAR = "**publish --dry-run**", "**the same**, nobody far away"
LS_REMOTE = "git ls-remote: one question"
WHOLE, BY_HAND = "**publish**, all of it", "uv by hand: no check, nothing recorded"


def measure(_cache: Path, turns: Turns) -> dict[str, Measured]:
    with TemporaryDirectory() as folder, ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        things: dict[str, Callable[[], object]] = {}
        for name, seconds in ((OURS, AWAY), (NEAR, 0.0)):
            place = Path(folder, "far" if seconds else "near")
            clone, env = stack.enter_context(world(place, seconds, patch))
            dry = [sys.executable, "-I", "-m", "release", "publish", "minor", "--dry-run"]
            things[name] = partial(call, dry, clone, env)
            if seconds:
                things[LS_REMOTE] = partial(call, ["git", "ls-remote", "origin"], clone, env)
        clone, env = stack.enter_context(world(Path(folder, "ours"), AWAY, patch))
        things[WHOLE] = partial(release, clone, env)
        clone, env = stack.enter_context(world(Path(folder, "by-hand"), AWAY, patch))
        things[BY_HAND] = partial(by_hand, clone, env)
        return turns.take(things)


def release(clone: Path, env: Mapping[str, str]) -> Run:
    """Release a change that nobody has tested or written notes of."""
    for words in ("commit -q --allow-empty -m Change", "push -q origin main"):
        git(*words.split(), at=clone)
    argv = [sys.executable, "-I", "-m", "release", "publish", "patch", "--yes", "--skip-tests"]
    argv += ["--waive", "test-run", "--waive", "notes"]
    _, run = timed(partial(call, argv, clone, env))
    return run


def by_hand(clone: Path, env: Mapping[str, str]) -> None:
    shutil.rmtree(clone / "dist", ignore_errors=True)
    bump = ["uv", "version", "--bump", "patch", "--frozen", "--short"]
    said = subprocess.run(bump, cwd=clone, env=env, check=True, capture_output=True, text=True)
    version = said.stdout.strip()
    git("commit", "-qam", version, at=clone)
    git("tag", "-am", version, f"v{version}", at=clone)
    for words in ("uv build --quiet", "uv publish --quiet", "git push -q --atomic origin main"):
        call([*words.split(), *[f"v{version}"] * words.startswith("git")], clone, env)


@contextmanager
def world(
    folder: Path, seconds: float, patch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, dict[str, str]]]:
    """A project on GitHub, with its remote and its index, each so many seconds away."""
    remote, clone = folder / "corp/acme.git", folder / "acme"
    (folder / "index").mkdir(parents=True)
    git("init", "-q", "--bare", "-b", "main", str(remote), at=folder)
    git("init", "-q", "-b", "main", str(clone), at=folder)
    for path, text in FILES.items():
        (clone / path).write_text(text, encoding="utf-8")
    for words in (
        "add --all",
        "config user.name Ada",
        "config user.email ada@example.org",
        "commit -qm Begin",
        f"remote add origin {remote}",
        "push -q origin main",
    ):
        git(*words.split(), at=clone)  # fmt: skip
    git("config", "http.receivepack", "true", at=remote)
    with ExitStack() as stack:
        hub = stack.enter_context(on_github(patch))
        hub.token(TOKEN, pushes=NAME)
        repository = hub.repository(NAME)
        repository.check_run("tests", git("rev-parse", "HEAD", at=clone))
        repository.release("v1.3.0", draft=True, body="All is new.")
        there, password = stack.enter_context(serve(folder / "index"))
        server = stack.enter_context(git_over_http(remote))
        api, index, web = (
            stack.enter_context(relay(url, seconds))
            for url in (os.environ["GITHUB_API_URL"], there, server.url.rpartition("/")[0] + "/")
        )
        git("remote", "set-url", "origin", f"{web}acme.git", at=clone)
        env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        yield clone, {
            **env,
            "GITHUB_API_URL": api, "GITHUB_REPOSITORY": NAME, "GITHUB_TOKEN": TOKEN,
            "GITHUB_SERVER_URL": web.replace("ada:canary-token@", "").rstrip("/"),
            "TWINE_REPOSITORY_URL": index, "TWINE_USERNAME": USER, "TWINE_PASSWORD": password,
            "UV_PUBLISH_URL": index, "UV_PUBLISH_USERNAME": USER, "UV_PUBLISH_PASSWORD": password,
            "NO_PROXY": "127.0.0.1",
        }  # fmt: skip


def git(*words: str, at: Path) -> str:
    done = subprocess.run(["git", *words], cwd=at, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def call(argv: Sequence[str], at: Path, env: Mapping[str, str]) -> None:
    done = subprocess.run(argv, cwd=at, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout}\n{done.stderr}")


def show(measured: Mapping[str, Measured]) -> str:
    waited = measured[OURS].wall - measured[NEAR].wall
    return (
        f"{table(measured, {'to one question': LS_REMOTE})}\n\n"
        f"waiting for others: {waited:.2f} s, "
        f"{waited / measured[LS_REMOTE].wall:.2f} of one question"
    )
