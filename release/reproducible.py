"""The same commit, built once more in other surroundings, to see that it makes the same files.

https://reproducible-builds.org/docs/definition/
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError
from release.build import build
from release.differences import differences
from release.tagging import alone
from release.worktree import worktree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.backend import OnLine
    from release.build import Surroundings
    from release.configuration import Configuration
    from release.git import Git
    from release.project import Project
    from release.world import World

UMASK = 0o077  # nobody else may read it
DAY, HALF = 24 * 3600, 12 * 3600  # seconds
NOON = 12
TICK = 1.1  # seconds after which most clocks tell another time
SAME = "built twice, the same bytes"
HINT = (
    "leave time, place and chance out of what is built; "
    'or let it only be told: reproducible = "auto" in [tool.nox-release]'
)


def is_wanted(config: Configuration, world: World) -> bool:
    """Say whether a package is built twice: as the command says, or the project, or in CI."""
    if world.builds_twice is not None:
        return world.builds_twice
    return {"required": True, "auto": world.is_in_ci, "never": False}[config.reproducible]


def again(
    here: Git,
    tag: str | None,
    project: Project,
    first: Sequence[Path],
    around: Surroundings,
    on_line: OnLine,
) -> str:
    """Build what is in the worktree `here` again, and return what is worth a remark.

    HEAD has the `tag`, as `alone` has it. In other surroundings: folder, umask, time zone, times of
    the files, build environment. Raises `Refused` where other files than the `first` come out, and
    the project says they mustn't.
    """
    tree, env = here("write-tree"), {**around.env, "TZ": another_day(time.localtime())}
    other = replace(around, env=env, kept=None, umask=UMASK)
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        worktree(here, "HEAD", tree) as there,
        alone(there, tag),
    ):
        disturb(there.root)
        time.sleep(TICK)
        try:
            build(there.root / project.folder, Path(folder), other, on_line)
        except ReleaseError as error:
            found = [f"a second build, with umask {UMASK:03o} and TZ={env['TZ']}: {error}"]
        else:
            found = compared(first, Path(folder))
    problems = tuple(Problem(words, HINT) for words in found)
    if problems and project.config.reproducible == "required":
        raise Refused(problems)
    return "; ".join(found) or SAME


def compared(first: Sequence[Path], place: Path) -> list[str]:
    """Return which files are others than those of the same names in the folder `place`."""
    told = {path.name: differences(path, place / path.name, ("first", "then")) for path in first}
    return [
        f"{name} isn't the same when it is built again: {'; '.join(words)}"
        for name, words in told.items()
        if words
    ]


def another_day(now: time.struct_time) -> str:
    """Return a time zone in which the date is another one, as POSIX has it: no database knows it.

    It is half a day from here, to the east or to the west.
    """
    west = (HALF if now.tm_hour < NOON else -HALF) - now.tm_gmtoff
    hours, seconds = divmod(abs(west), 3600)
    return f"ELSEWHERE{'-' if west < 0 else ''}{hours}:{seconds // 60:02}"


def disturb(tree: Path) -> None:
    """Give files modes and times that they didn't have."""
    before = time.time() - DAY
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~UMASK)
            os.utime(path, (before, before))
