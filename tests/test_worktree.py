"""What a release makes beside the user's checkout: of as few files as it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from release.edits import Edit
from release.process import ProgramFailed
from release.worktree import commit_on_top, merge, tree_with, worktree
from tests.test_snapshot import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from release.git import Git

FILES = {
    "ours": b"1\n",
    "theirs": b"1\n",
    "other.txt": b"1\n",
    ".gitattributes": b"*.txt filter=no",
}


@pytest.fixture
def base(tmp_path: Path) -> tuple[Git, str]:
    """Return a repository in which no text can be checked out, and its commit."""
    files = snapshot(tmp_path, FILES, {})
    settings = ("user.name a", "user.email a@b", "filter.no.smudge false", "filter.no.required yes")
    for setting in settings:
        files.git("config", *setting.split())
    return files.git, files.commit


def changed(git: Git, commit: str, *paths: str) -> str:
    """Return the id of a commit's tree with other text in these files."""
    edits = [Edit(path=path, before=FILES[path], after=path.encode()) for path in paths]
    return tree_with(git, commit, edits)


def test_a_merge_checks_nothing_out_but_what_it_changes(base: tuple[Git, str]) -> None:
    git, commit = base
    ours, theirs = (
        git.commit_tree(changed(git, commit, path), path, [commit]) for path in ("ours", "theirs")
    )
    merged = merge(git, theirs, ours, "Merge")
    assert git.tree(merged) == changed(git, commit, "ours", "theirs")
    assert git.parents(merged) == [theirs, ours]
    onto = commit_on_top(git, merged, changed(git, merged, "other.txt"), "Go on")
    assert git.files(onto).keys() == FILES.keys()
    assert git.blob(onto, "other.txt") == b"other.txt"
    assert git.parents(onto) == [merged]


def test_a_merge_leaves_no_stash_behind(base: tuple[Git, str]) -> None:
    git, commit = base
    git("config", "merge.autoStash", "true")
    ours, theirs = (
        git.commit_tree(changed(git, commit, path), path, [commit]) for path in ("ours", "theirs")
    )
    merge(git, theirs, ours, "Merge")
    assert git("stash", "list") == ""


def test_what_does_not_merge_is_told(base: tuple[Git, str]) -> None:
    git, commit = base
    again = tree_with(git, commit, [Edit(path="ours", before=b"1\n", after=b"2\n")])
    ours, theirs = (
        git.commit_tree(tree, "Change", [commit]) for tree in (changed(git, commit, "ours"), again)
    )
    with pytest.raises(ProgramFailed, match="CONFLICT"):
        merge(git, theirs, ours, "Merge")


def test_a_worktree_leaves_nothing_behind(base: tuple[Git, str]) -> None:
    git, commit = base
    with worktree(git, commit, with_files=False) as here:
        (here.root / "made").touch()
        assert {path.name for path in here.root.iterdir()} == {".git", "made"}
    assert len(git("worktree", "list").splitlines()) == 1
    assert not here.root.exists()
    for _ in range(100):  # the files go in the background
        if not here.root.parent.exists():
            break
        time.sleep(0.1)
    assert not here.root.parent.exists()
