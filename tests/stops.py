"""What a release does, each way of stopping it there, and finishing it here or elsewhere."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import asdict, dataclass, replace
from itertools import cycle, product
from pathlib import Path
from typing import TYPE_CHECKING

from release.__main__ import run as release
from tests import stopper
from tests.forked import Forked
from tests.hub import TOKEN
from tests.kinds import BRANCH, Kind
from tests.slack import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.stage import Stage

    Said = tuple[int, str]  # exit code, and what was printed
    Cases = Iterable[tuple["Stop", bool]]  # the release is finished elsewhere

COMMAND = ("publish", "minor")
INTENT = "refs/release/intent"
# git commands that only read; every other program is an effect until it is named here.
READS = re.compile(
    r"subprocess\.Popen git .*?(rev-parse|cat-file|show |ls-remote|symbolic-ref|for-each-ref|"
    r"remote get-url|status|check-ref-format|var |merge-base|ls-files|ls-tree|tag --merged|"
    r"worktree list)|http\.client\.send GET|tempfile\.mkdtemp"
)
OUTSIDE = re.compile(r"git .* push |http\.client")
# What a killed git has left, and only people may remove: in our words, and in git's.
LOCKED = re.compile(r"once there is no (.+)|Unable to create '(.+?\.lock)': File exists")
EXIT_CODES = {
    "kill": {-9}, "power": {-9}, "interrupt": {130}, "terminate": {130}, "full": {0, 1, 3},
}  # fmt: skip
# Parts of the time that an effect takes, after which it is stopped; the last: as soon as it began.
MIDDLES = (0.5, 0.2, 0.05, 0.0001)
SHORT = 0.02  # seconds: it may happen that nothing hits the middle of a shorter effect
FULL = (0, 60_000)  # bytes that a full disk has left


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where and how a process is stopped; `delay` is in seconds after the effect began.

    With a delay, the effect has to be under way. `run` counts the commands before that one.
    """

    at: str
    how: str
    delay: float = 0.0
    room: int = 0
    run: int = 0


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Something that a release was seen to do, and for how many seconds; 0: in no time."""

    name: str
    seconds: float
    run: int

    @property
    def what(self) -> str:
        """What it is, however often it was done before."""
        return self.name.rpartition(" #")[0]

    def stops(self, hows: Iterable[str], rooms: Iterable[int] = ()) -> Iterator[Stop]:
        """Stop before it and in its middle."""
        for how, delay in product(hows, sorted({0, self.seconds})):
            yield Stop(at=self.name, how=how, delay=delay, run=self.run)
        for room in rooms:
            yield Stop(at=self.name, how="full", room=room, run=self.run)


# What there is to stop


def run(stage: Stage, *args: str, at: Path | None = None) -> Said:
    """Run the command as a process; return its exit code and what it printed."""
    return forked(stage, release, ["release", *args], at=at)


def watched(stage: Stage, stop: Stop | None, *args: str) -> Said:
    """Run it under a watch, stopped as told."""
    chosen = json.dumps(asdict(stop) if stop else None)
    log = stage.clone.parent / "log"
    return forked(stage, stopper.main, [stopper.__file__, str(log), chosen, *args])


def forked(
    stage: Stage, main: Callable[[], object], argv: list[str], *, at: Path | None = None
) -> Said:
    home = stage.clone.parent
    (home / "temporary").mkdir(exist_ok=True)
    cache = stage.files.with_name("cache")  # environments are made as if for the first time
    places = {"TMPDIR": home / "temporary", "NOX_RELEASE_CACHE": cache, "STOPPER_DISK": home}
    printed = stage.files.with_name("printed")
    printed.unlink(missing_ok=True)
    process = Forked(
        main,
        argv,
        cwd=at or stage.clone,
        env={**os.environ, **{key: str(path) for key, path in places.items()}},
        printed=(printed, printed),
    )
    return process.wait(120), printed.read_text(encoding="utf-8")


def log(stage: Stage) -> list[tuple[float, str, str]]:
    """What the last watched command was seen to do: when, a word, and the name of the effect."""
    text = (stage.clone.parent / "log").read_text(encoding="utf-8")
    return [tuple(json.loads(row)) for row in text.splitlines()]


def effects(stage: Stage, kind: Kind) -> list[Effect]:
    """Run a release to its end and return what it did, in order."""
    kind.prepare(stage)
    seen = []
    for number in range(kind.runs):
        if number:
            stage.merge(BRANCH)
        code, out = watched(stage, None, *COMMAND)
        assert code == (0 if number == kind.runs - 1 else 3), out
        rows = log(stage)
        ends = {name: when for when, word, name in rows if word == "ended"}
        seen += [
            Effect(name=name, seconds=ends.get(name, when) - when, run=number)
            for when, word, name in rows
            if word == "began" and not READS.match(name)
        ]
    kind.assert_released(stage)
    for word in kind.words:
        assert any(word in one.name for one in seen), word
    return seen


def every_stop(seen: list[Effect], plain: list[Effect], differing: str) -> Cases:
    """Stop before each effect and in its middle, in every way, and finish it here and elsewhere.

    What the plain project has as well, is stopped there; here the ways take turns.
    """
    own = own_effects(seen, plain, differing)
    for effect in own:
        yield from product(effect.stops(stopper.HOWS, FULL), (False, True))
    yield from in_turn(stop for one in seen if one not in own for stop in one.stops([""]))


def some_stops(seen: list[Effect], plain: list[Effect], differing: str) -> Cases:
    """Let ways and ends take turns, and stop twice where others can see the effect."""
    own = own_effects(seen, plain, differing)
    yield from in_turn(
        stop
        for number, effect in enumerate(own)
        for part, stop in enumerate(effect.stops([""]))
        if OUTSIDE.search(effect.name) or part == number % 2 or not effect.seconds
    )
    for number, effect in enumerate(own if seen is plain else ()):
        if re.search(" push | merge ", effect.name):
            yield from ((stop, bool(number % 2)) for stop in effect.stops((), (0,)))


def own_effects(seen: list[Effect], plain: list[Effect], differing: str) -> list[Effect]:
    """Return what only this kind of project does, or in another state than the plain one."""
    known = set() if seen is plain else {one.what for one in plain}
    return [
        one
        for one in seen
        if one.what not in known or (differing and re.search(differing, f"{one.run} {one.name}"))
    ]


def in_turn(stops: Iterable[Stop]) -> Cases:
    """Give each stop the next of all ways and ends."""
    turns = cycle(product((False, True), stopper.HOWS))
    for stop, (elsewhere, how) in zip(stops, turns, strict=False):
        yield replace(stop, how=how), elsewhere


# Stop it, and finish it


def finish(stage: Stage, kind: Kind, *args: str, at: Path | None = None) -> None:
    """Type a command until the release is done, and do what it says is left to people."""
    for _ in range(4):
        code, out = run(stage, *args, at=at)
        locks = [
            Path(lock) for found in LOCKED.findall(out) for lock in "".join(found).split(" and no ")
        ]
        time.sleep(bool(locks))  # a git that outlived its release ends
        for lock in locks:
            lock.unlink(missing_ok=True)
        if code == 3 and kind.runs > 1 and not locks:
            assert f"merge the branch {BRANCH} into main" in out
            stage.merge(BRANCH)
        elif not locks:
            break
    assert code == 0, out
    kind.assert_released(stage)


def assert_clean(stage: Stage, at: Path | None = None) -> None:
    """The user's checkout is as if nothing had ever been stopped."""
    assert stage.git("status", "--porcelain", "--ignored", at=at) == ""
    assert stage.git("symbolic-ref", "HEAD", at=at) == "refs/heads/main"
    assert len(stage.git("worktree", "list", at=at).splitlines()) == 1
    local = stage.git(
        "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/release", at=at
    )
    assert local.splitlines()[0] == "refs/heads/main"
    assert set(local.splitlines()) <= {"refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"}


def assert_stopped(stage: Stage, stop: Stop) -> None:
    """The log ends where it was stopped, and what was to be under way hadn't ended."""
    rows = [(word, name) for _, word, name in log(stage)]
    assert rows[-1] == ("stopped", stop.at) or stop.how == "full"
    assert ("stopped", stop.at) in rows
    assert ("ended", stop.at) not in rows
    if stop.how == "full":
        word, left = rows[-1]
        assert word == "full"
        assert int(left) <= stop.room


def assert_honest(stage: Stage, kind: Kind, said: Said, before: object) -> None:
    """What a stopped command said is what it did."""
    code, out = said
    assert stage.password not in out
    assert TOKEN not in out
    assert SECRET not in out
    assert not re.search(r'File ".*[/\\]release[/\\]\w+\.py"', out), out  # of a build: it may be
    if code == 0 or "all was done before" in out:
        kind.assert_released(stage)
    elif code == 1 or "nothing has changed" in out:
        assert (stage.published(), stage.remote_refs()) == before
        assert "✗ " in out
    elif code > 0:
        assert "the same command continues" in out


def survive(stage: Stage, kind: Kind, stop: Stop, *, elsewhere: bool) -> Said:
    """Stop a release, judge what it said, finish it, and see that all is as it should be.

    Return what it said, with the exit code, which may say that it wasn't hit in the middle.
    """
    kind.prepare(stage)
    for _ in range(stop.run):
        code, out = run(stage, *COMMAND)
        assert code == 3, out
        stage.merge(BRANCH)
    before = (stage.published(), stage.remote_refs())
    code, out = watched(stage, stop, *COMMAND)
    if code == stopper.MISSED:
        return code, out
    assert code in EXIT_CODES[stop.how], out
    assert_stopped(stage, stop)
    assert_honest(stage, kind, (code, out), before)
    (stage.clone.parent / "ballast").unlink(missing_ok=True)
    if elsewhere and INTENT in stage.remote_refs():
        place = stage.other_clone()
        finish(stage, kind, "publish", "--resume", at=place)
        assert_clean(stage, place)
    finish(stage, kind, *COMMAND)
    assert_clean(stage)
    assert list((stage.clone.parent / "temporary").glob("nox-release-*/*.owner")) == []
    return code, out
