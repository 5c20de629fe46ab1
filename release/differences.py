"""What is different between two builds of a file, member by member."""

from __future__ import annotations

import hashlib
import stat
import tarfile
from io import BytesIO
from itertools import zip_longest
from typing import TYPE_CHECKING
from zipfile import ZipFile

from release import sdists, wheels
from release.archives import CHUNK, SHOWN, WHOLE, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

PACKED = "the same files, packed otherwise"
LINK = "a link"
WIDTH = 60  # of a line that is shown


def differences(one: Path, other: Path, called: tuple[str, str]) -> list[str]:
    """Return what tells two builds of a file apart, none for the same bytes.

    They are `called` so in what is returned. A RECORD differs with any other file.
    """
    if not other.exists():
        return [f"it isn't there {called[1]}"]
    if sha256_of(one) == sha256_of(other):
        return []
    try:
        digests = [dict(_digests(path)) for path in (one, other)]
        names = sorted(digests[0].keys() | digests[1].keys())
        found = [name for name in names if digests[0].get(name) != digests[1].get(name)]
        found = [name for name in found if not name.endswith("/RECORD")] or found
        told = [_told(name, one, other, called) for name in found[:SHOWN]]
    except (*sdists.BROKEN, *wheels.BROKEN) as error:
        return [f"{one.name} can't be read: {error}"]
    more = len(found) - SHOWN
    return [*told, *[f"and {more} more"] * (more > 0)] or [PACKED]


def _told(name: str, one: Path, other: Path, called: tuple[str, str]) -> str:
    found = [_read(path, name) for path in (one, other)]
    for content, alone in zip(found, reversed(called), strict=True):
        if content is None:
            return f"{name} is there {alone} only"
    (kind, first), (other_kind, second) = (content or ("", b"") for content in found)
    if kind != other_kind:
        return f"{name} is {kind} {called[0]}, {other_kind} {called[1]}"
    try:
        pairs = zip_longest(first.decode().splitlines(), second.decode().splitlines(), fillvalue="")
        lines = ((number, pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1])
        number, pair = next(lines, (0, ("", "")))
    except UnicodeDecodeError:
        sizes = f"{len(first)} bytes {called[0]}, {len(second)} {called[1]}"
        return f"{name} from byte {_same(first, second)} on: {sizes}"
    if not number:
        return f"{name} has other line ends"
    start = max(0, _same(*pair) - WIDTH // 2)
    shown = (f"{_short(text, start)!r} {which}" for text, which in zip(pair, called, strict=True))
    return f"{name}, line {number}: {', '.join(shown)}"


def _short(line: str, start: int) -> str:
    """Return what is worth to be shown of a line, from its column `start` on."""
    end = start + WIDTH
    return "…" * (start > 0) + line[start:end] + "…" * (end < len(line))


def _same(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many bytes or characters are the same from the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _digests(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the files and links of an archive, each with its kind and what changes with it."""
    for name, kind, file in _members(path):
        digest = hashlib.sha256()
        while piece := file.read(CHUNK):
            digest.update(piece)
        yield name, (kind, digest.hexdigest())


def _read(path: Path, wanted: str) -> tuple[str, bytes] | None:
    """Return the kind of a file, and how it begins."""
    found = (one for one in _members(path) if one[0] == wanted)
    return next(((kind, file.read(WHOLE)) for _, kind, file in found), None)


def _members(path: Path) -> Iterator[tuple[str, str, IO[bytes]]]:
    """Yield the files of an archive, each with its kind and open; of a link, where it leads."""
    if path.suffix in {".whl", ".zip"}:
        with ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    yield info.filename, _kind(info.external_attr >> 16), file
        return
    with tarfile.open(path) as tar:
        for member in tar.getmembers():
            if member.issym():
                to = BytesIO(member.linkname.encode("utf-8", "surrogateescape"))
                yield member.name, LINK, to
            elif content := tar.extractfile(member):
                yield member.name, _kind(member.mode), content


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return LINK
    return "a program" if mode & stat.S_IXUSR else "a file"
