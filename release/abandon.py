"""Give up a release that was begun, while nobody can have seen anything of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError, Unfinished
from release.agreement import yank_command
from release.process import ProgramFailed
from release.publish import dead_end, unfinished_on_error
from release.steps import on_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from release.console import Console
    from release.index import IndexFile
    from release.intent import Intent
    from release.plan import Plan
    from release.world import World

SETTLE = 10.0  # seconds in which an upload that was on its way turns up


def abandon(intent: Intent, world: World, console: Console) -> Plan:
    """Give an accepted release up; possible exactly while none of its files is on the index."""
    plan = intent.plan
    refuse_if_seen(plan, world)
    hint = (
        f"the same command continues: nox -s publish_release -- --abandon{world.again}\n"
        f"or finish it: nox -s publish_release -- --resume{world.again}"
    )
    with unfinished_on_error(plan.version, world, console, hint):
        with console.step(f"Take {plan.title} over: nobody else goes on with it"):
            intent = take_over(intent, world)
        with console.step("See that no file of it turns up on the index") as line:
            line.note("an upload may be on its way, and a listing lag")
            until = time.monotonic() + min(SETTLE, world.index.patience)
            while time.monotonic() < until:
                time.sleep(1)
                refuse_if_seen(plan, world, Unfinished)
        with console.step(f"Abandon {plan.title}"):
            clear(intent, world)
    return plan


def take_over(intent: Intent, world: World) -> Intent:
    """Replace the intent by one that nobody else goes on with; else it is as it was: `Refused`."""
    try:
        return world.intent.write(intent.plan, instead_of=intent)
    except ProgramFailed as error:
        words = f"the intent {world.intent.name} can't be taken over: {error.output.strip()}"
        hint = f"git ls-remote {world.git.remote}; then type the command again"
        raise Refused((Problem(words, hint),)) from error


def clear(intent: Intent, world: World) -> None:
    """Clear the intent; where it is gone already, the answer got lost, or somebody was faster."""
    if not world.intent.clear(intent):
        refuse_if_seen(intent.plan, world, Unfinished)
        if world.intent.id():
            raise ReleaseError(f"the intent {world.intent.name} has changed meanwhile")


def refuse_if_seen(plan: Plan, world: World, refusal: type[ReleaseError] = ReleaseError) -> None:
    """Raise `refusal` when others may have seen this release: its files, or its tag."""
    files = world.index.files(plan.name)
    hint = (
        f"finish it: nox -s publish_release -- --resume{world.again}\n"
        f"then, if it is bad: {yank_command(plan.version, world.again)}"
    )
    if own := published(plan, files, world):
        message = f"{plan.title} can't be abandoned: {', '.join(own)} is on the index for good"
        if others := {file.filename for file in files if file.version == plan.version} - {*own}:
            message += f"; nor finished: {', '.join(sorted(others))} has other bytes there"
            raise refusal(message, dead_end(plan.version, world))
        raise refusal(message, hint)
    if world.git.remote_tag(plan.tag) == plan.commit:  # on another one it isn't ours
        raise refusal(
            f"{plan.title} can't be abandoned: others may have seen {plan.tag} on "
            + world.git.remote,
            hint,
        )


def published(plan: Plan, files: Iterable[IndexFile], world: World) -> list[str]:
    """Return the names of the release's own files that are among `files` of the index."""
    there = on_index(plan, files, world)
    return [one.filename for one in plan.distributions if there.get(one.filename) in one.builds]
