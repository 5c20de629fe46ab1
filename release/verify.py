"""A version that is out, built again from its tag and compared with what the index serves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError, sdists, wheels
from release.archives import sha256_of
from release.build import build
from release.differences import PACKED, differences
from release.project import Project
from release.publish import surroundings
from release.status import read_tags, tags_by_version
from release.tagging import alone
from release.worktree import worktree
from release.yank import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.version import Version

    from release.agreement import Tag
    from release.backend import OnLine
    from release.console import Console
    from release.world import Facts, World

SAME = "the same bytes"
ELSEWHERE = "isn't built here"
ONLY_HERE = "is made here, and isn't there"
CALLED = ("there", "here")
FOREIGN = "who has put it there? `nox -s status` compares all versions; nox -s yank takes one back"
GONE = "who has deleted it? `nox -s status` compares all versions"
HINT = (
    "python -m release build --reproducible tells whether two builds here differ; if not, other "
    "versions of the build requirements, or uv that isn't there, make other files"
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came out for a file, and what can be done if it isn't as it should be."""

    filename: str
    words: str
    hint: str = ""  # "" where it is


def verify(text: str, project: Project, facts: Facts, world: World, console: Console) -> None:
    """Build a published version from its tag, and compare it with the index, file by file.

    Raises `ReleaseError` where the index serves something else, and where nothing can be compared.
    """
    if facts.problems:
        raise Refused(facts.problems)
    version = find(text, project.name, facts, world)
    tag = tag_of(version, project, facts, world)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made, fetched = Path(folder, "made"), Path(folder, "fetched")
        made.mkdir()
        fetched.mkdir()
        with console.step(f"Build {project.name} {version} from {tag.name}") as line:
            built(tag, project, world, made, line.note)
        with console.step(f"Compare with {world.index.simple_url}"):
            for file in facts.files:
                if file.version == version:
                    world.index.fetch(file, fetched / file.filename)
            names = {path.name for folder in (made, fetched) for path in folder.iterdir()}
            names |= tag.files.keys()
            verdicts = [verdict(fetched / name, made / name, tag) for name in sorted(names)]
    console.say()
    console.table({one.filename: one.words for one in verdicts})
    console.document["files"] = [asdict(one) for one in verdicts]
    insist(verdicts, f"{project.name} {version}", tag)


def tag_of(version: Version, project: Project, facts: Facts, world: World) -> Tag:
    """Return the tag of a version on the remote; `ReleaseError` where it has none."""
    tags = tags_by_version(facts.tags, project.tag_style(facts.tags), project, facts.taken)
    name = tags.get(version, "")
    if found := read_tags([name], facts, world).get(name) if name else None:
        return found
    hint = "nox -s status compares index and tags"
    if version.is_prerelease:
        hint = "pre-releases have none: the commit that they are built from isn't recorded"
    raise ReleaseError(f"{world.git.remote} has no tag of {project.name} {version}", hint)


def built(tag: Tag, project: Project, world: World, made: Path, on_line: OnLine) -> None:
    """Build what a tag tags into the folder `made`."""
    then = Project.at(world.git, tag.commit, project.folder)
    with worktree(world.git, tag.commit) as here:
        around = surroundings(here, then, world, is_fresh=True)
        with alone(here, tag.name if then.vcs else ""):
            build(here.root / then.folder, made, around, on_line)


def verdict(theirs: Path, ours: Path, tag: Tag) -> Verdict:
    """Compare a file of the index, which may be absent, with ours, and with what the tag tells."""
    name, recorded = theirs.name, tag.files.get(theirs.name)
    if not theirs.exists():
        words = f"is recorded by {tag.name}, and isn't there" if recorded else ONLY_HERE
        return Verdict(filename=name, words=words, hint=GONE if recorded else "")
    if tag.files and not recorded:
        return Verdict(filename=name, words=f"isn't recorded by {tag.name}", hint=FOREIGN)
    sha256 = sha256_of(theirs)
    if recorded not in {None, sha256}:
        is_ours = ours.exists() and sha256_of(ours) == recorded
        words = f"has the sha256 {sha256}; {tag.name} records {recorded}"
        words += ", as what is built here has" if is_ours else ""
        return Verdict(filename=name, words=words, hint=FOREIGN)
    if not ours.exists():
        return Verdict(filename=name, words=ELSEWHERE)
    # Two readers may see two things in a file that is none that a build makes.
    examine = wheels.examine if theirs.suffix == ".whl" else sdists.examine
    if problems := examine(theirs).problems:
        words = "; ".join(one.message for one in problems)
        return Verdict(filename=name, words=words, hint=FOREIGN)
    found = differences(theirs, ours, CALLED)
    hint = "" if found in ([], [PACKED]) else HINT
    return Verdict(filename=name, words="; ".join(found) or SAME, hint=hint)


def insist(verdicts: Iterable[Verdict], title: str, tag: Tag) -> None:
    """Raise `Refused` for files that aren't what the tag makes, `ReleaseError` when none is."""
    if bad := [one for one in verdicts if one.hint]:
        raise Refused(tuple(Problem(f"{one.filename}: {one.words}", one.hint) for one in bad))
    if all(one.words in {ELSEWHERE, ONLY_HERE} for one in verdicts):
        words = f"no file of {title} is built from {tag.name} on this machine"
        raise ReleaseError(words, "build it on a machine like that which built the release")
