"""The edges of the program, built in one place; the only reader of the environment."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from release import Problem, Refused, ReleaseError
from release.actions import Actions
from release.ahead import Ahead
from release.commands import FORGE_TOKENS, programs_env
from release.git import TAGS
from release.github import GitHub, repository_name
from release.index import Index
from release.intent import IntentRef
from release.tags import is_release_tag, newest_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from packaging.version import Version

    from release.configuration import Configuration
    from release.git import Git
    from release.index import IndexFile
    from release.project import Project

Answer = TypeVar("Answer")
Subject: TypeAlias = "tuple[Project, Facts]"  # what may be released, and what is known of it
# Programs that run other people's code (hooks, tests, build backends) don't get what publishes.
SECRET = (
    *("TWINE_", "UV_PUBLISH_", "ACTIONS_ID_TOKEN_REQUEST_", "ACTIONS_RUNTIME_TOKEN"),
    "SLACK_WEBHOOK_URL",
)
# Files by which a step tells its runner something: this step does so itself.
RUNNER = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
RELEASE_BRANCH = "release"  # …/1.3.0 is to be merged where nobody pushes to the main one
SHORTEST = 6  # characters; hiding shorter values would blot out ordinary words


def environment() -> dict[str, str]:
    """Return the environment for programs: git and its hooks, tests, builds.

    What publishes isn't in it; twine reads that itself. Without a terminal git asks nothing.
    """
    env = {key: value for key, value in os.environ.items() if not key.startswith(SECRET + RUNNER)}
    if not sys.stdin.isatty():
        env.setdefault("GIT_TERMINAL_PROMPT", "0")
    return env


def today() -> date:
    """Return the date, in UTC."""
    return datetime.now(timezone.utc).date()


def secret_values() -> list[str]:
    """Return the values in the environment that must not be seen anywhere."""
    words = ("PASSWORD", "TOKEN", "SECRET", "WEBHOOK_URL")
    named = [value for key, value in os.environ.items() if key.endswith(words)]
    return [value for value in named if len(value) >= SHORTEST]


def actions() -> Actions | None:
    """Return the step of GitHub Actions that this process is a part of, None elsewhere."""
    return Actions.of(os.environ)


def upload_source(config: Configuration) -> str:
    """Say where it is known from which index files go to, in twine's own order."""
    if config.repository:
        return "`repository`"
    if os.environ.get("TWINE_REPOSITORY_URL"):
        return "TWINE_REPOSITORY_URL"
    if name := os.environ.get("TWINE_REPOSITORY"):
        return f"TWINE_REPOSITORY={name}"
    return "the default; `repository` or TWINE_REPOSITORY sets it"


def on_github(git: Git) -> GitHub | None:
    """Return the remote's repository on GitHub, None where it is elsewhere.

    The variables are those of GitHub Actions; GITHUB_API_URL alone names a GitHub Enterprise.
    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    env = os.environ
    api = (env.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
    web = env.get("GITHUB_SERVER_URL") or api.removesuffix("/api/v3").replace("://api.", "://")
    url = ""
    with suppress(ReleaseError):  # there is no remote
        url = git.url()
    name = repository_name(url, urlsplit(web).netloc)
    if not name and not url.startswith(("https://", "http://")):  # ssh may know a host by any name
        name = env.get("GITHUB_REPOSITORY", "")
    if not name:
        return None
    path = env.get("GITHUB_WORKFLOW_REF", "").partition("@")[0]
    return GitHub(
        name=name,
        api=api,
        web=web.rstrip("/"),
        token=next(filter(None, map(env.get, FORGE_TOKENS)), ""),
        run=env.get("GITHUB_RUN_ID", ""),
        workflow=path.removeprefix(f"{name}/"),
        actor=env.get("GITHUB_ACTOR", ""),
    )


def environments(git: Git) -> Path:
    """Return where build environments of a repository are kept, apart from those of any other.

    It is known by where it is pushed to, so that its clones share them. NOX_RELEASE_CACHE names a
    folder that is one repository's own.
    """
    from platformdirs import user_cache_path

    if own := os.environ.get("NOX_RELEASE_CACHE"):
        cache, name = Path(own).absolute(), ""
    else:
        cache, name = user_cache_path("nox-release", appauthor=False), str(git.root)
        with suppress(ReleaseError):  # there is no remote
            name = git.url()
            name = str((git.root / name).resolve()) if (git.root / name).exists() else name
    return cache / "environments" / sha256(name.encode()).hexdigest()[:16]


def reach_loopback() -> None:
    """Keep requests to this machine away from a proxy; requests and pip read the variable."""
    for key in ("NO_PROXY", "no_proxy"):
        os.environ[key] = ",".join(filter(None, [os.environ.get(key), "127.0.0.1"]))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What remote and index answered when they were first asked."""

    name: str  # of the project that the index was asked about
    branch: str  # that releases are pushed to
    tip: str  # the branch's commit on the remote
    refs: Mapping[str, str]  # that branch, HEAD's, those to merge, the intent and all tags
    is_remote_known: bool
    intent_id: str | None
    files: tuple[IndexFile, ...]
    problems: tuple[Problem, ...]  # questions that got no answer

    @cached_property
    def taken(self) -> frozenset[Version]:
        """Return the versions that the index has, yanked ones included."""
        return frozenset(file.version for file in self.files if file.version)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Return the names of the remote's tags, the newest first."""
        refs = (ref for ref in self.refs if ref.startswith(TAGS) and not ref.endswith("^{}"))
        return newest_first(ref.removeprefix(TAGS) for ref in refs)

    def known(self, project: Project) -> frozenset[Version]:
        """Return the versions of a project that are on the index or tagged on the remote."""
        return self.taken.union(project.tagged(self.tags).values())

    def without(self, version: Version) -> Facts:
        """Return the facts as they would be had this version never been uploaded."""
        return replace(self, files=tuple(one for one in self.files if one.version != version))

    def without_sdist(self) -> list[Version]:
        """Return the pre-releases on the index whose sdist, which comes last, isn't there."""
        sdists = {file.version for file in self.files if not file.filename.endswith(".whl")}
        return sorted(version for version in self.taken - sdists if version.is_prerelease)

    def pending(self) -> str:
        """Return the id of the intent; `ReleaseError` when no release is unfinished."""
        if self.problems:
            raise Refused(self.problems)
        if not self.intent_id:
            raise ReleaseError(
                "no release is unfinished", "nox -s publish_release -- LEVEL begins one"
            )
        return self.intent_id


@dataclass(frozen=True, kw_only=True)
class World:
    """A repository with its remote, the intent there, and an index."""

    git: Git
    index: Index
    intent: IntentRef
    github: GitHub | None = None  # where the remote is there
    webhook: str = field(default="", repr=False)  # of Slack, where releases are announced
    ahead: Ahead = field(default_factory=Ahead, compare=False, repr=False)
    attestations: str = "never"  # or "auto", "required": whether files get any
    sigstore: str = ""  # path of the file that names a private one
    asks: bool = False  # there is somebody who can be asked
    is_in_ci: bool = False
    builds_twice: bool | None = None  # to compare; None: as the project says
    by_pull_request: bool = False  # the branch takes no push; people merge another one into it
    there: str = ""  # what further commands must say besides: which index
    here: str = ""  # and which packages
    rehearsed: Git | None = None  # the repository in whose place this one is

    @classmethod
    def of(
        cls,
        git: Git,
        config: Configuration,
        *,
        repository: str = "",
        packages: Iterable[str] = (),
        interactive: bool = False,
        builds_twice: bool | None = None,
    ) -> World:
        """Build the world that a project's configuration and the command line name."""
        git = replace(git, remote=config.remote)
        index = Index(
            repository=repository or config.repository,
            index_url=config.index_url if not repository or repository == config.repository else "",
            interactive=interactive,
            patience=config.patience,
            uploads=config.uploads,
        )
        there = f" --repository {shlex.quote(index.upload_url)}" if repository else ""
        here = "".join(f" --package {shlex.quote(one)}" for one in packages)
        intent = IntentRef(git=git, name=config.intent_ref)
        by_pull_request = config.main == "pull-request"
        return cls(
            git=git,
            index=index,
            intent=intent,
            github=on_github(git),
            webhook=os.environ.get("SLACK_WEBHOOK_URL", ""),
            attestations=config.attestations,
            sigstore=config.sigstore_trust_config,
            asks=interactive,
            is_in_ci=os.environ.get("CI", "").lower() not in {"", "0", "false"},
            builds_twice=builds_twice,
            by_pull_request=by_pull_request,
            there=there,
            here=here,
        )

    @property
    def again(self) -> str:
        """Return what a command that continues must say besides."""
        return self.here + self.there

    @property
    def home(self) -> str:
        """Return the URL of its repository, the same for each clone on GitHub; "" for none."""
        if self.github:
            return self.github.url
        with suppress(ReleaseError):  # there is no remote
            return self.git.url()
        return ""

    @property
    def environments(self) -> Path:
        """Return where build environments of this repository are kept."""
        return environments(self.rehearsed or self.git)

    def programs_env(self) -> dict[str, str]:
        """Return the environment for tests and builds: our own tools first."""
        return programs_env(self.git.env)

    def other_tags(self, project: Project, facts: Facts, but: Iterable[str] = ()) -> Problem | None:
        """Say which release tags this clone and the remote don't share, `but` some, if any."""
        here, there = set(self.git.tags()) - {*but}, set(facts.tags) - {*but}
        for tag in sorted(here ^ there):
            if is_release_tag(tag, project.name, project.config.tag) and facts.is_remote_known:
                where, hint = (
                    ("in this clone only", f"git push {self.git.remote} {tag}, or delete it here")
                    if tag in here
                    else (f"on {self.git.remote}, not in this clone", "git fetch --tags")
                )
                words = f"{project.vcs} takes the version from git tags, and {tag} is {where}"
                return Problem(words, hint)
        return None

    @cached_property
    def checked_out(self) -> str | None:
        """Return the branch that was checked out when this was first asked."""
        return self.git.branch()

    def likely_branch(self, config: Configuration) -> str:
        """Return what is the branch of releases unless the remote's HEAD points to another one."""
        return config.branch or self.checked_out or "main"

    def subjects(self, projects: Sequence[Project]) -> list[Subject]:
        """Ask the remote, and the index about each of these projects."""
        lead, *others = projects
        facts = self.facts(lead)
        about = self.facts_about([project.name for project in others], facts)
        return list(zip(projects, [facts, *about], strict=True))

    def facts_about(self, names: Sequence[str], facts: Facts) -> list[Facts]:
        """Ask the index about several projects at once; what the remote said, it said for all."""
        self.ahead.ask(*(partial(self.index.files, name) for name in names))

        def about(name: str) -> Facts:
            problems, none = [*facts.problems], tuple["IndexFile", ...]()
            files = _or(none, problems, partial(self.ahead.answer, partial(self.index.files, name)))
            return replace(facts, name=name, files=files, problems=tuple(problems))

        return [facts if name == facts.name else about(name) for name in names]

    def first_questions(self, project: Project) -> tuple[partial[Any], partial[Any]]:
        """Return how the remote is asked for all that matters, and the index for its files."""
        local = self.likely_branch(project.config)
        branches = (local, f"{RELEASE_BRANCH}*", project.config.candidate_branches)
        heads = (f"refs/heads/{one}" for one in branches)
        refs = partial(self.git.remote_refs, "HEAD", self.intent.name, *heads, f"{TAGS}*")
        return refs, partial(self.index.files, project.name)

    def facts(self, project: Project) -> Facts:
        """Ask the remote and the index at once."""
        name, branch = project.name, project.config.branch
        to_remote, to_index = self.first_questions(project)
        self.ahead.ask(to_remote, to_index)
        problems: list[Problem] = []
        nothing: dict[str, str] = {}
        refs = _or(nothing, problems, partial(self.ahead.answer, to_remote))
        files = _or((), problems, partial(self.ahead.answer, to_index))
        local = self.likely_branch(project.config)
        head = refs.get("HEAD", "")
        branch = branch or (head if head in refs else local).removeprefix("refs/heads/")
        is_remote_known = not problems
        return Facts(
            name=name,
            branch=branch,
            tip=refs.get(f"refs/heads/{branch}", ""),
            refs=refs,
            is_remote_known=is_remote_known,
            intent_id=refs.get(self.intent.name),
            files=files,
            problems=tuple(problems),
        )


def _or(otherwise: Answer, problems: list[Problem], ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except ReleaseError as error:
        problems.extend(error.problems)
        return otherwise
