"""The story of a release.

Decide (pure), check (read-only), prove (in temporary worktrees), record the intent (the first
change that anybody else can see), upload, see it there, push, clear. Stopped anywhere, the same
command goes on: the steps behind the intent are observed, and what is done stays done.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError, Unfinished
from release import build as building
from release.agreement import yank_command
from release.checks import RELEASE, Case, check, unfinished
from release.git import OUT_OF_ORDER, REMOTE_REJECTED
from release.index import Conflict
from release.landing import MergeConflict, landing_commit, refspecs, release_branch, titles
from release.plan import Draft, Plan, decide
from release.process import ProgramFailed
from release.steps import steps, take
from release.tagging import tag_object, tagged
from release.upload import UploadRefused
from release.version import objection
from release.worktree import tree_with, worktree
from release.world import today

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.version import Version

    from release.console import Console
    from release.git import Git
    from release.intent import Intent
    from release.plan import Distribution, Release
    from release.project import Project
    from release.steps import Step
    from release.version import Bump
    from release.world import Facts, World


# Decide and check


def prepare(
    bump: Bump, project: Project, facts: Facts, world: World, *, tests: tuple[str, ...]
) -> Draft:
    """Decide on a release of HEAD and ask every question about it; `Refused` has all problems."""
    base = world.git.resolve("HEAD")
    with suppress(ProgramFailed):  # then the history stays incomplete, and a check says so
        world.git.deepen()
    draft = draft_of(bump, project, facts, world, base, tests)
    check(Case(draft=draft, project=project, facts=facts, world=world), RELEASE)
    return draft


def draft_of(
    bump: Bump, project: Project, facts: Facts, world: World, base: str, tests: tuple[str, ...]
) -> Draft:
    """Decide on a release of `base`; `Refused` also has the questions that got no answer."""
    try:
        return decide(
            project,
            bump,
            taken=facts.known(project),
            calendar=project.config.calendar(today()),
            tags=world.git.tags() or facts.tags,
            base=base,
            branch=facts.branch,
            repository=world.index.upload_url,
            remote=world.git.url(),
            tests=tests,
        )
    except ReleaseError as error:
        raise Refused(tuple(dict.fromkeys((*facts.problems, *error.problems)))) from error


def story(draft: Draft, world: World) -> list[str]:
    """Return what is going to happen, in the words of the steps."""
    proving = ["Build", "Check the files; install and import the wheel"]
    uploading = ["Upload wheels, then the sdist", "See every file on the index"]
    if not draft.tag:
        return [*proving, *uploading]
    return [
        *["Commit"] * bool(draft.edits),
        *([f"Run the tests: {' '.join(draft.tests)}"] if draft.tests else []),
        *proving,
        "Rehearse the push",
        f"Record the intent in {world.intent.name}",
        *uploading,
        *titles(draft, world),
        f"Bring this checkout to {draft.tag}",
        f"Clear the intent {world.intent.name}",
    ]


# Publish


def publish(draft: Draft, project: Project, world: World, console: Console) -> Plan:
    """Prove the draft, record the intent; then make the world agree with it."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        dist = Path(folder)
        plan = prove(draft, project, world, console, dist)
        console.confirm(f"Publish {plan.title} to {plan.repository}?")
        return carry_out(plan, world, console, dist)


def carry_out(plan: Plan, world: World, console: Console, dist: Path) -> Plan:
    """Record the intent; then make the world agree with the plan, whose files are in `dist`."""
    with unfinished_on_error(plan.version, world, console):
        with console.step(f"Record the intent in {world.intent.name}"):
            intent = record(plan, world)
        first, *rest = steps(intent, dist, world)
        try:
            take(first, console)
        except UploadRefused as error:
            withdraw(intent, world, error)
        return finish(intent, rest, console)


def finish(intent: Intent, steps: Iterable[Step], console: Console) -> Plan:
    """Take every step that isn't done yet."""
    for step in steps:
        take(step, console)
    return intent.plan


def prove(draft: Draft, project: Project, world: World, console: Console, dist: Path) -> Plan:
    """Test, commit, build and check in temporary worktrees; nothing outside changes.

    Raises `ReleaseError` when tests, hooks, build or checks fail.
    """
    git = world.git
    tree = tree_with(git, draft.base, {edit.path: edit.after for edit in draft.edits})
    with worktree(git, draft.base, tree) as here:
        commit = draft.base
        if draft.edits:
            with console.step("Commit"):
                commit = commit_version(here, draft, tree)
        if draft.tests:
            with console.step(f"Run the tests: {' '.join(draft.tests)}", log=True) as line:
                building.run_tests(draft.tests, here.root, world.programs_env(), line.note)
    with worktree(git, commit) as here:
        distributions = build_and_check(here, project, world, console, dist, draft.version)
        message = draft.tag_message(distributions)
        plan = Plan.of(draft, commit, tag_object(here, draft.tag, commit, message), distributions)
    with console.step("Rehearse the push"):
        rehearse_push(plan, world)
    return plan


def rehearse_push(plan: Plan, world: World) -> None:
    """Push what the release is going to push, for show; `Refused` when that is refused."""
    branch, commit = plan.branch, land(plan, world)
    if world.by_pull_request:
        branch, commit = release_branch(plan), plan.commit
    try:
        # With the user's pre-push hook: it must not say no after the upload.
        world.git.push(*refspecs(branch, commit, plan.tag, plan.tag_object), dry_run=True)
    except ProgramFailed as error:
        words = f"a push of {branch} and {plan.tag} would be refused:\n{error.output.strip()}"
        hint = "mend what git or the hook says, and type the command again"
        raise Refused((Problem(words, hint),)) from error


def land(plan: Plan, world: World) -> str:
    """Return what is going to be pushed to the branch; `Refused` when it can't be merged."""
    git, branch = world.git, plan.branch
    try:
        return landing_commit(plan, git.fetch_tip(branch), world)
    except MergeConflict as error:
        hint = f"git pull {git.remote} {branch}, and type the command again"
        raise Refused((Problem(str(error), hint),)) from error


def commit_version(here: Git, draft: Draft, tree: str) -> str:
    """Commit the version change, and insist that hooks left it as it was planned."""
    try:
        commit = here.commit(draft.message)
    except ProgramFailed as error:
        raise ReleaseError(
            f"the release commit was refused:\n{error.output.strip()}",
            "mend what git or the hook says, commit that, and type the command again",
        ) from error
    if (here.tree(commit), here.parents(commit)) != (tree, [draft.base]):
        changes = here("diff", "--stat", tree, commit)
        raise ReleaseError(
            f"a commit hook changed the release commit, which holds the version only:\n{changes}",
            "run the hook and commit what it changes before the release",
        )
    if not draft.is_message(said := here.message(commit)):
        raise ReleaseError(
            f"a commit hook changed the message {draft.message!r} to {said.strip()!r}",
            'say it as the hook wants it: message = "…{version}…" in [tool.nox-release]',
        )
    return commit


def build_and_check(
    here: Git,
    project: Project,
    world: World,
    console: Console,
    dist: Path,
    version: Version | None = None,
) -> tuple[Distribution, ...]:
    """Build the worktree `here` into `dist` and hold the files to every check.

    They must be `version`; without one, the version that the project has.
    """
    version, env = version or project.version, world.programs_env()
    tag = project.tag_style(world.git.tags()).write(version)
    with console.step("Build") as line, tagged(here, tag) if project.vcs else nullcontext():
        distributions = building.build(
            here.root,
            dist,
            name=project.name,
            version=version,
            epoch=here.time(),
            env=env,
            on_line=line.note,
        )
    with console.step("Check the files; install and import the wheel") as line:
        warnings = building.check(
            distributions,
            dist,
            previous=project.version,
            version=version,
            import_names=project.config.import_names,
            env=env,
        )
        line.remark = " ".join(warnings)
    return distributions


def record(plan: Plan, world: World) -> Intent:
    """Record the intent; whoever comes second, or too late, is `Refused`."""
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
    try:
        insist_on_time(intent, world)
    except Refused:
        world.intent.clear(intent)
        raise
    return intent


def insist_on_time(intent: Intent, world: World) -> None:
    """Ask again, now that nobody else may begin, what was asked a while ago; else `Refused`."""
    plan, git = intent.plan, world.git
    problem = None
    if world.intent.id() != intent.id:
        problem = Problem(
            f"what is pushed to {git.remote} can't be read back from it",
            f"git remote get-url --all {git.remote}; compare --push: is it one repository?",
        )
    elif git.remote_tag(plan.tag) not in {None, plan.commit}:
        problem = Problem(f"{plan.tag} was made on {git.remote} meanwhile", "git fetch --tags")
    if problem:
        raise Refused((problem,))
    still_follows(plan, world)
    land(plan, world)


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


@contextmanager
def unfinished_on_error(
    version: Version, world: World, console: Console, hint: str = ""
) -> Iterator[None]:
    """Turn every error but `Refused` into one that says: it has begun, and how it goes on."""
    is_rc = bool(hint)
    hint = hint or (
        "the same command continues; from another clone: "
        f"nox -s publish_release -- --resume{world.again}\n"
        f"while nothing of it is on the index: nox -s publish_release -- --abandon{world.again}"
    )
    before, console.interrupted = console.interrupted, hint
    try:
        yield
        console.interrupted = "all was done before"
    except Refused:
        console.interrupted = before
        raise
    except Conflict as error:
        raise Unfinished(str(error), hint if is_rc else dead_end(version, world)) from error
    except ReleaseError as error:
        raise Unfinished(str(error), "\n".join([*error.hints, hint])) from error
    except Exception as error:
        raise Unfinished(f"the release stopped: {error!r}", hint) from error


def dead_end(version: Version, world: World) -> str:
    """Return what is left to do when the index has other bytes under the name of a file."""
    return (
        "an index takes no other bytes under a used name: unless it is mistaken, this release "
        "can't be finished\n"
        f"while nothing of it is on the index: nox -s publish_release -- --abandon{world.again}\n"
        f"else it stays half published: git push {world.git.remote} :{world.intent.name}; "
        f"{yank_command(version, world.again)}; and release a higher version"
    )
