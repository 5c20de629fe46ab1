"""The only place that runs git. Ids are full hexadecimal object names; refs are full names."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from release import ReleaseError
from release.process import ProgramFailed, capture, terminal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

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
TAGS = "refs/tags/"
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1 or SHA-256
# A transfer slower than 1 kB/s for a minute is given up (git-config: http.lowSpeedLimit).
NETWORK = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60")
# What `git push --porcelain` says when the remote has answered no; it exits with 1 also without
# any answer, as when HTTP fails.
REMOTE_REJECTED = "\t[remote rejected]"
# The reasons of a remote that is out of order, as when its disk is full (git: receive-pack.c).
OUT_OF_ORDER = ("(unpacker error)", "(failed to update ref)")


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A compare-and-swap: the push happens only while `ref` is `expected` ("" = absent)."""

    ref: str
    expected: str


def peeled(refs: Mapping[str, str], ref: str) -> str | None:
    """Return the commit that a tag among the remote's `refs` tags, None where there is none."""
    return refs.get(f"{ref}^{{}}", refs.get(ref))


@dataclass(frozen=True, kw_only=True)
class Git:
    """A working tree and the remote it is released to."""

    root: Path
    env: Mapping[str, str]
    remote: str = "origin"
    is_reader: bool = False  # then a fetch moves no remote-tracking ref either
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
        return self.raw(*args, stdin=stdin, env=env).decode("utf-8", "replace").strip()

    def of_objects(self, *args: str) -> bytes:
        """Run `git ARGS`, which asks about objects by their ids: they never change, so once."""
        if args not in self.said:
            self.said[args] = self.raw(*args)
        answer: bytes = self.said[args]
        return answer

    def over_network(self, *args: str) -> str:
        """Run `git ARGS`, which asks the remote, and perhaps somebody for a password."""
        with terminal():
            return self(*NETWORK, *args)

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

    def named(self, ref: str) -> str:
        """Return the id of the commit that people mean: by a name here, or a remote's branch."""
        names = (ref, f"refs/remotes/{self.remote}/{ref}")
        found = (self.local_ref(f"{name}^{{commit}}") for name in names)
        return next(filter(None, found), "") or self.resolve(ref)

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
        ask = self.of_objects if ID.fullmatch(commit) else self.raw
        with suppress(ProgramFailed):
            return ask("cat-file", "blob", f"{commit}:{path}")
        return None

    def files(self, commit: str) -> dict[str, str]:
        """Return the mode of every file of a commit or tree, by path."""
        key = ("files", commit)
        if key not in self.said:
            listed = self.raw("ls-tree", "-r", "-z", "--full-tree", commit)
            rows = listed.decode("utf-8", "surrogateescape").split("\0")[:-1]
            found = {path: kinds[:6] for kinds, _, path in (row.partition("\t") for row in rows)}
            if not ID.fullmatch(commit):
                return found
            self.said[key] = found
        modes: dict[str, str] = self.said[key]
        return modes

    def tags(self) -> list[str]:
        """Return the names of the tags in this clone, the newest first."""
        form = "--format=%(refname:strip=2)"
        return self("for-each-ref", "--sort=-creatordate", form, "refs/tags").splitlines()

    def time(self) -> int:
        """Return when HEAD was committed, in seconds since 1970."""
        return int(self("show", "--no-patch", "--format=%ct", "HEAD"))

    def authored(self, commit: str) -> int:
        """Return when a commit was made first, in seconds since 1970."""
        return int(self.of_objects("show", "--no-patch", "--format=%at", commit))

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
        return self.of_objects("rev-parse", f"{commit}^{{tree}}").decode().strip()

    def message(self, commit: str) -> str:
        """Return a commit's whole message."""
        said = self.of_objects("show", "--no-patch", "--format=%B", commit)
        return said.decode("utf-8", "replace").strip()

    def parents(self, commit: str) -> list[str]:
        """Return the ids of a commit's parents."""
        return self("show", "--no-patch", "--format=%P", commit).split()

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Say whether `commit` contains `ancestor`."""
        ask = self.of_objects if ID.fullmatch(ancestor) and ID.fullmatch(commit) else self.raw
        try:
            ask("merge-base", "--is-ancestor", ancestor, commit)
        except ProgramFailed as error:
            if error.returncode != 1:
                raise
            return False
        return True

    def commits_between(self, known: str, commit: str) -> int:
        """Count the commits that `commit` contains and `known` doesn't."""
        return int(self("rev-list", "--count", commit, f"^{known}"))

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
    ) -> tuple[int, list[tuple[str, str]]]:
        """Return how many commits `tip` has that `commit` lacks, and id and subject of the newest.

        None for `commit`: all of them. Those with a row that matches `but` are left out.
        """
        others = ["--invert-grep", "--extended-regexp", f"--grep={but}"] if but else []
        revisions = [*others, tip, *([f"^{commit}"] if commit else [])]
        count = int(self("rev-list", "--count", *revisions))
        rows = self("log", "-z", f"--max-count={limit}", "--format=%H %s", *revisions).split("\0")
        pairs = (row.partition(" ") for row in rows if row)
        return count, [(id_, subject) for id_, _, subject in pairs]

    # What the remote has

    def url(self) -> str:
        """Return where a push to the remote goes."""
        try:
            return self("remote", "get-url", "--push", self.remote)
        except ProgramFailed as error:
            raise ReleaseError(
                f"there is no git remote {self.remote!r}",
                f"git remote add {self.remote} URL, or set `remote` in [tool.nox-release]",
            ) from error

    def remote_refs(self, *patterns: str) -> dict[str, str]:
        """Return the refs of the remote that match, with their ids.

        `HEAD` has the name of the branch that it points to, which is then there too. A tag is there
        twice: the tag object as `refs/tags/T`, and its commit as `refs/tags/T^{}`.
        """
        found: dict[str, str] = {}
        try:
            rows = self.over_network("ls-remote", "--symref", self.remote, *patterns).splitlines()
        except ProgramFailed as error:
            self.url()  # says so where there is no such remote at all
            raise ReleaseError(
                f"the remote {self.remote} can't be read: {error.output.strip()}",
                f"git ls-remote {self.remote}",
            ) from error
        for row in rows:
            value, _, ref = row.partition("\t")
            if value.startswith("ref: "):
                found["HEAD"] = value.removeprefix("ref: ")
            elif ref == "HEAD":
                found[found.get("HEAD", ref)] = value
            else:
                found[ref] = value
        return found

    def fetch(self, *refspecs: str) -> None:
        """Fetch from the remote; FETCH_HEAD, submodules and tags not named stay as they are."""
        self.over_network(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            *(["--refmap="] * self.is_reader),
            self.remote,
            *refspecs,
        )

    def fetch_tip(self, branch: str) -> str | None:
        """Fetch a branch of the remote, and return its commit; None where there is none."""
        ref = f"refs/heads/{branch}"
        tip = self.remote_refs(ref).get(ref)
        if tip:
            self.fetch(ref)
        return tip

    def fetch_tag(self, tag: str) -> tuple[str, str]:
        """Fetch a tag of the remote, and return the commit that it tags, and the tag's text."""
        ref = TAGS + tag
        refs = self.remote_refs(ref, f"{ref}^{{}}")
        if not (commit := peeled(refs, ref)):
            raise ReleaseError(f"there is no tag {tag} on {self.remote}")
        self.fetch(ref)
        return commit, self("cat-file", "-p", refs[ref])

    def remote_tag(self, tag: str) -> str | None:
        """Return the commit that a tag of the remote tags, None where there is none."""
        ref = TAGS + tag
        return peeled(self.remote_refs(ref, f"{ref}^{{}}"), ref)

    def deepen(self) -> None:
        """Fetch the history that a shallow clone lacks."""
        if self.is_shallow():
            self.fetch("--unshallow")

    def push(
        self,
        *refspecs: str,
        leases: Iterable[Lease] = (),
        dry_run: bool = False,
        hooks: bool = True,
    ) -> None:
        """Push exactly `refspecs`, each only while its lease holds: all of them or none.

        Where the remote knows no transactions: one after the other, up to the first refusal.
        """
        options = [f"--force-with-lease={lease.ref}:{lease.expected}" for lease in leases]
        options += ["--dry-run"] * dry_run + ["--no-verify"] * (not hooks)
        if len(refspecs) == 1:
            self._push(options, refspecs)
            return
        try:
            self._push(["--atomic", *options], refspecs)
        except ProgramFailed:
            trial = ["--dry-run", "--no-verify", *options]
            if self._takes(["--atomic", *trial], refspecs) or not self._takes(trial, refspecs):
                raise
            for refspec in refspecs:
                self._push(options, [refspec])

    def _push(self, options: Sequence[str], refspecs: Sequence[str]) -> None:
        quiet = ("-c", "push.followTags=false", "push", "--quiet", "--porcelain")
        self.over_network(*quiet, *options, self.remote, *refspecs)

    def _takes(self, options: Sequence[str], refspecs: Sequence[str]) -> bool:
        try:
            self._push(options, refspecs)
        except ProgramFailed:
            return False
        return True

    # What a release makes

    def commit(self, message: str) -> str:
        """Commit what is staged, with the user's own hooks and signing, and return the id."""
        self("commit", "--quiet", "--message", message)
        return self.resolve("HEAD")

    def commit_tree(self, tree: str, message: str, parents: Sequence[str] = ()) -> str:
        """Make a commit object and nothing else."""
        of = [word for parent in parents for word in ("-p", parent)]
        return self("commit-tree", tree, *of, "-F", "-", stdin=message.encode())
