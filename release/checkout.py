"""The user's own checkout: what differs in it from HEAD, and how it comes to a release."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from release.git import TAGS
from release.process import ProgramFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from release.git import Git


def dirty(git: Git) -> list[str]:
    """Return the paths that differ from HEAD, untracked ones included."""
    entries = iter(git.raw("status", "--porcelain=v1", "-z").decode("utf-8", "replace").split("\0"))
    paths = []
    for entry in entries:
        if entry:
            paths.append(entry[3:])
        if entry[:1] in {"R", "C"}:  # the old name follows in a field of its own
            next(entries)
    return paths


def followed(tags: Iterable[str], commit: str, git: Git) -> bool:
    """Say whether this checkout contains the release commit, and this clone has the tags."""
    has_tags = all(git.local_ref(TAGS + tag) for tag in tags)
    return has_tags and git.is_ancestor(commit, git.resolve("HEAD"))


def follow(
    tags: Sequence[str], commit: str, branch: str, git: Git, ask: Callable[[], Mapping[str, str]]
) -> str:
    """Fetch the tags; fast-forward this checkout to the branch, if that disturbs nothing.

    `ask` gives the remote's refs, those at least.
    The release is done without it, so whatever is in the way is left alone: that is returned.
    """
    try:
        tip = bring(tags, commit, branch, git, ask())
        # A missing file is in no merge's way: git writes it, or leaves it missing.
        changed = [path for path in dirty(git) if os.path.lexists(git.root / path)]
        if git.branch() != branch:
            return f"left alone: {branch} isn't checked out"
        if own := [path for path in changed if not is_as_in(tip, path, git)]:
            return f"left alone: {', '.join(own[:3])} changed meanwhile"
        fast_forward(tip, changed, git)
    except ProgramFailed:
        held = " and no ".join(map(str, locks(git, *(TAGS + tag for tag in tags))))
        once = f", once there is no {held}" if held else ""
        return f"left alone: git pull brings it{once}"
    return ""


def bring(tags: Sequence[str], commit: str, branch: str, git: Git, refs: Mapping[str, str]) -> str:
    """Bring tags of the remote into this clone, and return the tip of its branch, or `commit`.

    `refs` are those of the remote. What this clone has made itself isn't fetched.
    """
    head, names = f"refs/heads/{branch}", [TAGS + tag for tag in tags]
    tip = refs.get(head, commit)
    types = git.types(refs[name] for name in names if name in refs)
    is_known = git.local_ref(f"refs/remotes/{git.remote}/{branch}") == refs.get(head)
    if not is_known or tip != commit or len(types) < len(tags) or "missing" in types.values():
        git.fetch(*[head] * (head in refs), *(f"{name}:{name}" for name in names))
        return tip
    for name in names:
        if git.local_ref(name) != refs[name]:
            git("update-ref", name, refs[name], "0" * len(refs[name]))
    return tip


def is_as_in(commit: str, path: str, git: Git) -> bool:
    """Say whether a file of the working tree is what it is in `commit`."""
    with suppress(ProgramFailed):
        blob = git("rev-parse", "--verify", "--quiet", f"{commit}:{path}")
        return git("hash-object", "--", path) == blob
    return git.local_ref(f"{commit}:{path}") is None and not (git.root / path).exists()


def fast_forward(commit: str, moved: Sequence[str], git: Git) -> None:
    """Move the checked-out branch and its files forward; those in `moved` have been, before.

    A process that was killed in the middle leaves files of the new commit beside the old HEAD.
    """
    if moved:
        git("add", "--", *moved)
    git("merge", "--quiet", "--ff-only", commit)


def locks(git: Git, *refs: str) -> list[Path]:
    """Return the locks on this checkout, its branch and `refs`.

    They are of a git that runs, or of one that was killed.
    """
    names = ("index", "HEAD", f"refs/heads/{git.branch()}", *refs)
    ask = ("rev-parse", "--path-format=absolute", "--git-path")
    paths = [git.root / git(*ask, f"{name}.lock") for name in names]
    return [path for path in paths if path.exists()]
