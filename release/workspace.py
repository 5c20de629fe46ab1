"""One folder for the temporary files of a run; what a killed run left is cleared by the next one.

A run holds a lock on its folder. The system takes the lock away when the process ends, however it
ends, so a folder whose lock is free belongs to nobody any more.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from release import ReleaseError
from release.worktree import remove_worktree, worktrees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.git import Git

PREFIX = "nox-release-"
# A run's folder has these two; one that only has such a name may be somebody's clone.
LOCK = "nox-release.lock"
OWNER = "nox-release.owner"  # written once the lock is held
VARIABLES = ("TMPDIR", "TEMP", "TMP")  # where programs look for the place for temporary files


@contextmanager
def workspace() -> Iterator[Path]:
    """Keep all temporary files, those of programs too, in one folder; remove it at the end."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    place = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with FileLock(folder / LOCK):
            (folder / OWNER).write_text(str(os.getpid()), encoding="ascii")
            _use(str(folder), dict.fromkeys(VARIABLES, str(folder)))
            yield folder
    finally:
        _use(place, before)
        _remove(folder)


def clear_after_killed_runs(git: Git) -> None:
    """Remove the worktrees of this repository, and the folders, that killed runs have left."""
    for path in worktrees(git)[1:]:  # the first one is the user's
        run = next(filter(_is_run, path.parents), None)
        if run and not _is_held(run):
            with suppress(ReleaseError):  # it is in nobody's way
                remove_worktree(git, path)
    for folder in Path(tempfile.gettempdir()).parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if (folder / OWNER).exists() and _is_own(folder) and not _is_held(folder):
                _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, unless a program that outlived its run still writes there: a later run does.

    So the file that says whose it is goes last.
    """
    with suppress(OSError):  # another run has cleared it
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
        if not any(path.is_dir() for path in folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)


def _use(folder: str, variables: dict[str, str | None]) -> None:
    tempfile.tempdir = folder
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _is_run(folder: Path) -> bool:
    return folder.name.startswith(PREFIX) and ((folder / OWNER).exists() or not folder.exists())


def _is_held(folder: Path) -> bool:
    """Say whether the process that this folder belongs to is alive."""
    if not folder.exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True


def _is_own(folder: Path) -> bool:
    """Say whether this user made the folder; anybody may write to a shared temporary directory."""
    owner = folder.lstat().st_uid
    return owner == getattr(os, "getuid", lambda: owner)()
