"""The intent ref on the remote: it exists exactly while a release is unfinished.

It is lock and log at once: a commit whose parent is the release commit and whose tree holds
`plan.json` and `tag`, the text of the annotated tag to come (`tag1`… where there are more). Every
change of the ref is a compare-and-swap; nobody changes an id that they have not read or written.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from release import ReleaseError
from release.git import Lease
from release.plan import Plan
from release.process import ProgramFailed

if TYPE_CHECKING:
    from release.git import Git

LATEST = 32503680000  # seconds: the year 3000, up to which every system's clock library counts


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A release that was begun: its plan, and who began it when."""

    id: str
    plan: Plan
    author: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class IntentRef:
    """The ref called `name` on the remote of `git`."""

    git: Git
    name: str

    def id(self) -> str | None:
        """Ask the remote for the ref's id; None means that no release is unfinished."""
        return self.git.remote_refs(self.name).get(self.name)

    def read(self, intent_id: str) -> Intent:
        """Fetch the intent with this id; its release commit and tag object come with it."""
        self.git.fetch(self.name)
        try:
            plan = Plan.from_json(self.git.raw("cat-file", "blob", f"{intent_id}:plan.json"))
            names = [f"tag{number or ''}" for number in range(len(plan.tags))]
            tags = [self.git.raw("cat-file", "blob", f"{intent_id}:{name}") for name in names]
            form = "--format=%ct %an <%ae>"
            when, _, author = self.git("show", "--no-patch", form, intent_id).partition(" ")
            since = datetime.fromtimestamp(min(int(when), LATEST), timezone.utc)
        except ProgramFailed as error:
            raise ReleaseError(
                f"{self.name} on {self.git.remote} isn't an intent, or has just changed",
                "look again: git ls-remote " + self.git.remote,
            ) from error
        for tag in tags:
            self.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=tag)
        return Intent(id=intent_id, plan=plan, author=author, since=since)

    def write(self, plan: Plan, instead_of: Intent | None = None) -> Intent:
        """Record `plan` while the ref is absent, or still the intent that this one replaces.

        Raises `ProgramFailed` when the remote refuses; another machine may have been faster.
        """
        intent_id = self._commit(plan, [instead_of.id] if instead_of else [])
        lease = Lease(ref=self.name, expected=instead_of.id if instead_of else "")
        try:
            self.git.push(f"{intent_id}:{self.name}", leases=[lease], hooks=False)
        except ProgramFailed:
            if self.id() != intent_id:  # else only the answer got lost
                raise
        return Intent(
            id=intent_id,
            plan=plan,
            author=self.git.committer(),
            since=datetime.now(timezone.utc),
        )

    def clear(self, intent: Intent) -> bool:
        """Delete the ref while it is this intent, and say whether this call did it."""
        try:
            lease = Lease(ref=self.name, expected=intent.id)
            self.git.push(f":{self.name}", leases=[lease], hooks=False)
        except ProgramFailed:
            if self.id() == intent.id:
                raise
            return False
        return True

    def _commit(self, plan: Plan, earlier: list[str]) -> str:
        """Make the intent's commit. Its uuid keeps two machines from making the same id.

        An intent that replaces another one is its child: some remotes take nothing else.
        """
        contents = {"plan.json": plan.to_json().encode()}
        for number, tag_object in enumerate(plan.tag_objects.values()):
            contents[f"tag{number or ''}"] = self.git.raw("cat-file", "tag", tag_object)
        rows = "".join(
            f"100644 blob {self.git('hash-object', '-w', '--stdin', stdin=content)}\t{name}\n"
            for name, content in contents.items()
        )
        tree = self.git("mktree", stdin=rows.encode())
        message = f"Release {plan.title}: unfinished\n\nId: {uuid.uuid4()}\n"
        return self.git.commit_tree(tree, message, [plan.commit, *earlier])
