"""A pre-release: bump, build, upload. Nothing is committed, tagged or pushed; no tests are run.

Its number follows from the index. One that was left half published is finished first, where the
same files come out of the build again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError, Unfinished
from release.changes import changed
from release.checks import PRE_RELEASE, Question, cases, check, unfinished
from release.index import Conflict
from release.plan import Said
from release.publish import build_and_check, draft_of, still_follows, unfinished_on_error
from release.steps import take, uploads
from release.upload import UploadRefused
from release.worktree import tree_with, worktree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.version import Version

    from release.console import Console
    from release.plan import Distribution, Draft
    from release.project import Project
    from release.version import Bump
    from release.world import Facts, Subject, World

UNTESTED = Said(skip_tests=True)


def prepare_rc(  # noqa: PLR0913
    bump: Bump,
    project: Project,
    facts: Facts,
    world: World,
    *,
    base: str,
    ask: tuple[Question, ...] = (),
    moved: Sequence[tuple[Project, Version]] = (),
) -> tuple[Draft, ...]:
    """Decide on a pre-release of `base` and check it: no commit, no tag, no tests.

    Where the one before is half published, it comes first: to be finished if it is the same.
    `moved` are the versions that packages have by now which this one may require.
    """
    half = [facts.without(version) for version in facts.without_sdist()]
    drafts = []
    for known in (*half, facts):
        draft = replace(draft_of(bump, project, known, world, base, UNTESTED), tag="", message="")
        if known is facts or draft.version in facts.taken:
            draft = changed(draft, [project], world.git, moved)
            check(cases(draft, [(project, known)], world), (*ask, *PRE_RELEASE))
            drafts.append(draft)
    return tuple(drafts)


def prepare_all(
    bump: Bump,
    subjects: Sequence[Subject],
    world: World,
    *,
    base: str,
    ask: tuple[Question, ...] = (),
) -> list[tuple[Draft, ...]]:
    """Decide on pre-releases of several packages, each requiring those of the ones before."""
    found: list[tuple[Draft, ...]] = []
    moved: list[tuple[Project, Version]] = []
    for project, facts in subjects:
        found.append(prepare_rc(bump, project, facts, world, base=base, ask=ask, moved=moved))
        moved.append((project, found[-1][0].version))
    return found


def publish_all(
    bump: Bump,
    subjects: Sequence[Subject],
    prepared: Sequence[tuple[Draft, ...]],
    world: World,
    console: Console,
    *,
    base: str,
) -> Iterator[tuple[Draft, tuple[Distribution, ...]]]:
    """Publish pre-releases of several packages as they were prepared, one after the other.

    Where one got another number than was foreseen, those behind it require that.
    """
    foreseen = [drafts[0].version for drafts in prepared]
    moved: list[tuple[Project, Version]] = []
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for (project, facts), drafts in zip(subjects, prepared, strict=True):
            fresh = drafts
            try:
                if [version for _, version in moved] != foreseen[: len(moved)]:
                    fresh = prepare_rc(bump, project, facts, world, base=base, moved=moved)
                draft, built = publish_rc(fresh, project, world, console, Path(folder))
            except ReleaseError as error:
                if not moved or isinstance(error, Unfinished):
                    raise
                hint = "the same command makes the next pre-release of all"
                raise Unfinished(str(error), "\n".join([*error.hints, hint])) from error
            moved.append((project, draft.version))
            yield draft, built


def publish_rc(
    drafts: Iterable[Draft], project: Project, world: World, console: Console, dist: Path
) -> tuple[Draft, tuple[Distribution, ...]]:
    """Upload the first pre-release that fits what the index has of it; return it with its files.

    Nothing is committed, tagged or pushed; the checkout and every ref stay as they are.
    """
    for draft in drafts:
        distributions = build_rc(draft, project, world, console, dist)
        if fits(draft, distributions, world):
            break
        console.say(f"{draft.title} on the index is another build; the next number follows.")
    else:
        came = f"{draft.title} came to the index meanwhile"
        raise Refused((Problem(came, "type the command again: the next number follows"),))
    console.confirm(f"Publish {draft.title} to {draft.repository}?")
    if other := world.intent.id():  # begun while this was built
        raise Refused((unfinished(world, other),))
    still_follows(draft, world, known=[draft.version])  # those are its own files
    with unfinished_on_error(world, console, hint="the same command continues"):
        first, *rest = uploads(draft.name, distributions, dist, world)
        try:
            take(first, console)
        except (Conflict, UploadRefused) as error:
            raise Refused(error.problems) from error
        for step in rest:
            take(step, console)
    return draft, distributions


def build_rc(
    draft: Draft, project: Project, world: World, console: Console, dist: Path
) -> tuple[Distribution, ...]:
    """Build a pre-release into `dist`, from a worktree with the version written into it."""
    tree = tree_with(world.git, draft.base, draft.edits)
    with worktree(world.git, draft.base, tree) as here:
        tag = project.tag_style(world.git.tags()).write(draft.version)  # for the build alone
        return build_and_check(here, project, world, console, dist, version=draft.version, tag=tag)


def fits(draft: Draft, distributions: Iterable[Distribution], world: World) -> bool:
    """Say whether all that the index has of this version are these very files."""
    own = {one.filename: one.sha256 for one in distributions}
    index = world.index
    there = [file for file in index.files(draft.name) if file.version == draft.version]
    return all(own.get(file.filename) == index.sha256_of(file) for file in there)
