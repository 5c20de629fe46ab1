"""One version in one file: the bytes that hold it, and how another version is written there."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from packaging.version import Version

from release import ReleaseError
from release.spelling import spelled_like
from release.tables import BOM, text_at, tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    Read = Callable[[str], bytes | None]  # a file's bytes by its path in the repository

Match = TypeVar("Match", re.Match[str], re.Match[bytes])
# Edges of a version inside other text: 1.2.3 is not part of 11.2.3, 1.2.30 or 1.2.3.4.
BEFORE, AFTER = rb"(?<![0-9.!+])(?<![a-uw-zA-UW-Z])", rb"(?![0-9A-Za-z+!]|[.-][0-9A-Za-z])"
MARKER = "\N{PILCROW SIGN}"


class Files(Protocol):
    """A project's files as committed; paths have `/`, and those outside begin with `../`."""

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes by its path, None where there is none."""

    def real(self, path: str) -> str:
        """Return the path of the file behind symbolic links."""

    @property
    def paths(self) -> Collection[str]:
        """Return the paths of all files."""

    @property
    def tags(self) -> Collection[str]:
        """Return the names of the tags that they have or follow, the newest first."""

    @property
    def folder(self) -> str:
        """Return where in the repository their paths begin, "" for its top."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One version in one file: `text`, at the bytes from `start` on; `what` says what it is.

    `write` spells another version as this place wants it, in the spelling of `text` by default.
    `says` is the version where `text` isn't one, but a structure that holds it. `trail` is what led
    to the place, the first thing first.
    """

    path: str
    what: str
    start: int
    text: str
    write: Callable[[Version], str] | None = None
    says: str = ""
    trail: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """Return the offset behind the last byte."""
        return self.start + len(self.text.encode())

    def spelled(self, version: Version) -> str:
        """Return `version` as this place wants it."""
        return self.write(version) if self.write else spelled_like(self.text, version)

    def found_by(self, *steps: str) -> Place:
        """Return the place with what led to the first step of its trail."""
        return replace(self, trail=(*steps, *self.trail))

    @property
    def version(self) -> Version:
        """Return the version that is there; `ReleaseError` where it isn't one."""
        try:
            return Version(self.says or self.text)
        except ValueError:  # InvalidVersion, or a number longer than Python reads
            raise ReleaseError(
                f"{self.what} is {self.says or self.text!r}, which is no version (PEP 440)",
                "write one like 1.2.3, 1.2.3rc1 or 1.2.3.dev0",
            ) from None


def toml(path: str, data: bytes, *keys: str) -> Place:
    """Return the place of the string at `keys` in TOML text."""
    what = f"[{'.'.join(keys[:-1])}] {keys[-1]}" if path == "pyproject.toml" else (
        f"{'.'.join(keys)} in {path}"
    )  # fmt: skip
    place = read_as(path, what, data, lambda text: text_at(tomllib.loads(text), *keys))
    if place is None:
        raise ReleaseError(f"{path}: {'.'.join(keys)} is written in a way that can't be edited")
    return place


def read_as(path: str, what: str, data: bytes, value_of: Callable[[str], str]) -> Place | None:
    """Return the place of the value that `value_of` reads from the file's text.

    Of all the places where the value's characters stand, it is the one whose change changes
    the value. None where there is none; what `value_of` raises as `ValueError` is no change.
    """
    text = data.removeprefix(BOM).decode()
    value = value_of(text)
    for match in re.finditer(re.escape(value), text) if value else ():
        changed = text[: match.start()] + MARKER + text[match.end() :]
        with suppress(ValueError):
            if value_of(changed) == MARKER:
                start = len(data) - len(text.encode()) + len(text[: match.start()].encode())
                return Place(path=path, what=what, start=start, text=value)
    return None


def matched(path: str, what: str, data: bytes, pattern: bytes) -> Place:
    """Return the place of the one match's group `version`."""
    match = only(path, what, list(re.finditer(pattern, data)))
    return Place(path=path, what=what, start=match.start("version"), text=match["version"].decode())


def matched_text(path: str, what: str, pattern: re.Pattern[str], data: bytes, group: str) -> Place:
    """Match as a program does that reads the file as UTF-8 with universal newlines."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{path} is not UTF-8: {error}") from error
    match = only(path, what, list(pattern.finditer(text.replace("\r\n", "\n"))))
    version = (match[group] or "").strip()  # `.+` may take the end of the line with it
    if not version:
        raise ReleaseError(f"{what}: the group «{group}» is empty in {path}")
    at = match.start(group) + match[group].index(version)
    shifts = (end.start() - number for number, end in enumerate(re.finditer("\r\n", text)))
    start = at + sum(1 for shift in shifts if shift < at)
    return Place(path=path, what=what, start=len(text[:start].encode()), text=version)


def whole(path: str, data: bytes) -> Place:
    """Return the place of the version that is all a file has, space and a mark in front aside."""
    try:
        text = data.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{path} is not UTF-8: {error}") from error
    version = text.strip()
    if not version or "\n" in version:
        raise ReleaseError(f"{path} isn't just a version: it has {len(version.split())} words")
    start = len(data) - len(text.encode()) + len(text[: text.index(version)].encode())
    return Place(path=path, what=path, start=start, text=version)


def only(path: str, what: str, matches: list[Match]) -> Match:
    """Return the one match; `ReleaseError` with file, lines and count where it isn't one."""
    if len(matches) != 1:
        starts = [match.string[: match.start() + 1] for match in matches]
        count = (
            f"{len(matches)} matches in {at_lines(path, *(len(x.splitlines()) for x in starts))}"
        )
        raise ReleaseError(f"{what}: {count}; exactly one is needed")
    return matches[0]


def at_lines(path: str, *lines: int) -> str:
    """Return a path with the numbers of the lines meant: `x.py:3, 7`."""
    return f"{path}:{', '.join(map(str, lines))}" if lines else path
