"""A malicious or broken wheel of each kind is refused, with the reason and nothing else."""

from __future__ import annotations

import io
import os
import tracemalloc
from functools import partial
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

import pytest
from packaging.version import Version

from release import wheels
from tests.forged import FILES, METADATA, WHEEL, hashed, link, lying, padded, truncated, wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Unpack

    from tests.forged import Row


def metadata(old: str, new: str) -> Callable[[Path], Path]:
    return partial(wheel, metadata=METADATA.replace(old, new))


def record(change: Callable[[Row], list[Row]]) -> Callable[[Path], Path]:
    """A wheel in whose RECORD the row of acme.py became others."""

    def changed(rows: list[Row]) -> list[Row]:
        return [made for row in rows for made in (change(row) if row[0] == "acme.py" else [row])]

    return partial(wheel, rows=changed)


DATA = b"some data"
SBOMS = {
    "acme-1.0.dist-info/sboms/a.cdx.json": b"{",
    "acme-1.0.dist-info/sboms/b.spdx.json": b"[]",
    "acme-1.0.dist-info/sboms/c.json": b'{"bomFormat": "CycloneDX"}',
    "acme-1.0.dist-info/sboms/d.spdx": b"SPDXVersion: SPDX-2.3",
    "acme-1.0.dist-info/sboms/deep.json": b"[" * 100_000,
}


def with_data(rows: list[Row]) -> list[Row]:
    return [*rows, ["data", hashed(DATA), str(len(DATA))]]


def hiding(path: Path) -> Path:
    """Put the first member once more behind all others, where only the directory isn't told."""
    with ZipFile(path) as archive:
        first, second, *_ = archive.infolist()
        start = archive.start_dir
    data = path.read_bytes()
    hidden = data[: second.header_offset]
    assert first.header_offset == 0
    end = data[start:].replace(
        start.to_bytes(4, "little"), (start + len(hidden)).to_bytes(4, "little")
    )
    path.write_bytes(data[:start] + hidden + end)
    return path


def shortened(path: Path) -> Path:
    """Let the first member say that it has no bytes, so that others begin in it."""
    data = bytearray(path.read_bytes())
    data[18:22] = bytes(4)
    path.write_bytes(data)
    return path


KINDS: dict[str, tuple[Callable[[Path], Path], Unpack[tuple[str, ...]]]] = {
    # Names
    "name not escaped": (
        partial(wheel, filename="Acme-1.0-py3-none-any.whl"),
        "its name has to begin with acme-1.0- (PEP 427)",
    ),
    "version not normal": (
        partial(wheel, filename="acme-1.0.RC1-py3-none-any.whl", about="acme-1.0rc1.dist-info"),
        "its name has to begin with acme-1.0rc1- (PEP 427)",
    ),
    "no name of a wheel": (
        partial(wheel, filename="acme.whl"),
        "Invalid wheel filename (wrong number of parts): 'acme'",
    ),
    "dist-info of another name": (
        partial(wheel, about="evil-1.0.dist-info"),
        "its .dist-info folder is evil-1.0.dist-info",
    ),
    "data of another version": (
        partial(wheel, files={"acme-1.1.data/scripts/acme": b""}),
        "acme-1.1.data is a .data folder, and not its own",
    ),
    "dist-info of another version": (
        partial(wheel, about="acme-1.1.dist-info"),
        "its .dist-info folder is acme-1.1.dist-info",
    ),
    "tags": (
        partial(wheel, told=WHEEL.replace("py3-none-any", "cp311-cp311-linux_x86_64")),
        "tags only in its name: py3-none-any; only in its WHEEL: cp311-cp311-linux_x86_64",
    ),
    "more tags": (
        partial(wheel, told=WHEEL + "Tag: py2-none-any\n"),
        "tags only in its name: none; only in its WHEEL: py2-none-any",
    ),
    "Wheel-Version": (
        partial(wheel, told=WHEEL.replace("1.0", "2.0")),
        "its Wheel-Version is 2.0, not 1.0",
    ),
    # Members
    "path traversal": (partial(wheel, files={"../evil.py": b""}), "../evil.py leads out of it"),
    "path traversal inside": (
        partial(wheel, files={"acme/../../evil.py": b""}),
        "acme/../../evil.py leads out of it",
    ),
    "absolute path": (partial(wheel, files={"/etc/evil": b""}), "/etc/evil is an absolute path"),
    "drive": (partial(wheel, files={"C:/evil.py": b""}), "C:/evil.py is an absolute path"),
    "backslash": (partial(wheel, files={"acme\\evil.py": b""}), "acme\\evil.py isn't a plain path"),
    "backslash traversal": (
        partial(wheel, files={"..\\evil.py": b""}),
        "..\\evil.py leads out of it",
    ),
    "NUL": (
        lambda folder: lying(wheel(folder, files={"evil.py_.txt": b""}), b"evil.py_", b"evil.py\0"),
        "'evil.py\\x00.txt' isn't a plain path",
        "RECORD doesn't name evil.py",
        "RECORD names evil.py_.txt, which it doesn't have",
    ),
    "bytes before": (
        lambda folder: padded(wheel(folder), before=b"#!/bin/sh\n"),
        "it has bytes before, between or behind its members",
    ),
    "bytes behind": (
        lambda folder: padded(wheel(folder), behind=b"evil"),
        "it has bytes before, between or behind its members",
    ),
    "an archive before": (
        lambda folder: padded(wheel(folder), before=wheel(folder).read_bytes()),
        "it has bytes before, between or behind its members",
    ),
    "a member that the directory doesn't name": (
        lambda folder: hiding(wheel(folder)),
        "it has bytes before, between or behind its members",
    ),
    "a member that seems to be shorter": (
        lambda folder: shortened(wheel(folder)),
        "its directory doesn't tell acme.py as they do themselves",
    ),
    "lacks METADATA": (
        lambda folder: lying(wheel(folder), b"/METADATA", b"/METADATB"),
        "acme-1.0.dist-info lacks METADATA",
        "RECORD doesn't name acme-1.0.dist-info/METADATB",
        "RECORD names acme-1.0.dist-info/METADATA, which it doesn't have",
    ),
    "not plain": (partial(wheel, files={"acme//evil.py": b""}), "acme//evil.py isn't a plain path"),
    "duplicate": (
        partial(wheel, last=[("acme.py", b"evil")]),
        "it has two members acme.py",
        "RECORD has another size of acme.py",
    ),
    "duplicate METADATA": (
        partial(wheel, last=[("acme-1.0.dist-info/METADATA", METADATA.encode())]),
        "it has two members acme-1.0.dist-info/METADATA",
    ),
    "link": (
        partial(wheel, last=[(link("evil"), b"/etc/passwd")]),
        "evil is a symbolic link",
        "RECORD doesn't name evil",
    ),
    "two dist-info": (
        partial(wheel, files={"acme-0.9.dist-info/METADATA": b""}),
        "it has 2 .dist-info folders: acme-0.9.dist-info, acme-1.0.dist-info",
    ),
    "no dist-info": (partial(wheel, about="acme"), "it has 0 .dist-info folders: none"),
    "bomb": (
        partial(wheel, files={"zeros": bytes(65 << 20)}),
        "it unpacks to 65 MiB or more, over 50 times its own size",
    ),
    "cut off": (
        lambda folder: truncated(wheel(folder)),
        "it can't be read: File is not a zip file",
    ),
    "no zip": (
        lambda folder: lying(wheel(folder), b"PK", b"KP"),
        "it can't be read: File is not a zip file",
    ),
    # RECORD
    "wrong hash": (
        record(lambda row: [[row[0], hashed(b"evil"), row[2]]]),
        "RECORD has another hash of acme.py",
    ),
    "wrong size": (
        record(lambda row: [[row[0], row[1], "1"]]),
        "RECORD has another size of acme.py",
    ),
    "weak hash": (
        record(lambda row: [[row[0], hashed(FILES["acme.py"], "md5"), row[2]]]),
        "RECORD has no sha256 of acme.py",
    ),
    "no hash": (record(lambda row: [[row[0], "", ""]]), "RECORD has no sha256 of acme.py"),
    "missing": (record(lambda _: []), "RECORD doesn't name acme.py"),
    "absent": (
        record(lambda row: [row, ["gone.py", *row[1:]]]),
        "RECORD names gone.py, which it doesn't have",
    ),
    "twice": (record(lambda row: [row, row]), "RECORD names acme.py twice"),
    "columns": (
        record(lambda row: [row[:2]]),
        "its RECORD can't be read: not enough values to unpack (expected 3, got 2)",
    ),
    "no RECORD": (
        partial(wheel, rows=lambda _: []),
        "RECORD doesn't name acme-1.0.dist-info/METADATA, acme-1.0.dist-info/WHEEL, acme.py",
    ),
    "damaged": (
        lambda folder: lying(
            wheel(folder, rows=with_data, last=[(ZipInfo("data"), DATA)]), DATA, DATA.upper()
        ),
        "data can't be unpacked",
    ),
    # METADATA
    "second name": (
        metadata("Name: acme\n", "Name: acme\nName: evil\n"),
        "its metadata has Name 2 times: acme; evil",
    ),
    "second version": (
        metadata("Version: 1.0\n", "Version: 1.0\nVersion: 2.0\n"),
        "its metadata has Version 2 times: 1.0; 2.0",
    ),
    "no name": (
        metadata("Name: acme\n", ""),
        "its metadata isn't valid: 'name' is a required field",
    ),
    "unknown metadata version": (
        metadata("2.4", "9.9"),
        "its metadata isn't valid: '9.9' is not a valid metadata version",
    ),
    "field of the future": (
        metadata("\nRequires", "\nImport-Name: acme\nRequires"),
        "its metadata isn't valid: import-name introduced in metadata version 2.5, not 2.4",
    ),
    "unknown field": (
        metadata("\nRequires", "\nEvil: yes\nRequires"),
        "its metadata has an unknown field evil: yes",
    ),
    "carriage return": (
        metadata("\nRequires", "\nSummary: fine\rRequires-Dist: evil\nRequires"),
        "its metadata has control characters in 'Summary: fine\\rRequires-Dist: evil'",
    ),
    "line separator": (
        metadata("\nRequires", "\nSummary: fine\u2028Requires-Dist: evil\nRequires"),
        "its metadata has control characters in 'Summary: fine\\u2028Requires-Dist: evil'",
        "its metadata isn't valid: 'summary' must be a single line",
    ),
    "vertical tab": (
        metadata("\nRequires", "\nHome-Page: a\x0bRequires-Dist: evil\nRequires"),
        "its metadata has control characters in 'Home-Page: a\\x0bRequires-Dist: evil'",
    ),
    "two lines": (
        metadata("six>=1", "six>=1\n    evil"),
        "its metadata has a field of several lines: Requires-Dist: 'six>=1\\n    evil'",
        "its metadata isn't valid: 'six>=1\\n    evil' is invalid for 'requires-dist'",
    ),
    "two lines in a url": (
        metadata("\nRequires", "\nHome-Page: a\n    b\nRequires"),
        "its metadata has a field of several lines: Home-Page: 'a\\n    b'",
    ),
    "fields that end early": (
        metadata("\nRequires", "\nSummary: fine\nnot so fine\nRequires"),
        "its metadata ends in the middle of the fields (MissingHeaderBodySeparatorDefect)",
    ),
    "requirement": (
        metadata("six>=1", "six=>1"),
        "its metadata isn't valid: 'six=>1' is invalid for 'requires-dist'",
    ),
    "not UTF-8": (
        partial(
            wheel, metadata=METADATA.replace("acme\n", "acme\nSummary: \xe9\n").encode("latin-1")
        ),
        "its metadata isn't UTF-8",
    ),
    "license": (
        metadata("\nRequires", "\nLicense-File: LICENSE\nRequires"),
        "it lacks acme-1.0.dist-info/licenses/LICENSE, which its metadata name",
    ),
    "license expression": (
        metadata("\nRequires", "\nLicense-Expression: Foo\nRequires"),
        "its metadata isn't valid: 'Foo' is invalid for 'license-expression'",
    ),
    "SBOM": (
        partial(wheel, files={**FILES, **SBOMS}),
        "sboms/a.cdx.json isn't the JSON of an SBOM",
        "sboms/b.spdx.json isn't the JSON of an SBOM",
        "sboms/deep.json isn't the JSON of an SBOM",
    ),
    "no METADATA": (
        partial(wheel, metadata=""),
        "its metadata isn't valid: 'name' is a required field",
        "its metadata isn't valid: 'version' is a required field",
        "its metadata isn't valid: None is not a valid metadata version",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_wheel_is_refused(kind: str, tmp_path: Path) -> None:
    write, *sentences = KINDS[kind]
    assert [problem.message for problem in wheels.examine(write(tmp_path)).problems] == sentences


def test_a_good_wheel_is_not(tmp_path: Path) -> None:
    examined = wheels.examine(wheel(tmp_path))
    assert examined.problems == ()
    assert examined.metadata
    assert examined.metadata.names == (examined.name, examined.version) == ("acme", Version("1.0"))


def test_what_signatures_and_old_setuptools_add_is_fine(tmp_path: Path) -> None:
    old = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nLicense-File: LICENSE\nLicense: a\n b\n"
    last = [("acme-1.0.dist-info/RECORD.jws", b"")]
    assert wheels.examine(wheel(tmp_path, metadata=old, last=last)).problems == ()


class Stream(io.BytesIO):
    """Bytes that can't be gone back to."""

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation

    tell = seek


def test_what_was_written_as_a_stream_is_fine(tmp_path: Path) -> None:
    path, stream = wheel(tmp_path), Stream()
    with ZipFile(path) as old, ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    path.write_bytes(stream.getvalue())
    with ZipFile(path) as archive:
        assert all(info.flag_bits & 8 for info in archive.infolist())
    assert wheels.examine(path).problems == ()


def test_sizes_of_eight_bytes_are_fine(tmp_path: Path) -> None:
    path, long = wheel(tmp_path), tmp_path / "long"
    with ZipFile(path) as old, ZipFile(long, "w") as new:
        for name in old.namelist():
            with new.open(name, "w", force_zip64=True) as member:
                member.write(old.read(name))
    long.replace(path)
    assert wheels.examine(path).problems == ()


def test_its_own_data_is_fine(tmp_path: Path) -> None:
    path = wheel(tmp_path, files={"acme-1.0.data/scripts/acme": b"", "data/acme.txt": b""})
    assert wheels.examine(path).problems == ()


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = wheel(
        tmp_path,
        filename="Acme-1.0-py2-none-any.whl",
        files={"../evil.py": b""},
        metadata=METADATA.replace("six>=1", "six=>1"),
        rows=lambda _: [],
    )
    assert len(wheels.examine(path).problems) == 5


def test_a_big_wheel_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "acme-1.0-py3-none-any.whl"
    size, piece = 96 << 20, os.urandom(1 << 20)
    with ZipFile(path, "w") as archive, archive.open("data", "w") as file:
        for _ in range(size >> 20):
            file.write(piece)
    tracemalloc.start()
    wheels.examine(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 8
