"""The questions asked before anything happens: all of them at once, and all problems shown."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError
from release.attestations import attests
from release.checkout import dirty
from release.git import TAGS, peeled
from release.landing import release_branch
from release.process import ProgramFailed, terminal
from release.version import line, objection
from release.world import RELEASE_BRANCH

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from packaging.version import Version

    from release.plan import Draft
    from release.project import Project
    from release.world import Facts, Subject, World


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a question is about."""

    draft: Draft
    project: Project
    facts: Facts
    world: World

    @cached_property
    def tagged(self) -> Mapping[str, Version]:
        """Return the versions that are tagged, here or on the remote, by tag."""
        return self.project.tagged(dict.fromkeys([*self.facts.tags, *self.world.git.tags()]))


Question = Callable[[Case], Problem | None]


def cases(draft: Draft, subjects: Iterable[Subject], world: World) -> list[Case]:
    """Return what questions are about: each package of a release."""
    return [
        Case(draft=one, project=project, facts=facts, world=world)
        for one, (project, facts) in zip(draft.all, subjects, strict=True)
    ]


def questions(project: Project, world: World) -> list[Question]:
    """Return the questions that a release of this project has to answer in any case."""
    idle = set() if project.vcs else {tags_are_here, is_not_tagged}
    idle |= set() if world.github and world.github.token else {notes_permitted}
    idle |= set() if project.config.attestations == "required" else {attestable}
    idle |= set() if project.config.sbom else {describable}
    idle |= set() if project.config.build_constraints else {constrained}
    idle |= set() if project.config.main == "pull-request" else {release_branch_is_free}
    return [question for question in RELEASE if question not in idle]


def check(
    cases: Sequence[Case], questions: Sequence[Question], each: Collection[Question] = ()
) -> None:
    """Ask all questions at once; `Refused` carries every problem, in the questions' order.

    Those of `each` are about one package, as are some of ours; the others are asked once.
    """
    asked = [
        (question, case)
        for question in questions
        for case in (cases if question in OF_A_PACKAGE or question in each else cases[:1])
    ]
    with ThreadPoolExecutor(max_workers=len(questions)) as pool:
        answers = list(pool.map(lambda one: _ask(*one), asked))
    unanswered = [problem for case in cases for problem in case.facts.problems]
    problems = (*unanswered, *(problem for answer in answers for problem in answer))
    if problems:
        raise Refused(tuple(dict.fromkeys(problems)))


def _ask(question: Question, case: Case) -> tuple[Problem, ...]:
    try:
        problem = question(case)
    except ReleaseError as error:
        return error.problems
    return (problem,) if problem else ()


def clean_tree(case: Case) -> Problem | None:
    """Is everything committed?"""
    paths = case.world.ahead.answer(dirty, case.world.git)
    if not paths:
        return None
    some = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")  # noqa: PLR2004
    return Problem(f"the working tree is not clean: {some}", "commit it, or git stash -u")


def on_the_branch(case: Case) -> Problem | None:
    """Is the branch that releases are made from checked out?"""
    branch, wanted = case.world.git.branch(), case.facts.branch
    if branch == wanted or not case.facts.is_remote_known:
        return None
    here = f"{branch} is checked out" if branch else "HEAD is detached"
    return Problem(f"{here}; releases are made from {wanted}", f"git switch {wanted}")


def same_as_remote(case: Case) -> Problem | None:
    """Is the local commit the tip of the branch on the remote?"""
    draft, facts, git = case.draft, case.facts, case.world.git
    if facts.tip == draft.base or not facts.is_remote_known:
        return None
    there = f"{draft.branch} on {git.remote}"
    if not facts.tip:
        return Problem(f"there is no {there}", f"git push -u {git.remote} {draft.branch}")
    if git.local_ref(f"{facts.tip}^{{commit}}") and git.is_ancestor(facts.tip, draft.base):
        return Problem(f"HEAD is ahead of {there}", f"git push {git.remote} {draft.branch}")
    if git.local_ref(f"{facts.tip}^{{commit}}") and not git.is_ancestor(draft.base, facts.tip):
        return Problem(f"HEAD and {there} have diverged", f"git pull --rebase {git.remote}")
    return Problem(
        f"HEAD ({draft.base[:9]}) is behind {there} ({facts.tip[:9]})",
        f"git pull --ff-only {git.remote} {draft.branch}",
    )


def full_history(case: Case) -> Problem | None:
    """Is the history complete? A shallow clone has been deepened, if that was possible."""
    git = case.world.git
    if not git.is_shallow():
        return None
    return Problem("this clone is shallow", f"git fetch --unshallow --tags {git.remote}")


def tag_is_free(case: Case) -> Problem | None:
    """Is the tag free, here and on the remote, however it is spelled?"""
    draft, facts, git = case.draft, case.facts, case.world.git
    if not git.is_ref(TAGS + draft.tag):
        return Problem(f"{draft.tag!r} is no name for a tag", "see `tag` in [tool.nox-release]")
    if not facts.is_remote_known:
        return None
    same = [tag for tag, version in case.tagged.items() if version == draft.version]
    for tag in dict.fromkeys([draft.tag, *same]):
        means = f", and means {draft.version} like {draft.tag}" * (tag != draft.tag)
        if commit := peeled(facts.refs, TAGS + tag):
            return Problem(
                f"the tag {tag} is on {git.remote} already, at {commit[:9]}{means}",
                "choose another version; a tag that others have seen stays",
            )
        if local := git.local_ref(f"{TAGS}{tag}^{{commit}}"):
            return Problem(
                f"the tag {tag} exists in this clone only, at {local[:9]}{means}",
                f"git tag --delete {tag}",
            )
    return None


def tags_are_here(case: Case) -> Problem | None:
    """Where tags are the version: does this clone have those of the remote, and no other?"""
    return case.world.other_tags(case.project, case.facts) if case.project.vcs else None


def is_not_tagged(case: Case) -> Problem | None:
    """Where tags are the version: does the commit have none yet?"""
    own = [
        tag
        for tag in case.tagged
        if case.project.vcs and peeled(case.facts.refs, TAGS + tag) == case.draft.base
    ]
    if not own:
        return None
    return Problem(
        f"{case.draft.base[:9]} is {own[0]} already; {case.project.vcs} finds one version in it",
        "commit what is to be released; see what that is: nox -s status",
    )


def above_the_tags(case: Case) -> Problem | None:
    """Is the version higher than all of its line that are tagged?"""
    version = case.draft.version
    above = [
        (other, tag)
        for tag, other in case.tagged.items()
        if line(other) == line(version) and other > version and other not in case.facts.taken
    ]
    if not above:
        return None
    other, tag = max(above)
    return Problem(
        f"{version} would be lower than {other}, which is tagged {tag}",
        "a release must be the highest of its line: choose another level, or a higher version",
    )


def version_follows(case: Case) -> Problem | None:
    """Is the version free on the index, and the highest of its line?"""
    return objection(case.draft.version, case.draft.previous, case.facts.taken)


def credentials(case: Case) -> Problem | None:
    """Are there credentials, and does the index take them?"""
    with terminal():
        case.world.ahead.answer(case.world.index.check_credentials)
    return None


def attestable(case: Case) -> Problem | None:
    """Can the files be attested, as `attestations` requires it?"""
    if case.world.attestations == "required":
        attests(case.world)
    return None


def constrained(case: Case) -> Problem | None:
    """Are the constraints of its builds as pip and uv read them?"""
    _ = case.project.constraints
    return None


def describable(case: Case) -> Problem | None:
    """Can wheels get the SBOM that `sbom` asks for?"""
    if case.project.config.sbom:
        from release.sbom import insist_on_library

        insist_on_library()
    return None


def identity(case: Case) -> Problem | None:
    """Does git know who commits?"""
    case.world.git.committer()
    return None


def push_permitted(case: Case) -> Problem | None:
    """May this user push the branch, or the one to be merged into it, and the intent?"""
    draft, world = case.draft, case.world
    if case.facts.tip != draft.base or release_branch_is_free(case):
        return None  # said by other questions
    refusal = world.ahead.answer(try_push, draft.base, pushed_to(draft.branch, world), world)
    if not refusal:
        return None
    branch, remote = pushed_to(draft.branch, world, release_branch(draft)), world.git.remote
    return Problem(
        f"a push to {remote} is refused: {refusal}", f"git push --dry-run {remote} HEAD:{branch}"
    )


def pushed_to(branch: str, world: World, to_merge: str = f"{RELEASE_BRANCH}/next") -> str:
    """Return what is pushed: the branch, or the one `to_merge` into it, whatever its name is.

    A push for show tells the remote no names.
    """
    return to_merge if world.by_pull_request else branch


def try_push(base: str, branch: str, world: World) -> str:
    """Push a commit and the intent, for show; return why that is refused, "" when it isn't."""
    git = world.git
    refs = (f"refs/heads/{branch}", world.intent.name)
    try:
        git.push(*(f"{base}:{ref}" for ref in refs), dry_run=True, hooks=False)
    except ProgramFailed as error:
        return error.output.strip() or str(error)
    return ""


def notes_permitted(case: Case) -> Problem | None:
    """May the token write the release notes on GitHub?"""
    github = case.world.github
    if not github or not github.token or case.world.ahead.answer(github.may_write):
        return None
    return Problem(
        f"the token doesn't let {github.url} be written, where the release notes belong",
        "give it `contents: write`; or unset GITHUB_TOKEN, and publish the notes by hand",
    )


def release_branch_is_free(case: Case) -> Problem | None:
    """Is the name free that the branch to be merged will have, if there will be one?"""
    branch, git = release_branch(case.draft), case.world.git
    if not case.world.by_pull_request or not case.facts.is_remote_known:
        return None
    names = (branch, branch.partition("/")[0])  # git has no branch a/b beside a branch a
    for name in names:
        if commit := case.facts.refs.get(f"refs/heads/{name}"):
            return Problem(
                f"the branch {name} is on {git.remote} already, at {commit[:9]}; "
                f"the release needs the name {branch}",
                f"if nobody needs that branch: git push {git.remote} :{name}",
            )
    return None


def nothing_unfinished(case: Case) -> Problem | None:
    """Is no other release unfinished?"""
    facts, world = case.facts, case.world
    if not facts.intent_id:
        return None
    return unfinished(world, facts.intent_id)


def unfinished(world: World, intent_id: str) -> Problem:
    """Say which release is unfinished, who began it when, and what finishes it."""
    intent = world.intent.read(intent_id)
    return Problem(
        f"{intent.plan.title} is unfinished; {intent.author} began it at "
        f"{intent.since:%Y-%m-%d %H:%M} UTC",
        f"nox -s publish_release -- --resume{world.again} (or --abandon{world.again})",
    )


# The others are about the repository, the index and who asks.
OF_A_PACKAGE = {
    tag_is_free,
    version_follows,
    tags_are_here,
    above_the_tags,
    is_not_tagged,
    constrained,
    describable,
}
# They are about the rights of whoever publishes.
RIGHTS = {credentials, attestable, push_permitted, notes_permitted}
RELEASE: tuple[Question, ...] = (
    clean_tree,
    on_the_branch,
    same_as_remote,
    full_history,
    tag_is_free,
    version_follows,
    tags_are_here,
    above_the_tags,
    is_not_tagged,
    credentials,
    attestable,
    constrained,
    describable,
    identity,
    push_permitted,
    notes_permitted,
    release_branch_is_free,
)
PRE_RELEASE: tuple[Question, ...] = (
    version_follows,
    tags_are_here,
    above_the_tags,
    credentials,
    attestable,
    constrained,
    describable,
    nothing_unfinished,
)
