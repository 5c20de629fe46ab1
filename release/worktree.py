"""Trees, temporary worktrees and merges: what a release makes before anybody can see it."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from release import ReleaseError
from release.edits import Edit
from release.git import NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from release.git import Git

# A build takes the files as they are committed, whatever this checkout makes of them.
AS_COMMITTED = (
    "-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.sparseCheckout=false",
)  # fmt: skip
FILE = "100644"  # the mode of a new file
FOLDER = "040000"  # that of a folder
LINKED = "160000"  # and that of a submodule


def tree_with(git: Git, base: str, edits: Iterable[Edit]) -> str:
    """Return the id of the tree that `base` becomes with these edits.

    Made from objects, those on the way to an edit only: neither the checkout nor a filter has a
    say, nor does the number of files matter.
    """
    blobs = {
        edit.path: ("", "")
        if edit.after is None
        else (edit.mode, git("hash-object", "-w", "--stdin", stdin=edit.after))
        for edit in edits
    }
    return _tree(git, git.tree(base), blobs) or git("mktree", stdin=b"")


def _tree(git: Git, tree: str, blobs: Mapping[str, tuple[str, str]]) -> str:
    """Return `tree` with blobs, each a mode and an id ("" = no file), at paths; "" for no file.

    A mode "" is the one that the file has.
    """
    if not blobs:
        return tree
    entries = git.entries(tree, is_deep=False) if tree else {}
    kept = {name: entry for name, entry in entries.items() if name not in blobs}
    inside = sorted(path for path in blobs if "/" in path)
    for name, paths in groupby(inside, lambda path: path.partition("/")[0]):
        below = {path.removeprefix(f"{name}/"): blobs[path] for path in paths}
        mode, _, id_ = kept.pop(name, "  ").split(" ")
        if made := _tree(git, id_ if mode == FOLDER else "", below):
            kept[name] = f"{FOLDER} tree {made}"
    for name, (mode, blob) in blobs.items():
        if blob and "/" not in name:
            old = entries.get(name, "")
            kept[name] = f"{mode or (old[:6] if ' blob ' in old else FILE)} blob {blob}"
    rows = "".join(f"{entry}\t{name}\0" for name, entry in kept.items())
    text = rows.encode("utf-8", "surrogateescape")
    return git("mktree", "-z", "--missing", stdin=text) if kept else ""


def difference(git: Git, base: str, tree: str) -> tuple[Edit, ...]:
    """Return what changes from one tree to another; submodules are left out."""
    raw = git.raw("diff-tree", "-r", "-z", "--no-renames", "--full-index", base, tree)
    fields = raw.decode("utf-8", "surrogateescape").split("\0")[:-1]
    edits = []
    for told, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, mode, old, new, _ = told.removeprefix(":").split()
        if LINKED not in {old_mode, mode}:
            before, after = (
                None if not id_.strip("0") else git.raw("cat-file", "blob", id_)
                for id_ in (old, new)
            )
            edits.append(Edit(path=path, before=before, after=after, mode=mode))
    return tuple(edits)


@contextmanager
def worktree(
    git: Git, commit: str, tree: str | None = None, *, with_files: bool = True
) -> Iterator[Git]:
    """Check `commit` out in a temporary worktree, `tree` staged over it; then remove it.

    Its files go in the background, and at the latest with all others of the run. Without them
    it has all in its index.
    """
    # Unlike shutil.rmtree, it removes the read-only files of git on Windows.
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    path = Path(folder.name, git.root.name)
    try:
        git("worktree", "add", "--quiet", "--detach", "--no-checkout", str(path), commit)
        there = replace(git, root=path)
        there(*AS_COMMITTED, "read-tree", "--reset", *["-u"] * with_files, tree or commit)
        if with_files and git.blob(commit, ".gitmodules") is not None:
            there(*NETWORK, "submodule", "--quiet", "update", "--init", "--recursive")
        yield there
    finally:
        with suppress(OSError):  # on Windows, while a file is in use
            path.rename(path.with_name("removed"))
        with suppress(ReleaseError):  # never made, or its files are in use
            remove_worktree(git, path)
        Thread(target=folder.cleanup, daemon=True).start()


def worktrees(git: Git) -> list[Path]:
    """Return the folders of all worktrees of this repository, the main one first."""
    entries = (row.partition(" ") for row in git("worktree", "list", "--porcelain").splitlines())
    return [Path(value) for key, _, value in entries if key == "worktree"]


def remove_worktree(git: Git, path: Path) -> None:
    """Remove a worktree, even if it is locked, changed or half made."""
    shutil.rmtree(path, ignore_errors=True)
    git("worktree", "remove", "--force", "--force", str(path))


def merge(git: Git, into: str, commit: str, message: str) -> str:
    """Return a commit on top of `into` that merges `commit`; `ProgramFailed` on a conflict.

    Where hooks run, they find the files: --no-verify leaves some of them out only (githooks).
    """
    with worktree(git, into, with_files=git.has_hooks()) as tree:
        as_it_is = ("-c", "merge.autoStash=false", "merge", "--quiet", "--no-ff", "--no-verify")
        tree(*as_it_is, "--message", message, commit)
        return tree.resolve("HEAD")


def commit_on_top(git: Git, commit: str, tree: str, message: str) -> str:
    """Return a commit of `tree` on top of `commit`, made as a merge is: with --no-verify."""
    with worktree(git, commit, tree, with_files=git.has_hooks()) as there:
        there("commit", "--quiet", "--no-verify", "--message", message)
        return there.resolve("HEAD")
