"""A release is stopped at every one of its effects, and finished: here, or in another clone.

The effects are not listed here: a release runs once under a watch, and what it was seen to do is
the list. A new step is stopped at, too, without anybody's thinking of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import product
from typing import TYPE_CHECKING

import pytest

from release.workspace import workspace
from tests import stopper
from tests.stage import PYPROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import MakeStage
    from tests.stage import Stage

COMMAND = ("publish", "minor")
FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
INTENT = "refs/release/intent"
SHARDS = 48
# git commands that only read; every other program is an effect until it is named here.
READS = re.compile(
    r"subprocess\.Popen git .*?(rev-parse|cat-file|show |ls-remote|symbolic-ref|for-each-ref|"
    r"remote get-url|status|check-ref-format|var |merge-base|ls-files|worktree list)|"
    r"http\.client\.send GET|tempfile\.mkdtemp"
)
EXIT_CODES = {"kill": -9, "power": -9, "interrupt": 130, "terminate": 130}
OUTSIDE = re.compile(
    r"git .* push |http\.client|git .* merge|worktree add|commit --quiet|_in_process"
)


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where and how a process is stopped; `delay` is in seconds after the effect began."""

    at: str
    how: str
    delay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Something that a release was seen to do, and for how many seconds."""

    name: str
    seconds: float


def ready(stage: Stage) -> None:
    """A project whose tests are quick."""
    command = f'\n[tool.nox-release]\ntest-command = ["{sys.executable}", "-c", "import acme"]\n'
    stage.commit({"pyproject.toml": PYPROJECT + command.replace("\\", "/")})


def run(stage: Stage, stop: Stop | None, *args: str, at: Path | None = None) -> tuple[int, str]:
    """Run the command as a process, stopped as told; return its exit code and what it printed."""
    temporary = stage.clone.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    chosen = json.dumps(asdict(stop) if stop else None)
    script = [sys.executable, "-I", stopper.__file__, str(stage.clone.parent / "log"), chosen]
    done = subprocess.run(
        [*script, *args],
        cwd=at or stage.clone,
        env={**os.environ, "TMPDIR": str(temporary), "STOPPER_DISK": str(stage.clone.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def effects(stage: Stage) -> list[Effect]:
    """Run a release to its end and return what it did, in order."""
    ready(stage)
    code, out = run(stage, None, *COMMAND)
    assert code == 0, out
    assert_released(stage)
    rows = [json.loads(row) for row in (stage.clone.parent / "log").read_text().splitlines()]
    ends = [when for when, _ in rows[1:]] + [rows[-1][0] + 0.01]
    seen = [
        Effect(name=name, seconds=end - when)
        for (when, name), end in zip(rows, ends, strict=True)
        if not READS.match(name)
    ]
    for word in (
        "worktree add",
        "commit",
        "_in_process.py",
        "tag ",
        "push",
        "POST",
        "merge",
        "rmtree",
    ):
        assert any(word in one.name for one in seen), word
    return seen


def every_stop(seen: list[Effect]) -> Iterator[tuple[Stop, bool]]:
    """Stop before each effect and in its middle, in every way, and finish it here and elsewhere."""
    for effect, how, half, elsewhere in product(seen, stopper.HOWS, (0, 0.5), (False, True)):
        yield Stop(at=effect.name, how=how, delay=effect.seconds * half), elsewhere


def some_stops(seen: list[Effect]) -> Iterator[tuple[Stop, bool]]:
    """Let the ways and the ends take turns, and stop twice where others can see the effect."""
    for number, stop in enumerate(_some_stops(seen)):
        yield stop, bool(number // 2 % 2)


def _some_stops(seen: list[Effect]) -> Iterator[Stop]:
    for number, effect in enumerate(seen):
        hows = [stopper.HOWS[(number + turn) % len(stopper.HOWS)] for turn in (0, 2)]
        is_outside = OUTSIDE.search(effect.name)
        if is_outside or number % 2:
            yield Stop(at=effect.name, how=hows[0])
        if is_outside or not number % 2:
            yield Stop(at=effect.name, how=hows[1], delay=effect.seconds / 2)


def assert_nothing_changed(stage: Stage, refs: dict[str, str]) -> None:
    assert stage.published() == []
    assert stage.remote_refs() == refs


def assert_released(stage: Stage) -> None:
    """The same end, whatever happened before."""
    refs = stage.remote_refs()
    assert sorted(refs) == ["refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"]
    tag = stage.git("cat-file", "-p", "v1.3.0", at=stage.remote)
    commit = stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote)
    assert refs["refs/heads/main"] == commit
    log = stage.git("log", "--format=%s", "v1.2.3..main", at=stage.remote).splitlines()
    assert log == ["Release 1.3.0", "Change", "Add something"]
    assert stage.published() == FILES
    recorded = re.findall(r"^([0-9a-f]{64})  (\S+)$", tag, re.MULTILINE)
    there = [
        (hashlib.sha256((stage.files / name).read_bytes()).hexdigest(), name) for name in FILES
    ]
    assert recorded == there


def assert_clean(stage: Stage) -> None:
    """The user's checkout is as if nothing had ever been stopped."""
    assert stage.git("status", "--porcelain", "--ignored") == ""
    assert stage.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert len(stage.git("worktree", "list").splitlines()) == 1
    local = stage.git(
        "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/release"
    )
    assert local.splitlines()[0] == "refs/heads/main"
    assert set(local.splitlines()) <= {"refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"}
    assert list((stage.clone.parent / "temporary").glob("nox-release-*/*.owner")) == []


def survive(stage: Stage, stop: Stop, *, elsewhere: bool) -> None:
    """Stop a release, judge what it said, finish it, and see that all is as it should be."""
    ready(stage)
    before = stage.remote_refs()
    code, out = run(stage, stop, *COMMAND)
    (stage.clone.parent / "ballast").unlink(missing_ok=True)
    if not stop.delay:
        assert code == {"kill": -9, "power": -9, "interrupt": 130, "terminate": 130}.get(
            stop.how, code
        )
    assert stage.password not in out
    is_pending = INTENT in stage.remote_refs()
    if code == 0 or "all was done before" in out:
        assert_released(stage)
    elif code == 1 or "nothing has changed" in out:
        assert_nothing_changed(stage, before)
    elif code in {3, 130}:
        assert "the same command continues" in out
    else:
        assert code < 0, out
    if elsewhere and is_pending:
        place = stage.other_clone()
        code, out = run(stage, None, "publish", "--resume", at=place)
        assert code == 0, out
        assert_released(stage)
        assert stage.git("status", "--porcelain", "--ignored") == ""
    code, out = run(stage, None, *COMMAND)
    assert code == 0, out
    assert_released(stage)
    assert_clean(stage)


@pytest.fixture(scope="session")
def known() -> list[Effect]:
    """What a release does, found once."""
    return []


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and process groups")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_release_survives_every_stop(
    make_stage: MakeStage,
    known: list[Effect],
    tmp_path: Path,
    disk: Path | None,
    shard: int,
    request: pytest.FixtureRequest,
) -> None:
    if not known:
        (tmp_path / "watched").mkdir()
        with make_stage(tmp_path / "watched") as stage:
            known.extend(effects(stage))
    survived = 0
    stops = every_stop if request.config.option.every_stop else some_stops
    for number, (stop, elsewhere) in list(enumerate(stops(known)))[shard::SHARDS]:
        if stop.how == "full" and not disk:
            continue
        place = (disk if disk and stop.how == "full" else tmp_path) / f"stop-{number}"
        place.mkdir()
        with make_stage(place, tmp_path / f"index-{number}") as stage:
            try:
                survive(stage, stop, elsewhere=elsewhere)
            except AssertionError as error:
                raise AssertionError(f"{stop}, elsewhere: {elsewhere}: {error}") from error
        shutil.rmtree(place)
        survived += 1
    request.node.user_properties.append(("stops survived", survived))


KILLED = """
import os, signal
from pathlib import Path
from release.git import Git
from release.workspace import workspace
from release.worktree import worktree

with workspace(), worktree(Git(root=Path.cwd(), env=os.environ), "HEAD"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_killed_run_inside_another_run_is_cleared(stage: Stage) -> None:
    """As when this suite runs as the tests of a release."""
    with workspace() as outer:
        temporary = outer / "temporary"
        temporary.mkdir()
        env = {**os.environ, "TMPDIR": str(temporary)}
        python = [sys.executable, "-I"]
        subprocess.run([*python, "-c", KILLED], cwd=stage.clone, env=env, check=False)
        assert len(stage.git("worktree", "list").splitlines()) == 2
        command = [*python, "-m", "release", "publish", "minor", "--dry-run", "--skip-tests"]
        subprocess.run(command, cwd=stage.clone, env=env, check=True)
        assert len(stage.git("worktree", "list").splitlines()) == 1
        assert list(temporary.iterdir()) == []


def test_a_folder_that_another_run_has_cleared_is_no_failure() -> None:
    """Between the end of a run and its cleaning up, nobody holds the folder."""
    with workspace() as folder:
        shutil.rmtree(folder)
