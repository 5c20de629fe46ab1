"""Trees, temporary worktrees and merges: what a release makes before anybody can see it."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from release import ReleaseError
from release.git import NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from release.git import Git

# A build takes the files as they are committed, whatever this checkout makes of them.
AS_COMMITTED = (
    "-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.sparseCheckout=false",
)  # fmt: skip


def tree_with(git: Git, base: str, files: Mapping[str, bytes]) -> str:
    """Return the id of the tree that `base` becomes with other `files` in it, modes kept.

    Made from blobs, in an index of its own: neither the checkout nor a filter has a say.
    """
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git("read-tree", base, env=index)
        rows = []
        for path, content in files.items():
            mode = git("--literal-pathspecs", "ls-files", "--stage", "-z", "--", path, env=index)[
                :6
            ]
            blob = git("hash-object", "-w", "--stdin", stdin=content)
            rows.append(f"{mode} {blob}\t{path}\0")
        git("update-index", "-z", "--index-info", stdin="".join(rows).encode(), env=index)
        return git("write-tree", env=index)


@contextmanager
def worktree(git: Git, commit: str, tree: str | None = None) -> Iterator[Git]:
    """Check `commit` out in a temporary worktree, `tree` staged over it; then remove it."""
    # Unlike shutil.rmtree, it removes the read-only files of git on Windows.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, git.root.name)
        try:
            git("worktree", "add", "--quiet", "--detach", "--no-checkout", str(path), commit)
            there = replace(git, root=path)
            there(*AS_COMMITTED, "read-tree", "--reset", "-u", commit)
            if tree:
                there(*AS_COMMITTED, "read-tree", "-m", "-u", commit, tree)
            if git.blob(commit, ".gitmodules") is not None:
                there(*NETWORK, "submodule", "--quiet", "update", "--init", "--recursive")
            yield there
        finally:
            with suppress(ReleaseError):  # never made, or its files are in use
                remove_worktree(git, path)


def worktrees(git: Git) -> list[Path]:
    """Return the folders of all worktrees of this repository, the main one first."""
    entries = (row.partition(" ") for row in git("worktree", "list", "--porcelain").splitlines())
    return [Path(value) for key, _, value in entries if key == "worktree"]


def remove_worktree(git: Git, path: Path) -> None:
    """Remove a worktree, even if it is locked, changed or half made."""
    shutil.rmtree(path, ignore_errors=True)
    git("worktree", "remove", "--force", "--force", str(path))


def merge(git: Git, into: str, commit: str, message: str) -> str:
    """Return a commit on top of `into` that merges `commit`; `ProgramFailed` on a conflict."""
    with worktree(git, into) as tree:
        tree("merge", "--quiet", "--no-ff", "--no-verify", "--message", message, commit)
        return tree.resolve("HEAD")
