"""The stand-in behaves as GitHub does, seen through the client that a release has."""

from __future__ import annotations

import hashlib
import io
import json
import re
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from github import (
    Auth,
    BadCredentialsException,
    Github,
    GithubException,
    GithubRetry,
    RateLimitExceededException,
    UnknownObjectException,
)

from tests.github.description import operations
from tests.github.forge import (
    CUT_AFTER,
    CUT_BEFORE,
    HALF_UPLOADED,
    PRIMARY,
    SECONDARY,
    SILENCE,
    TOO_MANY,
    Forge,
    Repository,
)
from tests.github.operations import ANSWERS
from tests.github.standin import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import github.Repository
    from github.GitRelease import GitRelease

SHA, OTHER = "a" * 40, "b" * 40
NAME, SECRET, READER = "acme/acme", "canary-token", "reader-token"
RELEASES = f"/repos/{NAME}/releases"
WHEEL = b"wheel"


@pytest.fixture
def forge() -> Forge:
    forge = Forge()
    forge.repository(NAME)
    forge.token(SECRET, pushes=NAME)
    forge.token(READER, login="bob", reads=NAME)
    return forge


@pytest.fixture
def acme(forge: Forge) -> Repository:
    return forge.repositories[NAME]


@pytest.fixture
def base(forge: Forge) -> Iterator[str]:
    with serve(forge) as base:
        yield base


@pytest.fixture
def repo(base: str) -> Iterator[github.Repository.Repository]:
    with client(base) as api:
        yield api.get_repo(NAME)


def client(base: str, secret: str = SECRET, **more: Any) -> Github:
    """A client that is quick, patient with nobody, and asks for nothing by itself."""
    auth = Auth.Token(secret) if secret else None
    settings = {"retry": None, "timeout": 5, "lazy": True, **more}
    return Github(base_url=base, auth=auth, seconds_between_requests=None,
                  seconds_between_writes=None, **settings)  # fmt: skip


def draft(repo: github.Repository.Repository, tag: str = "v1.3.0") -> GitRelease:
    return repo.create_git_release(tag, tag, "- Add", draft=True, make_latest="false")


def upload(release: GitRelease, name: str = "acme.whl") -> Any:
    return release.upload_asset_from_memory(io.BytesIO(WHEEL), len(WHEEL), name)


# Checks and pull requests


def test_check_runs_come_in_pages(
    acme: Repository, repo: github.Repository.Repository, forge: Forge
) -> None:
    own = acme.run(SHA, event="workflow_dispatch", state="in_progress")
    for number in range(45):
        acme.check_run(f"test-{number}", SHA)
    acme.check_run("publish", SHA, "in_progress", run=own)
    acme.check_run("elsewhere", OTHER, "failure")
    found = list(repo.get_commit(SHA).get_check_runs())
    assert len(found) == 46
    assert found[-1].check_suite.id == repo.get_workflow_run(own.id).check_suite_id
    states = [(one.status, one.conclusion) for one in found]
    assert states == [("completed", "success")] * 45 + [("in_progress", None)]
    assert len([one for one in forge.requests if one.endswith("/check-runs")]) == 2


def test_checks_finish_while_somebody_waits(
    acme: Repository, repo: github.Repository.Repository, forge: Forge
) -> None:
    run = acme.check_run("tests", SHA, "queued")
    states = iter(["queued", "in_progress", "success"])
    forge.watch = lambda _: setattr(run, "state", next(states))
    found = [next(iter(repo.get_commit(SHA).get_check_runs())) for _ in range(3)]
    assert [one.conclusion for one in found] == [None, None, "success"]


def test_only_the_newest_check_run_of_a_suite_counts(
    acme: Repository, repo: github.Repository.Repository
) -> None:
    run = acme.run(SHA)
    acme.check_run("tests", SHA, "failure", run=run)
    acme.check_run("tests", SHA, run=run)
    commit = repo.get_commit(SHA)
    assert [one.conclusion for one in commit.get_check_runs()] == ["success"]
    assert commit.get_check_runs(filter="all").totalCount == 2


def test_a_commit_that_is_not_there_has_no_checks(
    acme: Repository, repo: github.Repository.Repository
) -> None:
    acme.commits.add(SHA)
    acme.refs["main"] = SHA
    acme.check_run("tests", SHA)
    assert repo.get_commit("main").get_check_runs().totalCount == 1
    with pytest.raises(GithubException, match="No commit found for SHA"):
        list(repo.get_commit(OTHER).get_check_runs())


def test_statuses_are_combined(
    acme: Repository, repo: github.Repository.Repository, base: str
) -> None:
    def combined() -> tuple[str, int]:
        one = repo.get_commit(SHA).get_combined_status()
        return one.state, one.total_count

    assert combined() == ("pending", 0)  # GitHub says so where there is none
    acme.status("ci/old", SHA, "failure")
    assert combined() == ("failure", 1)
    acme.status("ci/old", SHA)
    assert combined() == ("success", 1)
    acme.status("ci/new", SHA, "pending")
    assert combined() == ("pending", 2)
    url = f"{base}/repos/{NAME}/commits/{SHA}/statuses"  # PyGithub takes an undescribed way
    states = [one["state"] for one in requests.get(url, timeout=5).json()]
    assert states == ["pending", "success", "failure"]


def test_runs_say_who_approved(
    acme: Repository, repo: github.Repository.Repository, base: str
) -> None:
    run = acme.run(SHA, state="in_progress", approvals=[("grace", "pypi")])
    assert [one.id for one in repo.get_workflow_runs(head_sha=SHA)] == [run.id]
    assert not list(repo.get_workflow_runs(head_sha=OTHER))
    url = f"{base}/repos/{NAME}/actions/runs/{run.id}/approvals"
    (approval,) = requests.get(url, timeout=5).json()
    assert (approval["user"]["login"], approval["state"]) == ("grace", "approved")


def test_pull_requests_are_listed_and_opened(
    acme: Repository, repo: github.Repository.Repository
) -> None:
    acme.pull("Fix", labels=["release-blocker"], milestone="1.3.0")
    acme.pull("Old", state="closed")
    (found,) = repo.get_pulls(state="open")
    labels = [label.name for label in found.labels]
    assert (labels, found.milestone.title) == (["release-blocker"], "1.3.0")
    opened = repo.create_pull(base="main", head="release/1.3.0", title="Release 1.3.0", body="")
    assert repo.get_pull(opened.number).title == "Release 1.3.0"
    assert [one.number for one in repo.get_pulls(head="acme:release/1.3.0")] == [opened.number]
    with pytest.raises(GithubException, match="already exists for acme:release/"):
        repo.create_pull(base="main", head="release/1.3.0", title="Again", body="")


# Releases


def test_a_draft_gets_its_assets_and_is_published(
    repo: github.Repository.Repository, base: str
) -> None:
    release = draft(repo)
    asset = upload(release)
    digest = f"sha256:{hashlib.sha256(WHEEL).hexdigest()}"
    assert (asset.state, asset.size, asset.digest) == ("uploaded", len(WHEEL), digest)
    public = client(base, "").get_repo(NAME)
    for nobody in (public.get_release(release.id), public.get_latest_release()):
        with pytest.raises(UnknownObjectException):
            nobody.complete()
    assert not list(public.get_releases())
    with pytest.raises(UnknownObjectException):
        repo.get_release("v1.3.0")
    assert [one.draft for one in repo.get_releases()] == [True]
    release.update_release("1.3.0", "- Add", draft=False)
    seen = public.get_release("v1.3.0")
    assert (seen.name, seen.draft, [one.name for one in seen.assets]) == (
        "1.3.0", False, ["acme.whl"],
    )  # fmt: skip
    assert public.get_latest_release().id == release.id
    assert next(iter(seen.get_assets())).digest == digest
    release.update_release("1.3.0", "- Add", draft=True)
    assert not list(public.get_releases())


def test_names_are_given_once(repo: github.Repository.Repository) -> None:
    release = draft(repo)
    upload(release)
    with pytest.raises(GithubException, match="already_exists") as refused:
        upload(release)
    assert refused.value.status == 422
    again = draft(repo)  # drafts may share a tag
    release.update_release("1.3.0", "")
    refusals: list[Callable[[], Any]] = [
        lambda: draft(repo),
        lambda: again.update_release("1.3.0", ""),
    ]
    for refusing in refusals:
        with pytest.raises(GithubException, match="already_exists"):
            refusing()
    release.delete_release()
    assert again.update_release("1.3.0", "").tag_name == "v1.3.0"


def test_assets_are_renamed(repo: github.Repository.Repository) -> None:
    assert upload(draft(repo), "acme~1 (2).whl").name == "acme.1.2.whl"


def test_immutable_releases_keep_their_assets(
    acme: Repository, repo: github.Repository.Repository
) -> None:
    acme.has_immutable_releases = True
    release = draft(repo)
    asset = upload(release)
    release.update_release("1.3.0", "")
    assert repo.get_release("v1.3.0").immutable
    refusals: dict[str, Callable[[], Any]] = {
        "Cannot upload assets to an immutable release": lambda: upload(release, "other.whl"),
        "Cannot delete assets from an immutable release": asset.delete_asset,
        "Cannot change the tag": lambda: release.update_release("1", "", tag_name="v1"),
    }
    for message, refused in refusals.items():
        with pytest.raises(GithubException, match=message):
            refused()
    assert release.update_release("[yanked] 1.3.0", "").name == "[yanked] 1.3.0"
    release.delete_release()
    with pytest.raises(GithubException, match="was used by an immutable release"):
        draft(repo)


def test_the_latest_release_is_chosen(repo: github.Repository.Repository) -> None:
    def publish(tag: str, **more: Any) -> str:
        repo.create_git_release(tag, tag, "", **more)
        return repo.get_latest_release().tag_name

    assert publish("v2.0.0") == "v2.0.0"
    assert publish("v1.4.1", make_latest="false") == "v2.0.0"
    assert publish("v3.0.0rc1", make_latest="false", prerelease=True) == "v2.0.0"
    assert publish("v1.4.2") == "v1.4.2"  # nobody said that it is a backport
    assert publish("v1.4.3", make_latest="legacy") == "v2.0.0"
    for kind in ({"draft": True}, {"prerelease": True}):
        with pytest.raises(GithubException, match="cannot be draft or prerelease"):
            publish("v3.0.0rc2", **kind)


def test_a_big_file_is_uploaded_from_disk(
    repo: github.Repository.Repository, tmp_path: Any, acme: Repository
) -> None:
    path = tmp_path / "acme.tar.gz"
    path.write_bytes(b"0123456789" * 1_000_000)
    draft(repo).upload_asset(str(path))
    assert acme.releases[0].assets[0].content == path.read_bytes()


# Who may do what


def test_tokens_have_their_limits(forge: Forge, base: str) -> None:
    forge.repository("acme/secret", private=True)
    with pytest.raises(BadCredentialsException):
        client(base, "stale-token").get_user().login  # noqa: B018
    assert client(base, READER).get_user().login == "bob"
    for secret in ("", SECRET):
        with pytest.raises(UnknownObjectException):
            client(base, secret, lazy=False).get_repo("acme/secret")
    with pytest.raises(GithubException, match="not accessible by integration") as refused:
        draft(client(base, READER).get_repo(NAME))
    assert refused.value.status == 403
    assert not client(base, READER).get_repo(NAME).permissions.push
    assert client(base).get_rate_limit().rate.limit == 5000


def test_the_api_of_an_enterprise_has_a_prefix(forge: Forge) -> None:
    with serve(forge, "/api/v3") as base, client(base) as api:
        upload(draft(api.get_repo(NAME))).delete_asset()
    assert forge.requests[-1].startswith(f"DELETE {RELEASES}/assets/")


# What goes wrong


@pytest.mark.parametrize(
    ("what", "error", "status"),
    [
        ("500", GithubException, 500),
        ("502", GithubException, 502),
        ("503", GithubException, 503),
        (f"{SECONDARY} 7", RateLimitExceededException, 403),
        (f"{PRIMARY} 7", RateLimitExceededException, 403),
        (f"{TOO_MANY} 7", GithubException, 429),
    ],
)
def test_an_answer_is_replaced(
    forge: Forge, base: str, what: str, error: type[GithubException], status: int
) -> None:
    repo = client(base).get_repo(NAME)
    forge.fault("POST", "*/releases", what)
    with pytest.raises(error) as failed:
        draft(repo)
    headers = failed.value.headers or {}
    is_exhausted = what.startswith((PRIMARY, TOO_MANY))
    assert (failed.value.status, headers.get("retry-after", "7")) == (status, "7")
    assert (headers["x-ratelimit-remaining"] == "0") == is_exhausted
    assert not forge.repositories[NAME].releases
    draft(repo)


@pytest.mark.parametrize(
    ("what", "error", "releases"),
    [
        (SILENCE, requests.ReadTimeout, 0),
        (f"{SILENCE} 0.1", requests.ConnectionError, 0),
        (CUT_BEFORE, requests.ConnectionError, 0),
        (CUT_AFTER, requests.ConnectionError, 1),
    ],
)
def test_an_answer_is_lost(
    forge: Forge, base: str, what: str, error: type[Exception], releases: int
) -> None:
    forge.fault("POST", "*/releases", what)
    with pytest.raises(error):
        draft(client(base, timeout=1).get_repo(NAME))
    assert len(forge.repositories[NAME].releases) == releases


def test_faults_are_counted(forge: Forge, base: str) -> None:
    forge.fault("GET", f"/repos/{NAME}", "502", times=2)
    retry = GithubRetry(total=2, backoff_factor=0)
    assert client(base, retry=retry, lazy=False).get_repo(NAME).full_name == NAME
    assert len(forge.requests) == 3


def test_a_client_that_repeats_a_lost_request_makes_a_second_draft(forge: Forge, base: str) -> None:
    forge.fault("POST", "*/releases", CUT_AFTER)
    draft(client(base, retry=GithubRetry(total=1)).get_repo(NAME))
    assert len(forge.repositories[NAME].releases) == 2


def test_a_half_uploaded_asset_is_in_the_way(
    forge: Forge, repo: github.Repository.Repository
) -> None:
    release = draft(repo)
    forge.fault("POST", "*/assets", HALF_UPLOADED)
    with pytest.raises(GithubException) as failed:
        upload(release)
    assert failed.value.status == 502
    with pytest.raises(GithubException, match="already_exists"):
        upload(release)
    (asset,) = release.get_assets()
    assert (asset.state, asset.size, asset.digest) == ("starter", 0, None)
    asset.delete_asset()
    assert upload(release).state == "uploaded"


def test_a_request_that_is_cut_is_none() -> None:
    forge = Forge()
    forge.repository("acme/acme")
    with serve(forge) as url:
        address = urlsplit(url)
        rows = [
            "POST /repos/acme/acme/releases HTTP/1.1",
            f"Host: {address.netloc}",
            "Content-Type: application/json",
            "Content-Length: 100",
        ]
        with socket.create_connection(
            (str(address.hostname), int(address.port or 0))
        ) as connection:
            connection.sendall("\r\n".join([*rows, "", "{"]).encode())
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""
    assert forge.requests == []


def test_an_upload_that_is_cut_leaves_half_an_asset(
    acme: Repository, repo: github.Repository.Repository, base: str
) -> None:
    release, host = draft(repo), urlsplit(base)
    with socket.create_connection((host.hostname, host.port), timeout=5) as connection:
        rows = [
            f"POST {RELEASES}/{release.id}/assets?name=acme.whl HTTP/1.1",
            f"Host: {host.netloc}",
            f"Authorization: token {SECRET}",
            "Content-Length: 100",
        ]
        connection.sendall("\r\n".join([*rows, "", "half"]).encode())
        connection.shutdown(socket.SHUT_WR)
        assert b" 502 " in connection.recv(1 << 16)
    assert [(one.name, one.content) for one in acme.releases[0].assets] == [("acme.whl", None)]


# What the description doesn't know


@pytest.mark.parametrize(
    ("method", "path", "body", "objection"),
    [
        ("GET", "/repos/acme", None, "no such operation"),
        ("PUT", RELEASES, None, "no such operation"),
        ("GET", f"{RELEASES}?tag=v1", None, "no such parameter: tag"),
        ("GET", f"{RELEASES}?per_page=many", None, 'per_page: "many" is not of type "integer"'),
        ("GET", f"/repos/{NAME}/pulls?state=merged", None, 'state: "merged" is not one of'),
        ("GET", RELEASES, {"page": 1}, "takes no body"),
        ("POST", RELEASES, {"name": "1"}, '"tag_name" is a required property'),
        ("POST", RELEASES, {"tag_name": "v1", "tag": "v1"}, "'tag' was unexpected"),
        ("POST", RELEASES, {"tag_name": "v1", "draft": "yes"}, 'draft: "yes" is not of type'),
        ("POST", RELEASES, "v1", 'is not of type "object"'),
        ("POST", f"{RELEASES}/1/assets", None, "parameter is missing: name"),
    ],
)
def test_a_wrong_request_is_a_violation(
    forge: Forge, method: str, path: str, body: Any, objection: str
) -> None:
    content = None if body is None else json.dumps(body)
    with violating(forge, objection) as base:
        assert requests.request(method, base + path, data=content, timeout=5).status_code == 500
    assert not forge.operations


def test_a_wish_for_another_kind_of_answer_is_a_violation(forge: Forge) -> None:
    kind = "application/octet-stream"
    with violating(forge, f"not as {kind}") as base:
        requests.get(f"{base}/rate_limit", headers={"Accept": kind}, timeout=5)


@pytest.mark.parametrize(
    ("state", "objection"),
    [("perfect", '"perfect" is not one of'), (7, "7 is not one of"), ([], "TypeError")],
)
def test_a_wrong_answer_is_a_violation(forge: Forge, state: Any, objection: str) -> None:
    forge.repositories[NAME].check_run("tests", SHA, state)
    with violating(forge, objection) as base, pytest.raises(GithubException):
        list(client(base).get_repo(NAME).get_commit(SHA).get_check_runs())


@contextmanager
def violating(forge: Forge, objection: str) -> Iterator[str]:
    with pytest.raises(AssertionError, match=re.escape(objection)), serve(forge) as base:
        yield base


def test_every_operation_of_the_description_is_answered() -> None:
    assert {one.name for one in operations()} == set(ANSWERS)
