"""The files of a commit, or of one folder in it, read without a checkout."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from release.tags import newest_first

if TYPE_CHECKING:
    from collections.abc import Collection

    from release.git import Git
    from release.places import Files

LINK = "120000"  # the mode of a symbolic link in a tree


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The files of a commit; paths have `/` and begin at the top of the repository."""

    git: Git
    commit: str

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or of the one behind a symbolic link; else None."""
        real = self.real(path)
        if self._modes.get(real, LINK) != LINK and real not in self._contents:
            self._contents[real] = self.git.blob(self.commit, real)
        self.asked.setdefault(path, real in self._contents)
        return self._contents.get(real)

    def real(self, path: str) -> str:
        """Return the path of the file behind symbolic links, as far as they stay in the commit."""
        for _ in self._links:  # each may be followed by the next, and a ring of them ends
            for link in (path, *map(str, PurePosixPath(path).parents)):
                if link in self._links:
                    target = self.git.blob(self.commit, link) or b""
                    folder = posixpath.join(posixpath.dirname(link), target.decode())
                    path = posixpath.normpath(folder + path.removeprefix(link))
                    break
        return path

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Return the paths of all files."""
        return tuple(self._modes)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Return the names of the tags that the commit contains, the highest numbers first."""
        return newest_first(self.git("tag", "--merged", self.commit).splitlines())

    folder = ""

    @cached_property
    def asked(self) -> dict[str, bool]:
        """Return the paths that were read so far, in order, and whether there is such a file."""
        return {}

    @cached_property
    def _contents(self) -> dict[str, bytes | None]:
        return {}

    @cached_property
    def _modes(self) -> dict[str, str]:
        return self.git.files(self.commit)

    @cached_property
    def _links(self) -> frozenset[str]:
        return frozenset(path for path, mode in self._modes.items() if mode == LINK)


def below(files: Files, folder: str) -> Files:
    """Return `files` as seen from a folder, "" being the top."""
    return Folder(files=files, folder=folder) if folder else files


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The `files` in a folder, by their paths from there; those above it begin with `../`."""

    files: Files
    folder: str

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None where there is none."""
        return self.files.read(self._from_top(path))

    def real(self, path: str) -> str:
        """Return the path of the file behind symbolic links."""
        return posixpath.relpath(self.files.real(self._from_top(path)), self.folder)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Return the paths of the files in the folder."""
        start = f"{self.folder}/"
        return tuple(
            path.removeprefix(start) for path in self.files.paths if path.startswith(start)
        )

    @property
    def tags(self) -> Collection[str]:
        """Return the names of the tags of the whole repository."""
        return self.files.tags

    def _from_top(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, path))
