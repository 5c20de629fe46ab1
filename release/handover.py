"""What the first job of a workflow tells the next ones: which version of what, from which commit.

The text of the release commit is in it: who made it when, and the signature of those who sign.
What the commit holds isn't. Every machine derives that from the base, and gets the same id, or
refuses: so no tree is passed around, and nothing in it is believed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date  # noqa: TC003 - read_as looks it up
from typing import TYPE_CHECKING

from packaging.version import Version  # noqa: TC002 - so it does this

from release import ReleaseError
from release.plan import read_as
from release.process import ProgramFailed
from release.project import Project
from release.trust import derived
from release.version import Bump

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from release.git import Git
    from release.plan import Release

FORMAT = 1
NOBODY = "nobody <>"  # makes the commit of a pre-release, which nobody pushes
AGAIN = "run all jobs of the workflow again: the first one makes another plan"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A package of it; the tag of a pre-release is for builds alone."""

    folder: str
    name: str
    version: Version
    tag: str


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A release in the making, as its jobs tell each other."""

    typed: str  # `minor`, `1.4.0`, `minor --pre rc`
    base: str
    day: date
    repository: str  # upload URL, without credentials
    skip_tests: bool
    packages: tuple[Part, ...]
    commit: str  # the base where nothing is changed
    text: str  # of that commit, as git has it

    @classmethod
    def of(cls, release: Release, parts: Iterable[Part], commit: str, git: Git) -> Handover:
        """Return what the next jobs have to know of a release, whose commit is made."""
        return cls(
            typed=release.bump,
            base=release.base,
            day=release.day,
            repository=release.repository,
            skip_tests=not release.tests,
            packages=tuple(parts),
            commit=commit,
            text=git.raw("cat-file", "commit", commit).decode("utf-8", "surrogateescape"),
        )

    @classmethod
    def read(cls, path: Path) -> Handover:
        """Read a plan file; `ReleaseError` for anything but one of this format."""
        try:
            raw = json.loads(path.read_bytes())
            if raw.pop("format") == FORMAT:
                handover: Handover = read_as(cls, raw)
                return handover
        except OSError as error:
            raise ReleaseError(
                f"the plan {path} can't be read: {error.strerror}",
                f"python -m release prepare LEVEL --out {path} writes one",
            ) from error
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ReleaseError(f"{path} is no plan of a release: {error!r}", AGAIN) from error
        raise ReleaseError(f"{path} is a plan of another version of nox-release", AGAIN)

    def write(self, path: Path) -> None:
        """Write the plan file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2, default=str)
        path.write_text(text + "\n", encoding="utf-8", newline="\n")

    @property
    def bump(self) -> Bump:
        """Return what the maintainer asked for."""
        target, _, pre = self.typed.partition(" --pre ")
        return Bump.parse(target, pre or None)

    @property
    def title(self) -> str:
        """Return the names and versions that people say."""
        return ", ".join(f"{one.name} {one.version}" for one in self.packages)


def parts(release: Release) -> list[Part]:
    """Return the packages of a release."""
    return [
        Part(folder=one.folder, name=one.name, version=one.version, tag=one.tag)
        for one in release.all
    ]


def candidate(base: str, tree: str, title: str, git: Git) -> str:
    """Make the commit of a pre-release: of this tree, and all else as `base` and version say."""
    if tree == git.tree(base):
        return base
    who = f"{NOBODY} {git.time(base)} +0000"
    rows = [f"tree {tree}", f"parent {base}", f"author {who}", f"committer {who}", "", title, ""]
    return made("\n".join(rows), git)


def made(text: str, git: Git) -> str:
    """Make a commit object of its text, and return its id."""
    data = text.encode("utf-8", "surrogateescape")
    return git("hash-object", "-t", "commit", "-w", "--stdin", stdin=data)


def projects_of(handover: Handover, git: Git) -> list[Project]:
    """Return the projects as their base has them, which is fetched where it isn't here."""
    base = handover.base
    if git.types([base])[base] != "commit":
        try:
            git.fetch(base)
        except ProgramFailed as error:
            raise ReleaseError(
                f"{git.remote} doesn't give the base of {handover.title}, {base[:9]}: "
                f"{error.output.strip()}",
                f"is the plan one of this repository? Else {AGAIN}",
            ) from error
    return [Project.at(git, base, one.folder, before=one.version) for one in handover.packages]


def restored(handover: Handover, git: Git) -> str:
    """Make the commit of a release in this clone, and return its id.

    `ReleaseError` unless it holds what follows from its base and the versions.
    """
    base, is_candidate = handover.base, bool(handover.bump.pre)
    releases = [
        (project, one.version, "" if is_candidate else one.tag)
        for project, one in zip(projects_of(handover, git), handover.packages, strict=True)
    ]
    wanted, said = derived(releases, base, handover.day, git), None
    with suppress(ReleaseError, UnicodeError):  # no commit has such a text
        commit = base if handover.commit == base else made(handover.text, git)
        said = commit, (git.tree(commit), git.parents(commit))
    if said != (handover.commit, wanted):
        tree, parents = wanted
        raise ReleaseError(
            f"the commit of {handover.title} isn't what is made of {base[:9]} here, with the tree "
            f"{tree} and the parent {' '.join(parents)}",
            f"with the same tools on every machine, whose clones have all tags: {AGAIN}",
        )
    return handover.commit
