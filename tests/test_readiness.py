"""Tests, pull requests, notes and people: each question fires, and each may be waived by name."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from release.git import Git
from release.github import repository_name
from release.world import on_github
from tests.github.forge import Forge
from tests.github.standin import serve
from tests.stage import QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.github.forge import Forge, Repository
    from tests.stage import Stage

COMMAND = ("publish", "minor", "--dry-run")
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A second brush.\n\n## [1.2.3]\n"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def acme(stage: Stage, hub: Forge) -> Repository:
    """The sample on GitHub, where all is ready."""
    head = stage.commit({"CHANGELOG.md": CHANGELOG})
    repository = hub.repositories["acme/acme"]
    repository.check_run("tests", head)
    return repository


def head(stage: Stage) -> str:
    return stage.git("rev-parse", "HEAD")


# Each question


@pytest.mark.usefixtures("acme")
def test_all_is_ready(stage: Stage) -> None:
    done = stage.run(*COMMAND)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("failure", "are red: lint (failure)"),
        ("cancelled", "are red: lint (cancelled)"),
        ("timed_out", "are red: lint (timed_out)"),
        ("in_progress", "haven't ended: lint"),
        ("queued", "haven't ended: lint"),
    ],
)
def test_a_check_run_that_is_not_green(
    stage: Stage, acme: Repository, state: str, words: str
) -> None:
    acme.check_run("lint", head(stage), state)
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert f"the tests of {head(stage)[:9]} {words}" in done.err
    assert "--waive test-run" in done.err
    assert stage.run(*COMMAND, "--waive", "test-run").code == 0


def test_a_status_counts_and_the_newest_of_its_name(stage: Stage, acme: Repository) -> None:
    acme.status("ci/other", head(stage), "failure")
    assert "ci/other (failure)" in stage.run(*COMMAND).err
    acme.status("ci/other", head(stage), "pending")
    assert "haven't ended: ci/other" in stage.run(*COMMAND).err
    acme.status("ci/other", head(stage), "success")
    assert stage.run(*COMMAND).code == 0


def test_all_pages_of_check_runs_count(stage: Stage, acme: Repository) -> None:
    for number in range(120):
        acme.check_run(f"job {number}", head(stage))
    acme.check_runs.insert(0, acme.check_run("first", head(stage), "failure"))
    acme.check_run("last", head(stage), "failure")
    done = stage.run(*COMMAND)
    assert "first (failure)" in done.err
    assert "last (failure)" in done.err


def test_the_newest_run_of_a_name_counts(stage: Stage, acme: Repository) -> None:
    acme.check_run("lint", head(stage), "failure")
    acme.check_run("lint", head(stage), "success")
    assert stage.run(*COMMAND).code == 0


def test_runs_of_one_name_in_two_workflows_both_count(stage: Stage, acme: Repository) -> None:
    commit = head(stage)
    for name, state in (("docs", "failure"), ("lint", "success")):
        acme.check_run("build", commit, state, acme.run(commit, name=name, state=state))
    assert "are red: build (failure)" in stage.run(*COMMAND).err
    acme.check_run("build", commit, "success", acme.run(commit, name="docs"))
    assert stage.run(*COMMAND).code == 0
    acme.status("build", commit, "failure")
    assert "are red: build (failure)" in stage.run(*COMMAND).err


def test_a_workflow_that_runs_has_not_ended(stage: Stage, acme: Repository) -> None:
    run = acme.run(head(stage), name="slow", state="in_progress")
    assert "haven't ended: slow" in stage.run(*COMMAND).err
    run.state = "success"
    assert stage.run(*COMMAND).code == 0


@pytest.mark.usefixtures("acme")
def test_a_token_that_may_not_read_actions_is_told(stage: Stage, hub: Forge) -> None:
    hub.fault("GET", "*/actions/runs", "403")
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "which workflows ran (`actions: read`)" in done.err
    assert "--waive test-run" in done.err


@pytest.mark.usefixtures("acme")
def test_no_run_is_not_green(stage: Stage) -> None:
    stage.commit({"new.txt": ""})
    done = stage.run(*COMMAND)
    assert f"no test run of {head(stage)[:9]} is known to GitHub" in done.err
    stage.commit({"pyproject.toml": QUICK + "required-checks = []\n"})
    assert stage.run(*COMMAND).code == 0


def test_required_names_are_the_ones_that_count(stage: Stage, acme: Repository) -> None:
    settings = 'required-checks = ["all-green"]\n'
    commit = stage.commit({"pyproject.toml": QUICK + settings})
    acme.check_run("flaky", commit, "failure")
    assert "is called all-green" in stage.run(*COMMAND).err
    acme.check_run("all-green", commit)
    assert stage.run(*COMMAND).code == 0


def test_runs_that_publish_are_no_tests(
    stage: Stage, acme: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = head(stage)
    for name in ("release", "alpha-release", "own"):
        run = acme.run(commit, name=name, event="workflow_dispatch")
        acme.check_run(f"Publish by {name}", commit, "failure", run)
    assert "Publish by own" in stage.run(*COMMAND).err
    monkeypatch.setenv(
        "GITHUB_WORKFLOW_REF", "acme/acme/.github/workflows/own.yaml@refs/heads/main"
    )
    assert stage.run(*COMMAND).code == 0
    monkeypatch.delenv("GITHUB_WORKFLOW_REF")
    monkeypatch.setenv("GITHUB_RUN_ID", str(run.id))
    assert stage.run(*COMMAND).code == 0


def test_pending_tests_are_waited_for(stage: Stage, acme: Repository) -> None:
    run = acme.check_run("slow", head(stage), "in_progress")

    def end() -> None:
        time.sleep(1)
        run.state = "success"

    thread = threading.Thread(target=end)
    thread.start()
    done = stage.run(*COMMAND, "--wait", "0.1")
    thread.join()
    assert done.code == 0, done.err
    assert "Wait for the tests of" in done.out


def test_what_is_waived_is_not_waited_for(stage: Stage, acme: Repository) -> None:
    acme.check_run("slow", head(stage), "in_progress")
    done = stage.run(*COMMAND, "--wait", "1", "--waive", "test-run")
    assert done.code == 0
    assert "Wait for" not in done.out


def test_what_else_is_wrong_is_told_before_the_wait(stage: Stage, acme: Repository) -> None:
    acme.check_run("slow", head(stage), "in_progress")
    stage.write("new.txt", "")
    done = stage.run(*COMMAND, "--wait", "30")
    assert done.code == 1
    assert "the working tree is not clean" in done.err
    assert "haven't ended: slow" in done.err
    assert "Wait for" not in done.out


def test_the_wait_ends(stage: Stage, acme: Repository) -> None:
    acme.check_run("slow", head(stage), "in_progress")
    done = stage.run(*COMMAND, "--wait", "0.01")
    assert done.code == 1
    assert "haven't ended: slow" in done.err


def test_pull_requests_that_are_expected(stage: Stage, acme: Repository) -> None:
    acme.pull("Some day")
    acme.pull("Later", milestone="1.4.0")
    acme.pull("Done", milestone="1.3.0", state="closed")
    assert stage.run(*COMMAND).code == 0
    acme.pull("A third brush", milestone="v1.3.0")
    assert "✗ an open pull request belongs to acme 1.3.0:\n  #4 " in stage.run(*COMMAND).err
    acme.pull("Mend the hole", labels=["bug", "release-blocker"])
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "2 open pull requests belong to acme 1.3.0" in done.err
    assert "#4 A third brush" in done.err
    assert "#5 Mend the hole" in done.err
    assert "Some day" not in done.err
    assert stage.run(*COMMAND, "--waive", "pull-requests").code == 0


def test_a_major_needs_its_candidate_merged(stage: Stage) -> None:
    stage.git("push", "--quiet", "origin", "main:release-candidate/0-merged")
    stage.git("switch", "--quiet", "--create", "ahead")
    stage.commit({"two.py": ""}, push=False)
    stage.git("push", "--quiet", "origin", "ahead:release-candidate/2")
    stage.git("switch", "--quiet", "main")
    done = stage.run("publish", "major", "--dry-run")
    assert done.code == 1
    assert "main lacks commits of release-candidate/2 (1)" in done.err
    assert "0-merged" not in done.err
    assert stage.run("publish", "minor", "--dry-run").code == 0
    assert stage.run("publish", "major", "--dry-run", "--waive", "release-candidate").code == 0
    other = QUICK + 'candidate-branches = "rc/*"\n'
    stage.commit({"pyproject.toml": other})
    assert stage.run("publish", "major", "--dry-run").code == 0


def test_notes_in_the_changelog_or_in_a_draft(
    stage: Stage, acme: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.check_run("tests", stage.commit({"CHANGELOG.md": "# Changelog\n\n## [1.2.3]\n\n- Old.\n"}))
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "no release notes of acme 1.3.0 are drafted" in done.err
    assert "CHANGELOG.md" in done.err
    assert "/acme/acme/releases/new?tag=v1.3.0" in done.err
    assert stage.run(*COMMAND, "--waive", "notes").code == 0
    empty = acme.release("v1.3.0", draft=True, body="")
    assert stage.run(*COMMAND).code == 1
    empty.body = "All is new."
    assert stage.run(*COMMAND).code == 0
    monkeypatch.delenv("GITHUB_TOKEN")
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "GitHub shows no draft without a token" in done.err


ACKNOWLEDGE = QUICK + 'acknowledge = ["Docs are ready", "Users know"]\n'


def test_people_have_to_say_so(stage: Stage) -> None:
    stage.commit({"pyproject.toml": ACKNOWLEDGE})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "nobody has said: Docs are ready; Users know" in done.err
    done = stage.run("publish", "minor", "--skip-tests", "--acknowledge")
    assert done.code == 0, done.err
    tag = stage.git("cat-file", "-p", "v1.3.0", at=stage.remote)
    assert "Acknowledged: Docs are ready (Ada <ada@example.org>)" in tag
    assert "Acknowledged: Users know (Ada <ada@example.org>)" in tag


def test_an_approval_says_so(
    stage: Stage, acme: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = stage.commit({"pyproject.toml": ACKNOWLEDGE})
    acme.check_run("tests", commit)
    run = acme.run(commit, name="release", event="workflow_dispatch")
    monkeypatch.setenv("GITHUB_RUN_ID", str(run.id))
    assert "nobody has said" in stage.run(*COMMAND).err
    run.approvals.append(("grace", "pypi"))
    done = stage.run(*COMMAND)
    assert done.code == 0, done.err
    assert "Docs are ready (grace); Users know (grace)" in done.out


def test_who_says_so_may_be_called_anything(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.commit({"pyproject.toml": ACKNOWLEDGE.replace("Users know", "Users (all) know")})
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Ada (she/her)")
    stage.hook("update", 'case "$1" in refs/heads/*) exit 1;; esac', at=stage.remote)
    command = ("publish", "minor", "--skip-tests")
    assert stage.run(*command, "--acknowledge").code == 3
    (stage.remote / "hooks/update").unlink()
    done = stage.run(*command)
    assert done.code == 0, done.err


@pytest.mark.usefixtures("acme")
def test_where_people_are_waived_nobody_is_looked_for(
    stage: Stage, hub: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.commit({"pyproject.toml": ACKNOWLEDGE})
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    hub.fault("GET", "*/approvals", "403", times=9)
    command = (*COMMAND, "--waive", "test-run")
    done = stage.run(*command)
    assert done.code == 1
    assert "--waive stakeholders" in done.err
    assert stage.run(*command, "--waive", "stakeholders").code == 0


def test_a_waiver_is_on_record(stage: Stage) -> None:
    stage.commit({"pyproject.toml": ACKNOWLEDGE})
    done = stage.run("publish", "minor", "--skip-tests", "--waive", "stakeholders")
    assert done.code == 0, done.err
    assert "waived     stakeholders" in done.out
    tag = stage.git("cat-file", "-p", "v1.3.0", at=stage.remote)
    assert "Waived: stakeholders." in tag


def test_an_unknown_waiver_is_refused(stage: Stage) -> None:
    done = stage.run(*COMMAND, "--waive", "everything")
    assert done.code == 2
    assert "pull-requests" in done.err


# What GitHub says otherwise


@pytest.mark.usefixtures("acme")
def test_a_silent_github_is_no_green(stage: Stage, hub: Forge) -> None:
    hub.fault("GET", "*/check-runs", "502", times=9)
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "GitHub" in done.err
    assert "which tests ran" in done.err
    assert "--waive test-run" in done.err


@pytest.mark.usefixtures("acme")
def test_a_rate_limit_is_waited_for_and_a_long_one_is_told(stage: Stage, hub: Forge) -> None:
    hub.fault("GET", "*/pulls", "secondary-rate-limit 1")
    assert stage.run(*COMMAND).code == 0
    hub.fault("GET", "*/pulls", "secondary-rate-limit 3600")
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "rate limit" in done.err


@pytest.mark.usefixtures("acme")
def test_a_wrong_token_is_told_and_never_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "gho_canary")
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "401" in done.err
    assert "GITHUB_TOKEN" in done.err
    assert "canary" not in done.out + done.err


@pytest.mark.usefixtures("acme")
def test_a_token_that_may_not_write_notes(stage: Stage, hub: Forge) -> None:
    hub.token("s3cret-hub", reads="acme/acme")
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "where the release notes belong" in done.err


@pytest.mark.usefixtures("acme")
def test_the_token_of_github_actions_is_not_asked_what_it_may(
    stage: Stage, hub: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token("ghs_s3cret", pushes="acme/acme")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_s3cret")
    done = stage.run(*COMMAND)
    assert done.code == 0, done.err


def test_anybody_may_ask_a_public_repository(
    stage: Stage, acme: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    assert stage.run(*COMMAND).code == 0
    acme.private = True
    done = stage.run(*COMMAND)
    assert done.code == 1
    assert "(without a token)" in done.err


def test_github_enterprise_is_asked_at_its_api(
    stage: Stage, hub: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = hub.repositories["acme/acme"]
    acme.check_run("tests", stage.commit({"CHANGELOG.md": CHANGELOG}))
    with serve(hub, "/api/v3") as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
        done = stage.run(*COMMAND)
    assert done.code == 0, done.err
    assert "checks/list-for-ref" in hub.operations


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://ghe.example.org/api/v3", "https://ghe.example.org"),
        ("https://api.acme.example.org/", "https://acme.example.org"),
        ("", "https://github.com"),
    ],
)
def test_github_enterprise_is_known_by_the_remote(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, api: str, web: str
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", api)
    git = Git(root=stage.clone, env=os.environ)
    assert on_github(git) is None
    stage.git("remote", "set-url", "--push", "origin", f"{web}/acme/brush.git")
    github = on_github(git)
    assert github
    assert github.url == f"{web}/acme/brush"
    assert github.api == (api or "https://api.github.com").rstrip("/")


def test_a_workflow_of_github_may_release_what_is_elsewhere(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/mirror")
    git = Git(root=stage.clone, env=os.environ)
    for url, is_known in (("git@work:acme/mirror", True), ("https://git.test/acme/brush", False)):
        stage.git("remote", "set-url", "--push", "origin", url)
        assert bool(on_github(git)) is is_known


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/brush.git", "acme/brush"),
        ("https://user:secret@github.com/acme/brush", "acme/brush"),
        ("git@github.com:acme/brush.git", "acme/brush"),
        ("ssh://git@ssh.github.com/acme/brush.git", "acme/brush"),
        ("ssh://git@ssh.github.com:443/acme/brush.git", "acme/brush"),
        ("ssh://git@github.com:22/acme/brush", "acme/brush"),
        ("https://GitHub.com/acme/brush.js/", "acme/brush.js"),
        ("https://gitlab.com/acme/brush.git", ""),
        ("https://notgithub.com/acme/brush", ""),
        ("/srv/github.com/acme", ""),
        ("../remote.git", ""),
        ("git@github.com.evil.org:acme/brush", ""),
    ],
)
def test_the_repository_is_known_by_the_remote(url: str, name: str) -> None:
    assert repository_name(url, "github.com") == name
