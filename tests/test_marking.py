"""Once the index shows a version as yanked, users are told: page, changelog and Slack; once."""

from __future__ import annotations

import re
import shlex
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults import hostile, yanked
from tests.github.forge import CUT_AFTER, CUT_BEFORE
from tests.slack import channel
from tests.stage import PYPROJECT, QUICK, stopped_at_the_push
from tests.test_hostile_remote import PROTECTED, moving, on, times
from tests.test_resume import INTENT
from tests.test_status import put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults import Proxy
    from tests.github.forge import Forge, Release, Repository
    from tests.slack import Channel
    from tests.stage import Result, Stage

REASON = "breaks on <Windows>"
SECTIONS = "## [1.3.0] - 2026-11-02{}\n\n- A second brush.\n\n## [1.2.3] - 2026-10-01\n\n- Old.\n"
CHANGELOG = f"# Changelog\n\n## [Unreleased]\n\n- Newer.\n\n{SECTIONS}"
TITLE = "Mark 1.3.0 in the changelog on main"
OURS = "refs/heads/yank/1.3.0"
NOTES = "### Added\r\n\r\n- A second brush.\r\n"
TABLE = "patience = 20\n"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def index(stage: Stage) -> Iterator[Proxy]:
    """An index that shows 1.3.0 as yanked, and a project whose changelog tells it."""
    with hostile(stage.url) as proxy:
        for version in ("1.2.3", "1.3.0"):
            put(stage, version)
        stage.commit({"pyproject.toml": QUICK + TABLE, "CHANGELOG.md": CHANGELOG.format("")})
        stage.git("tag", "v1.3.0", "main", at=stage.remote)
        proxy.rewrite = partial(yanked, "acme-1.3.0", REASON)
        yield proxy


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    with channel() as one:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", one.url)
        yield one


@pytest.fixture
def acme(hub: Forge) -> Repository:
    """The sample on GitHub, with the pages of two releases, of which the bad one is the latest."""
    repository = hub.repositories["acme/acme"]
    repository.release("v1.2.3", name="v1.2.3")
    repository.made_latest = repository.release("v1.3.0", name="The brush", body=NOTES).id
    return repository


def yank(stage: Stage, proxy: Proxy, *args: str, at: Path | None = None) -> Result:
    words = ("yank", "1.3.0", "--reason", REASON, "--repository", proxy.url)
    return stage.run(*words, *args, at=at)


def changelog(stage: Stage, ref: str = "main") -> str:
    return stage.git("show", f"{ref}:CHANGELOG.md", at=stage.remote) + "\n"


def is_marked(stage: Stage, ref: str = "main") -> bool:
    text = changelog(stage, ref)
    assert text in {CHANGELOG.format(""), CHANGELOG.format(" [YANKED]")}
    return text == CHANGELOG.format(" [YANKED]")


def page(acme: Repository) -> Release:
    (one,) = (one for one in acme.releases if one.tag_name == "v1.3.0")
    return one


def done(stage: Stage, proxy: Proxy, *args: str, at: Path | None = None) -> Result:
    """It comes to its end, with one commit on main that marks the changelog."""
    result = yank(stage, proxy, *args, at=at)
    assert result.code == 0, result.out + result.err
    assert is_marked(stage)
    commits = stage.git("log", "--format=%s", "main", "--", "CHANGELOG.md", at=stage.remote)
    assert commits.splitlines().count("Mark 1.3.0 as yanked") == 1
    return result


def left(stage: Stage, proxy: Proxy, *words: str, at_package: str = "") -> Result:
    """It stops, and says how it goes on."""
    result = yank(stage, proxy, *(["--package", at_package] if at_package else []))
    assert result.code == 3, result.out + result.err
    for word in (*words, "type the same command again", "nox -s yank -- 1.3.0 --reason"):
        assert word in result.err, result.err
    return result


# All of it


def test_users_are_told_once(stage: Stage, index: Proxy, acme: Repository, slack: Channel) -> None:
    first = done(stage, index)
    one = page(acme)
    assert one.name == "The brush [YANKED]"
    assert one.body == (
        "> [!CAUTION]\n> **acme 1.3.0 is yanked:** breaks on \\<Windows\\>  \n"
        f"> Use 1.2.3 instead.\n\n{NOTES}"
    )
    assert acme.latest
    assert acme.latest.tag_name == "v1.2.3"
    assert stage.git("log", "-1", "--format=%B", "main", at=stage.remote).startswith(
        f"Mark 1.3.0 as yanked\n\n{REASON}"
    )
    assert stage.git("diff", "--stat", "main~", "main", at=stage.remote).count("|") == 1
    assert stage.git("status", "--porcelain", "--branch") == "## main...origin/main"
    assert stage.git("rev-parse", "HEAD") == stage.remote_refs()["refs/heads/main"]
    (text,) = slack.texts
    assert text.startswith(
        "*acme 1.3.0* is yanked: breaks on &lt;Windows&gt;\nUse 1.2.3 instead.  <http"
    )
    titles = re.findall(r"✓ (.*?)  [\d.]+ s(.*)", first.out)
    assert titles == [
        ("Mark the release notes of v1.3.0 on GitHub", ""),
        ("Show v1.2.3 as the latest release on GitHub", ""),
        (TITLE, ", announced in Slack"),
        ("Bring this checkout to main", ""),
    ]
    before = stage.state(), one.body, len(acme.releases)
    again = done(stage, index)
    assert again.out.count("already so") == 3
    assert (stage.state(), one.body, len(acme.releases)) == before
    assert len(slack.texts) == 1


def test_a_check_and_a_dry_run_change_nothing(
    stage: Stage, index: Proxy, acme: Repository, hub: Forge, slack: Channel
) -> None:
    before = stage.state()
    ask = ("yank", "1.3.0", "--check", "--repository", index.url)
    told = stage.run(*ask)
    assert told.code == 3
    assert "✓ See every file yanked\n" in told.out
    assert "→ Mark the release notes of v1.3.0 on GitHub\n" in told.out
    assert f"→ {TITLE}\n" in told.out
    assert "acme 1.3.0 isn't yanked, or not everywhere marked as such" in told.err
    assert f"nox -s yank -- 1.3.0 --reason {shlex.quote(REASON)}" in told.err
    dry = yank(stage, index, "--dry-run")
    assert dry.code == 0
    assert f"  1. Mark the release notes of v1.3.0 on GitHub\n  2. {TITLE}\n" in dry.out
    assert stage.state() == before
    assert {one.partition(" ")[0] for one in hub.requests} == {"GET"}
    done(stage, index)
    before, count = stage.state(), len(hub.requests)
    told = stage.run(*ask, "--json")
    assert told.code == 0, told.err
    marks = told.document["marks"]
    assert [one["done"] for one in marks] == [True] * 3
    assert told.document["state"] == "yanked"
    index.rewrite = bytes
    told = stage.run(*ask)
    assert told.code == 3
    assert "→ See every file yanked\n" in told.out
    assert f"✓ {TITLE}\n" in told.out
    assert stage.state() == before
    assert {one.partition(" ")[0] for one in hub.requests[count:]} == {"GET"}
    assert len(slack.texts) == 1
    assert page(acme).name == "The brush [YANKED]"


def test_what_yanking_is_for_and_what_comes_after_it(stage: Stage, index: Proxy) -> None:
    index.rewrite = bytes
    told = yank(stage, index, "--dry-run").out
    assert "yanking    is for a broken release: installers skip it" in told
    assert "not for    a leaked secret or malicious code: delete the files there, revoke" in told
    assert "successor  none is out; release the fix: nox -s publish_release -- patch" in told
    assert f"  2. See every file yanked\n  3. {TITLE}\n" in told
    put(stage, "1.3.1")
    assert "successor  1.3.1 is out\n" in yank(stage, index, "--dry-run").out
    index.rewrite = partial(yanked, "acme-1.3.1", REASON)
    for path in stage.files.glob("acme-1.2.3*"):
        path.unlink()
    assert "first, if it can be soon: nothing else is left to install" in (
        yank(stage, index, "--dry-run").out
    )


def test_status_tells_what_is_not_marked(stage: Stage, index: Proxy) -> None:
    words = f"yanked: {REASON} (the changelog doesn't say so)"
    ask = ("status", "--repository", index.url)
    assert words in stage.run(*ask).out
    assert stage.run(*ask, "--json").document["unmarked"] == ["1.3.0"]
    done(stage, index)
    told = stage.run(*ask)
    assert words not in told.out
    assert f"yanked: {REASON}" in told.out
    assert stage.run(*ask, "--json").document["unmarked"] == []


def test_a_package_below_the_top(stage: Stage, index: Proxy) -> None:
    """Its own changelog is marked, and the branch to be merged has its name."""
    core = PYPROJECT.replace('"acme"', '"acme-core"').replace('readme = "README.md"\n', "")
    table = f'{TABLE}main = "pull-request"\n'
    stage.commit(
        {
            "pyproject.toml": QUICK + table,
            "libs/core/pyproject.toml": core,
            "libs/core/CHANGELOG.md": CHANGELOG.format(""),
        }
    )
    for form in ("{}-py3-none-any.whl", "{}.tar.gz"):
        (stage.files / form.format("acme_core-1.3.0")).write_bytes(b"")
    index.rewrite = partial(yanked, "acme_core-1.3.0", REASON)
    left(stage, index, "--package libs/core", at_package="libs/core")
    ours = "yank/acme-core-1.3.0"
    text = stage.git("show", f"{ours}:libs/core/CHANGELOG.md", at=stage.remote) + "\n"
    assert text == CHANGELOG.format(" [YANKED]")
    assert not is_marked(stage, ours)
    said = stage.git("log", "-1", "--format=%s", ours, at=stage.remote)
    assert said == "Mark acme-core 1.3.0 as yanked"


# The page


@pytest.mark.parametrize("fault", ["500", CUT_BEFORE, CUT_AFTER])
@pytest.mark.parametrize("asked", ["PATCH */releases/*", "GET */releases/latest"])
@pytest.mark.usefixtures("acme")
def test_stopped_at_github_it_is_continued(
    stage: Stage, index: Proxy, hub: Forge, slack: Channel, fault: str, asked: str
) -> None:
    acme = hub.repositories["acme/acme"]
    method, _, path = asked.partition(" ")
    hub.fault(method, path, fault, times=1 if method == "PATCH" else 20)
    if yank(stage, index).code:
        assert not is_marked(stage)
        assert slack.texts == []
    hub.faults.clear()
    done(stage, index)
    assert page(acme).body.count("is yanked:") == page(acme).name.count("YANKED") == 1
    assert acme.latest
    assert acme.latest.tag_name == "v1.2.3"
    assert len(slack.texts) == 1


def test_an_immutable_page_is_marked(stage: Stage, index: Proxy, acme: Repository) -> None:
    acme.has_immutable_releases = page(acme).immutable = True
    done(stage, index)
    assert page(acme).name == "The brush [YANKED]"


def test_half_a_mark_is_completed(stage: Stage, index: Proxy, acme: Repository) -> None:
    page(acme).name = "The brush [YANKED]"
    done(stage, index)
    assert page(acme).name == "The brush [YANKED]"
    assert page(acme).body.startswith("> [!CAUTION]")


def test_another_latest_release_stays(stage: Stage, index: Proxy, acme: Repository) -> None:
    acme.made_latest = acme.release("v2.0.0").id
    out = done(stage, index).out
    assert acme.latest
    assert acme.latest.tag_name == "v2.0.0"
    assert "latest" not in out


def test_only_a_page_that_all_may_see_becomes_the_latest(
    stage: Stage, index: Proxy, acme: Repository
) -> None:
    for version in ("1.2.4", "1.2.5", "1.2.6"):
        put(stage, version)
        stage.git("tag", f"v{version}", "main", at=stage.remote)
    acme.release("v1.2.4", draft=True)
    acme.release("v1.2.5", prerelease=True)
    assert "Show v1.2.3 as the latest" in done(stage, index).out
    assert acme.latest
    assert acme.latest.tag_name == "v1.2.3"
    assert "Use 1.2.6 instead." in page(acme).body


def test_no_other_page_may_be_the_latest(stage: Stage, index: Proxy, acme: Repository) -> None:
    acme.releases = [page(acme)]
    assert "latest" not in done(stage, index).out


def test_a_version_without_a_page(stage: Stage, index: Proxy, acme: Repository) -> None:
    acme.releases.remove(page(acme))
    assert "release notes" not in done(stage, index).out
    assert len(acme.releases) == 1


def test_the_page_announces_where_no_changelog_tells_it(
    stage: Stage, index: Proxy, acme: Repository, slack: Channel
) -> None:
    stage.commit({"CHANGELOG.md": "# Changelog\n\n## [1.2.3] - 2026-10-01\n\n- Old.\n"})
    for _ in range(2):
        result = yank(stage, index)
        assert result.code == 0, result.err
        assert TITLE not in result.out
        assert re.search("Bring this checkout to main  [0-9.]+ s, already so", result.out)
    assert page(acme).name == "The brush [YANKED]"
    assert len(slack.texts) == 1
    assert "[YANKED]" not in changelog(stage)


def test_without_a_token_it_says_what_is_left(
    stage: Stage, index: Proxy, acme: Repository, hub: Forge, slack: Channel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("GITHUB_TOKEN")
    result = done(stage, index)
    assert hub.requests == []
    assert "by hand    mark the release notes of v1.3.0 as yanked: http" in result.out
    assert "/acme/acme/releases/edit/v1.3.0\n" in result.out
    monkeypatch.setenv("GITHUB_TOKEN", "s3cret-hub")
    done(stage, index)
    assert page(acme).name == "The brush [YANKED]"
    assert len(slack.texts) == 1


def test_outside_of_github_too(stage: Stage, index: Proxy) -> None:
    assert "by hand    mark the release notes of v1.3.0 as yanked\n" in done(stage, index).out


# The changelog


def test_main_moves_and_the_mark_is_made_again(stage: Stage, index: Proxy, slack: Channel) -> None:
    stage.hook("update", on("refs/heads/main", times(3, stage, moving(stage))), stage.remote)
    done(stage, index)
    assert stage.git("ls-tree", "--name-only", "main", at=stage.remote).count("moved") == 3
    assert stage.git("rev-list", "--min-parents=2", "main", at=stage.remote) == ""
    assert len(slack.texts) == 1


def test_main_moves_at_every_push(stage: Stage, index: Proxy, slack: Channel) -> None:
    stage.hook("update", on("refs/heads/main", moving(stage)), stage.remote)
    left(stage, index, "refuses the push of main")
    assert OURS not in stage.remote_refs()
    (stage.remote / "hooks/update").unlink()
    done(stage, index)
    assert len(slack.texts) == 1


def test_the_answer_of_the_push_gets_lost(stage: Stage, index: Proxy, slack: Channel) -> None:
    stage.hook("post-receive", "kill -9 $PPID", stage.remote)
    done(stage, index)
    assert len(slack.texts) == 1


def test_a_protected_main(stage: Stage, index: Proxy, acme: Repository, slack: Channel) -> None:
    stage.hook("update", PROTECTED, stage.remote)
    words = ("takes no direct push", "GH006", "/acme/acme/pull/1 into main")
    left(stage, index, *words)
    assert is_marked(stage, "yank/1.3.0")
    assert not is_marked(stage)
    before = stage.state()
    left(stage, index, "doesn't say yet that acme 1.3.0 is yanked", "/acme/acme/pull/1 into main")
    assert stage.state() == before
    assert [(one.head, one.base) for one in acme.pulls] == [("yank/1.3.0", "main")]
    assert stage.run("yank", "1.3.0", "--check", "--repository", index.url).code == 3
    stage.git("fetch", ".", "yank/1.3.0:main", at=stage.remote)
    done(stage, index)
    assert stage.git("rev-parse", "HEAD") == stage.remote_refs()["refs/heads/main"]
    assert len(slack.texts) == 1


def test_by_pull_request(stage: Stage, index: Proxy, slack: Channel) -> None:
    table = f'{TABLE}main = "pull-request"\n'
    stage.commit({"pyproject.toml": QUICK + table})
    base = stage.git("rev-parse", "main")
    first = left(stage, index, "merge the branch yank/1.3.0 into main")
    assert "✓ Push yank/1.3.0 to origin" in first.out
    assert "✗ See yank/1.3.0 merged into main" in first.out
    assert stage.remote_refs()["refs/heads/main"] == base
    left(stage, index, "merge the branch yank/1.3.0 into main")
    # squashed
    tree = stage.git("rev-parse", "yank/1.3.0^{tree}", at=stage.remote)
    squashed = stage.git("commit-tree", tree, "-p", "main", "-m", "Mark 1.3.0 as yanked",
                         at=stage.remote)  # fmt: skip
    stage.git("update-ref", "refs/heads/main", squashed, at=stage.remote)
    done(stage, index)
    assert len(slack.texts) == 1


def test_another_branch_of_that_name_is_left_alone(stage: Stage, index: Proxy) -> None:
    stage.git("branch", "yank/1.3.0", "main", at=stage.remote)
    left(stage, index, "yank/1.3.0 on origin is at", "without the mark", f"origin :{OURS[11:]}")


def test_neither_branch_may_be_pushed(stage: Stage, index: Proxy) -> None:
    stage.hook("pre-receive", "echo closed >&2; exit 1", stage.remote)
    left(stage, index, "refuses the push of yank/1.3.0", "closed")
    (stage.remote / "hooks/pre-receive").unlink()
    done(stage, index)


def test_a_checkout_that_is_in_use_is_left_alone(stage: Stage, index: Proxy) -> None:
    stage.write("acme.py", "# changed\n")
    stage.write("CHANGELOG.md", "# changed\n")
    before = stage.git("rev-parse", "HEAD")
    assert "left alone: CHANGELOG.md, acme.py changed meanwhile" in done(stage, index).out
    assert (stage.clone / "CHANGELOG.md").read_text(encoding="utf-8") == "# changed\n"
    stage.git("checkout", "--quiet", "--force", "-b", "feature")
    assert "left alone: main isn't checked out" in done(stage, index).out
    assert stage.git("rev-parse", "HEAD") == before


def test_a_clone_that_is_behind(stage: Stage, index: Proxy) -> None:
    """The mark is made of what the remote has, and only what is missing is told."""
    elsewhere = stage.other_clone()
    done(stage, index, at=elsewhere)
    assert stage.git("log", "-1", "--format=%s") != "Mark 1.3.0 as yanked"
    assert "✓ Bring this checkout to main" in done(stage, index).out
    assert stage.git("rev-parse", "HEAD") == stage.remote_refs()["refs/heads/main"]


# Beside a release


def test_an_unfinished_release_gets_its_commit_first(
    stage: Stage, index: Proxy, acme: Repository, slack: Channel
) -> None:
    """Of another version: its commit and the mark would meet in the changelog."""
    waive = ("--waive", "test-run")
    stage.hook("update", 'case "$1" in refs/tags/*) echo "frozen" >&2; exit 1;; esac', stage.remote)
    flags = ("--skip-tests", *waive, "--repository", index.url)
    assert stage.run("publish", "1.4.0", *flags).code == 3
    (stage.remote / "hooks/update").unlink()
    before = stage.remote_refs()
    left(stage, index, "a release is unfinished; its commit comes to main before the mark")
    assert stage.remote_refs() == before
    assert page(acme).name == "The brush [YANKED]", "that is in nobody's way"
    assert slack.texts == []
    assert stage.run("publish", "--resume", "--repository", index.url).code == 0
    assert yank(stage, index).code == 0
    assert "## [1.4.0] - " in changelog(stage)
    assert "## [1.3.0] - 2026-11-02 [YANKED]\n" in changelog(stage)
    assert INTENT not in stage.remote_refs()
    assert len(slack.texts) == 2


def test_a_release_that_begins_meanwhile_is_waited_for(stage: Stage, index: Proxy) -> None:
    begin = f"git --git-dir={shlex.quote(str(stage.remote))} update-ref {INTENT} main"
    stage.hook("post-commit", begin)
    left(stage, index, "a release is unfinished")
    assert not is_marked(stage)
    (stage.clone / ".git/hooks/post-commit").unlink()
    stage.git("update-ref", "-d", INTENT, at=stage.remote)
    done(stage, index)


def test_a_release_that_is_yanked_before_it_is_finished(
    stage: Stage, hub: Forge, slack: Channel
) -> None:
    acme = hub.repositories["acme/acme"]
    acme.made_latest = acme.release("v1.2.3").id
    sections = CHANGELOG.replace(SECTIONS, "## [1.2.3] - 2026-10-01\n")
    stage.commit({"pyproject.toml": QUICK + TABLE, "CHANGELOG.md": sections})
    with hostile(stage.url) as proxy:
        put(stage, "1.2.3")
        flags = ("--skip-tests", "--waive", "test-run", "--repository", proxy.url)
        stopped_at_the_push(stage, *flags)
        proxy.rewrite = partial(yanked, "acme-1.3.0", REASON)
        before = stage.remote_refs()
        left(stage, proxy, "acme 1.3.0 is unfinished", "-- --resume")
        assert stage.remote_refs() == before
        assert stage.run("publish", "--resume", "--repository", proxy.url).code == 0
        assert page(acme).name == "v1.3.0"
        assert acme.latest
        assert acme.latest.tag_name == "v1.2.3", "nobody gets a yanked one as the latest"
        result = yank(stage, proxy)
        assert result.code == 0, result.err
    assert page(acme).name == "v1.3.0 [YANKED]"
    assert re.search(r"## \[1\.3\.0\] - \S+ \[YANKED\]\n", changelog(stage))
    assert len(slack.texts) == 2


# Killed, and two at once


@contextmanager
def killed(stage: Stage, proxy: Proxy) -> Iterator[threading.Event]:
    """Run it in a process of its own, which is killed when the event is set."""
    kill, over = threading.Event(), threading.Event()
    process = stage.fork("yank", "1.3.0", "--reason", REASON, "--repository", proxy.url)

    def wait() -> None:
        kill.wait(60)
        process.kill()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    yield kill
    process.communicate(timeout=60)
    assert over.wait(1), "it has come to its end"
    assert process.returncode != 0


@pytest.mark.parametrize("at", ["PATCH", "GET /repos/acme/acme/releases/latest"])
def test_killed_at_github(
    stage: Stage, index: Proxy, acme: Repository, hub: Forge, slack: Channel, at: str
) -> None:
    with killed(stage, index) as kill:
        hub.watch = lambda request: kill.set() if request.startswith(at) else None
    hub.watch = str
    done(stage, index)
    assert page(acme).body.count("is yanked:") == 1
    assert len(slack.texts) == 1


def test_killed_when_the_mark_is_pushed(stage: Stage, index: Proxy, slack: Channel) -> None:
    """Nobody knows whether it was announced, so it isn't again."""
    flag = stage.clone.parent / "pushed"
    stage.hook("post-receive", f"touch {shlex.quote(str(flag))}; sleep 2", stage.remote)
    with killed(stage, index) as kill:
        while not flag.exists():
            kill.wait(0.05)
        kill.set()
    (stage.remote / "hooks/post-receive").unlink()
    assert is_marked(stage)
    done(stage, index)
    assert slack.texts == []
    assert stage.git("rev-parse", "HEAD") == stage.remote_refs()["refs/heads/main"]


def test_two_at_once_announce_once(
    stage: Stage, index: Proxy, acme: Repository, slack: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They push at the same time what they have made in the same second."""
    other = stage.other_clone()
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", "2026-11-22T12:00:00Z")
    ready = shlex.quote(str(stage.clone.parent / "ready"))
    both_are = f"touch {ready}-$$; while [ $(ls {ready}-* | wc -l) -lt 2 ]; do sleep .05; done"
    for at in (stage.clone, other):
        stage.hook("pre-push", both_are, at / ".git")
    words = ("yank", "1.3.0", "--reason", REASON, "--repository", index.url)
    both = [stage.fork(*words, at=at) for at in (stage.clone, other)]
    for one in both:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, out + err
    done(stage, index)
    assert page(acme).body.count("is yanked:") == 1
    assert len(slack.texts) == 1
