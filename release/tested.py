"""The release commit: made as the user makes commits, and tested, in temporary worktrees."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from release import ReleaseError
from release.build import run_tests
from release.process import ProgramFailed
from release.worktree import tree_with, worktree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from release.console import Console
    from release.git import Git
    from release.plan import Draft
    from release.project import Project
    from release.world import World


@contextmanager
def tested(
    draft: Draft, projects: Sequence[Project], world: World, console: Console
) -> Iterator[Git]:
    """Commit and test; let the block have the commit in a worktree that nothing has touched."""
    git = world.git
    tree, commands = tree_with(git, draft.base, draft.edits), tests(draft, projects)
    with ExitStack() as trees:
        here = trees.enter_context(worktree(git, draft.base, tree))
        commit = draft.base
        if draft.edits:
            with console.step("Commit"):
                commit = commit_version(here, draft, tree)
        for command, folder in commands:
            with console.step(f"Run the tests: {' '.join(command)}", log=True) as line:
                run_tests(command, here.root / folder, world.programs_env(), line.note)
        if commands or git.has_hooks():  # which may have left something
            trees.close()
            here = trees.enter_context(worktree(git, commit))
        yield here


def making(draft: Draft, projects: Iterable[Project]) -> list[str]:
    """Return the titles of what is done here."""
    told = [f"Run the tests: {' '.join(command)}" for command, _ in tests(draft, projects)]
    return [*["Commit"] * bool(draft.edits), *told]


def tests(draft: Draft, projects: Iterable[Project]) -> list[tuple[tuple[str, ...], str]]:
    """Return the tests of all packages: each command, and the folder in which it runs."""
    pairs = zip(draft.all, projects, strict=True)
    found = dict.fromkeys((one.tests, project.tested_in) for one, project in pairs)
    return [(command, folder) for command, folder in found if command]


def commit_version(here: Git, draft: Draft, tree: str) -> str:
    """Commit what the release changes, and insist that hooks left it as it was planned."""
    try:
        commit = here.commit(draft.message)
    except ProgramFailed as error:
        raise ReleaseError(
            f"the release commit was refused:\n{error.output.strip()}",
            "mend what git or the hook says, commit that, and type the command again",
        ) from error
    if (here.tree(commit), here.parents(commit)) != (tree, [draft.base]):
        changes = here("diff", "--stat", tree, commit)
        raise ReleaseError(
            f"a commit hook changed the release commit, which holds what the plan says:\n{changes}",
            "run the hook and commit what it changes before the release",
        )
    if not draft.is_message(said := here.message(commit)):
        raise ReleaseError(
            f"a commit hook changed the message {draft.message!r} to {said.strip()!r}",
            'say it as the hook wants it: message = "…{version}…" in [tool.nox-release]',
        )
    return commit
