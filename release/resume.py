"""A release that was begun before, here or elsewhere: believe it, finish it, or abandon it.

Anyone who can push could have written the intent. So nothing in it is believed that can't be
derived again: its base must be on the branch, its commit must be what this code makes of base and
version, and its files are built anew and compared.
"""

from __future__ import annotations

import re
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from release import Problem, Refused, ReleaseError
from release.agreement import yank_command
from release.checks import unfinished
from release.plan import recorded, release_tag, tag_template
from release.process import ProgramFailed
from release.project import Project
from release.publish import (
    build_and_check,
    dead_end,
    finish,
    insist_on_time,
    unfinished_on_error,
)
from release.steps import missing, steps
from release.tagging import tag_object
from release.version import PARTS, Bump, next_version
from release.worktree import tree_with, worktree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.version import Version

    from release.console import Console
    from release.git import Git
    from release.index import IndexFile
    from release.intent import Intent
    from release.plan import Distribution, Plan
    from release.world import Facts, World

# Nothing but a signature may follow a tag's message (git's gpg-interface.c knows these four).
SIGNATURE = re.compile(
    r"-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----\n"
    r"(\w+: .*\n)*\n?([A-Za-z0-9+/=]+\n)+-----END \1-----\n*\Z"
)
SETTLE = 10.0  # seconds in which an upload that was on its way turns up


# Believe


@dataclass(frozen=True, kw_only=True)
class Derived:
    """What a release of `version` from `base` must look like, by this code's own account."""

    project: Project
    tag: str
    tree: str
    parents: list[str]

    @classmethod
    def of(cls, base: str, version: Version, world: World) -> Derived:
        """Derive tree, parents and tag from a commit and a version."""
        git = world.git
        project = Project.load(partial(git.blob, base))
        edits = project.edits(version)
        template = project.config.tag or tag_template(world.tags(), project.name, project.version)
        return cls(
            project=project,
            tag=template.replace("{version}", str(version)),
            tree=tree_with(git, base, {edit.path: edit.after for edit in edits}),
            parents=[base] if edits else git.parents(base),
        )

    def is_like(self, commit: str, git: Git) -> bool:
        """Say whether `commit` is the release commit that was derived."""
        return (git.tree(commit), git.parents(commit)) == (self.tree, self.parents)


def released_before(bump: Bump, facts: Facts, world: World) -> str | None:
    """Return the tag of the release that `bump` made of HEAD before, if that is all done.

    HEAD may still be its base, or its commit already. A command typed again because its process
    was killed at the very end must not make another release. Where HEAD is the merge of that
    release into a branch that had moved on, the command could mean either: `Refused`.
    """
    git, head = world.git, world.git.resolve("HEAD")
    with suppress(ReleaseError):  # a check says so
        git.deepen()
    parents = git.parents(head)
    bases = [head, *parents[:1], *(base for one in parents[1:2] for base in git.parents(one)[:1])]
    for base in bases:
        tag, commit = _released(base, bump, facts, world)
        if tag and head in {base, commit}:
            return tag
        if tag and parents[1:] == [commit]:
            if not (others := git.commits_between(commit, parents[0])):
                return tag
            raise Refused((_released_and_merged(tag, others, bump, facts, world),))
    return None


def _released(base: str, bump: Bump, facts: Facts, world: World) -> tuple[str, str]:
    """Return tag and commit of what `bump` made of `base`, where remote and index have it all."""
    with suppress(ReleaseError):
        project = Project.load(partial(world.git.blob, base))
        version = next_version(project.version, bump, ())
        if version in facts.taken:
            derived = Derived.of(base, version, world)
            commit, message = world.git.fetch_tag(derived.tag)
            files = [file for file in facts.files if file.version == version]
            there = {file.filename: world.index.sha256_of(file) for file in files}
            if derived.is_like(commit, world.git) and recorded(message) == there:
                return derived.tag, commit
    return "", ""


def _released_and_merged(tag: str, others: int, bump: Bump, facts: Facts, world: World) -> Problem:
    """Say that the command has been done, and how to release what came to the branch meanwhile."""
    current = Project.load(partial(world.git.blob, "HEAD")).version
    again = bump if bump.target in PARTS else Bump(target="patch")
    commits = "a commit that it doesn't" if others == 1 else f"{others} commits that it doesn't"
    return Problem(
        f"{tag} was released from this command already, and {facts.branch} has {commits}",
        "to release those say the version: nox -s publish_release -- "
        f"{next_version(current, again, facts.taken)}{world.again}",
    )


def accept(intent_id: str, bump: Bump | None, facts: Facts, world: World) -> Intent:
    """Return the unfinished release, if it is what `bump` here began (None: whatever it is).

    Raises `Refused` when it is another release, and `ReleaseError` when it can't be believed.
    """
    git = world.git
    with suppress(ReleaseError):  # then the base isn't found on the branch
        git.deepen()
    intent = world.intent.read(intent_id)
    plan = intent.plan
    if plan.repository != world.index.upload_url:
        raise ReleaseError(
            f"{plan.title} was begun on another index: {plan.repository}, not "
            + world.index.upload_url,
            "if that index is yours: "
            f"nox -s publish_release -- --resume --repository {shlex.quote(plan.repository)}",
        )
    if bump and not (str(bump) == plan.bump and _is_begun_here(plan, git)):
        raise Refused((unfinished(world, intent_id),))
    if differences := _differences(plan, facts, world):
        raise ReleaseError(
            f"the intent {world.intent.name} of {intent.author} can't be trusted: "
            + "; ".join(differences),
            f"look at it: git show {intent.id}\n"
            f"if nobody means it, and `nox -s status` finds no file of it on the index: "
            f"git push {git.remote} :{world.intent.name}",
        )
    return intent


def _is_begun_here(plan: Plan, git: Git) -> bool:
    """Say whether HEAD is what the release is made from, or contains the release commit."""
    head = git.resolve("HEAD")
    with suppress(ProgramFailed):  # there is no such commit
        return head == plan.base or (
            plan.commit != plan.base and git.is_ancestor(plan.commit, head)
        )
    return False


def _differences(plan: Plan, facts: Facts, world: World) -> list[str]:
    """Compare what the intent says with what follows from its base and version."""
    git = world.git
    git.fetch(f"refs/heads/{facts.branch}")
    if not git.is_ancestor(plan.base, facts.tip):
        return [f"its base {plan.base[:9]} is not on {facts.branch}"]
    derived = Derived.of(plan.base, plan.version, world)
    project = derived.project
    is_commit_like = derived.is_like(plan.commit, git)
    said = git.message(plan.commit) if is_commit_like and plan.commit != plan.base else plan.message
    said_and_derived = {
        "name": (plan.name, project.name),
        "previous version": (plan.previous, project.version),
        "version": (plan.version, _bumped(plan, project.version, facts)),
        "branch": (plan.branch, facts.branch),
        "message": (plan.message, project.message(plan.version)),
        "tag": (plan.tag, plan.tag if _is_in_style(plan, project) else derived.tag),
        "commit": (plan.commit, plan.commit if is_commit_like else f"a commit of {derived.tree}"),
        "commit's message": (said, said if plan.is_message(said) else plan.message),
        "tag object": (_tagged(git, plan), [plan.commit, "commit", plan.tag]),
        "tag message": (_told(git, plan), plan.tag_message(plan.distributions)),
        "files": (_files(plan), {(canonicalize_name(plan.name), plan.version)}),
    }
    return [
        f"its {what} is {said!s}, not {wanted!s}"
        for what, (said, wanted) in said_and_derived.items()
        if said != wanted
    ]


def _bumped(plan: Plan, previous: Version, facts: Facts) -> Version | None:
    """Return the version that the recorded bump makes, before this release was on the index."""
    try:
        return next_version(previous, Bump.parse(plan.bump), facts.taken - {plan.version})
    except ReleaseError:
        return None


def _is_in_style(plan: Plan, project: Project) -> bool:
    """Say whether the tag is one that a clone with other tags would derive."""
    found = None if project.config.tag else release_tag(plan.tag, project.name)
    return found is not None and plan.tag == f"{found[0]}{plan.version}"


def _files(plan: Plan) -> set[tuple[str, Version]] | str:
    """Return the names and versions of the files, where they are one sdist and wheels."""
    wheels = [one.filename for one in plan.distributions if one.is_wheel]
    sdists = [one.filename for one in plan.distributions if not one.is_wheel]
    if not wheels or len(sdists) != 1:
        return f"{len(wheels)} wheels and {len(sdists)} sdists"
    try:
        return {parse_wheel_filename(name)[:2] for name in wheels} | {
            parse_sdist_filename(name) for name in sdists
        }
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        return str(error)


def _tagged(git: Git, plan: Plan) -> list[str]:
    """Return what the tag object says it tags: id, type and name."""
    try:
        header = git("cat-file", "tag", plan.tag_object).splitlines()[:3]
    except ReleaseError:
        return []
    return [row.partition(" ")[2] for row in header]


def _told(git: Git, plan: Plan) -> str:
    """Return the message of the tag object, without its signature."""
    try:
        text = git.raw("cat-file", "tag", plan.tag_object).decode("utf-8", "replace")
    except ReleaseError:
        return ""
    return SIGNATURE.sub("", text.partition("\n\n")[2])


# Finish


def resume(intent: Intent, world: World, console: Console) -> Plan:
    """Finish an accepted release; files that the index lacks are built again."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        dist = Path(folder)
        with unfinished_on_error(intent.plan.version, world, console):
            intent = rebuild(intent, world, console, dist)
            if not on_index(intent.plan, world):
                insist_it_can_end(intent, world)
            return finish(intent, steps(intent, dist, world), console)


def insist_it_can_end(intent: Intent, world: World) -> None:
    """Ask what was asked when it began, while it may still be abandoned; else `ReleaseError`."""
    try:
        insist_on_time(intent, world)
    except Refused as error:
        raise ReleaseError(str(error), "\n".join(error.hints)) from error


def rebuild(intent: Intent, world: World, console: Console, dist: Path) -> Intent:
    """Build what the index lacks into `dist`, and return an intent that names what will be there.

    Where the backend isn't reproducible, files that the index doesn't list may differ from those
    of the first try. Those may still turn up, so their sha256 is kept.
    """
    plan, git = intent.plan, world.git
    known = {one.filename: one for one in as_listed(plan, world)}
    absent = {one.filename for one in missing(plan.name, known.values(), world)}
    with worktree(git, plan.commit) as here:
        if absent:
            project = Project.load(partial(git.blob, plan.base))
            built = build_and_check(here, project, world, console, dist, plan.version)
            fresh = {one.filename: one for one in built}
            if unbuilt := absent - fresh.keys():
                names = ", ".join(sorted(unbuilt))
                raise ReleaseError(f"building {plan.title} again didn't make {names}")
            known |= {name: known[name].as_built(fresh[name]) for name in absent}
        distributions = tuple(known.values())
        changed = [one.filename for one in distributions if one not in plan.distributions]
        if not changed:
            return intent
        with console.step(f"Record the new sha256 of {', '.join(changed)}") as line:
            line.remark = "the build isn't reproducible"
            tag = tag_object(here, plan.tag, plan.commit, plan.tag_message(distributions))
            plan = replace(plan, distributions=distributions, tag_object=tag)
            return world.intent.write(plan, instead_of=intent)


def as_listed(plan: Plan, world: World) -> list[Distribution]:
    """Return the files of a plan, each as that build of it which the index has."""
    there = on_index(plan, world)
    return [
        one.as_built(one.builds.get(there.get(one.filename, ""), one)) for one in plan.distributions
    ]


def on_index(plan: Plan, world: World) -> dict[str, str]:
    """Return the sha256 of what the index has under the names of a plan's files."""
    names = {one.filename for one in plan.distributions}
    files = [file for file in world.index.files(plan.name) if file.filename in names]
    return {file.filename: world.index.sha256_of(file) for file in files}


# Abandon


def abandon(intent: Intent, world: World, console: Console) -> Plan:
    """Give an accepted release up; possible exactly while none of its files is on the index."""
    plan = intent.plan
    refuse_if_seen(plan, world)
    with console.step(f"Take {plan.title} over: nobody else goes on with it"):
        intent = world.intent.write(plan, instead_of=intent)
    with console.step("See that no file of it turns up on the index") as line:
        line.note("an upload may be on its way, and a listing lag")
        until = time.monotonic() + min(SETTLE, world.index.patience)
        while time.monotonic() < until:
            time.sleep(1)
            refuse_if_seen(plan, world)
    with console.step(f"Abandon {plan.title}"):
        if not world.intent.clear(intent):
            raise ReleaseError(f"the intent {world.intent.name} has changed meanwhile; look again")
    return plan


def refuse_if_seen(plan: Plan, world: World) -> None:
    """Raise `ReleaseError` when others may have seen this release: its files, or its tag."""
    files, git, tag = world.index.files(plan.name), world.git, f"refs/tags/{plan.tag}"
    refs = git.remote_refs(tag, f"{tag}^{{}}")
    hint = (
        f"finish it: nox -s publish_release -- --resume{world.again}\n"
        f"then, if it is bad: {yank_command(plan.version, world.again)}"
    )
    if own := published(plan, files, world):
        message = f"{plan.title} can't be abandoned: {', '.join(own)} is on the index for good"
        if others := {file.filename for file in files if file.version == plan.version} - {*own}:
            message += f"; nor finished: {', '.join(sorted(others))} has other bytes there"
            raise ReleaseError(message, dead_end(plan.version, world))
        raise ReleaseError(message, hint)
    if refs.get(f"{tag}^{{}}", refs.get(tag)) == plan.commit:  # on another one it isn't ours
        raise ReleaseError(
            f"{plan.title} can't be abandoned: others may have seen {plan.tag} on {git.remote}",
            hint,
        )


def published(plan: Plan, files: Iterable[IndexFile], world: World) -> list[str]:
    """Return the names of the release's own files that are among `files` of the index."""
    names = {one.filename for one in plan.distributions}
    there = {world.index.sha256_of(file) for file in files if file.filename in names}
    return [one.filename for one in plan.distributions if one.builds.keys() & there]
