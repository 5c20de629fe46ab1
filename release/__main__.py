"""The command line: arguments in, exit code out.

Exit codes: 0 done · 1 refused, nothing has changed, or `status` found disagreements · 2 usage ·
3 unfinished, the same command continues · 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from release import Refused, ReleaseError, UsageError
from release.arguments import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from release.configuration import Configuration
    from release.console import Console
    from release.git import Git
    from release.plan import Distribution
    from release.project import Project
    from release.version import Bump
    from release.world import Facts, Subject, World

Options = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    options = parsed(sys.argv[1:] if argv is None else argv)
    from release.console import NOTHING, Console
    from release.process import interrupts
    from release.workspace import workspace
    from release.world import actions, secret_values

    listen(interrupts)
    console = Console(
        as_json=options.json,
        assume_yes=getattr(options, "yes", False),
        secrets=secret_values(),
    )
    try:
        with workspace():
            VERBS[options.verb](options, console)
        code = 0
    except ReleaseError as error:
        console.problems(error)
        code = error.exit_code
    except OSError as error:
        console.problems(ReleaseError(f"the machine says: {error}"))
        code = 1
    except KeyboardInterrupt:
        console.problems(ReleaseError(f"interrupted; {console.interrupted}"))
        console.document["is_begun"] = console.interrupted != NOTHING
        code = 130
    console.close(code)
    if runner := actions():
        runner.tell(options.verb, code, console)
    return code


def run() -> None:
    """Be the console script."""
    sys.setswitchinterval(0.0005)  # seconds; a thread that imports gives way to one that runs git
    try:
        code = main()
    except KeyboardInterrupt:  # once more, while the first one was answered
        code = 130
    listen(signal.SIG_IGN)  # all is said
    try:
        sys.stdout.flush()
    except OSError:
        # Nobody reads it any more, as in `… | head`; Python would say so at its end:
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def listen(handler: signal.Handlers | Callable[[int, FrameType | None], object]) -> None:
    """Treat every wish to end this process alike; one that is ignored, as by nohup, stays so."""
    from release.process import ENDINGS

    for number in ENDINGS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


# Verbs


def _publish(options: Options, console: Console) -> None:
    if options.bump and (options.resume or options.abandon):
        raise UsageError(
            f"--resume and --abandon take no level: {options.bump}",
            "leave one of them out",
        )
    from release.readiness import ask_ahead

    git, projects = _here(options)
    ask = None if options.resume or options.abandon else partial(ask_ahead, projects, options.waive)
    world = _world(git, projects[0].config, options, console, ask)
    if options.abandon:
        _abandon(world.facts(projects[0]), options, world, console)
        return
    subjects = world.subjects(projects)
    if options.resume or subjects[0][1].intent_id:
        _finish(options, subjects, world, console)
    else:
        _begin(options, subjects, world, console)


def _begin(options: Options, subjects: Sequence[Subject], world: World, console: Console) -> None:
    from release.pages import whats_next, with_drafts
    from release.plan import Said
    from release.publish import prepare, publish, story
    from release.readiness import (
        acknowledge,
        acknowledged,
        ask_ahead,
        wait_for_tests,
        waits_for_tests,
    )
    from release.steps import following, take
    from release.trust import released_before

    projects, (_, facts) = [project for project, _ in subjects], subjects[0]
    bump = _bump(options, subjects)
    if found := released_before(bump, subjects, world):
        tags, commit = found
        step = following(tags, commit, facts.branch, world)
        if not (options.dry_run or step.is_done()):  # it was finished elsewhere
            take(step, console)
        made = [(one.name, *pair) for one in projects for pair in one.tagged(tags).items()]
        console.show_released_before(tags, commit, made)
        return
    config, head = projects[0].config, world.git.resolve("HEAD")
    vouched = acknowledged(config, world, is_said=options.acknowledge)
    said = Said(skip_tests=options.skip_tests, waived=tuple(options.waive), acknowledged=vouched)
    try:
        draft = prepare(bump, subjects, world, said)
    except Refused as refusal:
        if not (options.wait and waits_for_tests(refusal)):
            raise
        wait_for_tests(head, config, world, options.wait, console)
        ask_ahead(projects, options.waive, world)
        draft = prepare(bump, world.subjects(projects), world, said)
    draft = with_drafts(draft, world)
    console.show_draft(draft, story(draft, projects, world))
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    draft = acknowledge(draft, config, world, console)
    plan = publish(draft, projects, world, console)
    console.show_released(plan, whats_next(plan, world))


def _finish(options: Options, subjects: Sequence[Subject], world: World, console: Console) -> None:
    from release.pages import whats_next
    from release.resume import resume
    from release.trust import accept

    facts, folders = subjects[0][1], [project.folder for project, _ in subjects]
    asked = None if options.resume else (_bump(options, subjects), folders)
    intent = accept(facts.pending(), asked, facts, world)
    console.show_pending(intent)
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    console.confirm(f"Finish {intent.plan.title}?")
    plan = resume(intent, world, console)
    console.show_released(plan, whats_next(plan, world))


def _abandon(facts: Facts, options: Options, world: World, console: Console) -> None:
    from release.abandon import abandon, refuse_if_seen
    from release.trust import accept

    intent = accept(facts.pending(), None, facts, world)
    console.show_pending(intent)
    refuse_if_seen(intent.plan, world)
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    console.confirm(f"Abandon {intent.plan.title}?")
    abandon(intent, world, console)
    console.document["state"] = "abandoned"
    console.say(f"{intent.plan.title} is abandoned; nothing of it was published.")


def _publish_rc(options: Options, console: Console) -> None:
    from release.checks import clean_tree
    from release.pages import whats_next
    from release.prerelease import prepare_all, publish_all, show_all

    git, projects = _here(options, options.ref)
    world = _world(git, projects[0].config, options, console)
    world.ahead.ask([partial(world.index.check_credentials)])
    subjects = world.subjects(projects)
    bump = _bump(options, subjects)
    ask = () if options.ref else (clean_tree,)
    base = git.named(options.ref or "HEAD")
    prepared = prepare_all(bump, subjects, world, base=base, ask=ask)
    show_all(prepared, world, console)
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    for draft, built in publish_all(bump, subjects, prepared, world, console, base=base):
        console.show_released(draft, whats_next(draft, world), built)
        console.show_built(built)


def _status(options: Options, console: Console) -> None:
    from dataclasses import replace

    from release.status import look, show

    git, project = _alone(options)
    world = _world(replace(git, is_reader=True), project.config, options, console)
    facts = world.facts(project)
    status = look(project, facts, world)
    show(status, console)
    status.verdict()


def _explain(options: Options, console: Console) -> None:
    from release.explain import explain, show, show_asked
    from release.packages import chosen, packages
    from release.snapshot import Snapshot

    git = _git()
    files = Snapshot(git=git, commit=git.resolve("HEAD"))
    known = packages(files, options.package)
    first = chosen(options.package, known, _folder(git))
    files.asked.clear()
    try:
        explanations = explain(git, files, first, known)
    except ReleaseError:
        show_asked(files.asked, console)
        raise
    show(explanations, console)


def _yank(options: Options, console: Console) -> None:
    from dataclasses import replace

    from release.yank import check, decide, notice, show, show_yanked, tell, wait_until_yanked

    git, project = _alone(options)
    is_reader = options.check or options.dry_run
    world = _world(replace(git, is_reader=is_reader), project.config, options, console)
    facts = world.facts(project)
    is_asked = options.check
    yank = decide(options.version, options.reason, project, facts, world, is_asked=is_asked)
    told = notice(yank, project, facts, world)
    if options.check:
        check(yank, told, world, console)
        return
    if options.dry_run or yank.shown is None:
        show(yank, told, world, console)
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    if yank.shown is None:
        yank = wait_until_yanked(yank, world, console)
        told = replace(told, reason=yank.told)
    tell(yank, told, world, console)
    show_yanked(yank, told, world, console)


def _build(options: Options, console: Console) -> None:
    import shutil
    from tempfile import TemporaryDirectory

    from release.publish import build_and_check
    from release.worktree import worktree

    git, projects = _here(options)
    world = _world(git, projects[0].config, options, console)
    with TemporaryDirectory() as folder, worktree(git, "HEAD") as here:
        dist = Path(folder)
        built: list[Distribution] = []
        for project in projects:
            version = None if project.vcs else project.version
            alone = project.alone()
            built += build_and_check(here, alone, world, console, dist, version=version, tag="")
        options.out.mkdir(parents=True, exist_ok=True)
        for one in built:
            shutil.copy2(Path(folder, one.filename), options.out / one.filename)
    console.show_built(built, options.out)


def _rehearse(options: Options, console: Console) -> None:
    from release.rehearsal import rehearse
    from release.world import reach_loopback

    reach_loopback()
    git, projects = _here(options)
    bump = _bump(options, [(project, None) for project in projects])
    rehearse(bump, projects, git, console, skip_tests=options.skip_tests)


def _init(options: Options, console: Console) -> None:
    from release.init import initialise
    from release.packages import packages
    from release.snapshot import Snapshot

    git = _git()
    urls = " ".join(value for _, value in git.settings(r"^remote\..*\.url$"))
    is_on_github = "github" in urls or (git.root / ".github").is_dir()
    names: list[str] = []
    if git.local_ref("HEAD"):
        found = packages(Snapshot(git=git, commit="HEAD"))
        names = [one.name for one in found.values()]
    again = options.again if options.dry_run else ""
    initialise(git.root, console, is_on_github=is_on_github, packages=names, dry_run=again)


# What they share


def _git() -> Git:
    """Return the repository around the current folder."""
    from release.git import Git
    from release.world import environment

    git = Git(root=Path.cwd(), env=environment())
    return Git(root=git.toplevel(), env=git.env)


def _folder(git: Git) -> str:
    """Return where in the repository the command was called, "" for its top."""
    folder = Path.cwd().resolve().relative_to(git.root.resolve()).as_posix()
    return "" if folder == "." else folder


def _here(options: Options, revision: str = "") -> tuple[Git, list[Project]]:
    """Return the repository around the current folder, and the projects that are released."""
    from release.packages import chosen_projects
    from release.workspace import clear_after_killed_runs

    git = _git()
    clear_after_killed_runs(git)
    commit = git.named(revision or "HEAD")
    is_any = getattr(options, "resume", False) or getattr(options, "abandon", False)
    return git, chosen_projects(git, commit, options.package, _folder(git), is_any=is_any)


def _alone(options: Options) -> tuple[Git, Project]:
    """Return the repository around the current folder, and the one project that is meant."""
    from release.packages import chosen_project
    from release.workspace import clear_after_killed_runs

    git = _git()
    clear_after_killed_runs(git)
    return git, chosen_project(git, git.resolve("HEAD"), options.package, _folder(git))


def _world(
    git: Git,
    config: Configuration,
    options: Options,
    console: Console,
    ask: Callable[[World], None] | None = None,
) -> World:
    """Return the world that is meant; what can be asked of it already, is."""
    from release.world import World

    world = World.of(
        git,
        config,
        repository=getattr(options, "repository", ""),
        packages=options.package,
        interactive=console.asks,
    )
    if ask:
        ask(world)
    if hasattr(options, "repository"):
        console.hide(world.index.secrets())
        console.document["index"] = {
            "upload": world.index.upload_url,
            "simple": world.index.simple_url,
        }
    return world


def _bump(options: Options, subjects: Sequence[tuple[Project, Facts | None]]) -> Bump:
    from release.version import Bump, outcomes
    from release.world import today

    if options.bump is None:
        project, facts = subjects[0]
        taken = facts.known(project) if facts else ()
        results = outcomes(project.version, taken, project.config.calendar(today()))
        raise UsageError(
            "say what comes after " + str(project.version),
            "\n".join(f"{level}: {result}" for level, result in results),
        )
    return Bump.parse(options.bump, options.pre)


VERBS = {
    "publish": _publish,
    "publish-rc": _publish_rc,
    "status": _status,
    "yank": _yank,
    "build": _build,
    "rehearse": _rehearse,
    "explain": _explain,
    "init": _init,
}

if __name__ == "__main__":
    run()
