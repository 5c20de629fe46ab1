"""Random schedules of stops, faults and racing releasers, after which nothing may be lost.

`nox -s torture -- --runs 500` runs many, `--seed S --only N` one of them again; the suite a few.
A schedule is a few acts on two machines that share a remote and an index, both of which go wrong.
Then all faults end, what is unfinished is finished from a fresh clone, and the books are compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from release.__main__ import run as release
from tests import faults as faults_of_the_index
from tests import kinds, stopper, test_vcs
from tests.faults import DOWNLOAD, LISTING, PASS, PROBE, UPLOAD, hostile
from tests.forked import Forked
from tests.githttp import CREDENTIALS, Fault, git_over_http
from tests.stage import PYPROJECT, with_backend
from tests.test_resume import UNREPRODUCIBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import MakeStage
    from tests.faults import Proxy
    from tests.githttp import GitServer
    from tests.stage import Stage

INTENT = "refs/release/intent"
COMMANDS = (
    ("publish", "minor"), ("publish", "minor"), ("publish", "minor"), ("publish", "patch"),
    ("publish", "--resume"), ("publish", "--resume"), ("publish", "--abandon"),
    ("publish-rc", "minor"),
)  # fmt: skip
STOPS = ("kill", "power", "interrupt", "terminate")
UPLOAD_FAULTS = (
    *faults_of_the_index.BEFORE, *faults_of_the_index.AFTER, "500", "502", "503", "429 1", "400",
    "403", "401", faults_of_the_index.REFUSE,
)  # fmt: skip
LISTING_FAULTS = (*UPLOAD_FAULTS, faults_of_the_index.STALE, faults_of_the_index.STALE)
GIT_FAULTS = ("down", "cut", "401", "403", "500", "503", "delay")
PROTECTED = 'case "$1" in refs/heads/main) echo "protected branch" >&2; exit 1;; esac'
SETTINGS = "\n[tool.nox-release]\npatience = 4\n"
BY_PULL_REQUEST = 'main = "pull-request"\n'
PLAIN: dict[str, str | bytes] = {"pyproject.toml": PYPROJECT}
VCS: dict[str, str | bytes] = {**kinds.VCS.files, "pyproject.toml": test_vcs.PYPROJECT}
PROJECTS = (PLAIN, PLAIN, with_backend(UNREPRODUCIBLE), VCS)


@dataclass(frozen=True, kw_only=True)
class Act:
    """One command on one machine, and what goes wrong with it."""

    machine: int
    command: tuple[str, ...]
    pulls: bool  # before
    stop: dict[str, object] | None


@dataclass(kw_only=True)
class Theatre:
    """Two machines, a remote and an index, and what was seen of them."""

    rng: random.Random
    stage: Stage
    proxy: Proxy
    server: GitServer | None
    is_vcs: bool = False  # the version is the tag, so a release has no commit of its own
    machines: list[Path] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    started: list[int] = field(default_factory=list)  # process groups
    stops: int = 0
    faults: int = 0

    def url(self) -> str:
        return self.server.url if self.server else str(self.stage.remote)

    def clone(self, name: str) -> Path:
        place = self.stage.clone.parent / name
        self.stage.git("clone", "--quiet", str(self.stage.remote), str(place), at=self.stage.remote)
        self.stage.git("remote", "set-url", "origin", self.url(), at=place)
        return place

    def start(self, act: Act) -> Forked:
        place = self.machines[act.machine]
        if act.pulls:
            subprocess.run(["git", "pull", "--quiet", "--ff-only"], cwd=place, check=False)
        temporary = place.parent / f"temporary-{act.machine}"
        temporary.mkdir(exist_ok=True)
        log, said = (place.parent / f"{name}-{act.machine}" for name in ("log", "said"))
        said.unlink(missing_ok=True)
        watch = [stopper.__file__, str(log), json.dumps(act.stop)]
        return Forked(
            stopper.main if act.stop else release,
            [*(watch if act.stop else ["release"]), *act.command,
             *["--skip-tests"] * (act.command[0] == "publish")],
            cwd=place,
            env={**os.environ, "TMPDIR": str(temporary), "TWINE_REPOSITORY_URL": self.proxy.url},
            printed=(said, said),
        )  # fmt: skip

    def play(self, *acts: Act) -> list[int]:
        """Run commands at once, and judge what each said."""
        running = [self.start(act) for act in acts]
        codes = []
        self.started += [process.pid for process in running]
        for act, process in zip(acts, running, strict=True):
            out, _ = process.communicate(timeout=240)
            code = process.returncode
            assert code is not None
            self.log.append(f"$ {act} -> {code}\n{out}")
            assert self.stage.password not in out
            assert CREDENTIALS.partition(":")[2] not in out
            assert "Traceback" not in out
            assert code in {0, 1, 3, 130, -9}, out
            self.stops += code in {130, -9}
            survivors = self.machines[act.machine].parent / f"log-{act.machine}-survivors"
            if survivors.exists():
                self.started += json.loads(survivors.read_text(encoding="ascii"))
            codes.append(code)
        return codes

    def settle(self) -> None:
        """Wait for programs that outlived a killed process, and for what servers still do."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and (
            any(map(is_alive, self.started))
            or self.proxy.busy
            or (self.server and self.server.busy)
        ):
            time.sleep(0.02)

    def move_main(self) -> None:
        """Somebody pushes a commit to main."""
        place = self.clone(f"somebody-{self.rng.random()}")
        (place / f"moved-{self.rng.random()}.py").write_text("", encoding="utf-8")
        self.stage.git("remote", "set-url", "origin", str(self.stage.remote), at=place)
        self.stage.git("add", "--all", at=place)
        self.stage.git("commit", "--quiet", "--message", "Move", at=place)
        subprocess.run(["git", "push", "--quiet"], cwd=place, check=False, capture_output=True)

    def merge_proposals(self) -> None:
        """Somebody merges the branches that wait for it, as a forge does."""
        for ref in self.stage.remote_refs():
            if ref.startswith("refs/heads/release/"):
                self.stage.merge(ref.removeprefix("refs/heads/"))


def is_alive(group: int) -> bool:
    """Say whether a process group has any process."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


# What goes wrong


def schedule(theatre: Theatre, share: float, choice: tuple[str, ...]) -> Iterator[str]:
    for _ in repeat(None):
        is_bad = theatre.rng.random() < share
        theatre.faults += is_bad
        yield theatre.rng.choice(choice) if is_bad else PASS


def trouble(theatre: Theatre) -> None:
    """Let index and remote go wrong from now on."""
    rng = theatre.rng
    theatre.proxy.mend()
    if rng.random() < 0.5:
        theatre.proxy.faults = {
            PROBE: schedule(theatre, 0.05, LISTING_FAULTS),
            UPLOAD: schedule(theatre, 0.4, UPLOAD_FAULTS),
            LISTING: schedule(theatre, 0.1, LISTING_FAULTS),
            DOWNLOAD: iter(()),
        }
    if theatre.server and rng.random() < 0.4:
        theatre.faults += 1
        where = rng.choice(("POST", "GET", "receive-pack", "upload-pack"))
        theatre.server.faults[:] = [
            Fault(kind=rng.choice(GIT_FAULTS), where=where, skip=rng.randrange(12),
                  times=rng.choice((1, 1, 3, 1000)), seconds=rng.choice((0.0, 0.5)))
        ]  # fmt: skip
    if rng.random() < 0.12:
        theatre.faults += 1
        theatre.stage.hook("update", PROTECTED, theatre.stage.remote)


def peace(theatre: Theatre) -> None:
    theatre.proxy.mend()
    if theatre.server:
        theatre.server.faults.clear()
    (theatre.stage.remote / "hooks/update").unlink(missing_ok=True)


def random_act(rng: random.Random) -> Act:
    command = rng.choice(COMMANDS)
    effects = 70 if command[1].startswith("--") else 120  # about as many as there are
    at = {"number": rng.randrange(effects), "how": rng.choice(STOPS)}
    stop = {**at, "delay": rng.choice((0.0, 0.0, rng.random() / 20, rng.random() / 2))}
    return Act(
        machine=rng.randrange(2),
        command=command,
        pulls=rng.random() < 0.8,
        stop=stop if rng.random() < 0.6 else None,
    )


def perform(theatre: Theatre) -> None:
    """Play two to four scenes."""
    rng, stage = theatre.rng, theatre.stage
    for _ in range(rng.randrange(2, 5)):
        trouble(theatre)
        acts = [random_act(rng)]
        if rng.random() < 0.3:
            acts.append(Act(**{**vars(random_act(rng)), "machine": 1 - acts[0].machine}))
        mover = threading.Timer(rng.random() * 3, theatre.move_main)
        is_moved = rng.random() < 0.3
        theatre.settle()
        before = (stage.published(), stage.remote_refs())
        if is_moved:
            mover.start()
        codes = theatre.play(*acts)
        if is_moved:
            mover.join()
        peace(theatre)
        if len(acts) == 1 and codes == [1] and not is_moved:
            assert (stage.published(), stage.remote_refs()) == before, "1 means: nothing changed"
        if len(acts) == 1 and codes == [0] and acts[0].command[0] == "publish":
            assert INTENT not in stage.remote_refs(), "0 means: done"


def calm_down(theatre: Theatre) -> None:
    """Finish what is unfinished from a fresh clone."""
    theatre.settle()
    for number in range(6):
        refs = theatre.stage.remote_refs()
        if INTENT not in refs:
            return
        theatre.merge_proposals()
        theatre.machines.append(theatre.clone(f"finisher-{number}"))
        act = Act(machine=len(theatre.machines) - 1, command=("publish", "--resume"), pulls=False,
                  stop=None)  # fmt: skip
        theatre.play(act)
    assert INTENT not in theatre.stage.remote_refs(), "a release can't be finished"


# The books


def books(theatre: Theatre) -> None:
    """Compare index, tags and main: nothing lost, nothing double, nothing other."""
    stage, refs = theatre.stage, theatre.stage.remote_refs()
    there: dict[Version, dict[str, str]] = {}
    for name in stage.published():
        parse = parse_wheel_filename if name.endswith(".whl") else parse_sdist_filename
        sha256 = hashlib.sha256((stage.files / name).read_bytes()).hexdigest()
        there.setdefault(parse(name)[1], {})[name] = sha256
    there.pop(Version("1.2.3"))
    tags = {ref.removeprefix("refs/tags/v") for ref in refs if ref.startswith("refs/tags/")}
    finals = {str(version) for version in there if not version.is_prerelease}
    assert tags - {"1.2.3"} == finals, "a tag means: it is on the index, and the other way round"
    for version in finals:
        text = stage.git("cat-file", "-p", f"v{version}", at=stage.remote)
        recorded = re.findall(r"^([0-9a-f]{64})  (\S+)$", text, re.MULTILINE)
        assert {name: sha256 for sha256, name in recorded} == there[Version(version)]
        stage.git("merge-base", "--is-ancestor", f"v{version}", "main", at=stage.remote)
        pyproject = stage.git("show", f"v{version}:pyproject.toml", at=stage.remote)
        assert theatre.is_vcs or f'version = "{version}"' in pyproject
    subjects = stage.git("log", "--format=%s", "main", at=stage.remote).splitlines()
    released = sorted(one for one in subjects if one.startswith("Release "))
    commits = [] if theatre.is_vcs else [f"Release {version}" for version in finals]
    assert released == sorted(commits), "one commit each"
    heads = {ref for ref in refs if ref.startswith(("refs/heads/", "refs/release/"))}
    assert heads == {"refs/heads/main"}
    assert all(len(taken) == 1 for taken in theatre.proxy.taken().values()), "never other bytes"


def all_is_well(theatre: Theatre) -> None:
    """Status agrees, nothing is in the next release's way, and both checkouts are clean."""
    stage = theatre.stage
    if theatre.is_vcs:  # one commit is one version
        theatre.move_main()
    for number, command in enumerate((("publish", "9.0.0", "--dry-run"), ("status",))):
        place = theatre.machines[number]
        assert stage.git("status", "--porcelain", at=place) == "", f"machine {number} isn't clean"
        stage.git("pull", "--quiet", "--ff-only", at=place)
        assert theatre.play(Act(machine=number, command=command, pulls=False, stop=None)) == [0]
        assert stage.git("status", "--porcelain", at=place) == ""
        assert len(stage.git("worktree", "list", at=place).splitlines()) == 1
        assert not list((place.parent / f"temporary-{number}").glob("nox-release-*/*.owner"))
    books(theatre)


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and process groups")
def test_nothing_is_lost(
    make_stage: MakeStage,
    tmp_path: Path,
    schedule_seed: str,
    record_property: Callable[[str, object], None],
) -> None:
    rng = random.Random(schedule_seed)  # noqa: S311
    with ExitStack() as stack:
        stage = stack.enter_context(make_stage(tmp_path))
        files = rng.choice(PROJECTS)
        settings = SETTINGS + BY_PULL_REQUEST * (rng.random() < 0.2)
        stage.commit({**files, "pyproject.toml": f"{files['pyproject.toml']!s}{settings}"})
        for name in ("acme-1.2.3-py3-none-any.whl", "acme-1.2.3.tar.gz"):  # released long ago
            (stage.files / name).write_bytes(b"")
        proxy = stack.enter_context(hostile(stage.url))
        is_http = rng.random() < 0.5
        server = stack.enter_context(git_over_http(stage.remote)) if is_http else None
        if is_http:
            stage.git("config", "http.receivepack", "true", at=stage.remote)
        theatre = Theatre(rng=rng, stage=stage, proxy=proxy, server=server, is_vcs=files is VCS)
        theatre.machines += [theatre.clone("one"), theatre.clone("two")]
        try:
            perform(theatre)
            calm_down(theatre)
            books(theatre)
            all_is_well(theatre)
        except BaseException:
            (tmp_path / "log").write_text("\n".join(theatre.log), encoding="utf-8")
            print("\n".join(theatre.log))  # noqa: T201
            raise
        record_property("schedules survived", 1)
        record_property("stops survived", theatre.stops)
        record_property("faults survived", theatre.faults)
