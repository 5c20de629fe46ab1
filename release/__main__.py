"""The command line: arguments in, exit code out.

Exit codes: 0 done · 1 refused, nothing has changed, or `status` found disagreements · 2 usage ·
3 unfinished, the same command continues · 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from release import ReleaseError, UsageError, about
from release.arguments import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from release.collected import Collected
    from release.console import Console
    from release.plan import Distribution
    from release.project import Project
    from release.world import Facts, Subject, World

Options = argparse.Namespace
PUBLISHING = ("publish", "publish-rc")
UNCHANGED = "Nothing has changed."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    options = parsed(sys.argv[1:] if argv is None else argv)
    from release.console import NOTHING, Console
    from release.process import interrupts
    from release.workspace import workspace
    from release.world import actions, secret_values

    listen(interrupts)
    runner = actions()
    console = Console(
        as_json=options.json,
        # Nobody sits at a runner, though one may have a terminal, as that of `act` does.
        assume_yes=bool(runner) or getattr(options, "yes", False),
        secrets=secret_values(),
    )
    try:
        with workspace():
            VERBS[options.verb](options, console)
        code = 0
    except ReleaseError as error:
        console.problems(error)
        code = error.exit_code
        if code == ReleaseError.exit_code and options.verb in PUBLISHING:
            console.errors.print(UNCHANGED)
    except OSError as error:
        console.problems(ReleaseError(f"the machine says: {error}"))
        code = 1
    except KeyboardInterrupt:
        console.problems(ReleaseError(f"interrupted; {console.interrupted}"))
        console.document["is_begun"] = console.interrupted != NOTHING
        code = 130
    console.close(code)
    if runner:
        runner.tell(options.verb, code, console)
    return code


def run() -> None:
    """Be the console script."""
    sys.setswitchinterval(0.0005)  # seconds; a thread that imports gives way to one that runs git
    gc.set_threshold(100_000)  # objects; what is imported stays, and is looked at again and again
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
    files = about.files(options)
    git, projects = about.projects(options)
    ask = None if options.resume or options.abandon else partial(_ask, options, projects)
    world = about.world(git, projects[0].config, options, console, ask)
    if options.abandon:
        _abandon(world.facts(projects[0]), options, world, console)
        return
    subjects = world.subjects(projects)
    if options.resume or subjects[0][1].intent_id:
        _finish(options, subjects, world, console, files)
    else:
        _begin(options, subjects, world, console, files)


def _ask(options: Options, projects: Sequence[Project], world: World) -> None:
    refs, _ = world.first_questions(projects[0])
    world.ahead.ask(refs)  # git is on its way while all that is needed besides is imported
    from release.readiness import ask_ahead

    ask_ahead(projects, options.waive, world)


def _begin(
    options: Options,
    subjects: Sequence[Subject],
    world: World,
    console: Console,
    files: Collected | None,
) -> None:
    from release.pages import whats_next, with_drafts
    from release.plan import Said
    from release.publish import prepare_when_tested, prove, proving, publish, story
    from release.readiness import acknowledge, acknowledged
    from release.steps import following, take
    from release.trust import released_before

    projects, (_, facts) = [project for project, _ in subjects], subjects[0]
    bump, config = about.bump(options, subjects), projects[0].config
    if found := released_before(bump, subjects, world):
        tags, commit = found
        step = following(tags, commit, facts.branch, world.git, lambda: facts.refs)
        if not (options.dry_run or step.is_done()):  # it was finished elsewhere
            take(step, console)
        console.show_released_before(*found, about.versions(projects, tags))
        return
    said = Said(
        skip_tests=options.skip_tests,
        waived=tuple(options.waive),
        acknowledged=acknowledged(config, world, is_said=options.acknowledge),
        day=files.handover.day if files else None,
    )
    draft = prepare_when_tested(bump, subjects, world, said, console, minutes=options.wait)
    if files:
        draft = files.accepted([draft], world)[0]
    draft = with_drafts(draft, world)
    titles = files.titles(draft.all) if files else proving(draft, projects)
    console.show_draft(draft, story(draft, world, titles))
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    draft = acknowledge(draft, config, world, console)
    plan = publish(draft, projects, world, console, files.prove if files else prove)
    console.show_released(plan, whats_next(plan, world))


def _finish(
    options: Options,
    subjects: Sequence[Subject],
    world: World,
    console: Console,
    files: Collected | None,
) -> None:
    from release.pages import whats_next
    from release.publish import build_and_check
    from release.resume import resume
    from release.trust import accept

    facts, folders = subjects[0][1], [project.folder for project, _ in subjects]
    asked = None if options.resume else (about.bump(options, subjects), folders)
    intent = accept(facts.pending(), asked, facts, world)
    if files:
        files.insist_on_intent(intent)
    console.show_pending(intent)
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    console.confirm(f"Finish {intent.plan.title}?")
    plan = resume(intent, world, console, files.take if files else build_and_check)
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
    from release.checks import PRE_RELEASE, clean_tree
    from release.pages import whats_next
    from release.prerelease import build_all, prepare_all, publish_all, show_all
    from release.publish import proofs

    files = about.files(options)
    git, projects = about.projects(options, options.ref)
    world = about.world(git, projects[0].config, options, console)
    if not world.asks:
        world.ahead.ask(partial(world.index.check_credentials))
    subjects = world.subjects(projects)
    bump = about.bump(options, subjects)
    ask = PRE_RELEASE if options.ref else (clean_tree, *PRE_RELEASE)
    base = git.named(options.ref or "HEAD")
    if files:
        prepared = files.prepare_all(bump, subjects, world, base=base)
        build = partial(files.build_all, prepared, projects, world, console)
    else:
        prepared = prepare_all(bump, subjects, world, base=base, ask=ask)
        build = partial(build_all, bump, subjects, prepared, world, console, base=base)
    show_all(prepared, world, console, files.titles if files else proofs)
    if options.dry_run:
        console.show_dry_run(options.again)
        return
    for draft, built in publish_all(build, world, console):
        console.show_released(draft, whats_next(draft, world), built)
        console.show_built(built)


def _status(options: Options, console: Console) -> None:
    from dataclasses import replace

    from release.status import look, show

    git, project = about.project(options)
    world = about.world(replace(git, is_reader=True), project.config, options, console)
    facts = world.facts(project)
    status = look(project, facts, world)
    show(status, console)
    status.verdict()


def _explain(options: Options, console: Console) -> None:
    from release.explain import explain, show, show_asked
    from release.packages import chosen, packages
    from release.snapshot import Snapshot

    git = about.repository()
    files = Snapshot(git=git, commit=git.resolve("HEAD"))
    known = packages(files, options.package)
    first = chosen(options.package, known, about.folder(git))
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

    git, project = about.project(options)
    is_reader = options.check or options.dry_run
    world = about.world(replace(git, is_reader=is_reader), project.config, options, console)
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


def _verify(options: Options, console: Console) -> None:
    from dataclasses import replace

    from release.verify import verify

    git, project = about.project(options)
    world = about.world(replace(git, is_reader=True), project.config, options, console)
    verify(options.version, project, world.facts(project), world, console)


def _build(options: Options, console: Console) -> None:
    import shutil
    from tempfile import TemporaryDirectory

    from release.publish import build_and_check
    from release.worktree import worktree

    git, projects = about.projects(options)
    world = about.world(git, projects[0].config, options, console)
    if options.out.exists() and not options.out.is_dir():
        raise UsageError(f"{options.out} is no folder", "--out FOLDER is where the files go")
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
    git, projects = about.projects(options)
    bump = about.bump(options, [(project, None) for project in projects])
    rehearse(bump, projects, git, console, skip_tests=options.skip_tests)


def _init(options: Options, console: Console) -> None:
    from release.init import initialise
    from release.packages import packages
    from release.snapshot import Snapshot

    git = about.repository()
    urls = " ".join(value for _, value in git.settings(r"^remote\..*\.url$"))
    is_on_github = "github" in urls or (git.root / ".github").is_dir()
    names: list[str] = []
    if git.local_ref("HEAD"):
        found = packages(Snapshot(git=git, commit="HEAD"))
        names = [one.name for one in found.values()]
    again = options.again if options.dry_run else ""
    initialise(
        git.root,
        console,
        is_on_github=is_on_github,
        packages=names,
        wheels=options.wheels,
        dry_run=again,
    )


def _prepare(options: Options, console: Console) -> None:
    from release.jobs import prepare

    prepare(options, console)


def _checkout(options: Options, console: Console) -> None:
    from release.jobs import check_out

    check_out(options, console)


def _try(options: Options, console: Console) -> None:
    from release.jobs import try_out

    try_out(options, console)


def _sbom(options: Options, console: Console) -> None:
    from release.jobs import describe

    describe(options, console)


VERBS = {
    "prepare": _prepare,
    "checkout": _checkout,
    "try": _try,
    "sbom": _sbom,
    "publish": _publish,
    "publish-rc": _publish_rc,
    "status": _status,
    "yank": _yank,
    "verify": _verify,
    "build": _build,
    "rehearse": _rehearse,
    "explain": _explain,
    "init": _init,
}

if __name__ == "__main__":
    run()
