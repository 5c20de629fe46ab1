"""What a release changes in the tree: the version, the changelog, and what the project's tools do.

The same commit, version, tag and day make the same edits on every machine, so that somebody else
can derive a release again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from release import ReleaseError
from release.commands import printed, written
from release.edits import Edit
from release.notes import Notes, from_commits
from release.packages import excluding, packages, pins
from release.project import Project
from release.snapshot import Snapshot, below
from release.worktree import difference, tree_with, worktree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.version import Version

    from release.git import Git
    from release.packages import Package
    from release.places import Place
    from release.plan import Draft, Plan, Release

SUBJECTS = 500  # the newest commits that notes tell
NEAREST = 3  # tags that are tried before git lists all that a commit contains


def changed(
    draft: Draft,
    projects: Sequence[Project],
    git: Git,
    moved: Iterable[tuple[Project, Version]] = (),
) -> Draft:
    """Complete a decision with what the release changes, and tells its users.

    Others have `moved` to versions that these projects may require.
    """
    releases = [
        (project, one.version, one.tag) for one, project in zip(draft.all, projects, strict=True)
    ]
    edits = made_together(releases, draft.base, git, draft.day, moved)
    known = packages(Snapshot(git=git, commit=tree_with(git, draft.base, edits)))
    told = [
        replace(
            one,
            notes=_drafted(one, project, edits, git),
            stale=(*one.stale, *(left_behind(one.name, one.version, known) if one.tag else ())),
        )
        for one, project in zip(draft.all, projects, strict=True)
    ]
    return replace(told[0], edits=edits, siblings=tuple(told[1:]))


def left_behind(name: str, version: Version, known: Mapping[str, Package]) -> list[str]:
    """Tell which packages require another version of a sibling than this one."""
    return [
        f"{package.folder or '.'}: {package.name} requires {requirement}, which isn't {version}"
        for package, requirement in excluding(name, version, known)
    ]


def made_together(
    releases: Sequence[tuple[Project, Version, str]],
    base: str,
    git: Git,
    day: date = date.min,
    moved: Iterable[tuple[Project, Version]] = (),
) -> tuple[Edit, ...]:
    """Return what a release of several packages, each with version and tag, changes in `base`.

    Each is edited as the ones before have left it, as they share files like locks; and those that
    require exactly the old version of another require the new one. A `bump-command` that several
    have alike runs once, if that writes the version of all.
    """
    moved = [*moved, *((project, version) for project, version, _ in releases)]
    if len(moved) == 1:
        ((project, version, tag),) = releases
        return made(project, base, version, git, tag, day)
    commit, ran = base, set[tuple[str, ...]]()
    for project, version, tag in releases:
        here = Project.at(git, commit, project.folder, before=version)
        if project.config.bump_command in ran and here.version == version != project.version:
            here = here.without_bump_command()
        ran.add(project.config.bump_command)
        commit = _on_top(base, commit, made(here, commit, version, git, tag, day), git)
        here = Project.at(git, commit, project.folder, before=version)
        commit = _on_top(base, commit, here.edits_at(moved_pins(here, moved)), git)
    return difference(git, base, commit)


def _on_top(base: str, commit: str, edits: Iterable[Edit], git: Git) -> str:
    """Return a commit that nobody sees, of what `commit` has with further edits."""
    return git.commit_tree(tree_with(git, commit, edits), "In the making", [base])


def moved_pins(
    project: Project, moved: Iterable[tuple[Project, Version]]
) -> list[tuple[Place, Version]]:
    """Return where a project requires exactly the old version of others, and their new ones."""
    return [
        (place, version)
        for other, version in moved
        for place in pins(canonicalize_name(other.name), other.version, project.files)
    ]


def made(
    project: Project, base: str, version: Version, git: Git, tag: str = "", day: date = date.min
) -> tuple[Edit, ...]:
    """Return what a release changes in `base`: the version, and the changelog, dated `day`.

    Without a `tag`, as for a pre-release, the changelog is left alone. Raises `ReleaseError` when
    a tool fails, or when version or changelog don't come out as they should.
    """
    config, log = project.config, project.changelog if tag else None
    edits = () if config.bump_command else project.edits(version)
    commands = [_filled(config.bump_command, project, version)] if config.bump_command else []
    if log and log.tool and log.tool.fragments and not log.has(_read(project, log.path), version):
        commands.append(log.tool.command(project.spelled(version), day))
    if commands or config.version_command:
        edits = _run(commands, project, base, version, edits, git)
    return _stamped(edits, project, version, tag, day) if log else edits


def days_of(commit: str, git: Git) -> list[date]:
    """Return the days that a release can have which made this commit: the changelog says one.

    The day is decided just before the commit, whose author's time stays what it is; midnight (UTC)
    may have come in between.
    """
    day = datetime.fromtimestamp(git.authored(commit), timezone.utc).date()
    return [day, day - timedelta(days=1)]


def tools(project: Project) -> list[str]:
    """Return the programs that take part: others of them may make other edits."""
    log = project.changelog
    return [*project.config.bump_command[:1], *([log.tool.name] if log and log.tool else [])]


def _filled(command: Iterable[str], project: Project, version: Version) -> tuple[str, ...]:
    previous = str(project.version)
    return tuple(
        word.replace("{version}", str(version)).replace("{previous}", previous) for word in command
    )


def _run(
    commands: Iterable[tuple[str, ...]],
    project: Project,
    base: str,
    version: Version,
    edits: tuple[Edit, ...],
    git: Git,
) -> tuple[Edit, ...]:
    """Run commands in a worktree of `base` with `edits` in it, and return all that is changed."""
    with worktree(git, base, tree_with(git, base, edits)) as here:
        for command in commands:
            printed(command, here, project.folder)
        tree = written(here)
        if not project.vcs:
            files = below(Snapshot(git=here, commit=tree), project.folder)
            ask = partial(printed, here=here, folder=project.folder)
            _insist_on(version, Project.load(files, ask=ask))
    return difference(git, base, tree)


def _insist_on(version: Version, after: Project) -> None:
    """Raise `ReleaseError` unless the project has this version by now."""
    by = after.config.bump_command or after.config.version_command
    if after.version != version:
        raise ReleaseError(
            f"the version would be {after.version}, not {version}, which `{by[0]}` was to do",
            "see bump-command and version-command in [tool.nox-release]",
        )


# The changelog


def _stamped(
    edits: tuple[Edit, ...], project: Project, version: Version, tag: str, day: date
) -> tuple[Edit, ...]:
    """Return the edits with the changelog's section of the release in it, dated."""
    log = project.changelog
    path = project.from_top(log.path) if log else ""
    own = next((edit for edit in edits if edit.path == path), None)
    before = project.files.read(log.path) if log else None
    data = own.after if own else before
    if log is None or data is None:  # a tool that makes one file for each release
        return edits
    if not (log.has(data, version) or log.is_drafted(data, version)):
        return edits
    after = log.edit(data, version, day, tag, project.spelled(version))
    if own and log.tool and not log.has(after, version):
        raise ReleaseError(
            f"{log.tool.name} has written no section of {version} into {path}",
            "see how it is configured; changelog = false in [tool.nox-release] leaves it to you",
        )
    others = tuple(edit for edit in edits if edit.path != path)
    edit = Edit(path=path, before=before, after=after, mode=own.mode if own else "")
    return others if after == before else (*others, edit)


def _read(project: Project, path: str) -> bytes:
    return project.files.read(path) or b""


# Notes


def notes(plan: Plan, project: Project, git: Git) -> Notes:
    """Return what a release tells its users: its section of the changelog, else the commits."""
    log = project.changelog
    data = git.blob(plan.commit, project.from_top(log.path)) if log else None
    return _told(plan, project, data or b"", git)


def _drafted(draft: Draft, project: Project, edits: Iterable[Edit], git: Git) -> Notes:
    """Return the notes of a release that has no commit yet."""
    log = project.changelog if draft.tag else None
    if not draft.tag:
        return draft.notes
    path = project.from_top(log.path) if log else ""
    after = next(
        (edit.after for edit in edits if edit.path == path), log and _read(project, log.path)
    )
    return _told(draft, project, after or b"", git)


def _told(release: Release, project: Project, data: bytes, git: Git) -> Notes:
    log = project.changelog
    if log and (text := log.section(data, release.version)):
        return Notes(source=log.path, text=text)
    last = _last(release, project, git)
    commits = git.since(f"refs/tags/{last}" if last else None, release.base, SUBJECTS)
    text = from_commits(subject for _, subject in commits)
    source = f"the commits since {last}" if last else "all commits, as no release is tagged yet"
    if last and not text:
        source = f"none: nothing was committed since {last} but what belongs to releases"
    if log:
        source += f"; none drafted in {log.path}"
    return Notes(source=source, text=text)


def _last(release: Release, project: Project, git: Git) -> str:
    """Return the tag of the release before, "" for the first one; candidates follow candidates.

    That is nearly always the highest tag below, so git isn't asked first which are contained.
    """
    version, base = release.version, release.base
    tagged = project.tagged(git.tags())
    before = sorted(
        ((other, tag) for tag, other in tagged.items() if other < version), reverse=True
    )
    tags = [tag for other, tag in before if version.is_prerelease or not other.is_prerelease]
    for tag in tags[:NEAREST]:
        commit = git.local_ref(f"refs/tags/{tag}^{{commit}}")  # None: it tags something else
        if commit and git.is_ancestor(commit, base):
            return tag
    contained = {*project.files.tags} if tags[NEAREST:] else set[str]()
    return next((tag for tag in tags[NEAREST:] if tag in contained), "")
