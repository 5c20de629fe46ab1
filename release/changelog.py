"""The file that tells the releases: which it is, and what it says of one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from release import ReleaseError, fragments
from release.headings import Splice, Text
from release.sections import body, says_something, sections
from release.stamping import Stamp, Stamping
from release.titles import marked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    from release.fragments import Tool
    from release.headings import Markup
    from release.places import Read
    from release.sections import Section

NAMES = ("changelog", "changes", "history", "news", "release_notes", "releases")
MARKUPS: dict[str, tuple[Markup, ...]] = {
    ".md": ("markdown",),
    ".rst": ("rst", "plain"),
    ".txt": ("rst", "markdown", "plain"),
    "": ("rst", "markdown", "plain"),
}
FOLDERS = (".", "docs", "doc", "docs/source", "doc/source")
BEHIND = 5  # with more releases missing than these, nobody keeps the file
YEAR = 1900  # a version that begins with more is a date


@dataclass(frozen=True, kw_only=True)
class Changelog:
    """Which file tells the releases, how it is written, and the tool that makes its sections."""

    path: str
    markup: Markup
    tool: Tool | None = None

    def edit(
        self, data: bytes, version: Version, day: date, tag: str = "", name: str = ""
    ) -> bytes:
        """Return the file with the unreleased section turned into that of `version`.

        What is unreleased and has no number is kept above, empty. Title, links and date are written
        like those of the release before; `name` is how the project spells the version, `tag` the
        release's tag. The same bytes where nothing is unreleased, or the version has its section
        with a date; a date that a tool wrote becomes this one. Raises `ReleaseError` where several
        sections could be meant, or the result wouldn't be read as that of the version.
        """
        text = Text.decode(data, self.markup)
        found = sections(text)
        section = self._meant(found, version)
        if section is None or not (section.is_open or self.tool):
            return data
        own = section.title.name if section.title.number == version else ""
        stamp = Stamp(name=name or own or str(version), day=day, tag=tag)
        after = Stamping(text=text, sections=found, section=section, stamp=stamp).apply()
        written = self._of(sections(Text.decode(after, self.markup)), version)
        if written is None or written.is_open:
            raise ReleaseError(
                f"{self.path}, line {section.heading.row + 1}: {section.title} can't be turned "
                f"into the title of {version}",
                "write it like those of other releases, with the date",
            )
        return after

    def mark(self, data: bytes, version: Version) -> bytes:
        """Return the file with a version's heading saying `[YANKED]`; the same bytes where it does.

        Raises `ReleaseError` where the version has more than one section.
        """
        text = Text.decode(data, self.markup)
        section = self._of(sections(text), version)
        if not section or (title := marked(section.heading.title)) == section.heading.title:
            return data
        heading = section.heading
        rows = text.titled(heading, title)
        return text.encode([Splice(start=heading.start, end=heading.end, rows=rows)])

    def section(self, data: bytes, version: Version) -> str:
        """Return what the file says of a release, in its own markup; empty where there is nothing.

        Raises `ReleaseError` where the version has more than one section.
        """
        text = Text.decode(data, self.markup)
        section = self._of(sections(text), version)
        return body(text, section) if section else ""

    def has(self, data: bytes, version: Version) -> bool:
        """Say whether a release has its section; `ReleaseError` where it has several."""
        return self._of(sections(Text.decode(data, self.markup)), version) is not None

    def is_drafted(self, data: bytes, version: Version) -> bool:
        """Say whether there is something to read about the release: a section, or fragments."""
        if self.tool and self.tool.fragments:
            return True
        text = Text.decode(data, self.markup)
        section = self._meant(sections(text), version)
        return section is not None and says_something(text, section)

    def _meant(self, found: list[Section], version: Version) -> Section | None:
        """Return the version's own section, else the unreleased one above all releases.

        A tool makes a section of its own, and leaves others alone.
        """
        own = self._of(found, version)
        if own or self.tool:
            return own
        above = takewhile(lambda section: section.is_open, found)
        return self._only([*above], "that are unreleased")

    def _of(self, found: list[Section], version: Version) -> Section | None:
        own = [section for section in found if section.title.number == version]
        return self._only(own, f"of {version}")

    def _only(self, found: list[Section], which: str) -> Section | None:
        if len(found) > 1:
            rows = ", ".join(str(section.heading.row + 1) for section in found)
            raise ReleaseError(
                f"{self.path} has {len(found)} sections {which}: lines {rows}", "keep one of them"
            )
        return found[0] if found else None


def find(
    paths: Collection[str],
    read: Read,
    pyproject: dict[str, Any],
    current: Version,
    path: str = "",
) -> Changelog | None:
    """Return the project's changelog, None where there is none that is kept, as of `current`.

    It is the file at `path`, if one is named; `ReleaseError` where that isn't there. A tool for
    fragments knows which file it makes; else it is CHANGELOG, CHANGES, HISTORY, NEWS, RELEASE_NOTES
    or RELEASES in the root or the documentation. A file without releases is none, nor one that has
    missed many of them; of several, it is the one that knows the newest.
    """
    tool = fragments.towncrier(paths, read, pyproject) or fragments.scriv(paths, read, pyproject)
    if path and not (tool and tool.path == path):
        return _named(path, read)
    if tool:
        suffix = PurePosixPath(tool.path).suffix.lower()
        return Changelog(path=tool.path, markup=MARKUPS.get(suffix, ("rst",))[0], tool=tool)
    found: list[tuple[Version, bool, Changelog]] = []
    for one in _candidates(paths):
        for markup in MARKUPS[PurePosixPath(one).suffix.lower()]:
            if releases := sections(Text.decode(read(one) or b"", markup)):
                numbers = [part.title.number for part in releases if part.title.number]
                newest, is_open = max(numbers, default=Version("0")), releases[0].is_open
                if is_open or not _is_far_behind(newest, current):
                    found.append((newest, is_open, Changelog(path=one, markup=markup)))
                break
    best = max(found, key=lambda one: one[:2], default=None)  # the first of equals
    return best[-1] if best else None


def _named(path: str, read: Read) -> Changelog:
    data = read(path)
    if data is None:
        raise ReleaseError(
            f"there is no {path}, which `changelog` in [tool.nox-release] names",
            "commit it, or set changelog = false",
        )
    markups = MARKUPS.get(PurePosixPath(path).suffix.lower(), MARKUPS[""])
    fit = (one for one in markups if sections(Text.decode(data, one)))
    return Changelog(path=path, markup=next(fit, markups[0]))


def _candidates(paths: Iterable[str]) -> list[str]:
    ranked = []
    near = (path for path in paths if (path.lower().rpartition("/")[0] or ".") in FOLDERS)
    for path in map(PurePosixPath, near):
        folder = str(path.parent).lower()
        stem = path.stem.lower().replace("-", "_").replace("releasenotes", "release_notes")
        if folder in FOLDERS and stem in NAMES and path.suffix.lower() in MARKUPS:
            ranked.append((FOLDERS.index(folder), NAMES.index(stem), str(path)))
    return [path for *_, path in sorted(ranked)]


def _is_far_behind(newest: Version, current: Version) -> bool:
    """Count the releases that must have been in between: from 8.0.6 to 8.1.8 they are nine."""
    if current.major > YEAR:
        return current.major - newest.major > 1
    known = (newest.major, newest.minor, newest.micro)
    wanted = (current.major, current.minor, current.micro)
    at = next((at for at in range(len(known)) if known[at] != wanted[at]), len(known) - 1)
    return wanted[at] - known[at] + sum(wanted[at + 1 :]) > BEHIND
