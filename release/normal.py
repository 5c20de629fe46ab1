"""Archives in a normal form: the same files make the same archive, whoever packs them, and when.

What a build backend leaves to the machine is set: in an sdist times, owners, modes and order, in a
wheel times, modes and the kind of machine. No file in them changes. https://reproducible-builds.org/docs/archives/
"""

from __future__ import annotations

import copy
import gzip
import shutil
import stat
import struct
import tarfile
import time
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZipFile

from release import sdists, wheels
from release.archives import CHUNK, bomb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from zipfile import ZipInfo

FILE, PROGRAM = 0o644, 0o755  # the modes that there are; a folder has that of a program
EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip file can tell
UNIX = 3  # where zip files say they were made; 0 is Windows
STEP = 2  # seconds between two times that it can tell


def normalise(path: Path, epoch: int) -> bool:
    """Write an sdist or a wheel in its normal form, unless it has one; say whether it was written.

    All members have one time, which isn't after `epoch` (seconds); else they get that. In an sdist
    it comes before: for a second the clock tells the same as `epoch`, and some backends go by the
    clock. What can't be read stays as it is.
    """
    write = _write_wheel if path.suffix == ".whl" else _write_sdist
    new = path.with_name(f".{path.name}.new")
    try:
        is_written = write(path, new, epoch)
    except (*sdists.BROKEN, *wheels.BROKEN):
        is_written = False
    if is_written:
        new.replace(path)
    new.unlink(missing_ok=True)
    return is_written


def _is_one(times: Iterable[Any], latest: object) -> bool:
    found = set(times)
    return len(found) == 1 and found.pop() <= latest


def _mode(told: int, *, is_folder: bool) -> int:
    """Return the mode that a member gets which has the one told."""
    return PROGRAM if is_folder or told & stat.S_IXUSR else FILE


# sdists


def _write_sdist(path: Path, new: Path, epoch: int) -> bool:
    with _plain_tar(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        members = archive.getmembers()
        times = (one.mtime for one in members)
        is_timeless = _is_one(times, epoch - 1) and _packed(path) < epoch
        ordered = sorted(members, key=lambda one: one.name)
        if is_timeless and members == ordered and all(map(_is_nobodys, members)):
            return False
        with (
            new.open("wb") as target,
            gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=epoch) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as made,
        ):
            for member in ordered:
                content = archive.extractfile(member) if member.isreg() else None
                made.addfile(_nobodys(member, epoch), content)
    return True


@contextmanager
def _plain_tar(path: Path) -> Iterator[IO[bytes]]:
    """Yield what is packed, in a file where any place is reached at once; refuse a bomb."""
    size = 0
    with sdists.Careful(path) as packed, TemporaryFile() as plain:
        while piece := packed.read(CHUNK):
            plain.write(piece)
            size += len(piece)
            _insist_on_no_bomb(size, path)
        plain.seek(0)
        yield plain


def _insist_on_no_bomb(size: int, path: Path) -> None:
    if problem := bomb(size, path):
        raise ValueError(problem.message)


def _packed(path: Path) -> int:
    """Return when a file was packed, as its header tells it (RFC 1952), 0 for untold."""
    with path.open("rb") as file:
        (when,) = struct.unpack_from("<I", file.read(8), 4)
    return int(when)


def _is_nobodys(member: tarfile.TarInfo) -> bool:
    is_owned = member.uid or member.gid or {member.uname, member.gname} - {"", "root"}
    is_plain = member.issym() or member.mode == _mode(member.mode, is_folder=member.isdir())
    return is_plain and not is_owned


def _nobodys(member: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    plain = copy.copy(member)
    plain.pax_headers = {}  # they go before the attributes
    plain.uid = plain.gid = 0
    plain.uname = plain.gname = ""
    plain.mtime, plain.mode = epoch, _mode(member.mode, is_folder=member.isdir())
    return plain


# Wheels


def _write_wheel(path: Path, new: Path, epoch: int) -> bool:
    date = max(EARLIEST, tuple(time.gmtime(epoch - epoch % STEP))[:6])
    with ZipFile(path) as archive:
        members = archive.infolist()
        _insist_on_no_bomb(sum(one.file_size for one in members), path)
        if _is_one((one.date_time for one in members), date) and all(map(_is_plain, members)):
            return False
        with ZipFile(new, "w") as made:
            for member in members:
                plain = _plain(member, date)
                with archive.open(member) as source, made.open(plain, "w") as target:
                    shutil.copyfileobj(source, target)
    return True


def _is_plain(member: ZipInfo) -> bool:
    """Say whether its mode is a normal one, or none at all, and nothing is told of its machine."""
    told = member.external_attr >> 16
    is_normal = stat.S_IMODE(told) in {0, _mode(told, is_folder=member.is_dir())}
    return is_normal and member.create_system == UNIX and not member.extra


def _plain(member: ZipInfo, date: tuple[int, ...]) -> ZipInfo:
    plain, told = copy.copy(member), member.external_attr >> 16
    plain.date_time = date  # type: ignore[assignment]  # six of them
    plain.extra = b""  # more times, and owners
    plain.create_system = UNIX
    mode = stat.S_IFMT(told) | _mode(told, is_folder=member.is_dir())
    plain.external_attr = mode << 16 | member.external_attr & 0xFFFF
    return plain
