"""A repository on this machine; the one place that runs git.

Ids are full hexadecimal object names; refs are full names.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from release import ReleaseError
from release.process import ProgramFailed, capture
from release.tags import newest_first

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

# Set by git for its hooks; inherited, they would turn every command to another repository
# (git rev-parse --local-env-vars). GIT_CONFIG_* stays: it carries a user's own settings.
REPOSITORY_VARIABLES = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_WORK_TREE",
}
Answer = TypeVar("Answer")
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
ID = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})(?=[:^]|$)")  # SHA-1 or SHA-256


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A working tree of a repository."""

    root: Path
    env: Mapping[str, str]
    said: dict[tuple[str, ...], Any] = field(default_factory=dict, compare=False, repr=False)

    def raw(
        self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] = NO_VARIABLES
    ) -> bytes:
        """Run `git ARGS` in the tree and return its standard output."""
        kept = {key: value for key, value in self.env.items() if key not in REPOSITORY_VARIABLES}
        # Optional locks would refresh the user's index; output must not depend on a locale.
        quiet = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        args = ("-c", "log.showSignature=false", *args)  # would put gpg's words into `git show`
        return capture(["git", *args], cwd=self.root, env={**kept, **quiet, **env}, stdin=stdin)

    def __call__(
        self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] = NO_VARIABLES
    ) -> str:
        """Run `git ARGS` in the tree and return its standard output as text, stripped."""
        return _text(self.raw(*args, stdin=stdin, env=env))

    def of_objects(
        self, *args: str, about: Sequence[str], read: Callable[[bytes], Answer]
    ) -> Answer:
        """Run `git ARGS` about objects, once where ids are given: what they name never changes."""
        words = (*args, *about)
        if words in self.said:
            known: Answer = self.said[words]
            return known
        answer = read(self.raw(*words))
        if all(map(ID.match, about)):
            self.said[words] = answer
        return answer

    # What is here

    def toplevel(self) -> Path:
        """Return the root of the working tree, or raise `ReleaseError` where there is none."""
        try:
            return Path(self("rev-parse", "--show-toplevel"))
        except ProgramFailed as error:
            raise ReleaseError(
                f"{self.root} is not in a git repository: {error.output.strip()}",
                "run this in a clone of the project, or start one with `git init`",
            ) from error

    def resolve(self, revision: str) -> str:
        """Return the id of the commit that `revision` names."""
        try:
            return self(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except ProgramFailed as error:
            raise ReleaseError(
                f"there is no commit {revision!r} in {self.root}", "git log --all --oneline"
            ) from error

    def branch(self) -> str | None:
        """Return the branch that is checked out, or None when HEAD is detached."""
        with suppress(ProgramFailed):
            return self("symbolic-ref", "--quiet", "--short", "HEAD")
        return None

    def is_shallow(self) -> bool:
        """Say whether history was cut off by `clone --depth`."""
        return self("rev-parse", "--is-shallow-repository") == "true"

    def is_ref(self, ref: str) -> bool:
        """Say whether git takes this as the full name of a ref."""
        try:
            self("check-ref-format", ref)
        except ProgramFailed:
            return False
        return True

    def blob(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes as committed, or None where `commit` has no such file."""
        with suppress(ProgramFailed):
            return self.of_objects("cat-file", "blob", about=[f"{commit}:{path}"], read=bytes)
        return None

    def files(self, commit: str) -> dict[str, str]:
        """Return the mode of every file of a commit or tree, by path."""
        return {path: entry[:6] for path, entry in self.entries(commit).items()}

    def entries(self, commit: str, *, is_deep: bool = True) -> dict[str, str]:
        """Return mode, type and id of every file of a commit or tree, by path.

        Unless `is_deep`, of what is directly in it.
        """
        options = ["-z", "--full-tree", *["-r"] * is_deep]
        return self.of_objects("ls-tree", *options, about=[commit], read=_entries)

    def tags(self) -> tuple[str, ...]:
        """Return the names of the tags in this clone, those with the highest numbers first."""
        # Not by when they were made, for which git reads each of them.
        rows = self("for-each-ref", "--format=%(refname:strip=2)", "refs/tags")
        return newest_first(rows.splitlines())

    def time(self, commit: str = "HEAD") -> int:
        """Return when it was committed, in seconds since 1970."""
        return int(self("show", "--no-patch", "--format=%ct", commit))

    def authored(self, commit: str) -> int:
        """Return when a commit was made first, in seconds since 1970."""
        return self.of_objects("show", "--no-patch", "--format=%at", about=[commit], read=int)

    def settings(self, pattern: str) -> list[tuple[str, str]]:
        """Return the repository's own settings (not the user's) whose keys match."""
        try:
            found = self.raw("config", "--local", "-z", "--get-regexp", pattern).decode()
        except ProgramFailed:  # none
            return []
        pairs = (entry.partition("\n") for entry in found.split("\0") if entry)
        return [(key, value) for key, _, value in pairs]

    def hooks(self) -> str:
        """Return the folder of this repository's hooks; relative ones belong to the tree."""
        for _, folder in self.settings(r"^core\.hookspath$"):
            return folder
        return self("rev-parse", "--path-format=absolute", "--git-path", "hooks")

    def has_hooks(self) -> bool:
        """Say whether git may run any hook; it brings samples, which it doesn't run."""
        hooks = Path(self("rev-parse", "--path-format=absolute", "--git-path", "hooks"))
        return hooks.is_dir() and any(path.suffix != ".sample" for path in hooks.iterdir())

    def told(self, tag: str) -> str:
        """Return a tag with its commit and the diff, as text to read."""
        return self("show", "--no-color", "--unified=1", tag)

    def local_ref(self, ref: str) -> str | None:
        """Return the id that a local ref has, or None."""
        with suppress(ProgramFailed):
            return self("rev-parse", "--verify", "--quiet", "--end-of-options", ref)
        return None

    def tree(self, commit: str) -> str:
        """Return the id of a commit's tree."""
        return self.of_objects("rev-parse", about=[f"{commit}^{{tree}}"], read=_text)

    def message(self, commit: str) -> str:
        """Return a commit's whole message."""
        return self.of_objects("show", "--no-patch", "--format=%B", about=[commit], read=_text)

    def parents(self, commit: str) -> list[str]:
        """Return the ids of a commit's parents."""
        return self("show", "--no-patch", "--format=%P", commit).split()

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Say whether `commit` contains `ancestor`."""
        try:
            self.of_objects("merge-base", "--is-ancestor", about=[ancestor, commit], read=bytes)
        except ProgramFailed as error:
            if error.returncode != 1:
                raise
            return False
        return True

    def committer(self) -> str:
        """Return the committer's name and address; `ReleaseError` where git knows none."""
        try:
            return self("var", "GIT_COMMITTER_IDENT").rpartition("> ")[0] + ">"
        except ProgramFailed as error:
            raise ReleaseError(
                "git doesn't know who you are, so it can't commit",
                'git config user.name "Your Name"; git config user.email you@example.org',
            ) from error

    def types(self, ids: Iterable[str]) -> dict[str, str]:
        """Return what these objects are: `commit`, `tag`…, or `missing` in this clone."""
        rows = self("cat-file", "--batch-check", stdin="\n".join(ids).encode()).splitlines()
        return {id_: type_ for id_, type_, *_ in map(str.split, rows)}

    def tagged(self, tag: str, commit: str) -> tuple[int, str]:
        """Return when a tag was made, in seconds since 1970, and its text.

        A lightweight tag is its commit: it has that one's time, and no text.
        """
        text = "" if tag == commit else self("cat-file", "tag", tag)
        tagger = re.search(r"^tagger .* (\d+) [-+]\d+$", text.partition("\n\n")[0], re.MULTILINE)
        when = tagger[1] if tagger else self("show", "--no-patch", "--format=%ct", commit)
        return int(when), text

    def outside(self, commits: Collection[str], *tips: str) -> set[str]:
        """Return those commits that none of `tips` contains."""
        revisions = "\n".join([*commits, *(f"^{tip}" for tip in tips)])
        return set(commits) & set(self("rev-list", "--stdin", stdin=revisions.encode()).split())

    def since(
        self, commit: str | None, tip: str, limit: int, but: str = ""
    ) -> list[tuple[str, str]]:
        """Return id and subject of the newest commits that `tip` has and `commit` lacks.

        None for `commit`: of all. Those with a row that matches `but` are left out.
        """
        form = ("-z", f"--max-count={limit}", "--format=%H %s")
        rows = self("log", *form, *_revisions(commit, tip, but)).split("\0")
        pairs = (row.partition(" ") for row in rows if row)
        return [(id_, subject) for id_, _, subject in pairs]

    def count_since(self, commit: str | None, tip: str, but: str = "") -> int:
        """Count all of those."""
        return int(self("rev-list", "--count", *_revisions(commit, tip, but)))

    # What a release makes

    def commit(self, message: str) -> str:
        """Commit what is staged, with the user's own hooks and signing, and return the id."""
        self("commit", "--quiet", "--message", message)
        return self.resolve("HEAD")

    def commit_tree(self, tree: str, message: str, parents: Sequence[str] = ()) -> str:
        """Make a commit object and nothing else."""
        of = [word for parent in parents for word in ("-p", parent)]
        return self("commit-tree", tree, *of, "-F", "-", stdin=message.encode())


def _revisions(commit: str | None, tip: str, but: str) -> list[str]:
    others = ["--invert-grep", "--extended-regexp", f"--grep={but}"] if but else []
    return [*others, tip, *([f"^{commit}"] if commit else [])]


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace").strip()


def _entries(listed: bytes) -> dict[str, str]:
    rows = listed.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return {path: entry for entry, _, path in (row.partition("\t") for row in rows)}
