"""Give up a release that was begun, while nobody can have seen anything of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError, Unfinished
from release.continuing import dead_end, unfinished_on_error, yank_commands
from release.landing import FRESH
from release.process import ProgramFailed
from release.steps import on_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from release.console import Console
    from release.index import IndexFile
    from release.intent import Intent
    from release.plan import Plan
    from release.world import World

SETTLE = 10.0  # seconds in which an upload that was on its way, or begun since, turns up


def abandon(intent: Intent, world: World, console: Console) -> Plan:
    """Give an accepted release up; possible exactly while none of its files is on the index."""
    plan = intent.plan
    refuse_if_seen(plan, world)
    hint = (
        f"the same command continues: nox -s publish_release -- --abandon{world.again}\n"
        f"or finish it: nox -s publish_release -- --resume{world.again}"
    )
    with unfinished_on_error(world, console, hint=hint):
        with console.step(f"Take {plan.title} over: nobody else goes on with it"):
            intent = take_over(intent, world)
        with console.step("See that no file of it turns up on the index") as line:
            line.note("an upload may be on its way, and a listing lag")
            until = time.monotonic() + settling(world.index.patience)
            while time.monotonic() < until:
                time.sleep(1)
                refuse_if_seen(plan, world, Unfinished)
        with console.step(f"Abandon {plan.title}"):
            clear(intent, world)
    return plan


def settling(patience: float) -> float:
    """Return how many seconds to look: for longer than anybody believes that it goes on."""
    return max(2 * FRESH, min(SETTLE, patience))


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
    """Raise `refusal` when others may have seen this release: its files, or a tag of it."""
    hint = f"finish it: nox -s publish_release -- --resume{world.again}" + "".join(
        f"\nthen, if it is bad: {one}" for one in yank_commands(plan, world)
    )
    listed = [(one, world.index.files(one.name)) for one in plan.all]
    if own := [name for one, files in listed for name in published(one, files, world)]:
        are = "are" if len(own) > 1 else "is"
        words = f"{plan.title} can't be abandoned: {', '.join(own)} {are} on the index for good"
        if others := foreign(listed, own):
            words += f"; nor finished: {', '.join(others)} has other bytes there"
            raise refusal(words, dead_end(plan, world))
        raise refusal(words, hint)
    for tag in plan.tags:
        if world.git.remote_tag(tag) == plan.commit:  # on another one it isn't ours
            words = f"{plan.title} can't be abandoned: others may have seen {tag}"
            raise refusal(f"{words} on {world.git.remote}", hint)


def foreign(listed: Iterable[tuple[Plan, Iterable[IndexFile]]], own: Collection[str]) -> list[str]:
    """Return the names of files of these versions that the index has, and that aren't `own`."""
    names = (
        file.filename for one, files in listed for file in files if file.version == one.version
    )
    return sorted({*names} - {*own})


def published(plan: Plan, files: Iterable[IndexFile], world: World) -> list[str]:
    """Return the names of one package's own files that are among `files` of the index."""
    there = on_index(plan, files, world)
    return [one.filename for one in plan.distributions if there.get(one.filename) in one.builds]
