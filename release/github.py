"""A repository on GitHub: what its REST API says of it, and the release pages there.

PyGithub in, frozen data out; it is imported where a project is on GitHub only.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from release import ReleaseError
from release.forge import Page, PullRequest, TestRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from github import Github
    from github.CheckRun import CheckRun
    from github.CommitStatus import CommitStatus
    from github.Repository import Repository
    from github.WorkflowRun import WorkflowRun

SILENCE = 30  # seconds without a byte
BYTES = "application/octet-stream"
INSTALLATION = "ghs_"  # how its tokens begin
LONGEST = 120  # seconds that a rate limit may ask to wait
# Workflows that publish, as `init` writes them: their runs are no tests.
PUBLISHING = frozenset(
    f".github/workflows/{name}.yaml" for name in ("alpha-release", "release", "release-matrix")
)


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """The repository `name` (OWNER/NAME), asked at `api` with `token` ("" = as anybody).

    `run` is the id of the GitHub Actions run in which this happens ("" = in none), and `workflow`
    the path of its workflow in the repository.
    """

    name: str
    api: str
    web: str
    token: str = field(default="", repr=False)
    run: str = ""
    workflow: str = ""
    actor: str = ""

    @property
    def url(self) -> str:
        """Return the repository's page for people."""
        return f"{self.web}/{self.name}"

    def page_url(self, tag: str) -> str:
        """Return where people read the release notes of a tag, once they are published."""
        return f"{self.url}/releases/tag/{tag}"

    # What it says

    def test_runs(self, commit: str, leave_out: frozenset[str]) -> list[TestRun]:
        """Return the newest check run and status of each name for exactly this commit.

        So is a workflow that hasn't ended: not all of its check runs may be there yet. Runs of the
        workflows at the paths to `leave_out` don't count, nor those of this workflow.
        """
        with ThreadPoolExecutor() as pool:
            asked_runs = pool.submit(self._check_runs, commit)
            asked_statuses = pool.submit(self._statuses, commit)
            workflows = self._workflow_runs(commit)
        runs, statuses = asked_runs.result(), asked_statuses.result()
        paths = {suite: one.path.partition("@")[0] for suite, one in workflows.items()}
        idle = {*leave_out, self.workflow}
        idle |= {paths[suite] for suite, one in workflows.items() if str(one.id) == self.run}
        newest: dict[tuple[str, str], TestRun] = {}
        for status in statuses:  # the newest come first
            one = TestRun(name=status.context, state=status.state, url=status.target_url or "")
            newest.setdefault(("status", one.name), one)
        for run in sorted(runs, key=lambda run: run.id):
            path = paths.get(run.check_suite.id, "")
            if not path or path not in idle:
                state = run.conclusion or "" if run.status == "completed" else ""
                newest[path, run.name] = TestRun(name=run.name, state=state, url=run.html_url or "")
        for suite, flow in workflows.items():
            if flow.status != "completed" and paths[suite] not in idle:
                newest[paths[suite], ""] = TestRun(name=flow.name, state="", url=flow.html_url)
        return [*newest.values()]

    def _workflow_runs(self, commit: str) -> dict[int, WorkflowRun]:
        """Return the runs of workflows for this commit, by their check suite.

        https://docs.github.com/en/rest/actions/workflow-runs: their `path` may end in @REF.
        """
        with self._asking("which workflows ran (`actions: read`)") as repository:
            return {
                one.check_suite_id: one for one in repository.get_workflow_runs(head_sha=commit)
            }

    def _check_runs(self, commit: str) -> list[CheckRun]:
        with self._asking("which tests ran") as repository:
            return [*repository.get_commit(commit).get_check_runs(filter="latest")]

    def _statuses(self, commit: str) -> list[CommitStatus]:
        """Return the statuses of this commit, the newest first."""
        with self._asking("which tests ran") as repository:
            from github.CommitStatus import CommitStatus
            from github.PaginatedList import PaginatedList

            # Commit.get_statuses asks at a path that GitHub doesn't describe.
            url = f"{repository.get_commit(commit).url}/statuses"
            return [*PaginatedList(CommitStatus, repository.requester, url, None)]

    def pull_requests(self) -> list[PullRequest]:
        """Return the open pull requests."""
        with self._asking("which pull requests are open") as repository:
            return [
                PullRequest(
                    number=one.number,
                    title=one.title,
                    url=one.html_url,
                    labels=frozenset(label.name for label in one.labels),
                    milestone=getattr(one.milestone, "title", ""),
                )
                for one in repository.get_pulls(state="open")
            ]

    def approvers(self) -> list[str]:
        """Return who has approved this run for its environment: the logins of its reviewers."""
        if not self.run:
            return []
        with self._asking("who has approved this run") as repository:
            run = repository.get_workflow_run(int(self.run))
            _, rows = run.requester.requestJsonAndCheck("GET", f"{run.url}/approvals")
        approved = (row["user"]["login"] for row in rows if row["state"] == "approved")
        return [*dict.fromkeys(approved)]

    def may_write(self) -> bool:
        """Say whether the token may write releases, as far as GitHub tells.

        Of an installation's token, like that of GitHub Actions, it says `false` in any case:
        https://github.com/semantic-release/github/issues/182
        """
        with self._asking("what the token may do") as repository:
            is_told = not self.token.startswith(INSTALLATION)
            return bool(repository.raw_data.get("permissions", {}).get("push")) or not is_told

    def propose(self, branch: str, into: str, title: str, body: str) -> str:
        """Open a pull request, unless it is open already; return its address."""
        with self._asking(f"to open a pull request of {branch}") as repository:
            owner = self.name.partition("/")[0]
            for one in repository.get_pulls(state="open", head=f"{owner}:{branch}", base=into):
                return one.html_url
            return repository.create_pull(into, branch, title=title, body=body).html_url

    # Release pages

    def page(self, tag: str, *titles: str) -> Page | None:
        """Return the release page of a tag; a draft may also be called by one of `titles`.

        Drafts are shown to those who may write only.
        """
        with self._asking(f"about the release page of {tag}") as repository:
            from github import UnknownObjectException

            try:
                return Page.of(repository.get_release(tag))
            except UnknownObjectException:
                pass
        return next((one for one in self.drafts() if one.is_of(tag, *titles)), None)

    def drafts(self) -> Iterator[Page]:
        """Return the drafts of release pages; GitHub shows them to nobody without a token."""
        if not self.token:
            return
        with self._asking("which release pages are drafted") as repository:
            yield from (Page.of(one) for one in repository.get_releases() if one.draft)

    def draft(self, tag: str, title: str, body: str, *, is_prerelease: bool) -> None:
        """Make a release page that only those who may write can see."""
        with self._asking(f"to draft the release page of {tag}") as repository:
            repository.create_git_release(
                tag, title, body, draft=True, prerelease=is_prerelease, make_latest="false"
            )

    def write(self, page: Page, *, title: str, body: str) -> None:
        """Change the words of a release page, and nothing else."""
        self._change(page, name=title, body=body)

    def publish(self, page: Page, tag: str, *, is_prerelease: bool, is_latest: bool) -> None:
        """Let everybody see a release page."""
        latest = "true" if is_latest else "false"
        self._change(page, tag_name=tag, draft=False, prerelease=is_prerelease, make_latest=latest)

    def latest(self) -> str:
        """Return the tag of the release that the repository shows as the latest, "" for none."""
        with self._asking("which release is the latest") as repository:
            from github import UnknownObjectException

            try:
                return repository.get_latest_release().tag_name
            except UnknownObjectException:
                return ""

    def make_latest(self, page: Page) -> None:
        """Show a release as the latest."""
        self._change(page, make_latest="true")

    def attach(self, page: Page, file: Path) -> None:
        """Upload a file to a release page; one by its name that is there goes away before."""
        with self._asking(f"to attach {file.name}") as repository:
            release = repository.get_release(page.id)
            if there := page.asset(file.name):
                requester = release.requester
                url = f"{repository.url}/releases/assets/{there.id}"
                requester.requestJsonAndCheck("DELETE", url)
            self._upload(release.upload_url.partition("{")[0], file)

    def _upload(self, url: str, file: Path) -> None:
        """Send a file; PyGithub's own upload would wait for an answer for ever."""
        import requests
        from github.Requester import Requester
        from requests.adapters import HTTPAdapter

        from release.limits import Again

        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": BYTES}
        with requests.Session() as session, file.open("rb") as content:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=Again(LONGEST)))
            session.auth = lambda request: request  # else requests takes what a .netrc says
            query = {"name": file.name}
            answer = session.post(url, params=query, data=content, headers=headers, timeout=SILENCE)
        if not answer.ok:
            said = {"message": answer.text}
            with suppress(ValueError):  # it isn't JSON
                said = answer.json()
            raise Requester.createException(answer.status_code, dict(answer.headers), said)

    def _change(self, page: Page, **values: object) -> None:
        with self._asking(f"to change the release page {page.url}") as repository:
            url = f"{repository.url}/releases/{page.id}"
            repository.requester.requestJsonAndCheck("PATCH", url, input=values)

    # How it is asked

    @contextmanager
    def _asking(self, what: str) -> Iterator[Repository]:
        """Give the repository; what GitHub answers but that is a `ReleaseError`."""
        import requests
        from urllib3.exceptions import HTTPError

        client = self._client()  # PyGithub imports itself in circles: one thread has to be first
        from github import GithubException

        try:
            yield client.get_repo(self.name)
        except GithubException as error:
            raise self._refusal(what, error) from error
        except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            # PyGithub takes what a proxy says instead for GitHub's own answer.
            words = f"what GitHub answers makes no sense when it is asked {what}: {error!r}"
            raise ReleaseError(words, f"is {self.api} its API? see GITHUB_API_URL") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise ReleaseError(
                f"GitHub can't be asked {what}: {error}", "type the command again"
            ) from error

    def _refusal(self, what: str, error: Any) -> ReleaseError:  # noqa: ANN401 - of a late import
        said = error.data.get("message", "") if isinstance(error.data, dict) else ""
        words = f"GitHub answers {error.status} when it is asked {what}: {said or error.message}"
        hint = "type the command again"
        if error.status in {401, 403, 404}:
            hint = "is it the right GITHUB_TOKEN, and what may it do? gh auth status"
            if not self.token:
                words, hint = f"{words} (without a token)", "set GITHUB_TOKEN: gh auth token"
        return ReleaseError(words, hint)

    def _client(self) -> Github:
        """Return a client of this thread's own, which waits as long as rate limits say."""
        try:
            from release.limits import Again
        except ImportError as error:
            raise ReleaseError(
                f"{self.url} is on GitHub, which is asked with PyGithub",
                "let the noxfile install nox-release[github]",
            ) from error
        from github import Auth, Github

        return Github(
            base_url=self.api,
            auth=Auth.Token(self.token) if self.token else None,
            timeout=SILENCE,
            per_page=100,
            retry=Again(LONGEST),
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )


def repository_name(url: str, host: str) -> str:
    """Return OWNER/NAME where a git URL is one of `host`'s, else "".

    `https://HOST/OWNER/NAME.git`, `git@HOST:OWNER/NAME`, `ssh://git@HOST:22/OWNER/NAME`.
    """
    pattern = (
        r"(?:(?P<scheme>\w+)://)?(?:[^@/]+@)?(?P<host>[^:/]+(?::\d+)?)[:/]/?"
        r"(?P<name>[^/]+/[^/]+?)(?:\.git)?/?"
    )
    if not (found := re.fullmatch(pattern, url)):
        return ""
    there, host = found["host"].lower(), host.lower()
    if found["scheme"] == "ssh":  # whose port isn't that of the pages
        there, host = there.partition(":")[0], host.partition(":")[0]
    return found["name"] if there in {host, f"ssh.{host}"} else ""
