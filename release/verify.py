"""A version that is out, built again from its tag and compared with what the index serves."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError
from release.archives import sha256_of
from release.build import Surroundings, build
from release.differences import PACKED, differences
from release.project import Project
from release.sbom import Sources
from release.status import read_tags, tags_by_version
from release.tagging import tagged
from release.worktree import worktree
from release.yank import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.version import Version

    from release.agreement import Tag
    from release.backend import OnLine
    from release.console import Console
    from release.plan import Distribution
    from release.world import Facts, World

SAME = "the same bytes"
ELSEWHERE = "isn't built here"
CALLED = ("there", "here")
HINT = (
    "who builds with other versions of the build requirements may get other files; "
    "are they those of then?"
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came out for a file: words, and whether it is so as it should be."""

    filename: str
    words: str
    is_good: bool = True


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
            names = [one.filename for one in built(tag, project, world, made, line.note)]
        with console.step(f"Compare with {world.index.simple_url}"):
            files = [file for file in facts.files if file.version == version]
            for file in files:
                world.index.fetch(file, fetched / file.filename)
            served = [compared(fetched / file.filename, made, tag) for file in files]
    absent = [name for name in names if name not in {one.filename for one in served}]
    show(served, absent, console)
    insist(served, f"{project.name} {version}", tag)


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


def built(
    tag: Tag, project: Project, world: World, made: Path, on_line: OnLine
) -> Sequence[Distribution]:
    """Build what a tag tags into the folder `made`."""
    then = Project.at(world.git, tag.commit, project.folder)
    with worktree(world.git, tag.commit) as here:
        around = Surroundings(
            epoch=here.time(),
            env=world.programs_env(),
            constraints=then.constraints,
            sources=Sources.of(here, then, world.home) if then.config.sbom else None,
        )
        with tagged(here, tag.name) if then.vcs else nullcontext():
            return build(here.root / then.folder, made, around, on_line)


def compared(theirs: Path, made: Path, tag: Tag) -> Verdict:
    """Compare a file of the index with that in the folder `made`, and with what the tag tells."""
    name, sha256 = theirs.name, sha256_of(theirs)
    if tag.files.get(name, sha256) != sha256:
        return Verdict(filename=name, words=f"{tag.name} records another sha256", is_good=False)
    if not (made / name).exists():
        return Verdict(filename=name, words=ELSEWHERE)
    found = differences(theirs, made / name, CALLED)
    is_good = found in ([], [PACKED])
    return Verdict(filename=name, words="; ".join(found) or SAME, is_good=is_good)


def show(served: Sequence[Verdict], absent: Iterable[str], console: Console) -> None:
    """Print what came out."""
    console.say()
    console.table({one.filename: one.words for one in served})
    for name in absent:
        console.say(f"  {name} is made here, and not there")
    console.document["files"] = [asdict(one) for one in served]


def insist(served: Sequence[Verdict], title: str, tag: Tag) -> None:
    """Raise `Refused` for files that aren't what the tag makes, `ReleaseError` when none is."""
    bad = [one for one in served if not one.is_good]
    if bad:
        raise Refused(tuple(Problem(f"{one.filename}: {one.words}", HINT) for one in bad))
    if all(one.words == ELSEWHERE for one in served):
        words = f"no file of {title} is built from {tag.name} on this machine"
        raise ReleaseError(words, "build it on a machine like that which built the release")
