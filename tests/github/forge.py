"""What the stand-in for GitHub remembers: plain data, which tests read and change."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from itertools import count
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Callable

# States of a check run that has no conclusion yet.
UNFINISHED = {"queued", "in_progress", "completed", "waiting", "requested", "pending"}
# What can go wrong; some may be followed by seconds: `secondary-rate-limit 1`.
SECONDARY = "secondary-rate-limit"  # with a Retry-After
PRIMARY = "primary-rate-limit"  # exhausted, until the reset
TOO_MANY = "429"  # the same, with that status
SILENCE = "silence"  # no answer for so long, or for ever; and no effect
CUT_BEFORE = "cut-before"  # the connection ends, and nothing has happened
CUT_AFTER = "cut-after"  # the connection ends when it has happened
HALF_UPLOADED = "half-uploaded"  # 502, and an empty asset is there
IDS = count(1)


def now() -> str:
    """Return the time as GitHub writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity() -> Any:
    """Give an object a number that no other has."""
    return field(default_factory=lambda: next(IDS))


@dataclass(kw_only=True)
class WorkflowRun:
    """One run of a workflow; `approvals` are those of its environments: (login, environment)."""

    id: int = identity()
    suite: int = identity()
    name: str = "tests"
    head_sha: str
    head_branch: str = "main"
    event: str = "push"
    state: str = "success"
    actor: str = "ada"
    approvals: list[tuple[str, str]] = field(default_factory=list)


@dataclass(kw_only=True)
class CheckRun:
    """One check of a commit; `state` is a conclusion, or a status in `UNFINISHED`."""

    id: int = identity()
    suite: int
    run: int = 0  # of a workflow
    name: str
    head_sha: str
    state: str = "success"
    started_at: str = field(default_factory=now)


@dataclass(kw_only=True)
class Status:
    """One status that somebody gave a commit."""

    id: int = identity()
    sha: str
    context: str
    state: str = "success"  # error, failure, pending
    created_at: str = field(default_factory=now)


@dataclass(kw_only=True)
class Pull:
    """A pull request; `head` and `base` are branches."""

    id: int = identity()
    number: int
    title: str
    head: str = "feature"
    base: str = "main"
    body: str = ""
    labels: list[str] = field(default_factory=list)
    milestone: str = ""
    state: str = "open"
    is_draft: bool = False
    author: str = "ada"
    created_at: str = field(default_factory=now)


@dataclass(kw_only=True)
class Asset:
    """A file of a release; without content, its upload was interrupted."""

    id: int = identity()
    name: str
    label: str = ""
    content: bytes | None
    content_type: str = "application/octet-stream"
    uploader: str = "ada"
    created_at: str = field(default_factory=now)

    @property
    def digest(self) -> str | None:
        """Return the sha256 as GitHub writes it."""
        return (
            None if self.content is None else f"sha256:{hashlib.sha256(self.content).hexdigest()}"
        )


@dataclass(kw_only=True)
class Release:
    """A release, or the draft of one."""

    id: int = identity()
    tag_name: str
    target_commitish: str = "main"
    name: str = ""
    body: str = ""
    draft: bool = False
    prerelease: bool = False
    immutable: bool = False
    assets: list[Asset] = field(default_factory=list)
    author: str = "ada"
    created_at: str = field(default_factory=now)
    published_at: str | None = None

    @property
    def order(self) -> tuple[Version, str]:
        """Return what makes one release later than another."""
        try:
            return Version(self.tag_name.rpartition("/")[2]), self.created_at
        except InvalidVersion:
            return Version("0"), self.created_at


@dataclass(kw_only=True)
class Repository:
    """A repository as far as a release has to do with it."""

    id: int = identity()
    full_name: str
    private: bool = False
    has_immutable_releases: bool = False
    default_branch: str = "main"
    refs: dict[str, str] = field(default_factory=dict)  # a branch or a tag, and its commit
    commits: set[str] = field(default_factory=set)  # that are known; if empty, any is
    check_runs: list[CheckRun] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    runs: list[WorkflowRun] = field(default_factory=list)
    pulls: list[Pull] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    made_latest: int = 0  # the id of the release that was said to be
    spent_tags: set[str] = field(default_factory=set)  # of immutable releases that were deleted

    def check_run(
        self, name: str, sha: str, state: str = "success", run: WorkflowRun | None = None
    ) -> CheckRun:
        """Add a check run; without a workflow run, in a suite of its own."""
        suite, number = (run.suite, run.id) if run else (next(IDS), 0)
        one = CheckRun(name=name, head_sha=sha, state=state, suite=suite, run=number)
        self.check_runs.append(one)
        return one

    def status(self, context: str, sha: str, state: str = "success") -> Status:
        """Add a commit status."""
        self.statuses.append(Status(context=context, sha=sha, state=state))
        return self.statuses[-1]

    def run(self, sha: str, **more: Any) -> WorkflowRun:
        """Add a run of a workflow."""
        self.runs.append(WorkflowRun(head_sha=sha, **more))
        return self.runs[-1]

    def pull(self, title: str, **more: Any) -> Pull:
        """Add a pull request."""
        self.pulls.append(Pull(number=len(self.pulls) + 1, title=title, **more))
        return self.pulls[-1]

    def release(self, tag_name: str, **more: Any) -> Release:
        """Add a release, published unless it is a draft."""
        more.setdefault("published_at", None if more.get("draft") else now())
        self.releases.append(Release(tag_name=tag_name, **more))
        return self.releases[-1]

    @property
    def latest(self) -> Release | None:
        """Return the release that is shown first."""
        candidates = [one for one in self.releases if not one.draft and not one.prerelease]
        chosen = [one for one in candidates if one.id == self.made_latest]
        return max(chosen or candidates, key=lambda one: one.order, default=None)


@dataclass(frozen=True, kw_only=True)
class Token:
    """Whose token it is, and the repositories that it may read and write.

    That of an installation, like the one of GitHub Actions, is nobody's: no repository tells what
    it may do.
    """

    login: str = "ada"
    is_installation: bool = False
    reads: frozenset[str] = frozenset()
    pushes: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with the next requests of a kind."""

    method: str
    path: str  # a pattern with `*`
    what: str  # a status, or one of the words above
    times: int


@dataclass(kw_only=True)
class Forge:
    """GitHub."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # as they came: "GET /user"
    operations: set[str] = field(default_factory=set)  # that were asked for, and found valid
    violations: list[str] = field(default_factory=list)
    watch: Callable[[str], object] = str  # is told each request before it is answered
    lock: threading.RLock = field(default_factory=threading.RLock)

    def repository(self, full_name: str, **more: Any) -> Repository:
        """Add a repository."""
        self.repositories[full_name] = Repository(full_name=full_name, **more)
        return self.repositories[full_name]

    def token(self, secret: str, *, login: str = "ada", reads: str = "", pushes: str = "") -> Token:
        """Let a token in; `reads` and `pushes` are names of repositories, separated by spaces."""
        push = frozenset(pushes.split())
        self.tokens[secret] = Token(
            login=login,
            is_installation=secret.startswith("ghs_"),
            reads=push | set(reads.split()),
            pushes=push,
        )
        return self.tokens[secret]

    def fault(self, method: str, path: str, what: str, times: int = 1) -> None:
        """Let the next requests of a kind go wrong; `path` may have `*` in it."""
        self.faults.append(Fault(method=method, path=path, what=what, times=times))

    def next_fault(self, method: str, path: str) -> str:
        """Return what goes wrong with a request; "" for nothing."""
        for one in self.faults:
            if one.times > 0 and one.method == method and fnmatchcase(path, one.path):
                one.times -= 1
                return one.what
        return ""
