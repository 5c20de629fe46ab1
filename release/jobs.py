"""The jobs around those that build a release: one prepares it, each builds and tries its commit.

They change nothing that anybody else sees; the last job publishes, see `collected`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from release import ReleaseError, UsageError, about
from release.changes import made_together
from release.checkout import dirty
from release.checks import PRE_RELEASE, RIGHTS, clean_tree
from release.collected import Collected, try_wheels
from release.handover import Handover, candidate, parts, projects_of, restored
from release.plan import Said, is_of, joined
from release.prerelease import prepare_all
from release.publish import prepare_when_tested
from release.readiness import PEOPLE
from release.sbom import Sources, add, insist_on_library
from release.tagging import tag_here
from release.tested import making, tested
from release.trust import accept, released_before
from release.worktree import tree_with
from release.world import actions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.about import Options
    from release.console import Console
    from release.version import Bump
    from release.world import Subject, World

NONE = "none"  # as a workflow says it, which always says something
WRITE = "Write the plan to {}"


def prepare(options: Options, console: Console) -> None:
    """Decide, check, make the commit and test it; write what the next jobs have to know."""
    options.pre = None if options.pre in {"", NONE} else options.pre
    if options.ref and not options.pre:
        raise UsageError("a release is made from HEAD", "leave --ref out, or say --pre rc")
    if options.out.is_dir():
        raise UsageError(f"{options.out} is a folder", f"--out {options.out / 'plan.json'}")
    git, found = about.projects(options, options.ref)
    world = about.world(git, found[0].config, options, console)
    subjects = world.subjects(found)
    bump = about.bump(options, subjects)
    if not bump.pre and (done := released_before(bump, subjects, world)):
        console.show_released_before(*done, about.versions(found, done[0]))
        return
    if bump.pre:
        handover = _of_candidates(bump, subjects, world, options, console)
    elif subjects[0][1].intent_id:
        handover = _of_the_unfinished(bump, subjects, world, options, console)
    else:
        handover = _of_a_release(bump, subjects, world, options, console)
    if handover:
        handover.write(options.out)
        console.say(f"{handover.title} is commit {handover.commit}; the plan is {options.out}")
        console.document["state"] = "prepared"
        for one in console.document["packages"].values():
            one["commit"] = handover.commit


def _of_a_release(
    bump: Bump, subjects: Sequence[Subject], world: World, options: Options, console: Console
) -> Handover | None:
    said = Said(skip_tests=options.skip_tests, waived=tuple(options.waive))
    draft = prepare_when_tested(
        bump, subjects, world, said, console, minutes=options.wait, leaving=(*RIGHTS, *PEOPLE)
    )
    projects = [project for project, _ in subjects]
    console.show_draft(draft, [*making(draft, projects), WRITE.format(options.out)])
    if options.dry_run:
        console.show_dry_run(options.again)
        return None
    with tested(draft, projects, world, console) as here:
        return Handover.of(draft, parts(draft), here.resolve("HEAD"), world.git)


def _of_the_unfinished(
    bump: Bump, subjects: Sequence[Subject], world: World, options: Options, console: Console
) -> Handover | None:
    """Hand over a release that was begun: its commit is made, and tested."""
    facts, folders = subjects[0][1], [project.folder for project, _ in subjects]
    intent = accept(facts.pending(), (bump, folders), facts, world)
    console.show_pending(intent)
    if options.dry_run:
        console.show_dry_run(options.again)
        return None
    return Handover.of(intent.plan, parts(intent.plan), intent.plan.commit, world.git)


def _of_candidates(
    bump: Bump, subjects: Sequence[Subject], world: World, options: Options, console: Console
) -> Handover | None:
    """Hand over the next pre-releases; one that is half published is for its own job to finish.

    All packages are in one commit, which nobody pushes.
    """
    git, found = world.git, [project for project, _ in subjects]
    base, asked = git.named(options.ref or "HEAD"), () if options.ref else (clean_tree,)
    ask = (*asked, *(one for one in PRE_RELEASE if one not in RIGHTS))
    drafts = [one[-1] for one in prepare_all(bump, subjects, world, base=base, ask=ask)]
    for draft in drafts:
        console.show_draft(draft, [WRITE.format(options.out)] * (draft is drafts[-1]))
    if options.dry_run:
        console.show_dry_run(options.again)
        return None
    release, pairs = joined(drafts, ""), [*zip(found, drafts, strict=True)]
    own = [(one, draft.version, "") for one, draft in pairs]
    tree = tree_with(git, base, made_together(own, base, git, release.day))
    tags = [one.tag_style(git.tags()).write(draft.version) for one, draft in pairs]
    told = [replace(one, tag=tag) for one, tag in zip(parts(release), tags, strict=True)]
    return Handover.of(release, told, candidate(base, tree, release.title, git), git)


# Build, and try


def check_out(options: Options, console: Console) -> None:
    """Put this clone, which is there to build, on the commit of a plan."""
    git, handover = about.repository(), Handover.read(options.plan)
    if paths := dirty(git):
        raise ReleaseError(
            f"{', '.join(paths[:5])} would go into what is built", "check out a fresh clone"
        )
    commit = restored(handover, git)
    git("checkout", "--quiet", "--detach", commit)
    for project, one in zip(projects_of(handover, git), handover.packages, strict=True):
        if project.vcs:  # which finds the version there
            tag_here(git, one.tag, commit)
    console.say(f"HEAD is {handover.title}: {commit}")
    console.document.update(commit=commit, version=[str(one.version) for one in handover.packages])
    if runner := actions():  # https://reproducible-builds.org/specs/source-date-epoch
        runner.export("SOURCE_DATE_EPOCH", str(git.time(commit)))


def describe(options: Options, console: Console) -> None:
    """Add an SBOM to the wheels in a folder, which were built of HEAD; one that is there stays."""
    git, projects = about.projects(options)
    insist_on_library()
    own = [
        (path, project)
        for project in projects
        for path in sorted(options.dist.glob("*.whl"))
        if is_of(path.name, project.name)
    ]
    if not own:
        names = ", ".join(project.name for project in projects)
        raise UsageError(f"there is no wheel of {names} in {options.dist}", "build it, then this")
    for path, project in own:
        if not project.vcs and parse_wheel_filename(path.name)[1] != project.version:
            words = f"{path.name} wasn't built of HEAD, which is {project.name} {project.version}"
            raise UsageError(words, f"take it out of {options.dist}")
    home = about.world(git, projects[0].config, options, console).home
    for path, project in own:
        is_new = add(path, Sources.of(git, project, home))
        console.say(f"{path.name} {'has an SBOM now' if is_new else 'stays as it is'}")


def try_out(options: Options, console: Console) -> None:
    """Install the wheels of a plan that fit this machine, and import them."""
    git, handover = about.repository(), Handover.read(options.plan)
    collected = Collected(handover=handover, folder=options.dist)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try_wheels(collected, projects_of(handover, git), Path(folder), git, console)
