"""Build environments, kept from one build of a project to the next.

One has exactly what the project's build requirements resolve to now, and nothing has touched it
since it was made. It is made under a name of its own, and a record, written last and in one piece,
says what is in it: a run that is killed leaves no record, and two runs at once don't wait for each
other. A record is replaced, an environment never: whoever builds in it may go on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from release import ReleaseError
from release.constraints import held
from release.isolation import Environment, hashes, resolved
from release.process import ProgramFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor, Future
    from pathlib import Path

    Made = TypeVar("Made")

Wanted: TypeAlias = "tuple[str, ...]"  # requirements, sorted
HOUR = 3600.0  # seconds
DAY = 24 * HOUR
LONG = 30 * DAY  # without a use, and an environment is removed
PIN = re.compile(r"^\S+==\S+", re.MULTILINE)  # of a package, in a lock
NAME = "[0-9a-f]" * 16  # of whatever is ours: a project, an environment, a record
MOST = 8  # environments of one project, and those of a day


@dataclass(frozen=True, kw_only=True)
class _Record:
    """What is in a kept environment."""

    lock: str  # what the requirements were resolved to, with hashes; "" by pip, which can't say
    made: float  # seconds since the epoch
    name: str  # of its folder
    print: str  # of its files


@dataclass(frozen=True, kw_only=True)
class Environments:
    """The environments of one build, and of those before it if there is a folder `kept`.

    That folder is the project's own. Without one, and where requirements can't be pinned to files
    by their hashes, environments are made in the folder `here`, for this build. Programs get `env`;
    installers are held to the `constraints`, a line each.
    """

    here: Path
    env: Mapping[str, str]
    pool: Executor
    constraints: str = ""
    kept: Path | None = None
    umask: int = -1  # of what builds in them; -1: our own
    is_told: bool = False  # what is in them has to be said, so that all are resolved
    used: dict[Wanted, Environment] = field(default_factory=dict)
    asked: dict[Wanted, Future[Environment]] = field(default_factory=dict)
    locks: dict[Wanted, str] = field(default_factory=dict)  # what requirements were resolved to
    held: Mapping[str, str] = field(init=False)  # `env`, where the constraints hold installers

    def __post_init__(self) -> None:
        """Write down what holds installers, before threads ask for it."""
        object.__setattr__(self, "held", held(self.env, self.constraints, self.here))

    def having(self, requirements: Iterable[str], at: Path) -> Environment:
        """Return one that has what the installer, run in `at`, finds for requirements.

        The installer asks the index. That takes as long as a build, so meanwhile it may be the one
        of the last build: let `settled` build in it.
        """
        wanted = tuple(sorted(requirements))
        if wanted not in self.used:
            self.asked[wanted] = self.pool.submit(self._insisted_on, wanted, at)
            self.used[wanted] = self._last(wanted) or self.asked[wanted].result()
        return self.used[wanted]

    def settled(self, make: Callable[[], Made], clear: Callable[[], object]) -> Made:
        """Return what `make` makes in these environments, made again while one is out of date.

        Before that, `clear` takes away what the one before has left.
        """
        while True:
            try:
                made = make()
            except ReleaseError:
                if self._were_current():
                    raise
            else:
                if self._were_current():
                    return made
            clear()

    def installed(self, at: Path) -> dict[str, str]:
        """Return all that is in those that were used, as NAME==VERSION, in the order of names.

        Each has the sha256 of its file, "" where the installer, run in `at`, can't tell it. What
        was resolved is believed before an environment in which others have run.
        """
        found: dict[str, bool] = {}
        for wanted, one in self.used.items():
            pins = PIN.findall(self.locks.get(wanted, ""))
            found |= dict.fromkeys(pins, True) or one.installed()
        known = hashes(sorted(one for one in found if found[one]), at, self.held)
        return {one: known.get(one, "") for one in sorted(found)}

    def _were_current(self) -> bool:
        """Say whether the environments that were used are the right ones; from now on they are."""
        used = dict(self.used)
        self.used.update({wanted: asked.result() for wanted, asked in self.asked.items()})
        return used == self.used

    def _insisted_on(self, wanted: Wanted, at: Path) -> Environment:
        try:
            return self._current(wanted, at)
        except ProgramFailed as error:
            mend = "mend what constrains build requirements, commit and push it; "
            raise ReleaseError(
                f"what the build requires can't be installed:\n{error.output.strip()}",
                f"{mend if self.constraints else ''}python -m release build tries it again",
            ) from error

    def _current(self, wanted: Wanted, at: Path) -> Environment:
        place = self._place(wanted)
        is_resolved = place or self.is_told or self.constraints
        lock = resolved(wanted, at, self.held) if is_resolved else None
        self.locks[wanted] = lock or ""
        if place is None or lock is None:
            made = Environment.fresh(self.here / secrets.token_hex(8), self.held)
            _install(made, wanted, lock, at)
            return made
        found = _read(place)
        # pip resolves as slowly as it installs, so what it did within an hour isn't asked again.
        if found and found.lock == lock and (lock or 0 <= time.time() - found.made < HOUR):
            return Environment.at(place.with_name(found.name), self.held, is_kept=True)
        clear(place.parent.parent)
        return self._make(wanted, lock, at, place)

    def _make(self, wanted: Wanted, lock: str, at: Path, place: Path) -> Environment:
        """Make an environment beside its record, which comes to `place`."""
        name = secrets.token_hex(8)
        made = Environment.fresh(folder := place.with_name(name), self.held, is_kept=True)
        _install(made, wanted, lock, at)
        record = _Record(lock=lock, made=time.time(), name=name, print=_print(folder))
        new = place.with_name(f"{name}.new")
        with suppress(OSError):  # the next build makes another one
            new.write_text(json.dumps(asdict(record)), encoding="utf-8")
            new.replace(place)
        return made

    def _last(self, wanted: Wanted) -> Environment | None:
        """Return the environment of the last build, if there is one as it was made."""
        place = self._place(wanted)
        found = _read(place) if place else None
        if not (place and found):
            return None
        return Environment.at(place.with_name(found.name), self.held, is_kept=True)

    def _place(self, wanted: Wanted) -> Path | None:
        """Return where the record of requirements is, for this Python; None where none is kept."""
        if not self.kept or not _is_own(self.kept):
            return None
        pip = sorted(pair for pair in self.env.items() if pair[0].startswith("PIP_"))
        parts = json.dumps([sys.version, sys.base_prefix, pip, self.constraints, *wanted])
        return self.kept / f"{hashlib.sha256(parts.encode()).hexdigest()[:16]}.json"


def _install(made: Environment, wanted: Wanted, lock: str | None, at: Path) -> None:
    if lock:
        made.install_locked(lock, at)
    else:
        made.install(wanted, at)


def _read(place: Path) -> _Record | None:
    """Return the record there, if its environment is as it was made, which is used now."""
    with suppress(OSError, TypeError, ValueError):
        record = _Record(**json.loads(place.read_text(encoding="utf-8")))
        if record.print == _print(folder := place.with_name(record.name)):
            os.utime(folder)
            return record
    return None


def _print(folder: Path) -> str:
    """Return what changes with any file of an environment."""
    digest = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = f"{place}/{name}"
            found = os.lstat(path)  # a Path for each of thousands takes longer
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _is_own(folder: Path) -> bool:
    """Make a folder for this user alone, to write to; say whether it is one."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    own = getattr(os, "getuid", lambda: found.st_uid)()
    is_open = sys.platform != "win32" and found.st_mode & 0o077
    return found.st_uid == own and not is_open and os.access(folder, os.W_OK)


def clear(cache: Path) -> None:
    """Remove the environments of all projects that were not used for long, or are too many."""
    for kept in cache.glob(NAME):
        for number, folder in enumerate(sorted(kept.glob(NAME), key=_unused)):
            if _unused(folder) > (LONG if number < MOST else DAY):
                shutil.rmtree(folder, ignore_errors=True)
        for record in kept.glob(f"{NAME}.*"):
            if _unused(record) > LONG:
                with suppress(OSError):
                    record.unlink()


def _unused(path: Path) -> float:
    """Return for how many seconds an environment hasn't been used, 0 for one that is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
