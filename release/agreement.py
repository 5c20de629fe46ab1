"""Do index, tags and main agree? Purely compared, over what they have of each version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from release import Problem
from release.version import line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from packaging.version import Version

    from release.index import IndexFile
    from release.tags import TagStyle

SDIST = "sdist"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A release tag of the remote."""

    name: str
    commit: str
    when: datetime
    files: Mapping[str, str]  # that it records, with their sha256
    is_in_main: bool
    is_at_home: bool  # in main, or in the branch that the remote's HEAD points to


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the index and the remote have of one version."""

    version: Version
    files: tuple[IndexFile, ...]
    tag: Tag | None

    @property
    def yanked(self) -> str | None:
        """Return why the whole release is yanked ("" where nobody said), None where it isn't."""
        reasons = [file.yanked for file in self.files]
        return next(filter(None, reasons), "") if reasons and None not in reasons else None

    @property
    def kinds(self) -> set[str]:
        """Return the kinds of its files: the sdist, and each tag of a wheel."""
        return {kind for file in self.files for kind in kinds(file.filename)}

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        tag = self.tag
        return {
            "version": str(self.version),
            "tag": tag and tag.name,
            "commit": tag and tag.commit,
            "when": tag and tag.when.isoformat(),
            "in_main": bool(tag and tag.is_in_main),
            "files": [{"filename": one.filename, "sha256": one.sha256} for one in self.files],
            "yanked": self.yanked,
        }


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A problem with one version."""

    version: Version
    problem: Problem


def compare(
    records: Sequence[Record], style: TagStyle, branch: str, remote: str, again: str
) -> tuple[Disagreement, ...]:
    """Say where index, tags and main disagree about releases, which have the newest first.

    `again` is what a command must say besides, to mean this index.
    """
    at_home = [one.version for one in records if one.tag and one.tag.is_at_home]
    found: list[tuple[Record, Problem | None]] = []
    for number, record in enumerate(records):
        later, earlier = records[:number][::-1], records[number + 1 :]
        found += [
            (record, untagged(record, style, remote)),
            (record, unlisted(record, remote, again)),
            (record, incomplete(record, earlier, later, again)),
            (record, altered(record, again)),
            (record, astray(record, max(at_home, default=None), branch, remote)),
        ]
    return tuple(
        Disagreement(version=record.version, problem=problem)
        for record, problem in found
        if problem
    )


def untagged(record: Record, style: TagStyle, remote: str) -> Problem | None:
    """Say that it is on the index without a tag."""
    if record.tag:
        return None
    tag = style.write(record.version)
    return Problem(
        f"{record.version} is on the index, and {remote} has no tag for it",
        f"find the commit that it was built from, then: git tag -a {tag} COMMIT; "
        f"git push {remote} {tag}",
    )


def unlisted(record: Record, remote: str, again: str) -> Problem | None:
    """Say that it is tagged but not on the index."""
    if record.files or not record.tag:
        return None
    return Problem(
        f"{record.tag.name} is on {remote}, and the index has no file of {record.version}",
        "nothing uploads an old tag; release a higher version: nox -s publish_release -- patch"
        f"{again}\n"
        f"only if nobody has seen the tag: git push --delete {remote} {record.tag.name}",
    )


def incomplete(
    record: Record, earlier: Sequence[Record], later: Sequence[Record], again: str
) -> Problem | None:
    """Say which files it lacks of those in its tag, or which kinds that earlier releases have."""
    if not record.files or record.yanked is not None:
        return None
    said = record.tag.files if record.tag else {}
    lacking, whose = said.keys() - {file.filename for file in record.files}, "its tag records"
    if not lacking:
        lacking, whose = given_up_by_none(earlier, later) - record.kinds, "earlier releases have"
    if not lacking:
        return None
    return Problem(
        f"{record.version} on the index lacks what {whose}: {', '.join(sorted(lacking))}",
        f"build it from {record.tag.name if record.tag else 'the same commit'} and upload it with "
        "twine, soon: an index may take no new file after 14 days (PyPI does so)\n"
        f"else release a patch: nox -s publish_release -- patch{again}",
    )


def given_up_by_none(earlier: Sequence[Record], later: Sequence[Record]) -> set[str]:
    """Return the kinds of files that a release between these, the nearest first, should have.

    That is an sdist, if one had it before, and the wheels of the release before. A wheel that the
    next release lacks as well was given up. Yanked releases don't count.
    """
    before, after = (
        [one.kinds for one in side if one.files and one.yanked is None] for side in (earlier, later)
    )
    wheels = before[0].intersection(*after[:1]) - {SDIST} if before else set()
    return wheels | {SDIST}.intersection(set().union(*before))


def altered(record: Record, again: str) -> Problem | None:
    """Say which files differ from those in its tag, where the index lists their sha256."""
    if not record.tag or not (hashes := record.tag.files):
        return None
    differences = [
        f"{file.filename} has the sha256 {file.sha256}, recorded is "
        + hashes.get(file.filename, "no such file")
        for file in record.files
        if file.sha256 and hashes.get(file.filename) != file.sha256
    ]
    if not differences:
        return None
    return Problem(
        f"the index has other files than {record.tag.name} records: {'; '.join(differences)}",
        "find out who uploaded them; if nobody of yours: "
        f"{yank_command(record.version, again)}; nox -s publish_release -- patch{again}",
    )


def astray(record: Record, newest: Version | None, branch: str, remote: str) -> Problem | None:
    """Say that no main branch has its tag's commit; lines behind the `newest` live elsewhere."""
    tag = record.tag
    if not tag or tag.is_at_home or (newest and line(record.version) < line(newest)):
        return None
    return Problem(
        f"{tag.name} ({tag.commit[:9]}) is not in {branch} on {remote}",
        f"git fetch --tags {remote}; git switch {branch}; git merge {tag.name}; "
        f"git push {remote} {branch}",
    )


def yank_command(version: Version, again: str) -> str:
    """Return the command that yanks a version; why is for the maintainer to say."""
    return f'nox -s yank -- {version} --reason "…"{again}'


def kinds(filename: str) -> set[str]:
    """Return the kinds of a file: `sdist`, or the tags of a wheel, without the system's version.

    manylinux_2_28_x86_64 after manylinux2014_x86_64, or macosx_11_0 after macosx_10_9: no change.
    """
    if filename.endswith((".tar.gz", ".zip")):
        return {SDIST}
    try:
        tags = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return set()
    pattern = re.compile(r"(?<=manylinux|musllinux)(\d+|_\d+_\d+)(?=_)|(?<=macosx)_\d+_\d+(?=_)")
    return {f"wheel {pattern.sub('', str(tag))}" for tag in tags}
