"""The story of a release.

Decide (pure), check (read-only), prove (in temporary worktrees), record the intent (the first
change that anybody else can see), upload, see it there, push, clear. Stopped anywhere, the same
command goes on: the steps behind the intent are observed, and what is done stays done.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from release import Problem, Refused, ReleaseError, artifacts, attestations, pages, reproducible
from release import build as building
from release.ahead import begin
from release.archives import some
from release.changes import changed
from release.checks import RELEASE, cases, check, unfinished
from release.continuing import unfinished_on_error
from release.git import OUT_OF_ORDER, REMOTE_REJECTED
from release.landing import (
    Landing,
    MergeConflict,
    Watch,
    landing_commit,
    proposal,
    refs_of,
    refused,
    release_branch,
    titles,
)
from release.plan import Draft, Plan, decide, joined
from release.process import ProgramFailed
from release.project import message
from release.readiness import EACH, asked, wait_for_tests, waits_for_tests
from release.sbom import Sources
from release.steps import SEE, named, steps, take
from release.tagging import alone, tag_object
from release.tested import making, tested
from release.upload import UploadRefused
from release.version import objection
from release.world import today

BUILD = "Build sdist and wheel{}"
CHECK = "Check the files{}; install and import the wheel"
UNTRIED = "Check the files{}; the wheel isn't installed (install-check = false)"
UPLOAD = "Upload wheels{}, then the sdist"

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from packaging.version import Version

    from release.checks import Question
    from release.console import Console
    from release.git import Git
    from release.intent import Intent
    from release.plan import Distribution, Release, Said
    from release.project import Project
    from release.steps import Step
    from release.version import Bump
    from release.world import Facts, Subject, World


# Decide and check


def prepare(
    bump: Bump,
    subjects: Sequence[Subject],
    world: World,
    said: Said,
    leaving: Collection[Question] = (),
) -> Draft:
    """Decide on a release of HEAD and ask every question about it; `Refused` has all problems.

    The questions of `leaving` are left to another job.
    """
    base = world.git.resolve("HEAD")
    with suppress(ProgramFailed):  # then the history stays incomplete, and a check says so
        world.git.deepen()
    drafts = [draft_of(bump, *one, world, base, said) for one in subjects]
    projects = [project for project, _ in subjects]
    words = message([(one, draft.version) for one, draft in zip(projects, drafts, strict=True)])
    with telling(subjects[0][1]):
        draft = changed(joined(drafts, words), projects, world.git)
    questions: tuple[Question, ...] = (*RELEASE, *asked(projects[0].config, world, said.waived))
    check(cases(draft, subjects, world), [one for one in questions if one not in leaving], EACH)
    return replace(draft, attestations=attestations.told(world))


def prepare_when_tested(  # noqa: PLR0913
    bump: Bump,
    subjects: Sequence[Subject],
    world: World,
    said: Said,
    console: Console,
    *,
    minutes: float,
    leaving: Collection[Question] = (),
) -> Draft:
    """Prepare; where nothing is missing but the end of tests on GitHub, wait for it so long."""
    projects = [project for project, _ in subjects]
    try:
        return prepare(bump, subjects, world, said, leaving)
    except Refused as refusal:
        if not (minutes and waits_for_tests(refusal)):
            raise
    wait_for_tests(world.git.resolve("HEAD"), projects[0].config, world, minutes, console)
    world.ahead.forget()
    return prepare(bump, world.subjects(projects), world, said, leaving)


def draft_of(
    bump: Bump, project: Project, facts: Facts, world: World, base: str, said: Said
) -> Draft:
    """Decide on a release of `base`."""
    tests = () if said.skip_tests else project.config.test_command or building.DEFAULT_TESTS
    with telling(facts):
        draft = decide(
            project,
            bump,
            taken=facts.known(project),
            day=said.day or today(),
            tags=world.git.tags() or facts.tags,
            base=base,
            branch=facts.branch,
            repository=world.index.upload_url,
            remote=world.git.url(),
            tests=tests,
            said=said,
        )
    twice = "; built twice, to compare" * reproducible.is_wanted(project.config, world)
    return replace(draft, artifacts=draft.artifacts + twice)


@contextmanager
def telling(facts: Facts) -> Iterator[None]:
    """Let what is refused in the block also tell the questions that got no answer."""
    try:
        yield
    except ReleaseError as error:
        raise Refused(tuple(dict.fromkeys((*facts.problems, *error.problems)))) from error


def story(draft: Draft, world: World, proving: Iterable[str]) -> list[str]:
    """Return what is going to happen, in the words of the steps; `proving` comes first."""
    signing, verifying = attestations.titles(world)
    return [
        *proving,
        "Rehearse the push",
        *each(draft.all, *signing),
        f"Record the intent in {world.intent.name}",
        *each(draft.all, UPLOAD, SEE, *verifying),
        *titles(draft, world),
        f"Bring this checkout to {' and '.join(draft.tags)}",
        *(title for tag in pages.told(draft, world) for title in pages.titles(tag)),
        f"Clear the intent {world.intent.name}",
    ]


def proving(draft: Draft, projects: Iterable[Project]) -> list[str]:
    """Return the titles of the steps that prove a draft, before the push is rehearsed."""
    return [*making(draft, projects), *proofs(draft.all)]


def each(releases: Iterable[Release], *titles: str) -> list[str]:
    """Return the titles of steps that are taken for each package."""
    return [title.format(named(one.name, one.folder)) for one in releases for title in titles]


def proofs(drafts: Iterable[Draft]) -> list[str]:
    """Return the titles of the steps that prove each package."""
    return [
        title for one in drafts for title in each([one], BUILD, CHECK if one.tries else UNTRIED)
    ]


# Publish


def publish(
    draft: Draft,
    projects: Sequence[Project],
    world: World,
    console: Console,
    prove: Callable[[Draft, Sequence[Project], World, Console, Path], Plan],
) -> Plan:
    """Prove the draft, record the intent; then make the world agree with it."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        dist = Path(folder)
        plan = prove(draft, projects, world, console, dist)
        with console.step("Rehearse the push"):
            rehearse_push(plan, world)
        console.tell(plan)
        console.confirm(f"Publish {plan.title} to {plan.repository}?")
        return carry_out(plan, world, console, dist)


def carry_out(plan: Plan, world: World, console: Console, dist: Path) -> Plan:
    """Record the intent; then make the world agree with the plan, whose files are in `dist`."""
    for one in plan.all:
        attestations.sign(one, one.distributions, dist, world, console)
    with unfinished_on_error(world, console, plan=plan):
        with console.step(f"Record the intent in {world.intent.name}"):
            watch = record(plan, world)
        first, *rest = steps(watch, dist)
        try:
            take(first, console)
        except UploadRefused as error:
            withdraw(watch.intent, world, error)
        return finish(plan, rest, console)


def finish(plan: Plan, steps: Iterable[Step[Any]], console: Console) -> Plan:
    """Take every step that isn't done yet."""
    for step in steps:
        take(step, console)
    return plan


def prove(
    draft: Draft, projects: Sequence[Project], world: World, console: Console, dist: Path
) -> Plan:
    """Test, commit, build and check in temporary worktrees; nothing outside changes.

    Raises `ReleaseError` when tests, hooks, build or checks fail.
    """
    with tested(draft, projects, world, console) as here:
        built = [
            build_and_check(here, project, world, console, dist, version=one.version, tag=one.tag)
            for one, project in zip(draft.all, projects, strict=True)
        ]
        return with_tags(Plan.of(draft, here.resolve("HEAD"), built), here)


def with_tags(plan: Plan, here: Git) -> Plan:
    """Make the tag objects of a plan, which tell the files of it."""
    objects = {
        tag: tag_object(here, tag, plan.commit, plan.tag_message(plan.files_of(tag)))
        for tag in plan.tags
    }
    return plan.each(tag_object=[objects[one.tag] for one in plan.all])


def rehearse_push(plan: Plan, world: World) -> None:
    """Push what the release is going to push, for show; `Refused` when that is refused."""
    look = begin(partial(refs_of, plan, world))
    branch = release_branch(plan) if world.by_pull_request else plan.branch
    refusal = refused(branch, proposal(plan, world), plan, world)
    there = Landing.of(plan, world, look.result())
    if there.tip != plan.base:  # it has moved since it was asked
        commit = land(plan, there, world)
        if not world.by_pull_request:
            refusal = refused(branch, commit, plan, world)
    if refusal:
        words = f"a push of {branch} and {', '.join(plan.tags)} would be refused"
        hint = "mend what git or the hook says, and type the command again"
        raise Refused((Problem(f"{words}:\n{refusal.output.strip()}", hint),)) from refusal


def land(plan: Plan, there: Landing, world: World) -> str:
    """Return what is going to be pushed to the branch; `Refused` when it can't be merged."""
    git, branch = world.git, plan.branch
    try:
        return landing_commit(plan, there.tip, world)
    except MergeConflict as error:
        hint = f"git pull {git.remote} {branch}, and type the command again"
        raise Refused((Problem(str(error), hint),)) from error


def build_and_check(  # noqa: PLR0913
    here: Git,
    project: Project,
    world: World,
    console: Console,
    dist: Path,
    *,
    version: Version | None,
    tag: str,
) -> tuple[Distribution, ...]:
    """Build the worktree `here` into `dist` and hold the files to every check.

    They must be `version`; None: whatever the build backend makes. Where that takes the version
    from git tags, HEAD has the `tag` meanwhile; "" leaves it as it is.
    """
    config, of = project.config, named(project.name, project.folder)
    is_twice = reproducible.is_wanted(config, world)
    told = (tag or None) if project.vcs else ""  # the backend may go by the tags that there are
    around = surroundings(here, project, world, is_fresh=is_twice)
    with building.trying(around.env, wanted=config.install_check) as trial:
        with console.step(BUILD.format(of)) as line:
            with alone(here, told):
                built = building.build(here.root / project.folder, dist, around, line.note)
            if is_twice:
                paths = [dist / one.filename for one in built]
                line.remark = reproducible.again(here, told, project, paths, around, line.note)
        with console.step((CHECK if config.install_check else UNTRIED).format(of)) as line:
            expected = artifacts.Expected.of(here, project, version, world.index.largest_file)
            line.remark = "; ".join(held_to_account(built, dist, expected, trial))
    return built


def surroundings(
    here: Git, project: Project, world: World, *, is_fresh: bool
) -> building.Surroundings:
    """Return what a build of a project finds around it that is in the worktree `here`."""
    is_kept = project.config.build_environment == "kept" and not is_fresh
    return building.Surroundings(
        epoch=here.time(),
        env=world.programs_env(),
        kept=world.environments if is_kept else None,
        constraints=project.constraints,
        sources=Sources.of(here, project, world.home) if project.config.sbom else None,
    )


def held_to_account(
    files: Sequence[Distribution],
    dist: Path,
    expected: artifacts.Expected,
    trial: building.Trial | None = None,
) -> list[str]:
    """Hold the files of a package, in `dist`, to every check; return what is worth a remark.

    The wheel that fits is tried in the environment of the `trial`, if there is any. What runs then
    can write to all of them, which is refused.
    """
    project, version = expected.source.project, expected.version
    paths = [dist / one.filename for one in files]
    remarks = artifacts.check(paths, expected)
    old = "" if version in {None, project.version} else str(project.version)
    warnings = building.check(paths, old, project.config.import_names, trial)
    changed = {*files} - {*map(building.distribution, paths)} if trial else ()
    if changed:
        names = some(one.filename for one in changed)
        words = f"{names} changed while the wheel was tried: {project.name} writes to its own files"
        raise ReleaseError(words, "look at what runs when its modules are imported")
    return [*remarks, *warnings]


def record(plan: Plan, world: World) -> Watch:
    """Record the intent, and watch it; whoever comes second, or too late, is `Refused`."""
    try:
        intent = world.intent.write(plan)
    except ProgramFailed as error:
        if other := world.intent.id():
            raise Refused((unfinished(world, other),)) from error
        words = f"the intent {world.intent.name} can't be recorded: {error.output.strip()}"
        hint = f"git ls-remote {world.git.remote}; then type the command again"
        is_out_of_order = any(reason in error.output for reason in OUT_OF_ORDER)
        if REMOTE_REJECTED in error.output and not is_out_of_order:
            hint = 'on a remote of branches and tags only: intent-ref = "refs/heads/release-intent"'
        raise Refused((Problem(words, hint),)) from error
    watch = Watch(intent=intent, world=world)
    try:
        insist_on_time(watch)
    except Refused:
        world.intent.clear(intent)
        raise
    return watch


def insist_on_time(watch: Watch) -> None:
    """Ask again, now that nobody else may begin, what was asked a while ago; else `Refused`."""
    plan, world, git, problem = watch.intent.plan, watch.world, watch.world.git, None
    watch.look()
    for one in plan.all:
        still_follows(one, world)
    there = Landing.of(plan, world, watch.lately())
    if there.intent_id != watch.intent.id:
        problem = Problem(
            f"what is pushed to {git.remote} can't be read back from it",
            f"git remote get-url --all {git.remote}; compare --push: is it one repository?",
        )
    for tag in plan.tags:
        if problem is None and there.tagged.get(tag) not in {None, plan.commit}:
            problem = Problem(f"{tag} was made on {git.remote} meanwhile", "git fetch --tags")
    if problem:
        raise Refused((problem,))
    land(plan, there, world)


def still_follows(release: Release, world: World, known: Iterable[Version] = ()) -> None:
    """Raise `Refused` when the index has got a version meanwhile that this one can't follow."""
    taken = {file.version for file in world.index.files(release.name) if file.version}
    taken -= {*known}
    if problem := objection(release.version, release.previous, taken):
        raise Refused((problem,))


def withdraw(intent: Intent, world: World, error: UploadRefused) -> None:
    """Take the intent back after the index said no to the very first file, and say `Refused`.

    Nothing has been sent before, so nobody will ever see this release.
    """
    if not world.intent.clear(intent):
        raise error
    raise Refused(error.problems) from error
