"""A pre-release: bump, build, upload. Nothing is committed, tagged or pushed; no tests are run.

Its number follows from the index. One that was left half published is finished first, where the
same files come out of the build again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from release import Problem, Refused, attestations
from release.changes import changed
from release.checks import PRE_RELEASE, Question, cases, check, unfinished
from release.continuing import unfinished_on_error
from release.index import Conflict
from release.plan import Said
from release.publish import UPLOAD, build_and_check, draft_of, each, still_follows
from release.steps import SEE, take, uploads
from release.upload import UploadRefused
from release.worktree import tree_with, worktree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packaging.version import Version

    from release.console import Console
    from release.plan import Distribution, Draft
    from release.project import Project
    from release.version import Bump
    from release.world import Facts, Subject, World

UNTESTED = Said(skip_tests=True)
Built: TypeAlias = "tuple[Draft, tuple[Distribution, ...]]"  # with its files


def prepare_rc(  # noqa: PLR0913
    bump: Bump,
    project: Project,
    facts: Facts,
    world: World,
    *,
    base: str,
    ask: tuple[Question, ...] = PRE_RELEASE,
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
            check(cases(draft, [(project, known)], world), ask)
            drafts.append(replace(draft, attestations=attestations.told(world)))
    return tuple(drafts)


def prepare_all(
    bump: Bump,
    subjects: Sequence[Subject],
    world: World,
    *,
    base: str,
    ask: tuple[Question, ...] = PRE_RELEASE,
) -> list[tuple[Draft, ...]]:
    """Decide on pre-releases of several packages, each requiring those of the ones before."""
    found: list[tuple[Draft, ...]] = []
    moved: list[tuple[Project, Version]] = []
    for project, facts in subjects:
        found.append(prepare_rc(bump, project, facts, world, base=base, ask=ask, moved=moved))
        moved.append((project, found[-1][0].version))
    return found


def show_all(
    prepared: Iterable[tuple[Draft, ...]],
    world: World,
    console: Console,
    proving: Callable[[Iterable[Draft]], list[str]],
) -> None:
    """Print what is going to happen: each package, and the steps for all of them."""
    *others, last = drafts = [found[0] for found in prepared]
    for draft in others:
        console.show_draft(draft, ())
    signing, verifying = attestations.titles(world)
    titles = each(drafts, *signing), each(drafts, UPLOAD, SEE, *verifying)
    console.show_draft(last, [*proving(drafts), *titles[0], *titles[1]])


def publish_all(
    build: Callable[[Path], list[Built]], world: World, console: Console
) -> list[Built]:
    """Publish pre-releases of several packages; return them with their files.

    `build` brings all into a folder, checked, before the first is uploaded; each follows those that
    it needs.
    Nothing is committed, tagged or pushed; the checkout and every ref stay as they are.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        dist = Path(folder)
        built = build(dist)
        drafts = [draft for draft, _ in built]
        for one in built:
            console.tell(*one)
        console.confirm(f"Publish {_titles(drafts)} to {drafts[0].repository}?")
        for one in built:
            attestations.sign(*one, dist, world, console)
        insist_on_time(built, world)
        hint = "the same command continues"
        for number, one in enumerate(built, 1):
            then = (
                f"{_titles(drafts[:number])} is published, {_titles(drafts[number:])} isn't, "
                "or not all of it; the same command makes the next pre-release of all"
            )
            is_last = number == len(built)
            with unfinished_on_error(world, console, hint=hint, then="" if is_last else then):
                upload_rc(*one, dist, world, console, is_first=number == 1)
            hint = then
    return built


def build_all(  # noqa: PLR0913
    bump: Bump,
    subjects: Sequence[Subject],
    prepared: Sequence[tuple[Draft, ...]],
    world: World,
    console: Console,
    dist: Path,
    *,
    base: str,
) -> list[Built]:
    """Build each pre-release into `dist`; where one gets another number, others require that."""
    foreseen = [drafts[0].version for drafts in prepared]
    built: list[Built] = []
    moved: list[tuple[Project, Version]] = []
    for (project, facts), drafts in zip(subjects, prepared, strict=True):
        fresh = drafts
        if [version for _, version in moved] != foreseen[: len(moved)]:
            fresh = prepare_rc(bump, project, facts, world, base=base, moved=moved)
        built.append(build_first(fresh, project, world, console, dist))
        moved.append((project, built[-1][0].version))
    return built


def build_first(
    drafts: Iterable[Draft], project: Project, world: World, console: Console, dist: Path
) -> Built:
    """Build the first pre-release that fits what the index has of it."""
    for draft in drafts:
        distributions = build_rc(draft, project, world, console, dist)
        if fits(draft, distributions, world):
            return draft, distributions
        console.say(f"{draft.title} on the index is another build; the next number follows.")
    raise Refused((_came(draft),))


def insist_on_time(built: Iterable[Built], world: World) -> None:
    """Ask again, just before the upload, what was asked a while ago; else `Refused`."""
    if other := world.intent.id():  # begun while this was built
        raise Refused((unfinished(world, other),))
    for draft, distributions in built:
        still_follows(draft, world, known=[draft.version])  # those are its own files
        if not fits(draft, distributions, world):
            raise Refused((_came(draft),))


def upload_rc(
    draft: Draft,
    distributions: tuple[Distribution, ...],
    dist: Path,
    world: World,
    console: Console,
    *,
    is_first: bool,
) -> None:
    """Upload a pre-release, and see it there; after a no to the very first file it is `Refused`."""
    first, *rest = uploads(draft, distributions, dist, world)
    try:
        take(first, console)
    except (Conflict, UploadRefused) as error:
        if is_first:
            raise Refused(error.problems) from error
        raise
    for step in rest:
        take(step, console)


def _came(draft: Draft) -> Problem:
    came = f"{draft.title} came to the index meanwhile"
    return Problem(came, "type the command again: the next number follows")


def _titles(drafts: Iterable[Draft]) -> str:
    return ", ".join(draft.title for draft in drafts)


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
