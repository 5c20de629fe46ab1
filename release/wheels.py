"""A wheel, looked at: its name, its members, and whether METADATA, WHEEL and RECORD tell them.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import json
import os
import stat
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, BinaryIO
from zipfile import BadZipFile, ZipFile

from packaging.tags import parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

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
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path
    from zipfile import ZipInfo

    from packaging.tags import Tag
    from packaging.version import Version

BROKEN = (BadZipFile, OSError, ValueError, RuntimeError, EOFError, struct.error, zlib.error)
LAST, END = b"PK\5\6", 22  # of a zip file without a comment
HEADER = struct.Struct("<6xHH8xI4xHH")  # of a member: flags, method, size, lengths of name and more
LONG, ELSEWHERE = struct.Struct("<HHQQ"), 0xFFFFFFFF  # in that, and instead: sizes of eight bytes
STREAMED, DESCRIPTOR, NONE = 8, {12, 16, 20, 24}, {0}  # a flag, and bytes behind such a member
SECURE = ("sha256", "sha384", "sha512")
SIGNATURES = ("RECORD", "RECORD.jws", "RECORD.p7s")  # RECORD has no hash of them
NEEDED = ("METADATA", "WHEEL", "RECORD")
STALE = "an old build folder got in; is it committed?"
UNREAD = "let the tool that wrote it write JSON; or leave it out of what the backend packs"
SBOMS = "sboms"  # the folder for them, which holds nothing else (PEP 770)
SAME = "let the tool that gave it its name write its WHEEL, too: `wheel tags`, auditwheel, delocate"


def examine(path: Path) -> Examined:
    """Look at a wheel, at all of it and in pieces."""
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        return Examined(path=path, problems=(Problem(str(error), AGAIN),))
    problems, metadata, sboms = [], None, []
    if not path.name.startswith(start := f"{escaped(name)}-{version}-"):
        problems.append(Problem(f"its name has to begin with {start} (PEP 427)", NEWER))
    try:
        with ZipFile(path) as archive:
            wheel = Wheel(archive=archive, name=name, version=version, tags=tags)
            problems += [*bad_bytes(path, archive), *wheel.bad_members()]
            if problem := bomb(sum(info.file_size for info in archive.infolist()), path):
                problems.append(problem)
            elif wheel.about:
                if f"{wheel.about}/METADATA" in wheel.files:
                    metadata = Metadata.read(wheel.read("METADATA"))
                problems += [*wheel.bad_about(), *wheel.bad_record(), *wheel.bad_sboms()]
                sboms = wheel.sboms
                problems += [*metadata.problems, *wheel.bad_licenses(metadata)] if metadata else []
    except BROKEN as error:
        problems.append(Problem(f"it can't be read: {error}", AGAIN))
    return Examined(
        path=path,
        name=name,
        version=version,
        metadata=metadata,
        problems=tuple(problems),
        sboms=tuple(sboms),
    )


def bad_bytes(path: Path, archive: ZipFile) -> Iterator[Problem]:
    """Refuse what programs read in two ways: by the directory at the end, or from the beginning.

    https://blog.pypi.org/posts/2025-08-07-wheel-archive-confusion-attacks/
    """
    end, gaps, is_odd, others = 0, NONE, False, []
    with path.open("rb") as file:
        for info in sorted(archive.infolist(), key=attrgetter("header_offset")):
            is_odd |= info.header_offset - end not in gaps
            is_told, end = _header(file, info)
            others += [info.filename] * (not is_told)
            gaps = DESCRIPTOR if info.flag_bits & STREAMED else NONE
        file.seek(-END, os.SEEK_END)
        if is_odd or archive.start_dir - end not in gaps or file.read(len(LAST)) != LAST:
            yield Problem("it has bytes before, between or behind its members", AGAIN)
    if others:
        yield Problem(f"its directory doesn't tell {some(others)} as they do themselves", AGAIN)


def _header(file: BinaryIO, info: ZipInfo) -> tuple[bool, int]:
    """Say whether the directory tells a member as its own header does, and where it ends."""
    file.seek(info.header_offset)
    flags, method, size, name, extra = HEADER.unpack(file.read(HEADER.size))
    more, is_streamed = file.read(name + extra)[name:], info.flag_bits & STREAMED
    if size == ELSEWHERE and LONG.pack(1, 16, info.file_size, info.compress_size) in more:
        size = info.compress_size
    is_told = (flags & STREAMED, method) == (is_streamed, info.compress_type)
    end = info.header_offset + HEADER.size + name + extra + info.compress_size
    return is_told and bool(is_streamed or size == info.compress_size), end


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """An open wheel, and what its file name says."""

    archive: ZipFile
    name: str  # normalised
    version: Version
    tags: frozenset[Tag]

    @cached_property
    def files(self) -> dict[str, ZipInfo]:
        """Return the files by their names."""
        return {one.filename: one for one in self.archive.infolist() if not one.is_dir()}

    @cached_property
    def tops(self) -> list[str]:
        """Return what is at the top."""
        return sorted({name.partition("/")[0] for name in self.archive.namelist()})

    @property
    def abouts(self) -> list[str]:
        """Return the .dist-info folders."""
        return [top for top in self.tops if top.endswith(".dist-info")]

    @property
    def about(self) -> str:
        """Return the one .dist-info folder, "" where there isn't exactly one."""
        return self.abouts[0] if len(self.abouts) == 1 else ""

    @cached_property
    def told(self) -> Message:
        """Return what WHEEL says."""
        return email.message_from_bytes(self.read("WHEEL"))

    @property
    def sboms(self) -> list[str]:
        """Return the SBOMs (PEP 770), without the .dist-info folder."""
        start = f"{self.about}/"
        found = (name.removeprefix(start) for name in self.files if name.startswith(start))
        return sorted(name for name in found if name.startswith(f"{SBOMS}/"))

    def read(self, name: str) -> bytes:
        """Return a file of the .dist-info folder, empty where there is none."""
        if not (info := self.files.get(f"{self.about}/{name}")):
            return b""
        with self.archive.open(info) as file:
            return file.read(WHOLE)

    def bad_members(self) -> Iterator[Problem]:
        """Say which members no wheel may have, by their names and kinds."""
        infos = self.archive.infolist()
        for info in infos:
            if problem := misplaced(info.orig_filename):
                yield problem
            if stat.S_ISLNK(info.external_attr >> 16):
                yield Problem(f"{some([info.filename])} is a symbolic link", AGAIN)
        if twice := repeated(info.filename for info in infos):
            yield Problem(f"it has two members {some(twice)}", AGAIN)
        if len(self.abouts) != 1:
            found = ", ".join(self.abouts) or "none"
            yield Problem(f"it has {len(self.abouts)} .dist-info folders: {found}", STALE)

    def bad_about(self) -> Iterator[Problem]:
        """Say what is wrong with the .dist-info folder, and with WHEEL in it."""
        name, _, version = self.about.removesuffix(".dist-info").partition("-")
        if (canonicalize_name(name), version) != (self.name, str(self.version)):
            yield Problem(f"its .dist-info folder is {self.about}", STALE)
        data = {top for top in self.tops if top.endswith(".data")}
        if strange := data - {self.about.removesuffix(".dist-info") + ".data"}:
            yield Problem(f"{some(strange)} is a .data folder, and not its own", STALE)
        if absent := {one for one in NEEDED if f"{self.about}/{one}" not in self.files}:
            yield Problem(f"{self.about} lacks {some(absent)}", AGAIN)
            return
        if not (format_ := str(self.told["Wheel-Version"])).startswith("1."):
            yield Problem(f"its Wheel-Version is {format_}, not 1.0", AGAIN)
        tags = {tag for text in self.told.get_all("Tag", []) for tag in parse_tag(text)}
        if tags != self.tags:
            mine, others = (
                some(map(str, one)) or "none" for one in (self.tags - tags, tags - self.tags)
            )
            yield Problem(f"tags only in its name: {mine}; only in its WHEEL: {others}", SAME)

    def bad_record(self) -> Iterator[Problem]:
        """Say where RECORD and the files differ."""
        try:
            rows = [*csv.reader(self.read("RECORD").decode().splitlines())]
            recorded = {path: (hash_, size) for path, hash_, size in rows}
        except (csv.Error, ValueError) as error:
            yield Problem(f"its RECORD can't be read: {error}", AGAIN)
            return
        unsigned = {f"{self.about}/{name}" for name in SIGNATURES}
        known = self.files.keys() & recorded.keys() - unsigned
        found = {name: self._differs(name, *recorded[name]) for name in sorted(known)}
        groups = {
            "RECORD doesn't name {}": self.files.keys() - recorded.keys() - unsigned,
            "RECORD names {}, which it doesn't have": recorded.keys() - self.files.keys(),
            "RECORD names {} twice": repeated(path for path, *_ in rows),
            **{
                text: {name for name, one in found.items() if one == text}
                for text in found.values()
            },
        }
        for text, names in groups.items():
            if text and names:
                yield Problem(text.format(some(names)), AGAIN)

    def _differs(self, name: str, hash_: str, size: str) -> str:
        """Say how a file differs from its row in RECORD, "" where it doesn't."""
        algorithm, _, value = hash_.partition("=")
        if algorithm not in SECURE:
            return f"RECORD has no {SECURE[0]} of {{}}"
        digest, count = hashlib.new(algorithm), 0
        try:
            with self.archive.open(self.files[name]) as file:
                while data := file.read(CHUNK):
                    digest.update(data)
                    count += len(data)
        except BROKEN:
            return "{} can't be unpacked"
        if size != str(count):
            return "RECORD has another size of {}"
        is_it = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=") == value
        return "" if is_it else "RECORD has another hash of {}"

    def bad_licenses(self, metadata: Metadata) -> Iterator[Problem]:
        """Say which license files aren't where the metadata say (PEP 639)."""
        places = {f"{self.about}/licenses/{path}" for path in metadata.licenses}
        if absent := places - self.files.keys():
            yield Problem(f"it lacks {some(absent)}, which its metadata name", AGAIN)

    def bad_sboms(self) -> Iterator[Problem]:
        """Say which SBOMs are called JSON, and aren't; of what standard they are is open."""
        for name in self.sboms:
            if name.endswith(".json"):
                try:
                    is_object = isinstance(json.loads(self.read(name)), dict)
                except (ValueError, RecursionError):
                    is_object = False
                if not is_object:
                    yield Problem(f"{some([name])} isn't the JSON of an SBOM", UNREAD)
