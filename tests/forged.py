"""Wheels and sdists, written by hand: good ones, and each kind of bad one."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import warnings
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

METADATA = "Metadata-Version: 2.4\nName: acme\nVersion: 1.0\nRequires-Dist: six>=1\n\nAcme.\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FILES = {"acme.py": b'"""A sample."""\n'}
Row = list[str]


def hashed(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def wheel(  # noqa: PLR0913 - each argument is a way to forge one
    folder: Path,
    *,
    filename: str = "acme-1.0-py3-none-any.whl",
    files: Mapping[str, bytes] = FILES,
    about: str = "acme-1.0.dist-info",
    metadata: str | bytes = METADATA,
    told: str = WHEEL,
    rows: Callable[[list[Row]], list[Row]] = lambda rows: rows,
    last: Iterable[tuple[str | zipfile.ZipInfo, bytes]] = (),
) -> Path:
    """Write a wheel whose RECORD has all its files but the `last`, after `rows` has changed it."""
    data = metadata if isinstance(metadata, bytes) else metadata.encode()
    members = {**files, f"{about}/METADATA": data, f"{about}/WHEEL": told.encode()}
    record = [[name, hashed(data), str(len(data))] for name, data in members.items()]
    record = rows([*record, [f"{about}/RECORD", "", ""]])
    path = folder / filename
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of names that are there already
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(f"{about}/RECORD", "\n".join(map(",".join, record)))
        for member, data in last:
            archive.writestr(member, data)
    return path


def sdist(
    folder: Path,
    *,
    filename: str = "acme-1.0.tar.gz",
    top: str = "acme-1.0",
    files: Mapping[str, bytes] = FILES,
    metadata: str | None = METADATA,
    last: Iterable[tarfile.TarInfo | tuple[str, bytes]] = (),
) -> Path:
    """Write an sdist; what is `last` has its whole path."""
    path, told = folder / filename, {} if metadata is None else {"PKG-INFO": metadata.encode()}
    members = [(f"{top}/{name}", data) for name, data in {**files, **told}.items()]
    with tarfile.open(path, "w:gz") as archive:
        for member in [*members, *last]:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(bytes(member.size)))
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return path


def special(name: str, kind: bytes, to: str = "", size: int = 0) -> tarfile.TarInfo:
    """A member of another kind than a file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, to, size
    return info


def link(name: str) -> zipfile.ZipInfo:
    """A symbolic link, as zip has them."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def truncated(path: Path) -> Path:
    """Cut off the second half of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def padded(path: Path, before: bytes = b"", behind: bytes = b"") -> Path:
    """Put bytes around a file."""
    path.write_bytes(before + path.read_bytes() + behind)
    return path


def lying(path: Path, old: bytes, new: bytes) -> Path:
    """Write other bytes into a file, wherever it has some of the same number."""
    path.write_bytes(path.read_bytes().replace(old, new))
    return path


def compressed(folder: Path, data: bytes, filename: str = "acme-1.0.tar.gz") -> Path:
    """Write any bytes as if they were an sdist."""
    path = folder / filename
    path.write_bytes(gzip.compress(data))
    return path
