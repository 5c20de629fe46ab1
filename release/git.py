"""A clone and the remote that it is released to: what is there, and what is pushed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release import ReleaseError
from release.clone import Clone
from release.process import ProgramFailed, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TAGS = "refs/tags/"
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
class Git(Clone):
    """A working tree and the remote it is released to."""

    remote: str = "origin"
    is_reader: bool = False  # then a fetch moves no remote-tracking ref either

    def over_network(self, *args: str) -> str:
        """Run `git ARGS`, which asks the remote, and perhaps somebody for a password."""
        with terminal():
            return self(*NETWORK, *args)

    def named(self, ref: str) -> str:
        """Return the id of the commit that people mean: by a name here, or a remote's branch."""
        names = (ref, f"refs/remotes/{self.remote}/{ref}")
        found = (self.local_ref(f"{name}^{{commit}}") for name in names)
        return next(filter(None, found), "") or self.resolve(ref)

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
