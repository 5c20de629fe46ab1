"""The objects of GitHub's answers, complete, from what the stand-in remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.github.description import complete
from tests.github.forge import UNFINISHED

if TYPE_CHECKING:
    from tests.github.forge import Asset, CheckRun, Pull, Release, Repository, Status, WorkflowRun

Object = dict[str, Any]


def user(base: str, login: str, schema: str = "simple-user") -> Object:
    """Describe somebody."""
    url = f"{base}/users/{login}"
    return complete(schema, login=login, id=sum(login.encode()), url=url, type="User",
                    html_url=f"{base}/{login}", user_view_type="public")  # fmt: skip


def repository(base: str, repo: Repository, schema: str, *, may_push: bool) -> Object:
    """Describe a repository."""
    owner, _, name = repo.full_name.partition("/")
    url = f"{base}/repos/{repo.full_name}"
    rights = {"admin": False, "maintain": False, "push": may_push, "triage": may_push, "pull": True}
    return complete(schema, id=repo.id, name=name, full_name=repo.full_name, private=repo.private,
                    owner=user(base, owner), url=url, html_url=f"{base}/{repo.full_name}",
                    default_branch=repo.default_branch, permissions=rights,
                    visibility="private" if repo.private else "public",
                    releases_url=f"{url}/releases{{/id}}", pulls_url=f"{url}/pulls{{/number}}",
                    statuses_url=f"{url}/statuses/{{sha}}",
                    clone_url=f"{base}/{repo.full_name}.git")  # fmt: skip


def progress(state: str) -> Object:
    """Say how far something is that has a conclusion in the end."""
    is_done = state not in UNFINISHED
    return {"status": "completed" if is_done else state, "conclusion": state if is_done else None}


def check_run(base: str, repo: Repository, one: CheckRun) -> Object:
    """Describe a check of a commit."""
    web, url = f"{base}/{repo.full_name}", f"{base}/repos/{repo.full_name}/check-runs/{one.id}"
    page = f"{web}/actions/runs/{one.run}/job/{one.id}" if one.run else f"{web}/runs/{one.id}"
    app = complete("nullable-integration", id=15368, slug="github-actions", name="GitHub Actions",
                   owner=user(base, "github"), permissions={"checks": "write"})  # fmt: skip
    is_done = one.state not in UNFINISHED
    return complete("check-run", id=one.id, name=one.name, head_sha=one.head_sha, url=url,
                    html_url=page, details_url=page, check_suite={"id": one.suite}, app=app,
                    started_at=one.started_at, completed_at=one.started_at if is_done else None,
                    **progress(one.state))  # fmt: skip


def status(base: str, repo: Repository, one: Status, schema: str = "status") -> Object:
    """Describe a status of a commit."""
    url = f"{base}/repos/{repo.full_name}/statuses/{one.sha}"
    more = {"creator": user(base, "ada")} if schema == "status" else {}
    return complete(schema, id=one.id, context=one.context, state=one.state, url=url,
                    created_at=one.created_at, updated_at=one.created_at, **more)  # fmt: skip


def workflow_run(base: str, repo: Repository, one: WorkflowRun) -> Object:
    """Describe a run of a workflow."""
    url = f"{base}/repos/{repo.full_name}/actions/runs/{one.id}"
    here = repository(base, repo, "minimal-repository", may_push=False)
    return complete("workflow-run", id=one.id, name=one.name, head_sha=one.head_sha, url=url,
                    head_branch=one.head_branch, event=one.event, check_suite_id=one.suite,
                    html_url=f"{base}/{repo.full_name}/actions/runs/{one.id}",
                    path=f".github/workflows/{one.name}.yaml", run_attempt=1, pull_requests=[],
                    actor=user(base, one.actor), triggering_actor=user(base, one.actor),
                    repository=here, head_repository=here, **progress(one.state))  # fmt: skip


def approval(base: str, login: str, environment: str) -> Object:
    """Describe the approval of an environment."""
    return complete("environment-approvals", state="approved", user=user(base, login),
                    environments=[{"id": 1, "name": environment}])  # fmt: skip


def pull(base: str, repo: Repository, one: Pull, schema: str = "pull-request-simple") -> Object:
    """Describe a pull request."""
    url, web = f"{base}/repos/{repo.full_name}/pulls/{one.number}", f"{base}/{repo.full_name}"
    return complete(schema, id=one.id, number=one.number, title=one.title, body=one.body or None,
                    state=one.state, draft=one.is_draft, user=user(base, one.author), url=url,
                    html_url=f"{web}/pull/{one.number}", created_at=one.created_at,
                    labels=[label(base, repo, name) for name in one.labels],
                    milestone=milestone(base, repo, one) if one.milestone else None,
                    head=branch(base, repo, one.head), base=branch(base, repo, one.base),
                    author_association="MEMBER")  # fmt: skip


def label(base: str, repo: Repository, name: str) -> Object:
    """Describe a label."""
    return {"id": sum(name.encode()), "node_id": "", "name": name, "color": "ededed",
            "default": False, "description": "",
            "url": f"{base}/repos/{repo.full_name}/labels/{name}"}  # fmt: skip


def milestone(base: str, repo: Repository, one: Pull) -> Object:
    """Describe the milestone of a pull request."""
    number = [each.milestone for each in repo.pulls].index(one.milestone) + 1
    return complete("nullable-milestone", id=number, number=number, title=one.milestone,
                    state="open",
                    url=f"{base}/repos/{repo.full_name}/milestones/{number}",
                    html_url=f"{base}/{repo.full_name}/milestone/{number}")  # fmt: skip


def branch(base: str, repo: Repository, name: str) -> Object:
    """Describe one side of a pull request."""
    owner = repo.full_name.partition("/")[0]
    here = repository(base, repo, "repository", may_push=False)
    return {"label": f"{owner}:{name}", "ref": name, "sha": repo.refs.get(name, "0" * 40),
            "repo": here, "user": user(base, owner)}  # fmt: skip


def release(base: str, repo: Repository, one: Release) -> Object:
    """Describe a release; a draft has a page under a name that nobody can guess."""
    url, web = f"{base}/repos/{repo.full_name}", f"{base}/{repo.full_name}"
    page = f"untagged-{one.id:020x}" if one.draft else one.tag_name
    archives = f"{url}/{{}}/{one.tag_name}".format
    return complete("release", id=one.id, tag_name=one.tag_name, name=one.name, body=one.body,
                    target_commitish=one.target_commitish, draft=one.draft,
                    prerelease=one.prerelease, immutable=one.immutable,
                    created_at=one.created_at, published_at=one.published_at,
                    author=user(base, one.author), url=f"{url}/releases/{one.id}",
                    html_url=f"{web}/releases/tag/{page}",
                    assets=[asset(base, repo, one, each) for each in one.assets],
                    assets_url=f"{url}/releases/{one.id}/assets",
                    upload_url=f"{url}/releases/{one.id}/assets{{?name,label}}",
                    tarball_url=None if one.draft else archives("tarball"),
                    zipball_url=None if one.draft else archives("zipball"))  # fmt: skip


def asset(base: str, repo: Repository, owner: Release, one: Asset) -> Object:
    """Describe a file of a release; one whose upload was interrupted is a `starter`."""
    page = f"untagged-{owner.id:020x}" if owner.draft else owner.tag_name
    return complete("release-asset", id=one.id, name=one.name, label=one.label,
                    state="starter" if one.content is None else "uploaded",
                    size=len(one.content or b""), digest=one.digest,
                    content_type=one.content_type, uploader=user(base, one.uploader),
                    created_at=one.created_at, updated_at=one.created_at,
                    url=f"{base}/repos/{repo.full_name}/releases/assets/{one.id}",
                    browser_download_url=f"{base}/{repo.full_name}/releases/download/{page}/{one.name}",
                    )  # fmt: skip
