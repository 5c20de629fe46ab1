"""What a command is about: the repository around it, packages in it, their world, and the level."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from release import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packaging.version import Version

    from release.collected import Collected
    from release.configuration import Configuration
    from release.console import Console
    from release.git import Git
    from release.project import Project
    from release.version import Bump
    from release.world import Facts, World

Options = argparse.Namespace


def repository() -> Git:
    """Return the repository around the current folder."""
    from release.git import Git
    from release.world import environment

    git = Git(root=Path.cwd(), env=environment())
    return Git(root=git.toplevel(), env=git.env)


def folder(git: Git) -> str:
    """Return where in the repository the command was called, "" for its top."""
    path = Path.cwd().resolve().relative_to(git.root.resolve()).as_posix()
    return "" if path == "." else path


def projects(options: Options, revision: str = "") -> tuple[Git, list[Project]]:
    """Return the repository around the current folder, and the projects that are released."""
    from release.packages import chosen_projects
    from release.workspace import clear_after_killed_runs

    git = repository()
    clear_after_killed_runs(git)
    commit = git.named(revision or "HEAD")
    is_any = getattr(options, "resume", False) or getattr(options, "abandon", False)
    return git, chosen_projects(git, commit, options.package, folder(git), is_any=is_any)


def project(options: Options) -> tuple[Git, Project]:
    """Return the repository around the current folder, and the one project that is meant."""
    from release.packages import chosen_project
    from release.workspace import clear_after_killed_runs

    git = repository()
    clear_after_killed_runs(git)
    return git, chosen_project(git, git.resolve("HEAD"), options.package, folder(git))


def files(options: Options) -> Collected | None:
    """Return the files that other machines have built, and go by their plan; None: we build."""
    if not (options.plan or options.dist):
        return None
    from release.collected import Collected
    from release.handover import Handover

    level = [options.bump] if options.bump else []
    others = ("package", "ref", "resume", "abandon", "reproducible")
    own = [*level, *(f"--{one}" for one in others if vars(options).get(one))]
    is_half = not (options.plan and options.dist)
    if own or is_half:
        raise UsageError(
            "--plan and --dist go together" if is_half else f"--plan goes without {own[0]}",
            "--plan PLAN --dist FOLDER, with a plan that `python -m release prepare` has written",
        )
    handover = Handover.read(options.plan)
    bump, is_candidate = handover.bump, options.verb == "publish-rc"
    if bool(bump.pre) != is_candidate:
        raise UsageError(
            f"the plan is that of {handover.title}",
            f"nox -s {'publish_rc' if bump.pre else 'publish_release'}",
        )
    options.bump, options.pre = str(bump.target), bump.pre
    options.ref = handover.base if is_candidate else ""
    options.package = [one.folder or "." for one in handover.packages]
    options.skip_tests = handover.skip_tests
    return Collected(handover=handover, folder=options.dist)


def versions(found: Iterable[Project], tags: Sequence[str]) -> list[tuple[str, str, Version]]:
    """Return name, tag and version of what was released as these tags."""
    return [(one.name, *pair) for one in found for pair in one.tagged(tags).items()]


def world(
    git: Git,
    config: Configuration,
    options: Options,
    console: Console,
    ask: Callable[[World], None] | None = None,
) -> World:
    """Return the world that is meant; what can be asked of it already, is."""
    from release.world import World

    builds_twice = getattr(options, "reproducible", None)
    if builds_twice is False and config.reproducible == "required":
        raise UsageError(
            '--no-reproducible doesn\'t go with reproducible = "required"',
            "leave out one of them",
        )
    there = World.of(
        git,
        config,
        repository=getattr(options, "repository", ""),
        packages=options.package,
        interactive=console.asks,
        builds_twice=builds_twice,
    )
    if ask:
        ask(there)
    if hasattr(options, "repository"):
        console.hide(there.index.secrets())
        console.document["index"] = {
            "upload": there.index.upload_url,
            "simple": there.index.simple_url,
        }
    return there


def bump(options: Options, subjects: Sequence[tuple[Project, Facts | None]]) -> Bump:
    """Return the level; `UsageError` says what there is to choose from."""
    from release.version import Bump, outcomes
    from release.world import today

    if options.bump is None:
        lead, facts = subjects[0]
        taken = facts.known(lead) if facts else ()
        results = outcomes(lead.version, taken, lead.config.calendar(today()))
        raise UsageError(
            "say what comes after " + str(lead.version),
            "\n".join(f"{level}: {result}" for level, result in results),
        )
    return Bump.parse(options.bump, options.pre)
