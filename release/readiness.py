"""Is it ready? Questions about tests, pull requests, notes and people, before a release.

What a machine can answer, it does; each may be waived by name, and the waiver stays on record.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from release import Problem, Refused, ReleaseError
from release.arguments import WAIVABLE
from release.checkout import dirty
from release.checks import pushed_to, try_push
from release.github import PUBLISHING
from release.pages import drafts, drafts_of
from release.steps import wait_while

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from release.checks import Case, Question
    from release.configuration import Configuration
    from release.console import Console
    from release.forge import PullRequest, TestRun
    from release.github import GitHub
    from release.plan import Draft, Release
    from release.project import Project
    from release.world import World

BLOCKER = "release-blocker"  # the label of pull requests that a release waits for
SHOWN = 5  # names in a sentence


class Pending(Problem):
    """Tests that haven't ended."""


@dataclass(frozen=True, kw_only=True)
class Waivable:
    """A question that may be waived by its name."""

    name: str
    ask: Question
    applies: Callable[[Configuration, GitHub | None], bool]
    ahead: Callable[[GitHub, str], partial[Any]] | None  # asks GitHub of a commit beforehand

    def __call__(self, case: Case) -> Problem | None:
        """Ask; what is wrong also says how the question is waived."""
        try:
            problem = self.ask(case)
        except ReleaseError as error:
            raise Refused(tuple(map(self._waivable, error.problems))) from error
        return problem and self._waivable(problem)

    def _waivable(self, problem: Problem) -> Problem:
        return problem._replace(hint=f"{problem.hint}\nor go on without: --waive {self.name}")


def asked(config: Configuration, world: World, waived: Collection[str] = ()) -> list[Waivable]:
    """Return the questions that a release of such a project has to answer."""
    left = (one for one in QUESTIONS if one.name not in waived)
    return [one for one in left if one.applies(config, world.github)]


def ask_ahead(projects: Sequence[Project], waived: Collection[str], world: World) -> None:
    """Ask other machines at once what a release of HEAD is going to ask them.

    Each question takes a round trip, and most of the time of all checks is spent on these.
    """
    config, github, base = projects[0].config, world.github, world.git.resolve("HEAD")
    branch = pushed_to(world.likely_branch(config), world)
    refs, *files = world.first_questions(projects[0])
    files += [partial(world.index.files, project.name) for project in projects[1:]]
    # git comes first: it needs no import, and runs while others are imported.
    questions = [refs, partial(try_push, base, branch, world), partial(dirty, world.git), *files]
    if not world.asks:  # nobody is asked for a password in vain
        questions.append(partial(world.index.check_credentials))
    if github:
        questions += [partial(github.may_write)] if github.token else []
        others = [one.ahead for one in asked(config, world, waived)]
        questions += [ahead(github, base) for ahead in others if ahead]
    world.ahead.ask(*questions)


# The last test run


def tests_are_green(case: Case) -> Problem | None:
    """Is the last test run on GitHub green, for exactly this commit?"""
    github, wanted = case.world.github, case.project.config.required_checks
    if not github:
        return None
    runs = case.world.ahead.answer(github.test_runs, case.draft.base, PUBLISHING)
    return objection(case.draft.base, runs, wanted, github)


def objection(
    commit: str, runs: Iterable[TestRun], wanted: Collection[str] | None, github: GitHub
) -> Problem | None:
    """Say why these runs don't show that the tests have passed; `wanted` None = all there are."""
    counted = [run for run in runs if wanted is None or run.name in wanted]
    absent = sorted({*(wanted or ())} - {run.name for run in counted})
    red = [run for run in counted if not (run.is_green or run.is_pending)]
    pending = [run for run in counted if run.is_pending]
    where = f"{github.url}/commit/{commit}/checks"
    if red:
        said = _some(f"{run.name} ({run.state})" for run in red)
        return Problem(f"the tests of {commit[:9]} are red: {said}", f"see {red[0].url or where}")
    if pending:
        said = _some(run.name for run in pending)
        return Pending(
            f"the tests of {commit[:9]} haven't ended: {said}",
            f"see {pending[0].url or where}; --wait 30 waits up to 30 minutes for them",
        )
    if absent:
        return Pending(f"no test run of {commit[:9]} is called {_some(absent)}", f"see {where}")
    if not any(run.state == "success" for run in counted):
        hint = f"see {where}; where there are none: required-checks = [] in [tool.nox-release]"
        return Problem(f"no test run of {commit[:9]} is known to GitHub", hint)
    return None


def waits_for_tests(refusal: Refused) -> bool:
    """Say whether nothing is missing but the end of tests."""
    return all(isinstance(problem, Pending) for problem in refusal.problems)


def wait_for_tests(
    commit: str, config: Configuration, world: World, minutes: float, console: Console
) -> None:
    """Wait while tests of `commit` are pending, at most so long; what came of it is asked again."""
    github, seconds = world.github, 60 * minutes
    if not github:
        return
    look = partial(_pending, commit, config.required_checks, github)
    with console.step(f"Wait for the tests of {commit[:9]}") as line:
        try:
            wait_while(look, seconds, line, pause=min(15.0, seconds / 10))
        except ReleaseError as error:
            line.remark = str(error)


def _pending(commit: str, wanted: Collection[str] | None, github: GitHub) -> ReleaseError | None:
    runs = github.test_runs(commit, PUBLISHING)
    names = [run.name for run in runs if run.is_pending and (wanted is None or run.name in wanted)]
    names += sorted({*(wanted or ())} - {run.name for run in runs})
    return ReleaseError(_some(names)) if names else None


# Pull requests and branches


def pull_requests_are_merged(case: Case) -> Problem | None:
    """Is every pull request merged with the release's milestone or the label `release-blocker`?"""
    github = case.world.github
    expected = [
        one
        for one in (case.world.ahead.answer(github.pull_requests) if github else ())
        if any(is_expected(one, release) for release in case.draft.all)
    ]
    if not expected:
        return None
    rows = "".join(f"\n  #{one.number} {one.title}  {one.url}" for one in expected)
    many = f"{len(expected)} open pull requests belong"
    few = "an open pull request belongs"
    return Problem(
        f"{many if len(expected) > 1 else few} to {case.draft.title}:{rows}",
        f"merge them, or take milestone and label {BLOCKER} off",
    )


def is_expected(one: PullRequest, release: Release) -> bool:
    """Say whether a pull request belongs to a release: by its milestone, or as a blocker."""
    version = str(release.version)
    names = {release.tag, version, f"v{version}", f"{release.name} {version}"}
    return BLOCKER in one.labels or one.milestone in names


def candidates_are_merged(case: Case) -> Problem | None:
    """Is every release-candidate branch merged, for a major?"""
    git, draft, config = case.world.git, case.draft, case.project.config
    if not is_major(draft) or not case.facts.is_remote_known:
        return None
    wanted = f"refs/heads/{config.candidate_branches}"
    branches = {ref: tip for ref, tip in case.facts.refs.items() if fnmatchcase(ref, wanted)}
    if branches:
        git.fetch(*branches)
    left = {ref: git.count_since(draft.base, tip) for ref, tip in branches.items()}
    rows = [f"{ref.removeprefix('refs/heads/')} ({count})" for ref, count in left.items() if count]
    if not rows:
        return None
    return Problem(
        f"{case.draft.branch} lacks commits of {_some(rows)}",
        "merge them, or delete a branch that nobody needs any more",
    )


def is_major(draft: Draft) -> bool:
    """Say whether a release may break what users have."""
    return any(one.version.major > one.previous.major for one in draft.all)


# Notes and people


def notes_are_drafted(case: Case) -> Problem | None:
    """Are the release notes drafted, in the changelog or on GitHub?"""
    github, log, draft = case.world.github, case.project.changelog, case.draft
    if log and draft.notes.source == log.path:
        return None
    if not github or any(page.body.strip() for page in drafts_of(draft.tag, draft, case.world)):
        return None
    if not github.token:
        words = f"GitHub shows no draft without a token; are notes of {draft.title} drafted?"
        return Problem(words, "set GITHUB_TOKEN: gh auth token")
    where = f"in {log.path}, or " if log else ""
    return Problem(
        f"no release notes of {draft.title} are drafted",
        f"write them {where}at {github.url}/releases/new?tag={draft.tag}",
    )


def stakeholders_are_ready(case: Case) -> Problem | None:
    """Has somebody said what `acknowledge` wants to be said?"""
    wanted = case.project.config.acknowledge
    if case.draft.acknowledged or case.world.asks:
        return None
    if case.world.github:
        case.world.ahead.answer(case.world.github.approvers)  # raises why they can't be known
    return Problem(
        f"nobody has said: {'; '.join(wanted)}",
        "--acknowledge says it; so does a reviewer's approval of the environment on GitHub",
    )


def acknowledged(config: Configuration, world: World, *, is_said: bool) -> tuple[str, ...]:
    """Return what is vouched for on the command line or by reviewers, and by whom."""
    if not config.acknowledge:
        return ()
    github = world.github
    who = (github.actor if github else "") or world.git.committer() if is_said else ""
    with suppress(ReleaseError):  # the question says so
        who = who or ", ".join(world.ahead.answer(github.approvers) if github else ())
    return vouched(config, who) if who else ()


def acknowledge(draft: Draft, config: Configuration, world: World, console: Console) -> Draft:
    """Ask on the terminal what nobody has said yet; «no» is a `ReleaseError`."""
    if draft.acknowledged or "stakeholders" in draft.waived:
        return draft
    for text in config.acknowledge:
        console.confirm(f"{text}?")
    record = vouched(config, world.git.committer()) if config.acknowledge else ()
    return replace(
        draft,
        acknowledged=record,
        siblings=tuple(replace(one, acknowledged=record) for one in draft.siblings),
    )


def vouched(config: Configuration, who: str) -> tuple[str, ...]:
    """Return the record of what somebody vouches for."""
    return tuple(f"{text} ({who})" for text in config.acknowledge)


def _some(names: Iterable[str]) -> str:
    rows = list(names)
    return ", ".join(rows[:SHOWN]) + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")


QUESTIONS = tuple(
    Waivable(name=name, ask=ask, applies=applies, ahead=ahead)
    for name, (ask, applies, ahead) in zip(
        WAIVABLE,
        (
            (
                tests_are_green,
                lambda config, there: bool(there) and config.required_checks != (),
                lambda github, base: partial(github.test_runs, base, PUBLISHING),
            ),
            (
                pull_requests_are_merged,
                lambda _, there: bool(there),
                lambda github, _: partial(github.pull_requests),
            ),
            (candidates_are_merged, lambda config, _: not config.scheme, None),
            (
                notes_are_drafted,
                lambda _, there: bool(there),
                lambda github, _: partial(drafts, github),
            ),
            (
                stakeholders_are_ready,
                lambda config, _: bool(config.acknowledge),
                lambda github, _: partial(github.approvers),
            ),
        ),
        strict=True,
    )
)
PEOPLE = {one for one in QUESTIONS if one.ask is stakeholders_are_ready}
EACH = {one for one in QUESTIONS if one.ask is notes_are_drafted}  # is asked of each package
