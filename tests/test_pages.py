"""Release notes on GitHub: drafted, filled, published; and the announcement, at most once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from urllib3.exceptions import MaxRetryError, ProtocolError, SSLError

from release.limits import Again
from tests.github.forge import CUT_AFTER, CUT_BEFORE, HALF_UPLOADED
from tests.hub import on_github
from tests.slack import SECRET, channel
from tests.stage import QUICK, stopped_at_the_push, with_backend
from tests.test_readiness import CHANGELOG
from tests.test_resume import UNREPRODUCIBLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Kept
    from tests.github.forge import Forge, Release, Repository
    from tests.slack import Channel
    from tests.stage import Result, Stage

COMMAND = ("publish", "minor", "--skip-tests", "--waive", "test-run")
FILES = ["SHA256SUMS", "acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def acme(stage: Stage, hub: Forge) -> Repository:
    stage.commit({"CHANGELOG.md": CHANGELOG})
    return hub.repositories["acme/acme"]


@pytest.fixture
def pushed(kept: Kept) -> Stage:
    """A release of which only the page is missing."""
    return kept(stopped_before_the_page)


def stopped_before_the_page(stage: Stage) -> None:
    stage.commit({"CHANGELOG.md": CHANGELOG})
    with pytest.MonkeyPatch.context() as patch, on_github(patch) as forge:
        forge.fault("POST", "*/releases", "500")
        assert stage.run(*COMMAND).code == 3
    assert "refs/tags/v1.3.0" in stage.remote_refs()


@pytest.fixture
def missing(pushed: Stage, hub: Forge) -> Repository:
    """Where that page is missing."""
    _ = pushed
    return hub.repositories["acme/acme"]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    with channel() as one:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", one.url)
        yield one


def published(acme: Repository, stage: Stage) -> Release:
    """The one page, as every release leaves it."""
    (page,) = acme.releases
    assert not page.draft
    assert page.tag_name == "v1.3.0"
    assert sorted(asset.name for asset in page.assets) == FILES
    for asset in page.assets:
        if asset.name != "SHA256SUMS":
            assert asset.content == (stage.files / asset.name).read_bytes()
    (sums,) = (asset for asset in page.assets if asset.name == "SHA256SUMS")
    for name in FILES[1:]:
        sha256 = hashlib.sha256((stage.files / name).read_bytes()).hexdigest()
        assert f"{sha256}  {name}\n".encode() in (sums.content or b"")
        assert f"| {name} | `{sha256}` |" in page.body
    assert page.body.count("pip install --index-url") == 1
    assert "refs/release/intent" not in stage.remote_refs()
    return page


def test_a_page_is_published(stage: Stage, acme: Repository, hub: Forge, slack: Channel) -> None:
    done = stage.run(*COMMAND)
    assert done.code == 0, done.err
    page = published(acme, stage)
    assert page.name == "v1.3.0"
    assert page.body.startswith("### Added\n\n- A second brush.\n")
    assert "Waived: test-run." in page.body
    assert "Released with --skip-tests." in page.body
    assert not page.prerelease
    assert acme.latest is page
    assert f"{hub.repositories['acme/acme'].full_name}/releases/tag/v1.3.0" in done.out
    (text,) = slack.texts
    assert "*acme 1.3.0* is released" in text
    assert "releases/tag/v1.3.0|Release notes>" in text
    assert "announced in Slack" in done.out
    assert SECRET not in done.out + done.err
    told = [row for row in done.out.splitlines() if "release notes" in row or "Attach" in row]
    assert len(told) == 6, "three in the plan, three steps"
    assert stage.run(*COMMAND).code == 0
    assert len(slack.texts) == len(acme.releases) == 1


def test_a_draft_is_used_and_its_words_kept(stage: Stage, acme: Repository) -> None:
    draft = acme.release("v1.3.0", draft=True, name="The brush", body="Words.\r\n\r\nMore words.")
    done = stage.run(*COMMAND)
    assert done.code == 0, done.err
    assert "  notes      those at http://127.0.0.1:" in done.out
    assert f"/releases/tag/untagged-{draft.id:020x}\n" in done.out
    assert "Release notes:\n\n  Words.\n  \n  More words.\n\n" in done.out, "the plan shows them"
    assert "A second brush" not in done.out.partition("Release notes:")[2]
    page = published(acme, stage)
    assert page.name == "The brush"
    assert page.body.startswith("Words.\n\nMore words.\n\n<!--")


@pytest.mark.parametrize("tag", ["", "untagged-3f2a", "1.3.0"])
def test_a_draft_may_be_called_by_its_version(pushed: Stage, missing: Repository, tag: str) -> None:
    missing.release(tag, draft=True, name="acme 1.3.0", body="Words.")
    assert pushed.run(*COMMAND).code == 0
    assert published(missing, pushed).body.startswith("Words.")


def test_a_draft_of_another_package_is_left(pushed: Stage, missing: Repository) -> None:
    other = missing.release("other-1.3.0", draft=True, name="1.3.0", body="Other words.")
    assert pushed.run(*COMMAND).code == 0
    missing.releases.remove(other)
    assert (other.draft, other.body) == (True, "Other words.")
    published(missing, pushed)


def test_a_page_that_somebody_published_gets_the_files(pushed: Stage, missing: Repository) -> None:
    missing.release("v1.3.0", name="1.3", body="Out!")
    assert pushed.run(*COMMAND).code == 0
    assert published(missing, pushed).body.startswith("Out!\n")


def test_an_immutable_page_that_somebody_published_is_left(
    pushed: Stage, missing: Repository
) -> None:
    missing.has_immutable_releases = True
    page = missing.release("v1.3.0", name="1.3", body="Out!", immutable=True)
    done = pushed.run(*COMMAND)
    assert done.code == 0, done.err
    assert page.assets == []
    assert "pip install" in page.body


def test_immutable_releases(pushed: Stage, missing: Repository) -> None:
    missing.has_immutable_releases = True
    assert pushed.run(*COMMAND).code == 0
    assert published(missing, pushed).immutable


def test_a_backport_is_never_the_latest(pushed: Stage, missing: Repository) -> None:
    newest = missing.release("v2.0.0")
    missing.made_latest = newest.id
    (pushed.files / "acme-2.0.0.tar.gz").write_bytes(b"")
    done = pushed.run(*COMMAND)
    assert done.code == 0, done.err
    assert missing.latest is newest


def test_a_candidate_is_a_prerelease(stage: Stage, acme: Repository) -> None:
    assert stage.run("publish", "1.3.0rc1", *COMMAND[2:], "--waive", "notes").code == 0
    (page,) = acme.releases
    assert page.prerelease
    assert acme.latest is None


def test_who_acknowledged_it_is_text(
    stage: Stage, acme: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = 'acknowledge = ["Docs are *ready*"]\n'
    stage.commit({"pyproject.toml": QUICK + table})
    monkeypatch.setenv("GITHUB_ACTOR", "ada <!-- @acme/all")
    assert stage.run(*COMMAND, "--acknowledge").code == 0
    body = published(acme, stage).body
    assert "Acknowledged: Docs are \\*ready\\* (ada \\<!-- @&#8203;acme/all)" in body


def test_a_publish_rc_has_no_page(stage: Stage, acme: Repository) -> None:
    assert stage.run("publish-rc", "minor").code == 0
    assert acme.releases == []


def test_a_netrc_is_not_asked(
    pushed: Stage, missing: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = pushed.clone.parent / "netrc"
    netrc.write_text("default login ada password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    done = pushed.run(*COMMAND)
    assert done.code == 0, done.err
    published(missing, pushed)


def test_notes_are_cut_to_what_github_takes(stage: Stage, acme: Repository) -> None:
    stage.commit({"CHANGELOG.md": CHANGELOG.replace("A second brush.", "A brush. " * 20_000)})
    assert stage.run(*COMMAND).code == 0
    body = published(acme, stage).body
    assert 124_900 < len(body) <= 125_000


def test_commits_stand_in(stage: Stage, acme: Repository) -> None:
    stage.commit({"CHANGELOG.md": "# Changelog\n\n## [1.2.3]\n\n- Old.\n"})
    assert stage.run(*COMMAND, "--waive", "notes").code == 0
    assert published(acme, stage).body.startswith("- Change\n")


@pytest.mark.parametrize(
    "asked",
    [
        ("POST", "*/releases"),
        ("POST", "*/assets"),
        ("PATCH", "*/releases/*"),
        ("GET", "*/releases"),
        ("GET", "*/releases/tags/*"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("fault", [CUT_BEFORE, CUT_AFTER, "500", "502"])
def test_stopped_at_any_request_it_is_continued(
    pushed: Stage,
    missing: Repository,
    hub: Forge,
    slack: Channel,
    asked: tuple[str, str],
    fault: str,
) -> None:
    hub.fault(*asked, fault, times=20 if asked[0] == "GET" else 1)
    first = pushed.run(*COMMAND)
    hub.faults.clear()
    if first.code:
        assert first.code == 3
        assert "the same command continues" in first.err
        assert slack.texts == []
    assert pushed.run(*COMMAND).code == 0
    published(missing, pushed)
    assert len(slack.texts) == 1


def test_no_page_can_be_asked_for_from_the_beginning(
    stage: Stage, acme: Repository, hub: Forge
) -> None:
    hub.fault("GET", "*/releases", "500", times=20)
    done = stage.run(*COMMAND)
    assert done.code == 3, done.err
    hub.faults.clear()
    assert stage.run(*COMMAND).code == 0
    published(acme, stage)


def test_a_half_uploaded_file_is_sent_again(pushed: Stage, missing: Repository, hub: Forge) -> None:
    hub.fault("POST", "*/assets", HALF_UPLOADED)
    assert pushed.run(*COMMAND).code == 3
    done = pushed.other_clone()
    assert pushed.run("publish", "--resume", at=done).code == 0
    published(missing, pushed)


def test_the_page_has_the_bytes_of_the_index(stage: Stage, acme: Repository) -> None:
    stage.commit(with_backend(UNREPRODUCIBLE))
    stopped_at_the_push(stage, *COMMAND[2:])
    (stage.files / FILES[2]).unlink()
    assert stage.run("publish", "--resume").code == 0
    published(acme, stage)


def test_no_page_is_published_without_the_right_bytes(
    pushed: Stage, missing: Repository, hub: Forge
) -> None:
    def spoil(_request: str) -> None:
        if missing.releases and len(assets := missing.releases[0].assets) == len(FILES):
            assets[0].content = b"other bytes"

    hub.watch = spoil
    done = pushed.run(*COMMAND)
    assert done.code == 3
    assert missing.releases[0].draft
    hub.watch = str
    assert pushed.run(*COMMAND).code == 0
    published(missing, pushed)


def test_files_that_github_renames_are_known_again(
    stage: Stage, acme: Repository, hub: Forge
) -> None:
    command = ("publish", "1!1.3.0", *COMMAND[2:])
    hub.fault("PATCH", "*/releases/*", "500")
    assert stage.run(*command).code == 3
    assert stage.run(*command).code == 0
    (page,) = acme.releases
    assert "acme-1.1.3.0.tar.gz" in {one.name for one in page.assets}


def test_another_file_of_that_name_in_a_draft_is_replaced(
    pushed: Stage, missing: Repository, hub: Forge
) -> None:
    hub.fault("PATCH", "*/releases/*", "500")
    assert pushed.run(*COMMAND).code == 3
    missing.releases[0].assets[0].content = b"other bytes"
    assert pushed.run(*COMMAND).code == 0
    published(missing, pushed)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("error", [SSLError("cut"), ProtocolError("cut")], ids=["tls", "http"])
def test_nothing_is_written_again_where_it_may_have_been(method: str, error: Exception) -> None:
    with pytest.raises((MaxRetryError, ProtocolError)):
        Again(1).increment(method, "/", error=error)


def test_a_rate_limit_on_writing_is_waited_for(
    pushed: Stage, missing: Repository, hub: Forge
) -> None:
    hub.fault("POST", "*/releases", "secondary-rate-limit 1")
    hub.fault("POST", "*/assets", "primary-rate-limit 1")
    assert pushed.run(*COMMAND).code == 0
    published(missing, pushed)


def test_without_a_token_it_says_what_is_left(
    stage: Stage, acme: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    done = stage.run(*COMMAND)
    assert done.code == 0, done.err
    assert acme.releases == []
    assert "publish the release notes: " in done.out
    assert "/acme/acme/releases/new?tag=v1.3.0" in done.out


def test_a_draft_is_told_of_where_the_token_is_gone(
    pushed: Stage, missing: Repository, hub: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.fault("POST", "*/assets", "500")
    assert pushed.run(*COMMAND).code == 3
    monkeypatch.delenv("GITHUB_TOKEN")
    done = pushed.run("publish", "--resume")
    assert done.code == 0, done.err
    assert missing.releases[0].draft
    assert "(or the draft, if there is one: " in done.out


def test_outside_of_github_too(stage: Stage) -> None:
    done = stage.run("publish", "minor", "--skip-tests")
    assert "by hand  publish the release notes\n" in done.out


# Slack


def finished(stopped: Stage) -> Result:
    done = stopped.run("publish", "--resume")
    assert done.code == 0, done.err
    assert SECRET not in done.out + done.err
    return done


def test_a_release_elsewhere_is_announced_too(stopped: Stage, slack: Channel) -> None:
    finished(stopped)
    assert slack.texts == [
        f"*acme 1.3.0* is released\n`pip install --index-url {stopped.url}simple/ acme==1.3.0`"
    ]


def test_slack_is_asked_again_when_it_says_so(stopped: Stage, slack: Channel) -> None:
    slack.faults = ["429"]
    assert "announced in Slack" in finished(stopped).out
    assert (slack.posts, len(slack.texts)) == (2, 1)


@pytest.mark.parametrize("fault", ["404", "500", "503", "lose"])
def test_a_failed_announcement_is_no_failed_release(
    stopped: Stage, slack: Channel, fault: str
) -> None:
    slack.faults = [fault]
    assert "not announced: " in finished(stopped).out
    assert slack.posts == 1, "it may have been taken"


def test_nobody_listens(stopped: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"http://127.0.0.1:9/services/{SECRET}")
    assert "not announced: " in finished(stopped).out


def test_a_token_reaches_neither_tests_nor_build(stage: Stage, hub: Forge, slack: Channel) -> None:
    _ = hub, slack
    look = (
        "import os, sys; sys.exit(any(key in os.environ for key in "
        "('GITHUB_TOKEN', 'GH_TOKEN', 'SLACK_WEBHOOK_URL')))"
    )
    table = f'test-command = ["python", "-c", "{look}"]\n'
    stage.commit({"pyproject.toml": QUICK + table, "CHANGELOG.md": CHANGELOG})
    done = stage.run("publish", "minor", "--waive", "test-run")
    assert done.code == 0, done.err


# Where people merge


@pytest.mark.parametrize("is_configured", [True, False], ids=["configured", "protected"])
def test_a_pull_request_is_opened_once(
    stage: Stage,
    acme: Repository,
    is_configured: bool,  # noqa: FBT001
) -> None:
    if is_configured:
        table = 'main = "pull-request"\n'
        stage.commit({"pyproject.toml": QUICK + table})
    else:
        stage.hook("update", '[ "$1" != refs/heads/main ]', at=stage.remote)
    for _ in range(2):
        done = stage.run(*COMMAND)
        assert done.code == 3
        (pull,) = acme.pulls
        assert (pull.head, pull.base, pull.title) == ("release/1.3.0", "main", "Release 1.3.0")
        assert "/acme/acme/pull/1 with a merge commit" in done.err
    assert acme.releases == [], "main lacks the commit"
    (stage.remote / "hooks/update").unlink(missing_ok=True)
    stage.merge("release/1.3.0")
    assert stage.run(*COMMAND).code == 0
    published(acme, stage)


def test_a_pull_request_that_cannot_be_opened_is_no_obstacle(
    stage: Stage, acme: Repository, hub: Forge
) -> None:
    stage.hook("update", '[ "$1" != refs/heads/main ]', at=stage.remote)
    hub.fault("POST", "*/pulls", "403")
    done = stage.run(*COMMAND)
    assert done.code == 3
    assert acme.pulls == []
    assert "merge the branch release/1.3.0 into main with a merge commit" in done.err
