"""How a release gets onto its branch: pushed with its tag, or merged from a branch of its own.

Until the branch on the remote contains the tagged commit, the release is unfinished.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING

from release import ReleaseError
from release.ahead import begin
from release.changes import made_together
from release.git import REMOTE_REJECTED, TAGS, Lease, peeled
from release.notes import GO_ON
from release.process import ProgramFailed
from release.project import Project
from release.worktree import commit_on_top, merge, tree_with
from release.world import RELEASE_BRANCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from release.git import Git
    from release.intent import Intent
    from release.plan import Plan, Release
    from release.world import World

AS_IT_IS = "a merge commit, not by squashing or rebasing"
PUSHES = 5  # tries, when the branch keeps moving
FRESH = 2.0  # seconds for which it is believed that a release isn't abandoned


class MergeConflict(ReleaseError):
    """The branch has moved, so that the release commit can't be merged into it."""


def release_branch(release: Release) -> str:
    """Return the name of the branch that is to be merged where nobody pushes to the main one."""
    name = f"{release.name}-" if release.folder else ""
    return f"{RELEASE_BRANCH}/{name}{release.version}"


def titles(release: Release, world: World) -> list[str]:
    """Return what brings a release to the remote, in the words of the plan and of the steps."""
    branch = release_branch(release) if world.by_pull_request else release.branch
    next_dev = f", with {release.next_dev} on top," if release.next_dev else ""
    push = f"Push {branch}{next_dev} and {', '.join(release.tags)} to {world.git.remote}"
    return [push, *[f"See {branch} merged into {release.branch}"] * world.by_pull_request]


def refspecs(branch: str, commit: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a release pushes, all or nothing; the tags, with their objects, come last."""
    to_tags = [f"{tag_object}:{TAGS}{tag}" for tag, tag_object in tags.items()]
    return (f"{commit}:refs/heads/{branch}", *to_tags)


# What is there


@dataclass(frozen=True, kw_only=True)
class Landing:
    """How far a release has come on the remote: what one look at it has shown."""

    tip: str | None  # of the branch that it is released from
    proposed: str | None  # the commit of the release branch
    tagged: Mapping[str, str | None]  # those of its tags that are there, with their commits
    intent_id: str | None
    plan: Plan
    git: Git

    @classmethod
    def of(cls, plan: Plan, world: World, refs: Mapping[str, str] | None = None) -> Landing:
        """Return what `refs` of the remote show, None: as they are now; fetch what is new of it."""
        git, intent = world.git, world.intent.name
        refs = refs_of(plan, world) if refs is None else refs
        branches = [f"refs/heads/{name}" for name in (plan.branch, release_branch(plan))]
        known = {plan.base, plan.commit}
        if found := [one for one in branches if one in refs and refs[one] not in known]:
            git.fetch(*found)
        tip, proposed = (refs.get(branch) for branch in branches)
        return cls(
            tip=tip,
            proposed=proposed,
            tagged={tag: peeled(refs, TAGS + tag) for tag in plan.tags if TAGS + tag in refs},
            intent_id=refs.get(intent),
            plan=plan,
            git=git,
        )

    def insist_on_tags(self) -> Landing:
        """Return itself; a tag on any other commit is a `ReleaseError`."""
        for tag, commit in self.tagged.items():
            if commit and commit != self.plan.commit:
                release, remote = self.plan.commit[:9], self.git.remote
                raise ReleaseError(
                    f"{tag} on {remote} is at {commit[:9]}; the release is {release}",
                    f"somebody else made that tag; find out why: git fetch {remote} {tag}",
                )
        return self

    @property
    def is_tagged(self) -> bool:
        """Say whether all tags are there."""
        return len(self.tagged) == len(self.plan.tags)

    @property
    def is_merged(self) -> bool:
        """Say whether the branch contains the release commit."""
        return bool(self.tip and self.git.is_ancestor(self.plan.commit, self.tip))

    @property
    def is_proposed(self) -> bool:
        """Say whether the release branch contains it."""
        return bool(self.proposed and self.git.is_ancestor(self.plan.commit, self.proposed))


def refs_of(plan: Plan, world: World) -> dict[str, str]:
    """Ask the remote for all refs that a release is about, at once."""
    heads = (f"refs/heads/{name}" for name in (plan.branch, release_branch(plan)))
    peels = (name for tag in plan.tags for name in (TAGS + tag, f"{TAGS}{tag}^{{}}"))
    return world.git.remote_refs(world.intent.name, *heads, *peels)


@dataclass(kw_only=True)
class Watch:
    """Looks at the refs of a release that was begun; who wants one at the same time shares it.

    What was seen gets old, but not older than FRESH, and whoever abandons a release waits longer
    than that for what is on its way.
    """

    intent: Intent
    world: World
    seen: tuple[float, Future[dict[str, str]]] | None = None  # the last look, and when it began
    lock: RLock = field(default_factory=RLock)

    def look(self) -> Future[dict[str, str]]:
        """Begin to look, for whoever wants to know; what was seen before is forgotten."""
        with self.lock:
            answer = begin(partial(refs_of, self.intent.plan, self.world))
            self.seen = (time.monotonic(), answer)
            return answer

    def lately(self) -> dict[str, str]:
        """Return what was seen just now, or is."""
        with self.lock:
            if self.seen and time.monotonic() - self.seen[0] < FRESH:
                with suppress(ReleaseError):
                    refs = self.seen[1].result()
                    if time.monotonic() - self.seen[0] < FRESH:  # it may have taken its time
                        return refs
            return self.look().result()

    def landing(self) -> Landing:
        """Return how far the release is by that; `ReleaseError` for a tag on another commit."""
        return Landing.of(self.intent.plan, self.world, self.lately()).insist_on_tags()

    def change(self, do: Callable[..., object], *args: object) -> None:
        """Change the remote: what was seen before isn't so any more."""
        try:
            do(*args)
        finally:
            self.seen = None


def pushed(there: Landing) -> bool:
    """Say whether the remote has the tag on the release commit, and the commit in its branch."""
    return there.is_tagged and there.is_merged


def proposed(there: Landing) -> bool:
    """Say whether the remote has the tag, and the commit in a branch that is merged or to be."""
    return there.is_tagged and (there.is_merged or there.is_proposed)


# Push


def push(plan: Plan, world: World, before: Landing) -> None:
    """Push branch and tag in one transaction; a branch that moved meanwhile gets a merge.

    Where the branch takes no push: the tag, and a branch to be merged by people.
    """
    for tries_left in reversed(range(PUSHES)):
        if before.is_tagged and before.is_proposed and not before.is_merged:
            raise unmerged(plan, world, url=pull_request(plan, world))
        try:
            _push(plan, plan.branch, before, world)
        except ProgramFailed as error:
            there = Landing.of(plan, world).insist_on_tags()
            has_moved = there.tip != before.tip
            if has_moved and tries_left:
                before = there
                continue
            refusal = _refused(plan, plan.branch, error, world)
            if has_moved or REMOTE_REJECTED not in error.output:
                raise refusal from error
            try:
                propose(plan, world, there)
            except ReleaseError as second:
                raise ReleaseError(f"{refusal}\n{second}", *second.hints) from error
            raise unmerged(plan, world, error, url=pull_request(plan, world)) from error
        else:
            return


def propose(plan: Plan, world: World, there: Landing) -> None:
    """Push the tag, and a branch at the release commit that is to be merged, in one transaction."""
    branch, remote = release_branch(plan), world.git.remote
    if there.proposed and not there.is_proposed:
        raise ReleaseError(
            f"{branch} on {remote} is at {there.proposed[:9]}, without this release",
            f"if nobody needs that branch: git push {remote} :{branch}; then continue",
        )
    try:
        _push(plan, branch, there, world)
    except ProgramFailed as error:
        if not proposed(Landing.of(plan, world).insist_on_tags()):
            raise _refused(plan, branch, error, world) from error


def _push(plan: Plan, branch: str, there: Landing, world: World) -> None:
    """Push what isn't there of the tag and one of the two branches."""
    if branch == plan.branch:
        commit, leases = landing_commit(plan, there.tip, world), []
    else:
        commit, leases = proposal(plan, world), [Lease(ref=f"refs/heads/{branch}", expected="")]
    is_there = there.is_merged or (there.is_proposed and branch != plan.branch)
    tags = {tag: id_ for tag, id_ in plan.tag_objects.items() if tag not in there.tagged}
    if absent := refspecs(branch, commit, tags)[is_there:]:
        world.git.push(*absent, leases=leases)


def _refused(plan: Plan, branch: str, error: ProgramFailed, world: World) -> ReleaseError:
    words = f"{world.git.remote} refuses the push of {branch} and {', '.join(plan.tags)}"
    return ReleaseError(
        f"{words}:\n{error.output.strip()}",
        "the files are on the index; make the push possible, then continue",
    )


def refused(branch: str, commit: str, plan: Plan, world: World) -> ProgramFailed | None:
    """Push a commit and the tags for show, and return how that fails, None where it doesn't."""
    try:
        # With the user's pre-push hook: it must not say no after the upload.
        world.git.push(*refspecs(branch, commit, plan.tag_objects), dry_run=True)
    except ProgramFailed as error:
        return error
    return None


def landing_commit(plan: Plan, tip: str | None, world: World) -> str:
    """Return what to push to the branch: the release commit, or its merge where the branch moved.

    The merge is harmless, because the release commit touches the version and the changelog only;
    the tag stays on the commit that was built. `tip` is the branch's commit. The commit with the
    next development version comes on top.
    """
    git, commit, branch = world.git, plan.commit, plan.branch
    if tip is None or not git.is_ancestor(plan.base, tip):
        raise MergeConflict(
            f"{branch} on {git.remote} doesn't contain {plan.base[:9]} any more, which the "
            "release is made from: it was deleted or rewritten",
            f"bring that commit back to {branch}, then continue",
        )
    if git.is_ancestor(tip, commit):
        return proposal(plan, world)
    if git.is_ancestor(commit, tip):
        return tip
    try:
        merged = merge(git, tip, commit, f"Merge the release commit {commit[:9]}")
    except ProgramFailed as error:
        raise MergeConflict(
            f"{branch} moved, and the release commit {commit[:9]} doesn't merge into it:\n"
            + error.output.strip(),
            f"merge it by hand, then continue: git switch {branch}; git pull; git merge "
            f"{commit[:9]}; git commit; git push {git.remote} {branch}",
        ) from error
    return with_next_dev(plan, merged, git)


def proposal(plan: Plan, world: World) -> str:
    """Return what to push to a branch that has what the release is made from."""
    return with_next_dev(plan, plan.commit, world.git)


def with_next_dev(plan: Plan, commit: str, git: Git) -> str:
    """Return `commit`, or one on top of it with the next development version if one is to be."""
    if not plan.next_dev:
        return commit
    projects = [(Project.at(git, commit, one.folder), one.next_dev) for one in plan.all]
    moving = [(project, next_dev, "") for project, next_dev in projects if next_dev]
    edits = made_together(moving, commit, git)
    return commit_on_top(git, commit, tree_with(git, commit, edits), f"{GO_ON} {plan.next_dev}")


# Merge


def pull_request(plan: Plan, world: World) -> str:
    """Open the pull request of the release branch, once; return its address, "" without one."""
    github, branch = world.github, release_branch(plan)
    if github and github.token:
        body = f"Brings {plan.tags[0]} to {plan.branch}. Merge it with {AS_IT_IS}."
        with suppress(ReleaseError):  # the branch can be merged all the same
            return github.propose(branch, plan.branch, plan.message, body)
    return ""


def unmerged(
    plan: Plan, world: World, refusal: ProgramFailed | None = None, *, url: str = ""
) -> ReleaseError:
    """Return what is left for people to do: the merge; `refusal` is why it wasn't pushed."""
    branch, ours = plan.branch, release_branch(plan)
    there = f"{branch} on {world.git.remote}"
    if refusal:
        words = f"{there} takes no direct push:\n{refusal.output.strip()}"
    elif _says(plan, world):
        words = (
            f"{there} says {plan.version}, but doesn't contain {plan.commit[:9]}, which {plan.tag} "
            f"is on: {ours} was squashed or rebased"
        )
    else:
        words = f"{there} doesn't contain {plan.commit[:9]} yet, which {plan.tag} is on"
    return ReleaseError(
        words,
        f"merge {url or f'the branch {ours} into {branch}'} with {AS_IT_IS}: "
        f"{branch} must contain the tagged commit; then continue",
    )


def see_merged(plan: Plan, world: World, _: Landing) -> None:
    """Insist that the release branch is merged; `ReleaseError` says what is left."""
    raise unmerged(plan, world, url=pull_request(plan, world))


def _says(plan: Plan, world: World) -> bool:
    """Say whether the branch has the release's version, or the one that comes after it."""
    git, tip = world.git, world.git.fetch_tip(plan.branch)
    with suppress(ReleaseError):
        return Project.at(git, tip or "", plan.folder).version in {plan.version, plan.next_dev}
    return False


def delete_release_branch(plan: Plan, world: World, seen: Landing) -> str:
    """Delete the branch that was merged, while it is what was pushed; return what became of it."""
    git, branch, there = world.git, release_branch(plan), seen.proposed
    ref = f"refs/heads/{branch}"
    if there is None or branch == plan.branch or plan.commit == plan.base:
        return ""
    if plan.commit != there and not (plan.next_dev and git.parents(there) == [plan.commit]):
        return f"{branch} stays, it has moved"
    try:
        git.push(f":{ref}", leases=[Lease(ref=ref, expected=there)], hooks=False)
    except ProgramFailed:
        return f"{branch} stays, the remote doesn't delete it"
    return f"{branch} is deleted"
