"""What is left to do once the intent is recorded: steps that look before they act.

A step isn't written down when it is done. `look` asks the index or the remote, and that one answer
is the resume logic, the check that an action had its effect, and what is shown.
"""

from __future__ import annotations

import operator
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from release import ReleaseError, attestations, pages
from release.announcement import announce, released
from release.archives import some
from release.checkout import follow, followed
from release.index import IndexUnreadable
from release.landing import (
    Landing,
    delete_release_branch,
    propose,
    proposed,
    push,
    pushed,
    see_merged,
    titles,
)
from release.pages import stories
from release.process import ProgramFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from release.console import Console, Line
    from release.forge import Page
    from release.git import Git
    from release.index import IndexFile
    from release.intent import Intent
    from release.landing import Watch
    from release.pages import Story
    from release.plan import Distribution, Plan, Release
    from release.world import World

Seen = TypeVar("Seen")
SEE = "See every file{} on the index"
POLL = 2.0  # seconds between two looks at what an index lists


@dataclass(frozen=True, kw_only=True)
class Step(Generic[Seen]):
    """A change of the world: `look` at it, `done` says whether it is so already, `do` makes it so.

    What was seen serves all three; whatever comes later is looked at again.
    """

    title: str
    look: Callable[[], Seen]
    do: Callable[[Seen, Line], object]
    done: Callable[[Seen], bool] = bool
    hold: Callable[[Seen], object] = lambda _: None  # raises when it isn't ours to do any more
    is_seen_at_once: bool = False

    def is_done(self) -> bool:
        """Look whether it is so."""
        return self.done(self.look())


class Reopened(ReleaseError):
    """The release was given up while a file was on its way, and is recorded again."""


def take(step: Step[Any], console: Console) -> None:
    """Do a step unless it is done; where that is seen at once, insist on seeing it."""
    with console.step(step.title) as line:
        seen = step.look()
        if step.done(seen):
            line.remark = "already so"
            return
        try:
            step.hold(seen)
            step.do(seen, line)
        except Reopened:
            raise
        except ReleaseError:
            # An answer may get lost on its way, and another machine may have been faster.
            with suppress(IndexUnreadable):  # then what went wrong first says more
                if step.is_done():
                    return
            raise
        if step.is_seen_at_once and not step.is_done():
            raise ReleaseError(f"{step.title}: no error was reported, but it isn't so")


def steps(watch: Watch, dist: Path) -> list[Step[Any]]:
    """Return what makes the world agree with the intent, in order; `dist` has the built files."""
    intent, world, plan = watch.intent, watch.world, watch.intent.plan
    return [
        *(step for one in plan.all for step in uploads(one, one.distributions, dist, world, watch)),
        *landings(watch),
        following(plan.tags, plan.commit, plan.branch, world.git, watch.lately),
        *(step for story in stories(plan, world) for step in telling(story, dist, watch)),
        Step(
            title=f"Clear the intent {world.intent.name}",
            look=watch.landing,
            done=lambda seen: seen.intent_id != intent.id,
            do=partial(watch.change, clear, intent, world),
            is_seen_at_once=True,
        ),
    ]


def telling(story: Story, dist: Path, watch: Watch) -> list[Step[Page | None]]:
    """Return the steps that tell users of a release, on its page on GitHub."""

    def step(
        title: str,
        done: Callable[[Story, Page | None], bool],
        do: Callable[[Story, Page | None], object],
    ) -> Step[Page | None]:
        return Step(
            title=title,
            look=lambda: story.page,
            done=partial(done, story),
            do=lambda page, _line: do(story, page),
            hold=lambda _: must_hold(watch),
            is_seen_at_once=True,
        )

    to_draft, to_fill, to_publish = pages.titles(story.tag)
    return [
        step(to_draft, pages.drafted, pages.draft),
        step(to_fill, pages.filled, partial(pages.fill, dist=dist)),
        step(to_publish, pages.published, pages.publish),
    ]


def landings(watch: Watch) -> list[Step[Landing]]:
    """Return the steps that bring branch and tag to the remote."""
    plan, world = watch.intent.plan, watch.world

    def look() -> Landing:
        if world.by_pull_request:  # another machine may just have deleted the release branch
            watch.look()
        return watch.landing()

    def step(
        title: str,
        done: Callable[[Landing], bool],
        do: Callable[[Plan, World, Landing], object],
    ) -> Step[Landing]:
        return Step(
            title=title,
            look=look,
            done=done,
            do=lambda seen, _line: watch.change(do, plan, world, seen),
            hold=lambda seen: insist_on(watch.intent, seen.intent_id, world),
            is_seen_at_once=True,
        )

    if world.by_pull_request:
        to_push, to_see = titles(plan, world)
        return [step(to_push, proposed, propose), step(to_see, pushed, see_merged)]
    (to_push,) = titles(plan, world)
    return [step(to_push, pushed, push)]


def must_hold(watch: Watch | None) -> None:
    """Raise `ReleaseError` when the remote has another intent by now, or none; None needs none."""
    if watch:
        insist_on(watch.intent, watch.lately().get(watch.world.intent.name), watch.world)


def insist_on(intent: Intent, there: str | None, world: World) -> None:
    """Raise `ReleaseError` when what is `there` on the remote is another intent, or none.

    A file may have been on its way when somebody abandoned the release. Then it is recorded again,
    because what is on the index must have its commit on the remote.
    """
    plan = intent.plan
    if there == intent.id:
        return
    if there is None and is_half_published(plan, world):
        world.intent.write(plan)
        raise Reopened(
            f"{plan.title} was abandoned while a file of it was on its way to the index; "
            f"{world.intent.name} is recorded again"
        )
    raise ReleaseError(
        f"the intent {world.intent.name} isn't that of {plan.title} any more: "
        "somebody has finished, continued or abandoned the release meanwhile",
        f"git ls-remote {world.git.remote}",
    )


def is_half_published(plan: Plan, world: World) -> bool:
    """Say whether the index has a file of this release while the remote lacks a tag."""
    for package in plan.all:
        files = world.index.files(package.name)
        if any(world.index.has(one, files) for one in package.distributions):
            return not all(world.git.remote_tag(tag) for tag in plan.tags)
    return False


# Upload, and see it there


def named(name: str, folder: str) -> str:
    """Return what the titles of steps say of a package below the top, which may be one of many."""
    return f" of {name}" if folder else ""


def uploads(
    package: Release,
    distributions: Sequence[Distribution],
    dist: Path,
    world: World,
    watch: Watch | None = None,
) -> list[Step[Any]]:
    """Return the steps that bring files to the index: one wheel, the other wheels, the sdist.

    The first file creates the release on the index. The sdist comes last, so that there is no
    moment in which an installer finds nothing but source.
    """
    name, wheels = package.name, [one for one in distributions if one.is_wheel]
    groups = [wheels[:1], wheels[1:], [one for one in distributions if not one.is_wheel]]
    titles = [group[0].filename if len(group) == 1 else f"{len(group)} wheels" for group in groups]
    return [
        *(
            Step(
                title=f"Upload {title}",
                look=partial(missing, name, group, world),
                done=operator.not_,
                do=partial(upload, name, dist, world, watch),
            )
            for title, group in zip(titles, groups, strict=True)
            if group
        ),
        Step(
            title=SEE.format(named(name, package.folder)),
            look=partial(unseen, name, distributions, world),
            done=operator.not_,
            do=lambda _, line: wait_until_listed(name, distributions, world, line),
            hold=lambda _: must_hold(watch),
        ),
        *verification(package, attestations.attested(distributions, dist), world),
    ]


def verification(
    package: Release, attested: Sequence[Distribution], world: World
) -> list[Step[IndexUnreadable | None]]:
    """Return the step that verifies what the index serves with files that this run has signed."""
    look, index = partial(attestations.unread, package, attested, world), world.index
    step = Step(
        title=attestations.VERIFY.format(named(package.name, package.folder)),
        look=look,
        done=operator.not_,
        do=lambda _, line: wait_while(look, index.patience, line, pause=min(POLL, index.silence)),
    )
    return [step] * bool(attested)


def missing(name: str, distributions: Iterable[Distribution], world: World) -> list[Distribution]:
    """Return the files that the index doesn't list; one with other bytes is a `ReleaseError`."""
    files = world.index.files(name)
    return [one for one in distributions if not world.index.has(one, files)]


def on_index(plan: Plan, files: Iterable[IndexFile], world: World) -> dict[str, str]:
    """Return the sha256 of what `files` of the index have under the names of a plan's files."""
    names = {one.filename for one in plan.distributions}
    return {one.filename: world.index.sha256_of(one) for one in files if one.filename in names}


def upload(
    name: str,
    dist: Path,
    world: World,
    watch: Watch | None,
    wanted: Sequence[Distribution],
    line: Line,
) -> None:
    """Send the files that the index lacks, several at once; each try only while the intent is ours.

    What has been sent isn't left alone: whoever comes next sees whether it still is.
    """
    move = line.bar({one.filename: one.size for one in wanted})

    def send(one: Distribution) -> None:
        path, moved = dist / one.filename, partial(move, one.filename)
        world.index.upload(path, name, one, moved, partial(must_hold, watch))

    with ThreadPoolExecutor(max_workers=world.index.uploads) as pool:
        sent = [pool.submit(send, one) for one in wanted]
        try:
            for number, one in enumerate(as_completed(sent), 1):
                one.result()
                line.note(f"{number} of {len(sent)} sent")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # what waits is not sent any more
            raise
    if watch:
        watch.look()


def unseen(name: str, distributions: Sequence[Distribution], world: World) -> ReleaseError | None:
    """Return why the files can't be installed yet, None when the index lists all of them.

    An index is several machines and caches, which may disagree: it is asked twice.
    """
    try:
        absent = missing(name, distributions, world) or missing(name, distributions, world)
    except IndexUnreadable as error:
        return error
    if not absent:
        return None
    return ReleaseError(
        f"{world.index.simple_url} doesn't list {some(one.filename for one in absent)}",
        "indexes lag: continue later; if that never changes, is it the right `index-url`?",
    )


def wait_until_listed(
    name: str, distributions: Sequence[Distribution], world: World, line: Line
) -> None:
    """Wait while the index, which has accepted the files, doesn't list all of them."""
    index, look = world.index, partial(unseen, name, distributions, world)
    wait_while(look, index.patience, line, pause=min(POLL, index.silence))


def wait_while(
    look: Callable[[], ReleaseError | None], seconds: float, line: Line, *, pause: float
) -> None:
    """Wait while `look` returns what isn't so yet; raise that after so many seconds."""
    deadline = time.monotonic() + seconds
    until = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    while problem := look():
        if time.monotonic() > deadline:
            raise problem
        line.wait(f"waiting until {until:%H:%M} UTC: {problem}")
        time.sleep(pause)


# This checkout


def following(
    tags: Sequence[str], commit: str, branch: str, git: Git, ask: Callable[[], Mapping[str, str]]
) -> Step[bool]:
    """Return the step that brings this checkout to a release; `ask` gives the remote's refs."""
    return Step(
        title=f"Bring this checkout to {' and '.join(tags)}",
        look=partial(followed, tags, commit, git),
        do=lambda _, line: come(line, partial(follow, tags, commit, branch, git, ask)),
    )


def come(line: Line, arrive: Callable[[], str]) -> None:
    """Bring this checkout to a release, if that disturbs nothing."""
    line.remark = arrive()


# The intent


def clear(intent: Intent, world: World, seen: Landing, line: Line) -> None:
    """Clear the intent, and delete the release branch, if there is one: it is merged."""
    git, name = world.git, world.intent.name
    line.remark = delete_release_branch(intent.plan, world, seen)
    try:
        if world.intent.clear(intent):  # whoever does it, announces
            said = announce(released(intent.plan, world), world.webhook)
            line.remark = ", ".join(filter(None, [line.remark, said]))
    except ProgramFailed as error:
        raise ReleaseError(
            f"all is done, but {git.remote} doesn't delete the intent {name}:\n"
            + error.output.strip(),
            f"somebody who may delete it: git push {git.remote} :{name}; or allow it, and continue",
        ) from error
