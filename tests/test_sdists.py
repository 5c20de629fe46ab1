"""A malicious or broken sdist of each kind is refused, with the reason and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING

import pytest

from release import sdists
from tests.forged import FILES, METADATA, compressed, padded, sdist, special, truncated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Unpack


def plain(folder: Path) -> Path:
    path = folder / "acme-1.0.tar.gz"
    path.write_bytes(b"evil")
    return path


BIG = special("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=2 << 20)

KINDS: dict[str, tuple[Callable[[Path], Path], Unpack[tuple[str, ...]]]] = {
    # Names
    "name not normal": (
        partial(sdist, filename="Acme-1.0.tar.gz", top="Acme-1.0"),
        "it has to be called acme-1.0.tar.gz (PEP 625)",
    ),
    "name with a dot": (
        partial(sdist, filename="ac.me-1.0.tar.gz", top="ac.me-1.0"),
        "it has to be called ac_me-1.0.tar.gz (PEP 625)",
    ),
    "version not normal": (
        partial(sdist, filename="acme-1.00.tar.gz", top="acme-1.00"),
        "it has to be called acme-1.0.tar.gz (PEP 625)",
    ),
    "zip": (
        partial(sdist, filename="acme-1.0.zip"),
        "it has to be called acme-1.0.tar.gz (PEP 625)",
    ),
    "no name of an sdist": (
        partial(sdist, filename="acme.tar.gz"),
        "Invalid sdist filename: 'acme.tar.gz'",
    ),
    # Members
    "another folder": (
        partial(sdist, top="evil-1.0"),
        "its folder is evil-1.0, not acme-1.0",
        "it has no PKG-INFO",
    ),
    "two folders": (
        partial(sdist, last=[("evil/setup.py", b"")]),
        "it has 2 members at its top: acme-1.0, evil",
    ),
    "file beside the folder": (
        partial(sdist, last=[("setup.py", b"")]),
        "it has 2 members at its top: acme-1.0, setup.py",
    ),
    "path traversal": (partial(sdist, last=[("../evil.py", b"")]), "../evil.py leads out of it"),
    "path traversal inside": (
        partial(sdist, last=[("acme-1.0/../../evil.py", b"")]),
        "acme-1.0/../../evil.py leads out of it",
    ),
    "absolute path": (partial(sdist, last=[("/etc/evil", b"")]), "/etc/evil is an absolute path"),
    "drive": (partial(sdist, last=[("C:\\evil.py", b"")]), "C:\\evil.py is an absolute path"),
    "not plain": (
        partial(sdist, last=[("./acme-1.0/evil.py", b"")]),
        "./acme-1.0/evil.py isn't a plain path",
    ),
    "symbolic link out of it": (
        partial(sdist, last=[special("acme-1.0/evil", tarfile.SYMTYPE, "/etc/passwd")]),
        "acme-1.0/evil is a link to /etc/passwd, which is outside of it",
    ),
    "symbolic link above it": (
        partial(sdist, last=[special("acme-1.0/evil", tarfile.SYMTYPE, "../other")]),
        "acme-1.0/evil is a link to ../other, which is outside of it",
    ),
    "hard link": (
        partial(sdist, last=[special("acme-1.0/evil", tarfile.LNKTYPE, "acme-1.0/acme.py")]),
        "acme-1.0/evil is a hard link",
    ),
    "character device": (
        partial(sdist, last=[special("acme-1.0/evil", tarfile.CHRTYPE)]),
        "acme-1.0/evil is a device",
    ),
    "block device": (
        partial(sdist, last=[special("acme-1.0/evil", tarfile.BLKTYPE)]),
        "acme-1.0/evil is a device",
    ),
    "pipe": (
        partial(sdist, last=[special("acme-1.0/evil", tarfile.FIFOTYPE)]),
        "acme-1.0/evil is a pipe",
    ),
    "duplicate": (
        partial(sdist, last=[("acme-1.0/acme.py", b"evil")]),
        "it has two members acme-1.0/acme.py",
    ),
    "bomb": (
        partial(sdist, files={"zeros": bytes(65 << 20)}),
        "it unpacks to 65 MiB or more, over 50 times its own size",
    ),
    "big header": (
        partial(sdist, last=[BIG]),
        "it can't be read: it has a header of 2097152 bytes",
    ),
    "cut off": (
        lambda folder: truncated(sdist(folder)),
        "it can't be read: Compressed file ended before the end-of-stream marker was reached",
    ),
    "an archive behind": (
        lambda folder: padded(sdist(folder), behind=sdist(folder).read_bytes()),
        "it has bytes behind its members",
    ),
    "bytes behind": (
        lambda folder: padded(sdist(folder), behind=b"evil"),
        "it can't be read: Not a gzipped file (b'ev')",
    ),
    "zeros behind": (
        lambda folder: padded(sdist(folder), behind=gzip.compress(bytes(65 << 20))),
        "it unpacks to 64 MiB or more, over 50 times its own size",
    ),
    "no gzip": (plain, "it can't be read: Not a gzipped file (b'ev')"),
    "no tar": (partial(compressed, data=b"evil" * 999), "it can't be read: invalid header"),
    # PKG-INFO
    "no PKG-INFO": (partial(sdist, metadata=None), "it has no PKG-INFO"),
    "second name": (
        partial(sdist, metadata=METADATA.replace("Name: acme\n", "Name: acme\nName: evil\n")),
        "its metadata has Name 2 times: acme; evil",
    ),
    "unknown metadata version": (
        partial(sdist, metadata=METADATA.replace("2.4", "9.9")),
        "its metadata isn't valid: '9.9' is not a valid metadata version",
    ),
    "license": (
        partial(
            sdist, metadata=METADATA.replace("\nRequires", "\nLicense-File: LICENSE\nRequires")
        ),
        "it lacks LICENSE, which its metadata name",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_sdist_is_refused(kind: str, tmp_path: Path) -> None:
    write, *sentences = KINDS[kind]
    found = [problem.message for problem in sdists.examine(write(tmp_path)).problems]
    assert found == sentences


def test_a_good_sdist_is_not(tmp_path: Path) -> None:
    link = special("acme-1.0/docs/acme.py", tarfile.SYMTYPE, "../acme.py")
    examined = sdists.examine(sdist(tmp_path, last=[link]))
    assert examined.problems == ()
    assert examined.metadata
    assert examined.metadata.names == (examined.name, examined.version)
    data = FILES["acme.py"]
    blobs = {
        path: b"blob %d\0" % len(one) + one
        for path, one in (
            ("acme.py", data),
            ("docs/acme.py", b"../acme.py"),
            ("PKG-INFO", METADATA.encode()),
        )
    }
    for algorithm in ("sha1", "sha256"):
        ids = {path: hashlib.new(algorithm, blob).hexdigest() for path, blob in blobs.items()}
        assert sdists.examine(examined.path, algorithm).members == ids


def test_a_big_sdist_is_not_read_into_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "acme-1.0.tar.gz", 96 << 20
    with (data := tmp_path / "data").open("wb") as file:
        file.truncate(size)
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        archive.add(data, "acme-1.0/data")
    tracemalloc.start()
    sdists.examine(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 8
