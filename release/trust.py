"""Whether to believe that a release was begun, or made, as somebody says.

Anyone who can push could have written an intent. So nothing in it is believed that can't be
derived again: its base must be on the branch, its commit must be what this code makes of base and
version, and its files are built anew and compared.
"""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from release import Problem, Refused, ReleaseError
from release.arguments import WAIVABLE
from release.changes import days_of, made_together, tools
from release.checks import unfinished
from release.git import TAGS
from release.packages import chosen_projects
from release.plan import recorded
from release.process import ProgramFailed
from release.project import Project, message
from release.version import PARTS, Bump, next_version, remade
from release.worktree import tree_with
from release.world import today

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from packaging.version import Version

    from release.configuration import Configuration
    from release.git import Git
    from release.intent import Intent
    from release.plan import Plan
    from release.world import Facts, Subject, World

Compared: TypeAlias = "tuple[str, object, object]"  # what it is, as it is said, and as it must be
# What the packages of one release have in common.
OF_ALL = (
    "bump",
    "base",
    "branch",
    "message",
    "day",
    "repository",
    "commit",
    "waived",
    "acknowledged",
)
# Nothing but a signature may follow a tag's message (git's gpg-interface.c knows these four).
SIGNATURE = re.compile(
    r"-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----\n"
    r"(\w+: .*\n)*\n?([A-Za-z0-9+/=]+\n)+-----END \1-----\n*\Z"
)


def derived(
    releases: Sequence[tuple[Project, Version, str]], base: str, day: date, git: Git
) -> tuple[str, list[str]]:
    """Return tree and parents that the commit of a release has, by this code's own account."""
    edits = made_together(releases, base, git, day)
    return tree_with(git, base, edits), [base] if edits else git.parents(base)


def released_before(
    bump: Bump, subjects: Sequence[Subject], world: World
) -> tuple[tuple[str, ...], str] | None:
    """Return tags and commit of the release that `bump` made of HEAD before, if that is all done.

    HEAD may still be its base, or its commit already. A command typed again because its process
    was killed at the very end must not make another release. Where HEAD is the merge of that
    release into a branch that had moved on, the command could mean either: `Refused`.
    """
    git, refs = world.git, subjects[0][1].refs
    with suppress(ReleaseError):  # a check says so
        git.deepen()
    here = git.resolve("HEAD")
    head = _below_next_dev([project for project, _ in subjects], git, here)
    parents = git.parents(head)
    below = [*parents[:1], *(base for one in parents[1:2] for base in git.parents(one)[:1])]
    tagged = {id_ for ref, id_ in refs.items() if ref.startswith(TAGS)}
    for base in [head, *(below if tagged & {head, *parents[1:]} else ())]:
        tags, commit = _released(base, bump, subjects, world, here)
        if tags and head in {base, commit}:
            return tags, commit
        if tags and parents[1:] == [commit]:
            if not (others := git.count_since(commit, parents[0])):
                return tags, commit
            raise Refused((_released_and_merged(tags, others, bump, subjects[0], world),))
    return None


def _below_next_dev(projects: Iterable[Project], git: Git, head: str) -> str:
    """Return the parent of a commit that changes nothing but to the next development version."""
    with suppress(ReleaseError, ValueError):  # it has no version, or not one parent
        (parent,) = git.parents(head)
        if any(project.config.next_dev for project in projects):
            before = [Project.at(git, parent, project.folder) for project in projects]
            moving = [(one, to.version, "") for one, to in zip(before, projects, strict=True)]
            edits = made_together(moving, parent, git)
            return parent if edits and tree_with(git, parent, edits) == git.tree(head) else head
    return head


def _released(
    base: str, bump: Bump, subjects: Sequence[Subject], world: World, here: str
) -> tuple[tuple[str, ...], str]:
    """Return tags and commit of what `bump` made of `base`, where remote and index have it all.

    The subjects are as they are `here`.
    """
    git, releases = world.git, []
    nothing: tuple[tuple[str, ...], str] = ((), "")
    for subject, facts in subjects:
        version = None
        with suppress(ReleaseError):  # nothing can be made of it
            project = subject if base == here else Project.at(git, base, subject.folder)
            if project.vcs and project.version in facts.taken:
                project = Project.at(git, base, subject.folder, before=project.version)
            version = _made(project, bump, facts)
        if version is None:
            return nothing
        releases.append((project, version, _tag(project, version, facts, git)))
    found = {tag: git.fetch_tag(tag) for *_, tag in releases if TAGS + tag in subjects[0][1].refs}
    commits = {commit for commit, _ in found.values()}
    if len(commits) != 1 or any(tag not in found for *_, tag in releases):
        return nothing
    (commit,) = commits
    there: dict[str, dict[str, str]] = {tag: {} for tag in found}
    for (_, version, tag), (_, facts) in zip(releases, subjects, strict=True):
        files = [file for file in facts.files if file.version == version]
        there[tag] |= {file.filename: world.index.sha256_of(file) for file in files}
    told = {tag: recorded(text) for tag, (_, text) in found.items()}
    if told != there or base not in {commit, *git.parents(commit)}:
        return nothing
    made = (git.tree(commit), git.parents(commit))
    is_it = any(derived(releases, base, day, git) == made for day in days_of(commit, git))
    return (tuple(found), commit) if is_it else nothing


def _tag(project: Project, version: Version, facts: Facts, git: Git) -> str:
    return project.tag_style(git.tags() or facts.tags).write(version)


def _made(project: Project, bump: Bump, facts: Facts) -> Version | None:
    """Return the highest version on the index that `bump` makes of the project, if there is one."""
    others, scheme = {*facts.known(project)}, project.config.scheme
    for version in sorted(facts.taken, reverse=True):
        others.remove(version)
        if remade(version, project.version, bump, others, scheme) == version:
            return version
        others.add(version)
    return None


def _released_and_merged(
    tags: Iterable[str], others: int, bump: Bump, subject: Subject, world: World
) -> Problem:
    """Say that the command has been done, and how to release what came to the branch meanwhile."""
    project, facts = subject
    calendar = project.config.calendar(today())
    again = bump if bump.target in PARTS else Bump(target="current" if calendar else "patch")
    version = next_version(project.version, again, facts.known(project), calendar)
    commits = "a commit that it doesn't" if others == 1 else f"{others} commits that it doesn't"
    return Problem(
        f"{', '.join(tags)} was released from this command already, and {facts.branch} has "
        + commits,
        f"to release those say the version: nox -s publish_release -- {version}{world.again}",
    )


def accept(
    intent_id: str, asked: tuple[Bump, Sequence[str]] | None, facts: Facts, world: World
) -> Intent:
    """Return the unfinished release, if it is what was `asked` here (None: whatever it is).

    That is a bump of the packages in folders. Raises `Refused` when it is another release, and
    `ReleaseError` when it can't be believed.
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
    if asked and not (_is_what(plan, *asked) and _is_begun_here(plan, git)):
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


def _is_what(plan: Plan, bump: Bump, folders: Sequence[str]) -> bool:
    return str(bump) == plan.bump and [one.folder for one in plan.all] == [*folders]


def _is_begun_here(plan: Plan, git: Git) -> bool:
    """Say whether HEAD is what the release is made from, or contains the release commit."""
    head = git.resolve("HEAD")
    with suppress(ProgramFailed):  # there is no such commit
        return head == plan.base or (
            plan.commit != plan.base and git.is_ancestor(plan.commit, head)
        )
    return False


def _differences(plan: Plan, facts: Facts, world: World) -> list[str]:
    """Compare what the intent says with what follows from its base and versions."""
    git = world.git
    git.fetch(f"refs/heads/{facts.branch}")
    if not git.is_ancestor(plan.base, facts.tip):
        return [f"its base {plan.base[:9]} is not on {facts.branch}"]
    projects = [Project.at(git, plan.base, one.folder, before=one.version) for one in plan.all]
    for project in projects:
        if project.vcs and (problem := world.other_tags(project, facts, but=plan.tags)):
            raise Refused((problem,))
    releases = [
        (project, one.version, _believable_tag(one, project, facts, git))
        for one, project in zip(plan.all, projects, strict=True)
    ]
    pairs = _of_the_commit(plan, releases, facts, git)
    known = world.facts_about([one.name for one in plan.all], facts)
    if problems := [problem for its in known for problem in its.problems]:
        raise Refused(tuple(dict.fromkeys(problems)))
    for one, release, its_facts in zip(plan.all, releases, known, strict=True):
        pairs += [*_of_a_package(one, plan, *release, its_facts), *_of_a_tag(one, plan, git)]
    return [
        f"its {what} is {said!s}, not {wanted!s}" for what, said, wanted in pairs if said != wanted
    ]


def _of_the_commit(
    plan: Plan, releases: Sequence[tuple[Project, Version, str]], facts: Facts, git: Git
) -> list[Compared]:
    tree, parents = derived(releases, plan.base, plan.day, git)
    is_like = (git.tree(plan.commit), git.parents(plan.commit)) == (tree, parents)
    said = git.message(plan.commit) if is_like and plan.commit != plan.base else plan.message
    own = dict.fromkeys(tool for project, *_ in releases for tool in tools(project))
    by = f" (made by {' and '.join(own)} here)" * bool(own)
    projects = [(project, version) for project, version, _ in releases]
    return [
        ("choice of packages", [one.folder for one in plan.all], _together(plan, git)),
        ("branch", plan.branch, facts.branch),
        ("message", plan.message, message(projects)),
        ("commit", plan.commit, plan.commit if is_like else f"a commit of {tree}{by}"),
        ("commit's message", said, said if plan.is_message(said) else plan.message),
        ("waivers", plan.waived, tuple(name for name in plan.waived if name in WAIVABLE)),
        ("acknowledgements", plan.acknowledged, _vouched(plan, releases[0][0].config)),
    ]


def _vouched(plan: Plan, config: Configuration) -> tuple[str, ...]:
    """Return what somebody vouches for, as it must be said; by whom can't be derived."""
    wanted = config.acknowledge if plan.acknowledged else ()
    rows = [*plan.acknowledged, *[""] * len(wanted)]
    return tuple(
        row if row.isprintable() and re.fullmatch(rf"{re.escape(text)} \(.+\)", row) else text
        for text, row in zip(wanted, rows, strict=False)
    )


def _together(plan: Plan, git: Git) -> list[str] | str:
    """Return the folders of all packages that have to go together where these do, in order."""
    try:
        wanted = [one.folder or "." for one in plan.all]
        return [project.folder for project in chosen_projects(git, plan.base, wanted, "")]
    except ReleaseError as error:
        return str(error)


def _of_a_package(
    one: Plan, plan: Plan, project: Project, version: Version, tag: str, facts: Facts
) -> list[Compared]:
    shared = [(key, getattr(one, key), getattr(plan, key)) for key in OF_ALL]
    return [
        ("name", one.name, project.name),
        ("previous version", one.previous, project.version),
        ("version", one.version, _bumped(one, project, facts)),
        ("next development version", one.next_dev, project.next_dev(version)),
        ("tag", one.tag, tag),
        ("files", _files(one), {(canonicalize_name(one.name), one.version)}),
        *shared,
    ]


def _of_a_tag(one: Plan, plan: Plan, git: Git) -> list[Compared]:
    header = [f"object {one.commit}", "type commit", f"tag {one.tag}", "tagger"]
    return [
        ("tag object", _tagged(git, one), header),
        ("tag message", _told(git, one), plan.tag_message(plan.files_of(one.tag))),
    ]


def _believable_tag(plan: Plan, project: Project, facts: Facts, git: Git) -> str:
    """Return the plan's tag, if it is in a style that a clone with other tags would derive."""
    is_in_style = plan.tag == project.tag_style([plan.tag]).write(plan.version)
    return plan.tag if is_in_style else _tag(project, plan.version, facts, git)


def _bumped(plan: Plan, project: Project, facts: Facts) -> Version | None:
    """Return the version that the recorded bump makes, before this release was there."""
    with suppress(ReleaseError):
        bump, others = Bump.parse(plan.bump), facts.known(project) - {plan.version}
        return remade(plan.version, project.version, bump, others, project.config.scheme)
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
    """Return the header of the tag object without who made it and when."""
    try:
        header = git("cat-file", "tag", plan.tag_object).partition("\n\n")[0]
    except ReleaseError:
        return []
    return re.sub(r"(?m)^tagger .*", "tagger", header).splitlines()


def _told(git: Git, plan: Plan) -> str:
    """Return the message of the tag object without its signature."""
    try:
        text = git.raw("cat-file", "tag", plan.tag_object).decode("utf-8", "replace")
    except ReleaseError:
        return ""
    return SIGNATURE.sub("", text.partition("\n\n")[2])
