"""A release is stopped at every one of its effects, and finished: here, or in another clone.

The effects are not listed here: a release runs once under a watch, and what it was seen to do is
the list. A new step is stopped at, too, without anybody's thinking of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from release.workspace import workspace
from tests import stopper
from tests.kinds import KINDS, PLAIN, Kind
from tests.stops import MIDDLES, SHORT, Effect, Stop, effects, every_stop, some_stops, survive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MakeStage
    from tests.stage import Stage
    from tests.stops import Said


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture
def known(watched: Path, make_stage: MakeStage, tmp_path: Path) -> Callable[[str], list[Effect]]:
    """What a release of a kind of project does, found once."""

    def find(kind: str) -> list[Effect]:
        run_id = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
        found = watched / f"effects-{kind}-{run_id}.json"
        with FileLock(found.with_suffix(".lock")):
            if not found.exists():
                place = tmp_path / f"watched-{kind}"
                with make_stage(place) as stage, KINDS[kind].around(stage):
                    rows = [asdict(one) for one in effects(stage, KINDS[kind])]
                found.write_text(json.dumps(rows), encoding="utf-8")
            return [Effect(**row) for row in json.loads(found.read_text(encoding="utf-8"))]

    return find


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "shard" in metafunc.fixturenames:
        is_long = metafunc.config.option.every_stop
        counts = {kind: 48 if is_long else 12 if kind == "plain" else 3 for kind in KINDS}
        cases = [
            (kind, (number, count)) for kind, count in counts.items() for number in range(count)
        ]
        ids = [f"{kind}-{number}" for kind, (number, _) in cases]
        metafunc.parametrize(("kind", "shard"), cases, ids=ids)


@pytest.fixture
def survived(make_stage: MakeStage, tmp_path: Path, disk: Path | None) -> Callable[..., Said]:
    """A function that sets a stage, has a release stopped on it, and clears it away."""

    def try_it(kind: Kind, stop: Stop, *, elsewhere: bool) -> Said:
        place = (disk if disk and stop.how == "full" else tmp_path) / "stop"
        apart = tmp_path / "apart"
        with make_stage(place, apart / "index") as stage, kind.around(stage):
            try:
                said = survive(stage, kind, stop, elsewhere=elsewhere)
            except AssertionError as error:
                raise AssertionError(f"{stop}, elsewhere: {elsewhere}: {error}") from error
        shutil.rmtree(place)
        shutil.rmtree(apart)
        return said

    return try_it


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and process groups")
def test_a_release_survives_every_stop(
    known: Callable[[str], list[Effect]],
    survived: Callable[..., Said],
    disk: Path | None,
    kind: str,
    shard: tuple[int, int],
    request: pytest.FixtureRequest,
) -> None:
    choose = every_stop if request.config.option.every_stop else some_stops
    plain = known("plain")
    cases = choose(plain if kind == "plain" else known(kind), plain, KINDS[kind].differing)
    step = 1 if request.config.option.every_stop else 5 if kind == "plain" else 3
    number, count = shard
    for stop, elsewhere in list(cases)[::step][number::count]:
        if stop.how == "full" and not disk:
            what = "full disks not tried: mounting is not permitted here"
        else:
            what = how_it_went(KINDS[kind], stop, survived, elsewhere=elsewhere)
        request.node.user_properties.append((what, 1))


def how_it_went(kind: Kind, stop: Stop, survived: Callable[..., Said], *, elsewhere: bool) -> str:
    """Stop a release; what isn't hit in its middle, is tried again, and stopped earlier."""
    if not stop.delay:
        code, _ = survived(kind, stop, elsewhere=elsewhere)
        return f"full disks survived, exit code {code}" if stop.how == "full" else "stops survived"
    for number, part in enumerate(MIDDLES, 1):
        earlier = replace(stop, delay=stop.delay * part)
        code, _ = survived(kind, earlier, elsewhere=elsewhere)
        if code != stopper.MISSED:
            return f"stops in the middle survived, hit by try {number}"
    assert stop.delay < SHORT, f"{stop} never hits"
    return f"not hit in {stop.delay:.4f} s: {stop.at}"


# Moments and bytes left, so that different programs fail; the exit codes and sentences to be seen.
EARLY = ("", (0, 8_000, 16_000, 24_000, 60_000, 90_000, 130_000, 450_000), {1}, 5)
LATE = ("refs*intent: ", (0, 28_672, 32_768, 36_864, 40_960, 49_152), {1, 3}, 3)


@pytest.mark.parametrize(
    ("fill", "elsewhere"),
    [(EARLY, False), (LATE, False), (LATE, True)],
    ids=["early", "late", "late-elsewhere"],
)
def test_a_full_disk_stops_different_effects(
    known: Callable[[str], list[Effect]],
    survived: Callable[..., Said],
    disk: Path | None,
    fill: tuple[str, tuple[int, ...], set[int], int],
    elsewhere: bool,  # noqa: FBT001
    request: pytest.FixtureRequest,
) -> None:
    if not disk:
        pytest.skip("mounting is not permitted here")
    at, rooms, codes, count = fill
    name = next(one.name for one in known("plain") if at in one.name)
    stops = [Stop(at=name, how="full", room=room) for room in rooms]
    said = [survived(PLAIN, stop, elsewhere=elsewhere) for stop in stops]
    tally = [(f"full disks survived, exit code {code}", 1) for code, _ in said]
    request.node.user_properties.extend(tally)
    assert codes <= {code for code, _ in said}
    sentences = re.findall(r"^✗ .*\n.*", "\n".join(out for _, out in said), re.MULTILINE)
    assert len({stopper.VARIES.sub("*", one) for one in sentences}) >= count, sentences
    assert not [one for one in said if "intent-ref" in one[1]], "that is not the remedy"


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
