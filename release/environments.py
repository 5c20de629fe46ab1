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
import secrets
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from release.isolation import Environment, resolved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

HOUR = 3600.0  # seconds
DAY = 24 * HOUR
UNUSED = 30 * DAY  # after which a record is cleared away
MOST = 8  # records of one project


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

    That folder is the project's own: what a build leaves in an environment is there in the next one
    unless it is seen, and no other project's build may. Else, and where the requirements can't be
    pinned to files by their hashes, environments are made in the folder `here`, for this build.
    Programs get `env`.
    """

    here: Path
    env: Mapping[str, str]
    kept: Path | None = None
    made: dict[tuple[str, ...], Environment] = field(default_factory=dict)

    def having(self, requirements: Iterable[str], at: Path) -> Environment:
        """Return one that has what the installer, run in `at`, finds for requirements."""
        wanted = tuple(sorted(requirements))
        if wanted not in self.made:
            self.made[wanted] = self._kept(wanted, at) or self._fresh(wanted, at)
        return self.made[wanted]

    def _fresh(self, wanted: Iterable[str], at: Path) -> Environment:
        fresh = Environment.fresh(self.here / secrets.token_hex(8), self.env)
        fresh.install(wanted, at)
        return fresh

    def _kept(self, wanted: tuple[str, ...], at: Path) -> Environment | None:
        """Return a kept environment, made now if need be; None where none can be."""
        if not self.kept or any(Requirement(one).url for one in wanted) or not _own(self.kept):
            return None
        if (lock := resolved(wanted, at, self.env)) is None:
            return None
        place = self.kept / f"{_key(wanted)}.json"
        if found := _found(place, lock):
            return Environment.at(self.kept / found.name, self.env)
        clear(self.kept)
        name = secrets.token_hex(8)
        made = Environment.fresh(self.kept / name, self.env)
        if lock:
            made.install_locked(lock, at)
        else:
            made.install(wanted, at)
        record = _Record(lock=lock, made=time.time(), name=name, print=_print(self.kept / name))
        _write(place, record)
        return made


def _key(wanted: Iterable[str]) -> str:
    parts = [sys.version, sys.base_prefix, *wanted]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _found(place: Path, lock: str) -> _Record | None:
    """Return the record there if its environment is as it was made, and has what `lock` says.

    pip resolves as slowly as it installs, so what it installed an hour ago isn't asked again.
    """
    with suppress(OSError, TypeError, ValueError):
        record = _Record(**json.loads(place.read_text(encoding="utf-8")))
        is_current = record.lock == lock and (lock or 0 <= time.time() - record.made < HOUR)
        if is_current and record.print == _print(place.parent / record.name):
            os.utime(place)
            return record
    return None


def _write(place: Path, record: _Record) -> None:
    new = place.with_suffix(f".{record.name}")
    new.write_text(json.dumps(asdict(record)), encoding="utf-8")
    with suppress(PermissionError):  # Windows: while somebody reads it
        new.replace(place)
    new.unlink(missing_ok=True)


def clear(kept: Path) -> None:
    """Remove what hasn't been used for long, and what killed runs have left behind."""
    records = sorted(kept.glob("*.json"), key=_age)
    for number, path in enumerate(records):
        if number >= MOST or _age(path) > UNUSED:
            path.unlink(missing_ok=True)
    named = {json.loads(path.read_bytes())["name"] for path in kept.glob("*.json")}
    for path in kept.iterdir():
        if path.suffix != ".json" and path.name not in named and _age(path) > DAY:
            shutil.rmtree(path, ignore_errors=True)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _own(folder: Path) -> bool:
    """Make a folder for this user alone; say whether it is one."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid == os.getuid() and not found.st_mode & 0o077


def _print(folder: Path) -> str:
    """Return what changes with any file of an environment, but for modules compiled on import."""
    digest = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders[:] = sorted({*folders} - {"__pycache__"})
        for name in sorted(files):
            path = f"{place}/{name}"
            found = os.stat(path)  # noqa: PTH116 - a Path for each of thousands takes longer
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
