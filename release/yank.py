"""Yank a bad version: people do it on a page of the index, which takes it from no program.

It is done when the index says so of every file; then users are told.
"""

from __future__ import annotations

import operator
import re
import shlex
import webbrowser
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from release import Refused, ReleaseError, Unfinished, UsageError, marking
from release.agreement import Record
from release.continuing import unfinished_on_error
from release.index import IndexUnreadable
from release.marking import Notice
from release.steps import POLL, Step, take, wait_while

if TYPE_CHECKING:
    from collections.abc import Iterable

    from release.console import Console
    from release.index import IndexFile
    from release.project import Project
    from release.world import Facts, World

NEWEST = 5  # versions that are offered instead of one that isn't there
MEANING = "installers skip it unless it is pinned with ==; its files stay"
NOT_FOR = "a leaked secret or malicious code: delete the files there, revoke the secret at once"
NOR_FOR = "wrong metadata or a typo: a successor is enough"
SEEN = "See every file yanked"


@dataclass(frozen=True, kw_only=True)
class Yank:
    """A version to be yanked and why, what users get instead, and where people do it."""

    name: str
    version: Version
    files: tuple[str, ...]  # names
    reason: str  # in one line
    instead: Version | None  # the newest final version that is left
    page: str  # "" where the index has an interface of its own
    shown: str | None  # the reason that the index shows; None: it isn't yanked
    is_vain: bool  # nothing says that this index knows yanking
    is_unfinished: bool

    @property
    def title(self) -> str:
        """Return the name and version that people say."""
        return f"{self.name} {self.version}"

    @property
    def told(self) -> str:
        """Return the reason that users are told, in one line: the index's, where it shows one."""
        return " ".join((self.shown or self.reason).split())

    @property
    def users_get(self) -> str:
        """Return what installers choose once it is yanked."""
        return str(self.instead or "nothing: the index has no other final version")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        instead = self.instead and str(self.instead)
        texts = {"version": str(self.version), "instead": instead, "page": self.page or None}
        return {**vars(self), **texts}


# Decide


def decide(
    text: str, reason: str, project: Project, facts: Facts, world: World, *, is_asked: bool = False
) -> Yank:
    """Return what is to be yanked; who only asks about it, needs no reason.

    Raises `UsageError` for what can't be yanked.
    """
    reason = " ".join(reason.split())
    if not is_asked and not re.search(r"\w", reason):
        raise UsageError(f"{reason!r} is no reason", "installers show it to users: say what breaks")
    if facts.problems:
        raise Refused(facts.problems)
    version = find(text, project.name, facts, world)
    found = record(version, facts.files)
    left = {file.version for file in facts.files if file.version and file.yanked is None}
    finals = (one for one in left - {version} if not one.is_prerelease)
    page = world.index.manage_url(project.name, version)
    return Yank(
        name=project.name,
        version=version,
        files=tuple(file.filename for file in found.files),
        reason=reason,
        instead=max(finals, default=None),
        page=page,
        shown=found.yanked,
        is_vain=not page and all(file.yanked is None for file in facts.files),
        is_unfinished=is_unfinished(version, facts, world),
    )


def notice(yank: Yank, project: Project, facts: Facts, world: World) -> Notice:
    """Return what users are told of it, and where."""
    tagged = project.tagged(facts.tags)
    own = [tag for tag, version in tagged.items() if version == yank.version]
    if yank.is_unfinished and not own:
        own = [project.tag_style(facts.tags).write(yank.version)]
    left = {file.version for file in facts.files if file.yanked is None} - {yank.version}
    heirs = {version: tag for tag, version in tagged.items() if version in left}
    finals = sorted((version for version in heirs if not version.is_prerelease), reverse=True)
    return Notice(
        name=yank.name,
        version=yank.version,
        reason=yank.told,
        instead=yank.instead,
        tags=tuple(own),
        heirs=tuple(heirs[version] for version in finals[:NEWEST]),
        folder=project.folder,
        branch=facts.branch,
        has_changelog=project.changelog is not None,
        is_unfinished=yank.is_unfinished,
        world=world,
    )


def find(text: str, name: str, facts: Facts, world: World) -> Version:
    """Return the version that is meant, as the index has it."""
    newest = ", ".join(map(str, sorted(facts.taken, reverse=True)[:NEWEST]))
    hint = f"the newest there: {newest}" if newest else "is it the right index? see --repository"
    try:
        version = Version(text)
    except ValueError:  # InvalidVersion, or a number longer than Python reads
        raise UsageError(f"{text!r} is no version (PEP 440)", hint) from None
    for one in facts.taken:
        if one == version:
            return one
    raise UsageError(f"{name} {version} isn't on {world.index.simple_url}", hint)


def is_unfinished(version: Version, facts: Facts, world: World) -> bool:
    """Say whether the intent is that of this version on this index.

    A bad release doesn't wait for that, but has to be finished afterwards.
    """
    with suppress(ReleaseError):  # an intent that can't be read is in nobody's way here
        plan = world.intent.read(facts.intent_id).plan if facts.intent_id else None
        there = (version, world.index.upload_url)
        return plan is not None and (plan.version, plan.repository) == there
    return False


def record(version: Version, files: Iterable[IndexFile]) -> Record:
    """Return what the index has of a version."""
    own = tuple(file for file in files if file.version == version)
    return Record(version=version, files=own, tag=None)


def command(version: Version, reason: str, world: World) -> str:
    """Return the command as it was typed."""
    return f"nox -s yank -- {version} --reason {shlex.quote(reason)}{world.again}"


# Show


def show(yank: Yank, notice: Notice, world: World, console: Console) -> None:
    """Print what is going to be yanked, whether that is the remedy, and what happens then."""
    is_yanked = yank.shown is not None
    console.document.update(yank.to_dict(), state="yanked" if is_yanked else "not yanked")
    console.say(yank.title, style="bold")
    console.table(
        {
            "files": ", ".join(yank.files),
            "yanking": f"is for a broken release: {MEANING}",
            "not for": NOT_FOR,
            "nor for": NOR_FOR,
            "users get": yank.users_get,
            "successor": successor(yank, world),
            "reason": yank.reason,
        }
    )
    console.say()
    clicks = [] if is_yanked else [*instructions(yank, world), SEEN]
    for number, text in enumerate([*clicks, *marking.titles(notice)], 1):
        console.say(f"  {number}. {text}")
    if yank.is_vain:
        console.say("\n" + in_vain(yank, world), style="yellow")
    console.say()


def in_vain(yank: Yank, world: World) -> str:
    """Return what there is to do on an index that knows no yanking (PEP 592)."""
    return (
        f"{world.index.simple_url} is not of PyPI's kind, and shows no file of {yank.name} as "
        f"yanked.\nIf it knows no yanking, waiting is in vain: stop it (Ctrl-C), delete the files "
        f"there,\nand release a successor: {'; '.join(successors(yank, world))}"
    )


def successor(yank: Yank, world: World) -> str:
    """Return what users should be offered."""
    if yank.instead and yank.instead > yank.version:
        return f"{yank.instead} is out"
    first = "" if yank.instead else " first, if it can be soon: nothing else is left to install"
    return f"none is out; release the fix{first}: {'; '.join(successors(yank, world))}"


def instructions(yank: Yank, world: World) -> list[str]:
    """Return what people do, in the words of a Warehouse's page."""
    if not yank.page:
        return [f"At {world.index.simple_url}: yank it in the index's own interface"]
    return [
        f"Open {yank.page} as an owner of the project",
        'Press "Yank release", and paste the reason',
        f'Type {yank.version} to confirm, and press "Yank release" again',
    ]


def show_yanked(yank: Yank, notice: Notice, world: World, console: Console) -> None:
    """Print that it is yanked, and how to go on; warn when the index shows another reason."""
    console.document.update(yank.to_dict(), state="yanked", shown=yank.shown)
    console.say(f"{yank.title} is yanked", style="bold green")
    console.table(
        {
            "reason": yank.shown or "none on the index",
            "users get": yank.users_get,
            **({"by hand": left} if (left := marking.by_hand(notice)) else {}),
            "next": "; ".join(successors(yank, world)),
        }
    )
    if " ".join((yank.shown or "").split()) != yank.reason:
        console.say(f"The index doesn't show the reason given here: {yank.reason}", style="yellow")


def successors(yank: Yank, world: World) -> list[str]:
    """Return the commands that come after a yank."""
    release = f"nox -s publish_release -- {{}}{world.again}".format
    first = [release("--resume"), command(yank.version, yank.reason, world)]
    return [*first * yank.is_unfinished, release("patch")]


# Wait


def wait_until_yanked(yank: Yank, world: World, console: Console) -> Yank:
    """Wait while people yank it; return it with the reason that the index then shows."""
    if yank.page and console.asks:
        webbrowser.open(yank.page)
    look = partial(unyanked, yank, world)
    step = Step(
        title=SEEN,
        look=look,
        done=operator.not_,
        do=lambda _, line: wait_while(
            look, world.index.patience, line, pause=min(POLL, world.index.silence)
        ),
    )
    with unfinished_on_error(world, console, hint=hint(yank, world)):
        take(step, console)
        found = record(yank.version, world.index.files(yank.name))
    return replace(yank, shown=found.yanked)


def hint(yank: Yank, world: World) -> str:
    """Return how to go on."""
    again = command(yank.version, yank.reason, world)
    return f"type the same command again to see whether it is done: {again}"


def unyanked(yank: Yank, world: World) -> ReleaseError | None:
    """Return why it isn't yanked yet; None when every file is, and the index says so twice."""
    try:
        names = not_yanked(yank, world) or not_yanked(yank, world)
    except IndexUnreadable as error:
        return error
    if not names:
        return None
    return ReleaseError(f"{world.index.simple_url} doesn't show as yanked: {', '.join(names)}")


def not_yanked(yank: Yank, world: World) -> list[str]:
    """Return the files that the index doesn't list as yanked; a deleted file isn't yanked."""
    files = record(yank.version, world.index.files(yank.name)).files
    there = {file.filename: file.yanked for file in files}
    return [
        *(name for name, reason in there.items() if reason is None),
        *(f"{name} (not there any more)" for name in yank.files if name not in there),
    ]


# Tell users


def tell(yank: Yank, notice: Notice, world: World, console: Console) -> None:
    """Mark what tells the version, and bring this checkout to that."""
    with unfinished_on_error(world, console, hint=hint(yank, world)):
        for step in marking.marks(notice):
            take(step, console)
        if notice.has_changelog:
            take(marking.following(notice), console)


def check(yank: Yank, notice: Notice, world: World, console: Console) -> None:
    """Print what is as it should be; `Unfinished` when something isn't."""
    with unfinished_on_error(world, console, hint=hint(yank, world)):
        found = {step.title: step.is_done() for step in marking.marks(notice)}
    found = {SEEN: yank.shown is not None, **found}
    is_done = all(found.values())
    console.document.update(yank.to_dict(), state="yanked" if found[SEEN] else "not yanked")
    console.document["marks"] = [{"title": one, "done": done} for one, done in found.items()]
    console.say(yank.title, style="bold")
    for title, done in found.items():
        console.say(f"{console.tick if done else console.arrow:>3} {title}")
    if left := marking.by_hand(notice):
        console.say(f"    by hand: {left}")
    if not is_done:
        again = command(yank.version, yank.reason or yank.shown or "…", world)
        raise Unfinished(f"{yank.title} isn't yanked, or not everywhere marked as such", again)
