"""An sdist, looked at: its name, its one folder, its members, and PKG-INFO.

https://packaging.python.org/en/latest/specifications/source-distribution-format/
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import tarfile
import zlib
from dataclasses import dataclass, field, replace
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from release import Problem
from release.archives import (
    AGAIN,
    CHUNK,
    NEWER,
    WHOLE,
    Examined,
    bomb,
    escaped,
    misplaced,
    repeated,
    some,
)
from release.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

BROKEN = (tarfile.TarError, OSError, ValueError, EOFError, zlib.error)
ENDING = ".tar.gz"
OTHERS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


class Careful(gzip.GzipFile):
    """What is unpacked; no header may be so big that reading it would fill the memory."""

    def read(self, size: int | None = -1) -> bytes:
        """Read what is asked for, if that is little."""
        if size is None or not 0 <= size <= CHUNK:
            raise tarfile.ReadError(f"it has a header of {size} bytes")
        return super().read(size)


def examine(path: Path, algorithm: str = "sha1") -> Examined:
    """Look at an sdist, at all of it and in pieces; `algorithm` makes git's ids of its files."""
    try:
        name, version = parse_sdist_filename(path.name)
    except InvalidSdistFilename as error:
        return Examined(path=path, problems=(Problem(str(error), AGAIN),))
    known = Examined(path=path, name=name, version=version)
    wanted = f"{escaped(name)}-{version}{ENDING}"
    problems = [Problem(f"it has to be called {wanted} (PEP 625)", NEWER)] * (path.name != wanted)
    if not path.name.endswith(ENDING):
        return replace(known, problems=tuple(problems))
    contents = Contents(path=path, top=path.name.removesuffix(ENDING), algorithm=algorithm)
    try:
        with Careful(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            problems += contents.take(archive)
            problems += contents.bad_rest(file)
    except BROKEN as error:
        problems.append(Problem(f"it can't be read: {error}", AGAIN))
    metadata = Metadata.read(contents.told) if contents.told else None
    problems += metadata.problems if metadata else ()
    if metadata and (absent := {*metadata.licenses} - contents.ids.keys()):
        problems.append(Problem(f"it lacks {some(absent)}, which its metadata name", AGAIN))
    members = contents.ids if contents.is_whole else {}
    return replace(known, metadata=metadata, problems=tuple(problems), members=members)


@dataclass(kw_only=True)
class Contents:
    """What one pass over an sdist finds."""

    path: Path
    top: str  # the folder that it has to have
    algorithm: str
    names: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # by the path below `top`
    told: bytes = b""  # PKG-INFO
    unpacked: int = 0  # bytes
    is_whole: bool = False  # it was read to its end

    def take(self, archive: tarfile.TarFile) -> Iterator[Problem]:
        """Read all members, up to one that says that this is no honest file."""
        for member in archive:
            self.names.append(member.name)
            self.unpacked += member.size
            if problem := bomb(self.unpacked, self.path):
                yield problem
                return
            if problem := misplaced(member.name) or self.bad_kind(member):
                yield problem
            elif not member.isdir() and member.name.startswith(f"{self.top}/"):
                self.ids[member.name.removeprefix(f"{self.top}/")] = self.id_of(member, archive)
        self.is_whole = True
        yield from self.bad_whole()

    def bad_rest(self, file: Careful) -> Iterator[Problem]:
        """Read what follows the members, which is nothing but zeros."""
        while self.is_whole and (data := file.read(CHUNK)):
            self.unpacked += len(data)
            problem = bomb(self.unpacked, self.path)
            if problem or data.strip(b"\0"):
                yield problem or Problem("it has bytes behind its members", AGAIN)
                return

    def bad_kind(self, member: tarfile.TarInfo) -> Problem | None:
        """Refuse members that are neither files nor folders, nor links to such in the sdist."""
        name, to = some([member.name]), member.linkname
        if not (member.isreg() or member.isdir() or member.issym()):
            return Problem(f"{name} is {OTHERS.get(member.type, 'no file')}", AGAIN)
        target = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), to))
        is_out = PureWindowsPath(to).anchor or not f"{target}/".startswith(f"{self.top}/")
        if member.issym() and (posixpath.isabs(to) or is_out):
            return Problem(f"{name} is a link to {some([to])}, which is outside of it", AGAIN)
        return None

    def id_of(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> str:
        """Return git's id of a file, or of a link."""
        link = member.linkname.encode("utf-8", "surrogateescape") if member.issym() else b""
        header = b"blob %d\0" % (len(link) or member.size)
        digest = hashlib.new(self.algorithm, header + link, usedforsecurity=False)
        file = None if member.issym() else archive.extractfile(member)
        while file and (data := file.read(CHUNK)):
            digest.update(data)
            if member.name == f"{self.top}/PKG-INFO" and len(self.told) < WHOLE:
                self.told += data
        return digest.hexdigest()

    def bad_whole(self) -> Iterator[Problem]:
        """Say what is wrong with all members together."""
        tops = {name.partition("/")[0] for name in self.names if not misplaced(name)}
        if len(tops) > 1:
            yield Problem(f"it has {len(tops)} members at its top: {some(tops)}", AGAIN)
        elif tops - {self.top}:
            yield Problem(f"its folder is {some(tops)}, not {self.top}", NEWER)
        if twice := repeated(self.names):
            yield Problem(f"it has two members {some(twice)}", AGAIN)
        if not self.told:
            yield Problem("it has no PKG-INFO", NEWER)


def read(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the contents of some files in an sdist's folder, with their paths.

    Links have none, and very big files are left out.
    """
    with tarfile.open(path) as archive:
        for member in archive:
            inside = member.name.partition("/")[2]
            is_small = member.isreg() and member.size <= WHOLE
            if inside in wanted and is_small and (file := archive.extractfile(member)):
                yield inside, file.read()
