"""The sdist holds what git holds: what in it is new, what is changed, and what it lacks.

A build runs in a clean worktree, so what it adds is its own. Of an sdist that comes from elsewhere
only that is believed which the committed configuration tells, or which means the same.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from release import sdists
from release.archives import SHOWN
from release.rewritten import means_the_same
from release.snapshot import Snapshot
from release.tables import value_at
from release.worktree import LINKED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from release.archives import Examined
    from release.git import Git
    from release.project import Project

# What setuptools writes, whatever a project says, and pbr.
MADE = ("PKG-INFO", "*.egg-info/*")
SETTINGS = "setup.cfg"  # and that, where there is none
OF_PBR = ("AUTHORS", "ChangeLog")
ORIGINAL = ".orig"  # uv_build and cargo keep what they rewrite
TOLD_IN = ("pyproject.toml", "setup.cfg", "setup.py", "hatch.toml")
ARTIFACTS = (("artifacts",), ("targets", "sdist", "artifacts"))  # of hatch: ignored, and packed
# The line ends of text don't count, as in `git add`.
AS_ADDED = ("-c", "core.autocrlf=input", "-c", "core.safecrlf=false")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How an sdist differs from git; paths are those in the sdist, or below the project's folder.

    `new` and `changed` is what nothing explains.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    tracked: int  # how many files git has there


@dataclass(frozen=True, kw_only=True)
class Source:
    """A project's files as git has them: those in the index of the worktree `here`."""

    here: Git
    project: Project

    @cached_property
    def tree(self) -> str:
        """Return the id of all that is there."""
        return self.here("write-tree")

    @property
    def algorithm(self) -> str:
        """Return what makes the repository's ids."""
        return "sha1" if len(self.tree) == 40 else "sha256"  # noqa: PLR2004 - hexadecimal

    @cached_property
    def ids(self) -> dict[str, str]:
        """Return git's id of every file, those of submodules included, by its path from the top."""
        return _ids(self.here, self.tree)

    def compare(self, sdist: Examined, version: str) -> Comparison:
        """Compare an sdist of `version` with git."""
        new, changed, seen = set(), set(), set()
        for path, id_ in sdist.members.items():
            place = self._place(path)
            own = [place] if place in self.ids else []
            same = {one for one in own or self._named_alike(path) if self.ids[one] == id_}
            seen |= {place, *same}
            if not same and not self._is_generated(path):
                if own:
                    changed.add(path)
                elif not self._is_made(path):
                    new.add(path)
        contents = dict(sdists.read(sdist.path, {*changed, *new}))
        unexplained = {
            path for path, data in contents.items() if not self._is_explained(path, data, version)
        } | ((new | changed) - contents.keys())
        here, top = self._own, len(self._start)
        return Comparison(
            new=tuple(sorted(new & unexplained)),
            changed=tuple(sorted(changed & unexplained)),
            missing=tuple(sorted(path[top:] for path in here - seen)),
            tracked=len(here),
        )

    @cached_property
    def _snapshot(self) -> Snapshot:
        return Snapshot(git=self.here, commit=self.tree)

    def _place(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.project.folder, path))

    @property
    def _own(self) -> set[str]:
        """Return the paths of what belongs to the project, and isn't only for its repository."""
        start = self._start
        return {one for one in self.ids if one.startswith(start) and one[len(start)] != "."}

    @property
    def _start(self) -> str:
        return f"{self.project.folder}/".lstrip("/")

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.ids:
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    def _named_alike(self, path: str) -> list[str]:
        """Return the files that a backend may have packed at another place."""
        return self._by_name.get(posixpath.basename(path).removesuffix(ORIGINAL), [])

    # What explains a difference

    def _is_generated(self, path: str) -> bool:
        """Say whether the project says that its build makes or rewrites the file."""
        return any(fnmatchcase(path, one) for one in self.project.config.generated)

    def _is_made(self, path: str) -> bool:
        """Say whether builds make such a file: as backends do, or as their settings say."""
        patterns = [*MADE, *(OF_PBR if self.project.vcs == "pbr" else ()), *self._artifacts]
        return any(fnmatchcase(path, one) for one in patterns) or self._is_version_file(path)

    def _is_explained(self, path: str, data: bytes, version: str) -> bool:
        """Say whether a file that git doesn't have like this is as it should be."""
        place = self._snapshot.real(self._place(path))
        before = self._snapshot.read(place)
        if before is None:
            return path == SETTINGS and means_the_same(path, b"", data, version)
        return (
            self.ids[place] == self._id(place, data)
            or means_the_same(path, before, data, version)
            or (bool(self.project.vcs) and self._is_version_file(path))
        )

    def _id(self, place: str, data: bytes) -> str:
        """Return the id that a file would have in git: line ends and filters as it is told."""
        return self.here(*AS_ADDED, "hash-object", "--stdin", f"--path={place}", stdin=data)

    def _is_version_file(self, path: str) -> bool:
        """Say whether it is one that the committed configuration names, as plugins write them."""
        is_named = re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w./-])", self._told) is not None
        return is_named and "version" in posixpath.basename(path).lower()

    @cached_property
    def _told(self) -> str:
        contents = (self._snapshot.read(self._place(name)) or b"" for name in TOLD_IN)
        return b"\n".join(contents).decode("utf-8", "replace")

    @cached_property
    def _artifacts(self) -> list[str]:
        """Return the patterns of ignored files that hatchling shall pack."""
        lists = (
            value_at(self.project.pyproject, "tool", "hatch", "build", *keys) for keys in ARTIFACTS
        )
        patterns = [str(one).lstrip("/") for found in lists for one in found or ()]
        return [text for one in patterns for text in (one, f"{one.rstrip('/')}/*")]


def _ids(git: Git, tree: str, folder: str = "") -> dict[str, str]:
    start, entries = f"{folder}/".lstrip("/"), git.entries(tree)
    found = {start + path: entry.rpartition(" ")[2] for path, entry in entries.items()}
    for path in (path for path, entry in entries.items() if entry.startswith(LINKED)):
        below = git.root / path
        if (below / ".git").exists():
            found |= _ids(replace(git, root=below), found[start + path], start + path)
    return found


def grouped(paths: Iterable[str]) -> str:
    """Return paths by the folder at their top, each with the number of files in it."""
    tops = Counter(path.partition("/")[0] + "/" * ("/" in path) for path in paths)
    told = [f"{top} ({count})" if top.endswith("/") else top for top, count in tops.most_common()]
    more = len(told) - SHOWN
    return ", ".join(told[:SHOWN]) + (f" and {more} more" if more > 0 else "")
