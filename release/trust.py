"""Whether to believe that a release was begun, or made, as somebody says.

Anyone who can push could have written an intent. So nothing in it is believed that can't be
derived again: its base must be on the branch, its commit must be what this code makes of base and
version, and its files are built anew and compared.
"""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from release import Problem, Refused, ReleaseError
from release.changes import made, tools
from release.checks import unfinished
from release.plan import recorded
from release.process import ProgramFailed
from release.project import Project
from release.version import PARTS, Bump, next_version, remade
from release.worktree import tree_with
from release.world import TAGS, today

if TYPE_CHECKING:
    from packaging.version import Version

    from release.git import Git
    from release.intent import Intent
    from release.plan import Plan
    from release.world import Facts, World

# Nothing but a signature may follow a tag's message (git's gpg-interface.c knows these four).
SIGNATURE = re.compile(
    r"-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----\n"
    r"(\w+: .*\n)*\n?([A-Za-z0-9+/=]+\n)+-----END \1-----\n*\Z"
)


def derived(
    project: Project, base: str, version: Version, tag: str, day: date, git: Git
) -> tuple[str, list[str]]:
    """Return tree and parents that the commit of a release has, by this code's own account."""
    edits = made(project, base, version, git, tag, day)
    return tree_with(git, base, edits), [base] if edits else git.parents(base)


def released_before(bump: Bump, facts: Facts, world: World) -> tuple[str, str] | None:
    """Return tag and commit of the release that `bump` made of HEAD before, if that is all done.

    HEAD may still be its base, or its commit already. A command typed again because its process
    was killed at the very end must not make another release. Where HEAD is the merge of that
    release into a branch that had moved on, the command could mean either: `Refused`.
    """
    git = world.git
    with suppress(ReleaseError):  # a check says so
        git.deepen()
    head = _below_next_dev(git, git.resolve("HEAD"))
    parents = git.parents(head)
    bases = [head, *parents[:1], *(base for one in parents[1:2] for base in git.parents(one)[:1])]
    for base in bases:
        tag, commit = _released(base, bump, facts, world)
        if tag and head in {base, commit}:
            return tag, commit
        if tag and parents[1:] == [commit]:
            if not (others := git.commits_between(commit, parents[0])):
                return tag, commit
            raise Refused((_released_and_merged(tag, others, bump, facts, world),))
    return None


def _below_next_dev(git: Git, head: str) -> str:
    """Return the parent of a commit that changes nothing but to the next development version."""
    with suppress(ReleaseError, ValueError):  # it has no version, or not one parent
        (parent,) = git.parents(head)
        project = Project.at(git, head)
        if project.config.next_dev:
            edits = made(Project.at(git, parent), parent, project.version, git)
            tree = tree_with(git, parent, edits)
            return parent if edits and tree == git.tree(head) else head
    return head


def _released(base: str, bump: Bump, facts: Facts, world: World) -> tuple[str, str]:
    """Return tag and commit of what `bump` made of `base`, where remote and index have it all."""
    git, version = world.git, None
    with suppress(ReleaseError):  # nothing can be made of it
        project = Project.at(git, base)
        if project.vcs and project.version in facts.taken:
            project = Project.at(git, base, before=project.version)
        version = _made(project, bump, facts)
    if version is None:
        return "", ""
    tag = project.tag_style(git.tags() or facts.tags).write(version)
    if TAGS + tag not in facts.refs:
        return "", ""
    commit, message = git.fetch_tag(tag)
    files = [file for file in facts.files if file.version == version]
    there = {file.filename: world.index.sha256_of(file) for file in files}
    if recorded(message) != there or base not in {commit, *git.parents(commit)}:
        return "", ""
    days = _days(commit, git)
    found = (git.tree(commit), git.parents(commit))
    days = _days(commit, git)
    is_it = any(derived(project, base, version, tag, day, git) == found for day in days)
    return (tag, commit) if is_it else ("", "")


def _days(commit: str, git: Git) -> list[date]:
    """Return the days that a release can have which made this commit: the changelog says one.

    The day is decided just before the commit, whose author's time stays what it is; midnight (UTC)
    may have come in between.
    """
    day = datetime.fromtimestamp(git.authored(commit), timezone.utc).date()
    return [day, day - timedelta(days=1)]


def _made(project: Project, bump: Bump, facts: Facts) -> Version | None:
    """Return the highest version on the index that `bump` makes of the project, if there is one."""
    known, scheme = facts.known(project), project.config.scheme
    for version in sorted(facts.taken, reverse=True):
        if remade(version, project.version, bump, known, scheme) == version:
            return version
    return None


def _released_and_merged(tag: str, others: int, bump: Bump, facts: Facts, world: World) -> Problem:
    """Say that the command has been done, and how to release what came to the branch meanwhile."""
    project = Project.at(world.git, "HEAD")
    calendar = project.config.calendar(today())
    again = bump if bump.target in PARTS else Bump(target="current" if calendar else "patch")
    version = next_version(project.version, again, facts.known(project), calendar)
    commits = "a commit that it doesn't" if others == 1 else f"{others} commits that it doesn't"
    return Problem(
        f"{tag} was released from this command already, and {facts.branch} has {commits}",
        f"to release those say the version: nox -s publish_release -- {version}{world.again}",
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
    project = Project.at(git, plan.base, plan.folder, before=plan.version)
    if project.vcs and (problem := world.other_tags(project, facts, but=plan.tag)):
        raise Refused((problem,))
    tag = _tag(plan, project, facts, git)
    tree, parents = derived(project, plan.base, plan.version, tag, plan.day, git)
    is_commit_like = (git.tree(plan.commit), git.parents(plan.commit)) == (tree, parents)
    said = git.message(plan.commit) if is_commit_like and plan.commit != plan.base else plan.message
    by = f" (made by {' and '.join(tools(project))} here)" * bool(tools(project))
    said_and_derived = {
        "name": (plan.name, project.name),
        "previous version": (plan.previous, project.version),
        "version": (plan.version, _bumped(plan, project, facts)),
        "next development version": (plan.next_dev, project.next_dev(plan.version)),
        "branch": (plan.branch, facts.branch),
        "message": (plan.message, project.message(plan.version)),
        "tag": (plan.tag, tag),
        "commit": (plan.commit, plan.commit if is_commit_like else f"a commit of {tree}{by}"),
        "commit's message": (said, said if plan.is_message(said) else plan.message),
        "tag object": (
            _tagged(git, plan),
            [f"object {plan.commit}", "type commit", f"tag {plan.tag}", "tagger"],
        ),
        "tag message": (_told(git, plan), plan.tag_message(plan.distributions)),
        "files": (_files(plan), {(canonicalize_name(plan.name), plan.version)}),
    }
    return [
        f"its {what} is {said!s}, not {wanted!s}"
        for what, (said, wanted) in said_and_derived.items()
        if said != wanted
    ]


def _tag(plan: Plan, project: Project, facts: Facts, git: Git) -> str:
    """Return the plan's own tag if it is one that a clone with other tags would derive."""
    for names in ([plan.tag], git.tags() or facts.tags):
        tag = project.tag_style(names).write(plan.version)
        if tag == plan.tag:
            break
    return tag


def _bumped(plan: Plan, project: Project, facts: Facts) -> Version | None:
    """Return the version that the recorded bump makes, before this release was there."""
    with suppress(ReleaseError):
        bump, known = Bump.parse(plan.bump), facts.known(project)
        return remade(plan.version, project.version, bump, known, project.config.scheme)
    return None


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
    """Return the header of the tag object, without who tagged it and when."""
    try:
        header = git("cat-file", "tag", plan.tag_object).partition("\n\n")[0]
    except ReleaseError:
        return []
    return re.sub(r"(?m)^tagger .*", "tagger", header).splitlines()


def _told(git: Git, plan: Plan) -> str:
    """Return the message of the tag object, without its signature."""
    try:
        text = git.raw("cat-file", "tag", plan.tag_object).decode("utf-8", "replace")
    except ReleaseError:
        return ""
    return SIGNATURE.sub("", text.partition("\n\n")[2])
