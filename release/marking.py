"""Tell users that a version is yanked: on its release page, in the changelog, in Slack.

Each place is marked once. The changelog's mark is a commit on the branch, made of the remote's tip;
whoever pushes it announces, or whoever marks the page, where no changelog tells the version.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from release import ReleaseError
from release.announcement import announce, yanked
from release.checkout import follow
from release.edits import Edit
from release.git import REMOTE_REJECTED, Lease
from release.landing import PUSHES
from release.notes import escaped
from release.process import ProgramFailed
from release.project import Project
from release.steps import Step, come
from release.worktree import commit_on_top, tree_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from packaging.version import Version

    from release.console import Line
    from release.forge import Page
    from release.git import Git
    from release.github import GitHub
    from release.world import World

    Act = Callable[["Notice", Line], object]

MARK = "[YANKED]"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A yanked version, what users are told of it, and where.

    `tags` are the version's; `heirs` those of others that users may get, the newest first.
    """

    name: str
    version: Version
    reason: str
    instead: Version | None
    tags: tuple[str, ...]
    heirs: tuple[str, ...]
    folder: str
    branch: str
    has_changelog: bool
    is_unfinished: bool  # then page and changelog are still to come
    world: World

    @property
    def title(self) -> str:
        """Return the name and version that people say."""
        return f"{self.name} {self.version}"

    @property
    def advice(self) -> str:
        """Return what users do about it, in a sentence."""
        return f"Use {self.instead} instead." if self.instead else "No other version is out yet."

    @property
    def github(self) -> GitHub | None:
        """Return where there are release pages that may be changed."""
        github = self.world.github
        return github if github and github.token else None

    @property
    def proposal(self) -> str:
        """Return the name of the branch that people merge, where nobody pushes to the main one."""
        name = f"{self.name}-" if self.folder else ""
        return f"yank/{name}{self.version}"

    def announce(self) -> str:
        """Announce it, and return in a few words what came of it."""
        github = self.world.github
        page = github.page_url(self.tags[0]) if github and self.tags else ""
        text = yanked(self.title, self.reason, self.advice, page)
        return announce(text, self.world.webhook)


def marks(notice: Notice) -> list[Step[Any]]:
    """Return the steps that tell users, of those places that tell the version."""
    changelog = in_changelog(notice)
    return [*on_github(notice, announces=not changelog), *changelog]


def titles(notice: Notice) -> list[str]:
    """Return what may be done, in the words of the steps."""
    pages = map(page_title, notice.tags if notice.github else ())
    return [*pages, *(changelog_titles(notice) if notice.has_changelog else ())]


def by_hand(notice: Notice) -> str:
    """Return what is left to people, "" for nothing."""
    if notice.github or not notice.tags:
        return ""
    github = notice.world.github
    pages = [f"{github.url}/releases/edit/{tag}" for tag in notice.tags] if github else []
    return ": ".join([f"mark the release notes of {', '.join(notice.tags)} as yanked", *pages])


# The release page


def on_github(notice: Notice, *, announces: bool) -> list[Step[Any]]:
    """Return the steps that mark the version's pages, and take it away from the top."""
    github = notice.github
    if not github:
        return []
    found = [
        Step(
            title=page_title(tag),
            look=partial(github.page, tag),
            done=partial(is_page_marked, notice),
            do=partial(mark_page, notice, announces=announces and not index),
        )
        for index, tag in enumerate(notice.tags)
        if notice.is_unfinished or github.page(tag)
    ]
    if found and github.latest() in notice.tags and (page := heir(notice, github)):
        step = Step(
            title=f"Show {page.tag} as the latest release on GitHub",
            look=github.latest,
            done=lambda latest: latest not in notice.tags,
            do=lambda _latest, _line: github.make_latest(page),
        )
        found.append(step)
    return found


def page_title(tag: str) -> str:
    """Return what is done for the page of a tag, in words."""
    return f"Mark the release notes of {tag} on GitHub"


def is_page_marked(notice: Notice, page: Page | None) -> bool:
    """Say whether title and text of a page say it."""
    return page is not None and MARK in page.title and headline(notice) in page.body


def mark_page(notice: Notice, page: Page | None, line: Line, *, announces: bool) -> None:
    """Say it in the title of a page and above its text."""
    github = notice.github
    if not (page and github):
        raise unfinished(notice)
    title = page.title or page.tag
    told = page.body if headline(notice) in page.body else f"{quote(notice)}\n\n{page.body}"
    github.write(page, title=title if MARK in title else f"{title} {MARK}", body=told)
    line.remark = notice.announce() if announces else ""


def headline(notice: Notice) -> str:
    """Return the words by which a marked page is known."""
    return f"**{escaped(notice.title)} is yanked:**"


def quote(notice: Notice) -> str:
    """Return what stands above the notes, in GitHub's Markdown."""
    return f"> [!CAUTION]\n> {headline(notice)} {escaped(notice.reason)}  \n> {notice.advice}"


def heir(notice: Notice, github: GitHub) -> Page | None:
    """Return the page of the newest version that users may get; None where none has a page."""
    for page in map(github.page, notice.heirs):
        if page and not (page.is_draft or page.is_prerelease):
            return page
    return None


# The changelog


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a commit's changelog tells of the version; `edit` marks it, None where it is marked."""

    commit: str
    edit: Edit | None


def in_changelog(notice: Notice) -> list[Step[Any]]:
    """Return the steps that mark the changelog of the branch, where it tells the version."""
    if not (on_branch(notice) or (notice.is_unfinished and notice.has_changelog)):
        return []
    to_mark, *to_see = changelog_titles(notice)

    def step(title: str, look: Callable[[Notice], bool], do: Act, *, is_push: bool) -> Step[bool]:
        return Step(
            title=title,
            look=partial(look, notice),
            do=lambda _, line: do(notice, line),
            hold=lambda _: insist_on_no_release(notice) if is_push else None,
            is_seen_at_once=is_push and not to_see,
        )

    if not to_see:
        return [step(to_mark, is_marked, push, is_push=True)]
    return [
        step(to_mark, is_proposed, propose, is_push=True),
        step(to_see[0], is_marked, see_merged, is_push=False),
    ]


def changelog_titles(notice: Notice) -> list[str]:
    """Return what is done for the changelog, in words."""
    ours, branch = notice.proposal, notice.branch
    if notice.world.by_pull_request:
        return [f"Push {ours} to {notice.world.git.remote}", f"See {ours} merged into {branch}"]
    return [f"Mark {notice.version} in the changelog on {branch}"]


def following(notice: Notice) -> Step[bool]:
    """Return the step that brings this checkout to the branch, where that has the mark."""
    branch, world = notice.branch, notice.world
    ask = partial(world.git.remote_refs, f"refs/heads/{branch}")
    return Step(
        title=f"Bring this checkout to {branch}",
        look=lambda: is_marked(notice, "HEAD") or not is_marked(notice),
        do=lambda _, line: come(line, partial(follow, (), "HEAD", branch, world.git, ask)),
    )


def on_branch(notice: Notice) -> Entry | None:
    """Return what the branch on the remote tells."""
    tip = notice.world.git.fetch_tip(notice.branch)
    return entry(notice, tip) if tip else None


def entry(notice: Notice, commit: str) -> Entry | None:
    """Return what a commit's changelog tells, None where it has no section of the version."""
    project = Project.at(notice.world.git, commit, notice.folder)
    log = project.changelog
    data = project.files.read(log.path) if log else None
    if log is None or data is None or not log.has(data, notice.version):
        return None
    after = log.mark(data, notice.version)
    edit = Edit(path=project.from_top(log.path), before=data, after=after)
    return Entry(commit=commit, edit=None if after == data else edit)


def is_marked(notice: Notice, commit: str = "") -> bool:
    """Say whether the changelog is marked, in a commit or else on the branch."""
    found = entry(notice, commit) if commit else on_branch(notice)
    return found is not None and found.edit is None


def insist_on_no_release(notice: Notice) -> None:
    """Raise `ReleaseError` while a release is unfinished: the branch gets its commit first."""
    if notice.is_unfinished or notice.world.intent.id():
        raise unfinished(notice)


def unfinished(notice: Notice) -> ReleaseError:
    """Return what has to be done before."""
    what = notice.title if notice.is_unfinished else "a release"
    return ReleaseError(
        f"{what} is unfinished; its commit comes to {notice.branch} before the mark",
        f"nox -s publish_release -- --resume{notice.world.again}",
    )


def push(notice: Notice, line: Line) -> None:
    """Push the mark on top of the branch, again where it moves; else a branch to be merged."""
    git, branch = notice.world.git, notice.branch
    for tries_left in reversed(range(PUSHES)):
        if branch_is_there(notice):
            raise unmerged(notice)
        found = on_branch(notice)
        if not (found and found.edit):
            return  # somebody else was faster
        commit = made(notice, found.commit, found.edit)
        insist_on_no_release(notice)
        error = refusal(commit, branch, found.commit, git)
        if not error:
            line.remark = notice.announce()
            return
        has_moved = git.fetch_tip(branch) != found.commit
        if has_moved and tries_left:
            continue
        if has_moved or REMOTE_REJECTED not in error.output:
            raise refused(notice, branch, error) from error
        propose(notice, line)
        raise unmerged(notice, error) from error


def made(notice: Notice, base: str, edit: Edit) -> str:
    """Return a commit on top of `base` that marks the changelog.

    Its uuid keeps two machines from making the same id, and both from announcing.
    """
    git, id_ = notice.world.git, uuid.uuid4()
    git.committer()
    words = f"Mark {notice.title if notice.folder else notice.version} as yanked"
    message = f"{words}\n\n{notice.reason}\n\nId: {id_}"
    return commit_on_top(git, base, tree_with(git, base, [edit]), message)


def refusal(commit: str, branch: str, expected: str, git: Git) -> ProgramFailed | None:
    """Push a commit while the branch is at `expected` ("" = absent); return why it isn't there."""
    ref = f"refs/heads/{branch}"
    try:
        git.push(f"{commit}:{ref}", leases=[Lease(ref=ref, expected=expected)])
    except ProgramFailed as error:
        tip = git.fetch_tip(branch)
        if not (tip and git.is_ancestor(commit, tip)):  # else only the answer got lost
            return error
    return None


def refused(notice: Notice, branch: str, error: ProgramFailed) -> ReleaseError:
    """Return why the mark wasn't pushed."""
    return ReleaseError(
        f"{notice.world.git.remote} refuses the push of {branch}:\n{error.output.strip()}",
        "make the push possible",
    )


# Merged by people


def branch_is_there(notice: Notice) -> bool:
    """Say whether the remote has the branch to be merged; one without the mark is an error."""
    git, ours = notice.world.git, notice.proposal
    there = git.fetch_tip(ours)
    if there and not is_marked(notice, there):
        raise ReleaseError(
            f"{ours} on {git.remote} is at {there[:9]}, without the mark",
            f"if nobody needs that branch: git push {git.remote} :{ours}",
        )
    return there is not None


def is_proposed(notice: Notice) -> bool:
    """Say whether the mark is in the branch, or in one that is to be merged into it."""
    return is_marked(notice) or branch_is_there(notice)


def propose(notice: Notice, line: Line) -> None:
    """Push the mark as a branch that is to be merged."""
    found, ours = on_branch(notice), notice.proposal
    if not (found and found.edit) or branch_is_there(notice):
        return
    commit = made(notice, found.commit, found.edit)
    if error := refusal(commit, ours, "", notice.world.git):
        raise refused(notice, ours, error) from error
    line.remark = notice.announce()


def see_merged(notice: Notice, _line: Line) -> None:
    """Insist that the branch is merged; `ReleaseError` says what is left."""
    raise unmerged(notice)


def unmerged(notice: Notice, error: ProgramFailed | None = None) -> ReleaseError:
    """Return what is left for people to do: the merge; `error` is why it wasn't pushed."""
    branch, ours = notice.branch, notice.proposal
    there = f"{branch} on {notice.world.git.remote}"
    words = f"the changelog of {there} doesn't say yet that {notice.title} is yanked"
    if error:
        words = f"{there} takes no direct push:\n{error.output.strip()}"
    where = f"the branch {ours}"
    with suppress(ReleaseError):  # a pull request is a favour
        if notice.github:
            title = f"Mark {notice.title} as yanked"
            where = notice.github.propose(ours, branch, title, notice.reason)
    return ReleaseError(words, f"merge {where} into {branch}")
