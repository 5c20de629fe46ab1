"""A file of a release, looked at: what any archive may not hold, and how files are named."""

from __future__ import annotations

import hashlib
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from release import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.version import Version

    from release.metadata import Metadata

CHUNK = 1 << 20  # bytes that are read at once, and that one header may have
WHOLE = 64 << 20  # bytes of a file that is read as a whole
# PyPI takes nothing for a bomb below 64 MiB, or that unpacks to less than 50 times its own size
# (warehouse: forklift/legacy.py, COMPRESSION_RATIO_THRESHOLD).
HARMLESS, RATIO = 64 << 20, 50
SHOWN = 5  # names in one sentence
AGAIN = "build it again, and let nothing but the build backend write into it"
NEWER = "raise the build backend in [build-system] requires: newer ones write the normal form"


def sha256_of(path: Path) -> str:
    """Return a file's sha256; large ones are read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A file as it is: what it says of itself, and what is wrong with it."""

    path: Path
    name: str = ""  # in its file name, normalised; "" where that can't be read
    version: Version | None = None
    metadata: Metadata | None = None  # None: it can't be told which
    problems: tuple[Problem, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)  # of an sdist: git's ids, by path
    sboms: tuple[str, ...] = ()  # of a wheel

    @property
    def is_wheel(self) -> bool:
        """Say whether it is a wheel; the other kind is the sdist."""
        return self.path.suffix == ".whl"


def escaped(name: str) -> str:
    """Return a project's name as file names have it (PEP 427, 625)."""
    return canonicalize_name(name).replace("-", "_")


def some(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are; none that a terminal could misread."""
    found = [name if name.isprintable() else ascii(name) for name in sorted(names)]
    more = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def misplaced(name: str) -> Problem | None:
    """Say what is wrong with the path of a member; None where it stays in the archive's folder."""
    if posixpath.isabs(name) or PureWindowsPath(name).anchor:
        return Problem(f"{some([name])} is an absolute path", AGAIN)
    if ".." in re.split(r"[/\\]", name):
        return Problem(f"{some([name])} leads out of it", AGAIN)
    is_plain = name.isprintable() and "\\" not in name
    if not is_plain or posixpath.normpath(name) != name.removesuffix("/"):
        return Problem(f"{some([name])} isn't a plain path", AGAIN)
    return None


def repeated(names: Iterable[str]) -> set[str]:
    """Return what is there more than once."""
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


def bomb(unpacked: int, path: Path) -> Problem | None:
    """Refuse what unpacks to far more than it is itself."""
    size = path.stat().st_size
    if unpacked <= max(HARMLESS, RATIO * size):
        return None
    return Problem(
        f"it unpacks to {unpacked >> 20} MiB or more, over {RATIO} times its own size",
        "look at what the build backend is told to pack",
    )
