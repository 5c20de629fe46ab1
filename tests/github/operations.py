"""What the stand-in does when it is asked: one function an operation of GitHub's description."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from tests.github import objects
from tests.github.call import Answer, Refusal, only
from tests.github.forge import Asset, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.github.call import Call
    from tests.github.forge import Release, Repository

LIMIT = 5000
ANSWERS: dict[str, Callable[[Call], Answer]] = {}


def operation(name: str) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
    """Register what answers an operation."""

    def register(function: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        ANSWERS[name] = function
        return function

    return register


@operation("users/get-authenticated")
def who(call: Call) -> Answer:
    if not call.token:
        raise Refusal(401, "Requires authentication")
    return Answer(content=objects.user(call.base, call.login, "public-user"))


@operation("rate-limit/get")
def rate_limit(call: Call) -> Answer:
    used = len(call.forge.requests)
    rate = {"limit": LIMIT, "used": used, "remaining": LIMIT - used, "reset": int(time.time()) + 60}
    return Answer(content={"resources": {"core": rate, "search": rate}, "rate": rate})


@operation("repos/get")
def repository(call: Call) -> Answer:
    is_told = not (call.token and call.token.is_installation)
    one = objects.repository(
        call.base, call.repo, "full-repository", may_push=call.may_push and is_told
    )
    return Answer(content=one)


# Checks


@operation("checks/list-for-ref")
def check_runs(call: Call) -> Answer:
    sha, wanted = commit(call), call.arguments
    found = [
        one
        for one in call.repo.check_runs
        if one.head_sha == sha
        and wanted.get("check_name", one.name) == one.name
        and wanted.get("status") in {None, objects.progress(one.state)["status"]}
    ]
    if wanted["filter"] == "latest":
        found = list({(one.suite, one.name): one for one in found}.values())
    some, headers = call.page(found)
    listed = [objects.check_run(call.base, call.repo, one) for one in some]
    return Answer(content={"total_count": len(found), "check_runs": listed}, headers=headers)


@operation("repos/get-combined-status-for-ref")
def combined_status(call: Call) -> Answer:
    """Combine the newest status of each context; of none at all, GitHub says `pending`."""
    repo, sha = call.repo, commit(call)
    newest = list({one.context: one for one in repo.statuses if one.sha == sha}.values())
    states = {one.state for one in newest}
    bad, done = states & {"failure", "error"}, states == {"success"}
    some, headers = call.page(newest)
    url = f"{call.base}/repos/{repo.full_name}/commits/{sha}"
    content = {
        "state": "failure" if bad else "success" if done else "pending",
        "statuses": [objects.status(call.base, repo, one, "simple-commit-status") for one in some],
        "sha": sha,
        "total_count": len(newest),
        "repository": objects.repository(call.base, repo, "minimal-repository", may_push=False),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Answer(content=content, headers=headers)


@operation("repos/list-commit-statuses-for-ref")
def statuses(call: Call) -> Answer:
    sha = commit(call)
    some, headers = call.page([one for one in call.repo.statuses[::-1] if one.sha == sha])
    listed = [objects.status(call.base, call.repo, one) for one in some]
    return Answer(content=listed, headers=headers)


def commit(call: Call) -> str:
    """Return the commit that a branch, a tag or a commit's own id stands for."""
    repo, ref = call.repo, re.sub("^(heads|tags)/", "", call.arguments["ref"])
    sha = repo.refs.get(ref, ref)
    if repo.commits and sha not in repo.commits:
        raise Refusal(422, f"No commit found for SHA: {ref}")
    return sha


# Workflow runs


@operation("actions/list-workflow-runs-for-repo")
def runs(call: Call) -> Answer:
    names = {"branch": "head_branch", "event": "event", "head_sha": "head_sha", "actor": "actor",
             "check_suite_id": "suite"}  # fmt: skip
    wanted = {names[key]: value for key, value in call.arguments.items() if key in names}
    found = [
        one
        for one in call.repo.runs[::-1]
        if all(getattr(one, key) == value for key, value in wanted.items())
        and call.arguments.get("status", one.state)
        in {one.state, *objects.progress(one.state).values()}
    ]
    some, headers = call.page(found)
    listed = [objects.workflow_run(call.base, call.repo, one) for one in some]
    return Answer(content={"total_count": len(found), "workflow_runs": listed}, headers=headers)


@operation("actions/get-workflow-run")
def run(call: Call) -> Answer:
    one = only([one for one in call.repo.runs if one.id == call.arguments["run_id"]])
    return Answer(content=objects.workflow_run(call.base, call.repo, one))


@operation("actions/get-reviews-for-run")
def approvals(call: Call) -> Answer:
    one = only([one for one in call.repo.runs if one.id == call.arguments["run_id"]])
    return Answer(content=[objects.approval(call.base, *each) for each in one.approvals])


# Pull requests


@operation("pulls/list")
def pulls(call: Call) -> Answer:
    wanted, owner = call.arguments, call.arguments["owner"]
    found = [
        one
        for one in call.repo.pulls
        if wanted["state"] in {"all", one.state}
        and wanted.get("base", one.base) == one.base
        and wanted.get("head", f"{owner}:{one.head}") == f"{owner}:{one.head}"
    ]
    newest_first = wanted.get("direction", "desc") == "desc"
    some, headers = call.page(found[::-1] if newest_first else found)
    return Answer(
        content=[objects.pull(call.base, call.repo, one) for one in some], headers=headers
    )


@operation("pulls/get")
def pull(call: Call) -> Answer:
    number = call.arguments["pull_number"]
    one = only([one for one in call.repo.pulls if one.number == number])
    return Answer(content=objects.pull(call.base, call.repo, one, "pull-request"))


@operation("pulls/create")
def create_pull(call: Call) -> Answer:
    repo, given = call.writable, call.body
    head = given["head"].rpartition(":")[2]
    if any((one.head, one.base, one.state) == (head, given["base"], "open") for one in repo.pulls):
        text = f"A pull request already exists for {call.arguments['owner']}:{head}."
        raise Refusal(422, "Validation Failed", resource="PullRequest", code="custom", message=text)
    one = repo.pull(given["title"], head=head, base=given["base"], body=given.get("body", ""),
                    is_draft=given.get("draft", False), author=call.login)  # fmt: skip
    return Answer(status=201, content=objects.pull(call.base, repo, one, "pull-request"))


# Releases


@operation("repos/list-releases")
def releases(call: Call) -> Answer:
    some, headers = call.page(call.visible[::-1])
    return Answer(
        content=[objects.release(call.base, call.repo, one) for one in some], headers=headers
    )


@operation("repos/get-latest-release")
def latest_release(call: Call) -> Answer:
    one = only([one for one in [call.repo.latest] if one])
    return Answer(content=objects.release(call.base, call.repo, one))


@operation("repos/get-release-by-tag")
def release_by_tag(call: Call) -> Answer:
    tag = call.arguments["tag"]
    one = only([one for one in call.repo.releases if one.tag_name == tag and not one.draft])
    return Answer(content=objects.release(call.base, call.repo, one))


@operation("repos/get-release")
def release(call: Call) -> Answer:
    return Answer(content=objects.release(call.base, call.repo, call.release))


@operation("repos/create-release")
def create_release(call: Call) -> Answer:
    repo, given = call.writable, call.body
    refuse_taken(repo, given["tag_name"])
    refuse_latest(given, draft=given.get("draft", False), prerelease=given.get("prerelease", False))
    fields = ("tag_name", "target_commitish", "name", "body", "prerelease")
    one = repo.release(draft=True, author=call.login,
                       **{key: given[key] for key in fields if key in given})  # fmt: skip
    if not given.get("draft", False):
        publish(repo, one)
    choose_latest(repo, one, given, was_draft=True)
    return Answer(status=201, content=objects.release(call.base, repo, one))


@operation("repos/update-release")
def update_release(call: Call) -> Answer:
    """Change a release; `draft: false` publishes it, and makes it the latest unless told."""
    repo, given = call.writable, call.body
    one, was_draft = call.release, call.release.draft
    tag = given.get("tag_name", one.tag_name)
    if one.immutable and (tag != one.tag_name or given.get("draft")):
        raise Refusal(422, "Cannot change the tag of an immutable release.")
    refuse_taken(repo, tag, besides=one)
    refuse_latest(
        given,
        draft=given.get("draft", one.draft),
        prerelease=given.get("prerelease", one.prerelease),
    )
    for key in ("tag_name", "target_commitish", "name", "body", "prerelease"):
        setattr(one, key, given.get(key, getattr(one, key)))
    if given.get("draft", was_draft) != was_draft:
        (publish if was_draft else withdraw)(repo, one)
    choose_latest(repo, one, given, was_draft=was_draft)
    return Answer(content=objects.release(call.base, repo, one))


@operation("repos/delete-release")
def delete_release(call: Call) -> Answer:
    repo, one = call.writable, call.release
    repo.releases.remove(one)
    repo.spent_tags |= {one.tag_name} if one.immutable else set()
    return Answer(status=204)


def refuse_taken(repo: Repository, tag: str, besides: Release | None = None) -> None:
    """Refuse a tag that a published release has, or an immutable one had; drafts may share it."""
    if tag in repo.spent_tags:
        raise Refusal(422, "Validation Failed", resource="Release", code="custom", field="tag_name",
                      message="tag_name was used by an immutable release")  # fmt: skip
    if any(one.tag_name == tag and not one.draft and one is not besides for one in repo.releases):
        raise Refusal(422, "Validation Failed", resource="Release", code="already_exists",
                      field="tag_name")  # fmt: skip


def refuse_latest(given: dict[str, Any], *, draft: bool, prerelease: bool) -> None:
    """Refuse to make the latest release what can't be that, if it is said and no default."""
    if given.get("make_latest") == "true" and (draft or prerelease):
        raise Refusal(422, "Validation Failed", resource="Release", code="custom",
                      message="Latest release cannot be draft or prerelease.")  # fmt: skip


def withdraw(_repo: Repository, one: Release) -> None:
    """Make a release a draft again."""
    one.draft, one.published_at = True, None


def publish(repo: Repository, one: Release) -> None:
    """Make a draft public."""
    one.draft, one.published_at, one.immutable = False, now(), repo.has_immutable_releases


def choose_latest(
    repo: Repository, one: Release, given: dict[str, Any], *, was_draft: bool
) -> None:
    """Let a release be the latest, as told or because it is newly published."""
    default = "true" if was_draft and not one.draft else "false"
    if given.get("make_latest", default) == "true" and not one.draft and not one.prerelease:
        repo.made_latest = one.id
    elif given.get("make_latest") == "legacy":
        repo.made_latest = 0


# Assets


@operation("repos/list-release-assets")
def assets(call: Call) -> Answer:
    owner = call.release
    some, headers = call.page(owner.assets)
    listed = [objects.asset(call.base, call.repo, owner, one) for one in some]
    return Answer(content=listed, headers=headers)


@operation("repos/get-release-asset")
def asset(call: Call) -> Answer:
    owner, one = owned(call)
    return Answer(content=objects.asset(call.base, call.repo, owner, one))


@operation("repos/upload-release-asset")
def upload_asset(call: Call) -> Answer:
    """Keep a file; of one that didn't arrive whole, only the name stays."""
    repo, owner = call.writable, call.release
    refuse_immutable(owner, "upload assets to")
    # GitHub renames what has special characters in it, or dots at its ends.
    name = re.sub(r"[^\w+@-]+", ".", call.arguments["name"]).strip(".")
    if any(one.name == name for one in owner.assets):
        raise Refusal(422, "Validation Failed", resource="ReleaseAsset", code="already_exists",
                      field="name")  # fmt: skip
    one = Asset(name=name, label=call.arguments.get("label", ""), uploader=call.login,
                content=call.request.content if call.request.is_whole else None,
                content_type=call.request.content_type)  # fmt: skip
    owner.assets.append(one)
    if not call.request.is_whole:
        raise Refusal(502, "Server Error")
    return Answer(status=201, content=objects.asset(call.base, repo, owner, one))


@operation("repos/delete-release-asset")
def delete_asset(call: Call) -> Answer:
    _ = call.writable
    owner, one = owned(call)
    refuse_immutable(owner, "delete assets from")
    owner.assets.remove(one)
    return Answer(status=204)


def owned(call: Call) -> tuple[Release, Asset]:
    """Return the asset in the path with its release."""
    wanted = call.arguments["asset_id"]
    pairs = [(owner, one) for owner in call.visible for one in owner.assets if one.id == wanted]
    return only(pairs)


def refuse_immutable(owner: Release, verb: str) -> None:
    """Refuse to change the files of an immutable release."""
    if owner.immutable:
        raise Refusal(422, f"Cannot {verb} an immutable release.")
