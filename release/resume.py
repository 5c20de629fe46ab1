"""Finish a release that was begun before, here or elsewhere: build again what the index lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import Refused, ReleaseError
from release.archives import some
from release.attestations import sign
from release.continuing import unfinished_on_error
from release.landing import Watch
from release.project import Project
from release.publish import (
    build_and_check,
    finish,
    insist_on_time,
    with_tags,
)
from release.steps import missing, on_index, steps
from release.worktree import worktree

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.console import Console
    from release.git import Git
    from release.intent import Intent
    from release.plan import Distribution, Plan
    from release.world import World

    # Brings the files of a package into a folder, held to every check; as `build_and_check` does.
    Make = Callable[..., tuple[Distribution, ...]]


def resume(intent: Intent, world: World, console: Console, make: Make = build_and_check) -> Plan:
    """Finish an accepted release; files that the index lacks are made again."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        dist = Path(folder)
        with unfinished_on_error(world, console, plan=intent.plan):
            intent = rebuild(intent, world, console, dist, make)
            plan, watch = intent.plan, Watch(intent=intent, world=world)
            if not any(files_there(one, world) for one in plan.all):
                insist_it_can_end(watch)
            for one in plan.all:
                sign(one, one.distributions, dist, world, console)
            return finish(plan, steps(watch, dist), console)


def insist_it_can_end(watch: Watch) -> None:
    """Ask what was asked when it began, while it may still be abandoned; else `ReleaseError`."""
    try:
        insist_on_time(watch)
    except Refused as error:
        raise ReleaseError(str(error), "\n".join(error.hints)) from error


def files_there(plan: Plan, world: World) -> dict[str, str]:
    """Return the sha256 of those files of one package that the index has, by name."""
    return on_index(plan, world.index.files(plan.name), world)


def rebuild(intent: Intent, world: World, console: Console, dist: Path, make: Make) -> Intent:
    """Build what the index lacks into `dist`, and return an intent that names what will be there.

    Where the backend isn't reproducible, files that the index doesn't list may differ from those
    of the first try. Those may still turn up, so their sha256 is kept.
    """
    plan, git = intent.plan, world.git
    with worktree(git, plan.commit) as here:
        files = [rebuilt(one, here, world, console, dist, make) for one in plan.all]
        changed = [one.filename for own in files for one in own if one not in plan.files]
        if not changed:
            return intent
        with console.step(f"Record the new sha256 of {some(changed)}") as line:
            line.remark = "the build isn't reproducible"
            plan = with_tags(plan.each(distributions=files), here)
            return world.intent.write(plan, instead_of=intent)


def rebuilt(
    plan: Plan, here: Git, world: World, console: Console, dist: Path, make: Make
) -> tuple[Distribution, ...]:
    """Return the files of one package, those that the index lacks built again into `dist`."""
    known = {one.filename: one for one in as_listed(plan, world)}
    absent = {one.filename for one in missing(plan.name, known.values(), world)}
    if absent:
        project = Project.at(world.git, plan.base, plan.folder, before=plan.version)
        once = replace(world, builds_twice=False)  # they are compared with those of before
        built = make(here, project, once, console, dist, version=plan.version, tag=plan.tag)
        fresh = {one.filename: one for one in built}
        if others := known.keys() ^ fresh.keys():
            raise ReleaseError(
                f"{plan.title} was begun with other files than are made here: {some(others)}",
                "files of other machines: run the workflow that began it again, or publish with "
                "its --plan and --dist",
            )
        known |= {name: known[name].as_built(fresh[name]) for name in absent}
    return tuple(known.values())


def as_listed(plan: Plan, world: World) -> list[Distribution]:
    """Return the files of a package, each as that build of it which the index has."""
    there = files_there(plan, world)
    return [
        one.as_built(one.builds.get(there.get(one.filename, ""), one)) for one in plan.distributions
    ]
