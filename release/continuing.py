"""What a command that stopped says: how the release is continued, given up, or at a dead end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from release import Refused, ReleaseError, Unfinished
from release.agreement import yank_command
from release.index import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.console import Console
    from release.plan import Plan
    from release.world import World


@contextmanager
def unfinished_on_error(
    world: World, console: Console, *, plan: Plan | None = None, hint: str = "", then: str = ""
) -> Iterator[None]:
    """Turn every error but `Refused` into `Unfinished`, which says how the `plan` goes on.

    `then` is what is so afterwards, when somebody stops it there; "": all is done.
    """
    hint = hint or (
        "the same command continues; from another clone: "
        f"nox -s publish_release -- --resume{world.again}\n"
        f"while nothing of it is on the index: nox -s publish_release -- --abandon{world.again}"
    )
    before, console.interrupted = console.interrupted, hint
    try:
        yield
        console.interrupted = then or "all was done before"
    except Refused:
        console.interrupted = before
        raise
    except Unfinished:
        raise
    except Conflict as error:
        raise Unfinished(str(error), dead_end(plan, world) if plan else hint) from error
    except ReleaseError as error:
        raise Unfinished(str(error), "\n".join([*error.hints, hint])) from error
    except Exception as error:
        raise Unfinished(f"the release stopped: {error!r}", hint) from error


def dead_end(plan: Plan, world: World) -> str:
    """Return what is left to do when the index has other bytes under the name of a file."""
    return (
        "an index takes no other bytes under a used name: unless it is mistaken, this release "
        "can't be finished\n"
        f"while nothing of it is on the index: nox -s publish_release -- --abandon{world.again}\n"
        f"else it stays half published: git push {world.git.remote} :{world.intent.name}; "
        f"{'; '.join(yank_commands(plan, world))}; and release a higher version"
    )


def yank_commands(plan: Plan, world: World) -> list[str]:
    """Return the command that yanks each package of a release."""
    if not plan.siblings:
        return [yank_command(plan.version, world.again)]
    return [
        yank_command(one.version, f" --package {one.folder or '.'}{world.there}")
        for one in plan.all
    ]
