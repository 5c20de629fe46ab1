"""Remotes that move, refuse, vanish and lie: done, refused, or unfinished and then done."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults import DROP, hostile
from tests.githttp import CREDENTIALS, Fault, git_over_http
from tests.stage import QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Result, Stage

FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
INTENT = "refs/release/intent"
OURS = "refs/heads/release/1.3.0"
PROTECTED = 'case "$1" in refs/heads/main) echo "GH006: main is protected" >&2; exit 1;; esac'
IMPATIENT = "patience = 1\n"
BY_PULL_REQUEST = QUICK + 'main = "pull-request"\n'


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def moving(stage: Stage, path: str = "moved-$$.py", content: str = "") -> str:
    """A script that commits to the remote's main behind everybody's back."""
    return f"""
unset $(git rev-parse --local-env-vars); cd {shlex.quote(str(stage.remote))}
blob=$(printf {shlex.quote(content)} | git hash-object -w --stdin)
others=$(git ls-tree main | grep -v "\t{path}$")
tree=$(printf "%s\\n100644 blob $blob\\t{path}\\n" "$others" | git mktree)
git update-ref refs/heads/main $(git commit-tree -p main -m Move $tree)
"""


def times(number: int, stage: Stage, script: str) -> str:
    """A script that runs another one so many times at most."""
    count = shlex.quote(str(stage.remote / "count"))
    return f"echo >> {count}; if [ $(wc -l < {count}) -le {number} ]; then {script}\nfi"


def on(ref: str, script: str) -> str:
    """A server's `update` hook that runs a script when `ref` is pushed."""
    return f'case "$1" in {ref}) {script}\n;; esac'


def publish(stage: Stage, *args: str, at: Path | None = None) -> Result:
    return stage.run("publish", *(args or ("minor", "--skip-tests")), at=at)


def unfinished(stage: Stage, *words: str) -> Result:
    done = publish(stage)
    assert done.code == 3, done.out + done.err
    for word in (*words, "the same command continues", "nox -s publish_release -- --resume"):
        assert word in done.err, done.err
    assert INTENT in stage.remote_refs()
    return done


def refused(stage: Stage, *words: str) -> None:
    before = stage.state()
    done = publish(stage)
    assert done.code == 1, done.out + done.err
    for word in words:
        assert word in done.err, done.err
    assert stage.state() == before


def finished(stage: Stage, *args: str, at: Path | None = None) -> Result:
    done = publish(stage, *args, at=at)
    assert done.code == 0, done.out + done.err
    released(stage, at)
    return done


def released(stage: Stage, at: Path | None = None) -> None:
    """Files, branch, tag and nothing else are there, and the checkout is clean."""
    assert stage.published() == FILES
    refs = stage.remote_refs()
    assert sorted(refs) == ["refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"]
    commit = stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote)
    stage.git("merge-base", "--is-ancestor", commit, "main", at=stage.remote)
    assert 'version = "1.3.0"' in stage.git("show", f"{commit}:pyproject.toml", at=stage.remote)
    assert stage.git("status", "--porcelain", at=at) == ""
    assert len(stage.git("worktree", "list", at=at).splitlines()) == 1


def merge(stage: Stage, *options: str) -> Path:
    """Merge the release branch into main as a forge does, past every hook."""
    place = stage.other_clone("forge")
    stage.git("merge", *options, "--quiet", "origin/release/1.3.0", at=place)
    if "--squash" in options:
        stage.git("commit", "--quiet", "--message", "Squashed", at=place)
    stage.git("fetch", "--quiet", str(place), "HEAD:refs/heads/main", at=stage.remote)
    return place


# Main moves


def test_main_moves_before_the_intent_and_after_it_and_at_the_push(stage: Stage) -> None:
    stage.hook("pre-commit", moving(stage))
    stage.hook("post-receive", f"grep -q {INTENT} && {{ {moving(stage)} }} || true", stage.remote)
    stage.hook("update", on("refs/heads/main", times(3, stage, moving(stage))), stage.remote)
    finished(stage)
    names = stage.git("ls-tree", "--name-only", "main", at=stage.remote)
    assert names.count("moved") == 6, (
        "before; with the intent, and when it goes; thrice at the push"
    )


@pytest.mark.parametrize(("number", "words"), [(1, "a commit that"), (2, "2 commits that")])
def test_a_command_typed_again_at_its_merge_makes_no_other_release(
    stage: Stage, number: int, words: str
) -> None:
    stage.hook("update", on("refs/heads/main", times(number, stage, moving(stage))), stage.remote)
    finished(stage)
    refused(
        stage,
        f"v1.3.0 was released from this command already, and main has {words} it doesn't",
        "to release those say the version: nox -s publish_release -- 1.4.0",
    )
    assert publish(stage, "1.4.0", "--dry-run").code == 0


def test_main_moves_at_every_push(stage: Stage) -> None:
    stage.hook("update", on("refs/heads/main", moving(stage)), stage.remote)
    unfinished(stage, "refuses the push of main and v1.3.0")
    assert OURS not in stage.remote_refs(), "main takes pushes"
    (stage.remote / "hooks/update").unlink()
    finished(stage)


def test_main_gets_another_version_before_the_intent(stage: Stage) -> None:
    other = moving(stage, "pyproject.toml", QUICK.replace("1.2.3", "1.2.4"))
    stage.hook("pre-commit", other)
    done = publish(stage)
    assert done.code == 1
    assert "CONFLICT (content): Merge conflict in pyproject.toml" in done.err
    assert "git pull origin main, and type the command again" in done.err
    assert stage.published() == []
    assert sorted(stage.remote_refs()) == ["refs/heads/main", "refs/tags/v1.2.3"]


def test_main_gets_another_version_with_the_intent(stage: Stage) -> None:
    """Nothing is uploaded that can't be merged."""
    other = moving(stage, "pyproject.toml", QUICK.replace("1.2.3", "1.2.4"))
    stage.hook("post-receive", f"grep -q {INTENT} && {{ {other} }} || true", stage.remote)
    done = publish(stage)
    assert done.code == 1
    assert "doesn't merge into it" in done.err
    assert stage.published() == []
    assert sorted(stage.remote_refs()) == ["refs/heads/main", "refs/tags/v1.2.3"]


def test_main_gets_another_version_at_the_push(stage: Stage) -> None:
    other = moving(stage, "pyproject.toml", QUICK.replace("1.2.3", "1.2.4"))
    stage.hook("update", on("refs/heads/main", times(1, stage, other)), stage.remote)
    done = unfinished(
        stage, "CONFLICT (content)", "merge it by hand, then continue: git switch main"
    )
    commit = stage.git("rev-parse", f"{INTENT}^", at=stage.remote)
    assert f"git merge {commit[:9]}" in done.err
    stage.git("pull", "--quiet", "origin", "main")
    stage.git("merge", "--quiet", "--strategy-option=theirs", commit)
    stage.git("push", "--quiet", "origin", "main")
    finished(stage)
    assert stage.git("rev-parse", "v1.3.0^{commit}") == commit


def test_main_is_rewritten(stage: Stage) -> None:
    """What somebody has taken out of it doesn't come back with the release."""
    back = f"git --git-dir={shlex.quote(str(stage.remote))} update-ref refs/heads/main main^"
    stage.hook("pre-commit", f"unset GIT_DIR GIT_INDEX_FILE; {back}")
    done = publish(stage)
    assert done.code == 1
    assert "main on origin doesn't contain" in done.err
    assert stage.published() == []


# Main is protected


@pytest.mark.parametrize("how", ["same command", "pulled", "fresh clone"])
def test_a_protected_main_is_merged_by_people(stage: Stage, how: str) -> None:
    stage.hook("update", PROTECTED, stage.remote)
    stage.hook("post-receive", f"grep -q {INTENT} && {{ {moving(stage)} }} || true", stage.remote)
    unfinished(
        stage,
        "main on origin takes no direct push:",
        "GH006: main is protected",
        "merge the branch release/1.3.0 into main with a merge commit, not by squashing or "
        "rebasing: main must contain the tagged commit; then continue",
    )
    refs = stage.remote_refs()
    assert refs[OURS] == stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote)
    again = unfinished(stage, "main on origin doesn't contain", "merge the branch release/1.3.0")
    assert "GH006" not in again.err, "nothing is pushed a second time"
    assert stage.remote_refs() == refs
    merge(stage)
    if how == "fresh clone":
        done = finished(stage, "--resume", at=stage.other_clone())
    else:
        if how == "pulled":
            stage.git("pull", "--quiet", "origin", "main")
        done = finished(stage)
    assert "release/1.3.0 is deleted" in done.out


def test_a_squashed_merge_is_explained(stage: Stage) -> None:
    stage.hook("update", PROTECTED, stage.remote)
    unfinished(stage)
    merge(stage, "--squash")
    words = "main on origin says 1.3.0, but doesn't contain"
    unfinished(stage, words, "release/1.3.0 was squashed or rebased", "with a merge commit")
    stage.git("update-ref", "-d", OURS, at=stage.remote)
    unfinished(stage, "takes no direct push", "merge the branch release/1.3.0")
    assert OURS in stage.remote_refs(), "it is pushed again for the next try"
    stage.git("fetch", "--quiet", at=stage.clone.parent / "forge")
    stage.git("merge", "--quiet", "origin/release/1.3.0", at=stage.clone.parent / "forge")
    stage.git("fetch", "--quiet", "../forge", "HEAD:refs/heads/main", at=stage.remote)
    finished(stage)


def test_a_release_branch_that_cannot_be_pushed_or_deleted(stage: Stage) -> None:
    stage.hook("update", PROTECTED, stage.remote)
    stage.git("branch", "release/1.3.0", "main", at=stage.remote)
    unfinished(
        stage,
        "GH006",
        "release/1.3.0 on origin is at",
        "without this release",
        "if nobody needs that branch: git push origin :release/1.3.0",
    )
    assert "refs/tags/v1.3.0" not in stage.remote_refs()
    stage.git("update-ref", "-d", OURS, at=stage.remote)
    unfinished(stage, "takes no direct push")
    merge(stage)
    stage.git("config", "receive.denyDeletes", "true", at=stage.remote)
    done = publish(stage)
    assert done.code == 0, done.err
    assert "release/1.3.0 stays, the remote doesn't delete it" in done.out
    assert INTENT not in stage.remote_refs()


def test_a_release_branch_that_has_moved_stays(stage: Stage) -> None:
    stage.hook("update", PROTECTED, stage.remote)
    unfinished(stage)
    merge(stage, "--no-ff")
    stage.git("update-ref", OURS, "main", at=stage.remote)
    done = publish(stage)
    assert done.code == 0, done.err
    assert "release/1.3.0 stays, it has moved" in done.out
    assert OURS in stage.remote_refs()


def test_a_branch_to_release_from_is_not_deleted(stage: Stage) -> None:
    """Even if it has the name that a branch to be merged would have."""
    table = 'branch = "release/1.3.0"\n'
    stage.git("switch", "--quiet", "--create", "release/1.3.0")
    stage.commit({"pyproject.toml": QUICK + table}, push=False)
    stage.git("push", "--quiet", "origin", "release/1.3.0")
    assert publish(stage).code == 0
    assert stage.remote_refs()[OURS] == stage.git("rev-parse", "v1.3.0^{commit}")


def test_a_branch_that_was_there_before_is_not_deleted(stage: Stage) -> None:
    """It is at the released commit, which no release made."""
    base = stage.commit({"pyproject.toml": QUICK.replace("1.2.3", "1.3.0")})
    stage.git("branch", "release/1.3.0", "main", at=stage.remote)
    assert publish(stage, "current", "--skip-tests").code == 0
    assert stage.remote_refs()[OURS] == base


def test_by_pull_request_main_is_never_pushed(stage: Stage) -> None:
    base = stage.commit({"pyproject.toml": BY_PULL_REQUEST})
    stage.hook("pre-push", f"cat >> {shlex.quote(str(stage.remote / 'asked'))}")
    done = unfinished(stage, "main on origin doesn't contain", "into main with a merge commit")
    assert "refs/heads/main" not in (stage.remote / "asked").read_text(), "not even for show"
    for title in ("Push release/1.3.0 and v1.3.0 to origin", "See release/1.3.0 merged into main"):
        assert done.out.count(title) == 2, "in the plan, and as a step"
    assert stage.remote_refs()["refs/heads/main"] == base
    again = unfinished(stage, "main on origin doesn't contain")
    assert "Push release/1.3.0 and v1.3.0 to origin" in again.out
    assert "already so" in again.out
    merge(stage, "--no-ff")
    finished(stage)
    before = stage.state()
    assert "v1.3.0 was released from this commit already" in publish(stage).out, "at its merge"
    assert stage.state() == before


@pytest.mark.parametrize("name", ["release/1.3.0", "release"])
def test_by_pull_request_the_branch_must_be_free(stage: Stage, name: str) -> None:
    stage.commit({"pyproject.toml": BY_PULL_REQUEST})
    stage.git("branch", name, "main", at=stage.remote)
    refused(stage, f"the branch {name} is on origin already, at", f"git push origin :{name}")


def test_by_pull_request_that_push_is_asked_for_and_rehearsed(stage: Stage) -> None:
    stage.commit({"pyproject.toml": BY_PULL_REQUEST})
    stage.hook("pre-push", "grep -q refs/heads/release && { echo no branches >&2; exit 1; } || :")
    refused(stage, "no branches")
    (stage.clone / ".git/hooks/pre-push").unlink()
    stage.git("config", "remote.origin.receivepack", "false")
    refused(stage, "a push to origin is refused", "git push --dry-run origin HEAD:release/1.3.0")


# Tags, hooks, and what a remote can't do


@pytest.mark.parametrize(
    ("place", "hook", "words"),
    [
        ("clone", "pre-commit", "a push of main and v1.3.0 would be refused"),
        ("remote", "post-receive", "v1.3.0 was made on origin meanwhile"),
    ],
)
def test_the_tag_is_made_by_somebody_else_before_the_upload(
    stage: Stage, place: str, hook: str, words: str
) -> None:
    there = shlex.quote(str(stage.remote))
    tag = f"unset GIT_DIR GIT_INDEX_FILE; git --git-dir={there} update-ref refs/tags/v1.3.0 main"
    stage.hook(hook, tag, stage.remote if place == "remote" else None)
    done = publish(stage)
    assert done.code == 1
    assert words in done.err
    assert "v1.3.0" in done.err
    assert stage.published() == []
    assert INTENT not in stage.remote_refs()


def test_the_tag_is_made_by_somebody_else_after_the_upload(stage: Stage) -> None:
    tag = "git update-ref refs/tags/v1.3.0 main"
    stage.hook("update", on("refs/heads/main", times(1, stage, tag)), stage.remote)
    unfinished(stage, "v1.3.0 on origin is at", "the release is", "somebody else made that tag")
    assert OURS not in stage.remote_refs()
    stage.git("update-ref", "-d", "refs/tags/v1.3.0", at=stage.remote)
    finished(stage)


def test_a_remote_that_takes_nothing(stage: Stage) -> None:
    stage.hook("pre-receive", "echo frozen >&2; exit 1", stage.remote)
    refused(stage, "the intent refs/release/intent can't be recorded", "frozen")
    stage.hook("pre-receive", f"grep -q {INTENT} || {{ echo frozen >&2; exit 1; }}", stage.remote)
    unfinished(stage, "refuses the push of main and v1.3.0", "the push of release/1.3.0", "frozen")
    (stage.remote / "hooks/pre-receive").unlink()
    finished(stage)


def test_a_remote_that_takes_no_tag_gets_no_branch(stage: Stage) -> None:
    stage.hook("update", on("refs/tags/*", "echo frozen >&2; exit 1"), stage.remote)
    base = stage.git("rev-parse", "HEAD")
    unfinished(stage, "refuses the push of main and v1.3.0", "the push of release/1.3.0", "frozen")
    refs = stage.remote_refs()
    assert refs["refs/heads/main"] == base
    assert OURS not in refs
    (stage.remote / "hooks/update").unlink()
    finished(stage)


def test_a_remote_without_transactions_gets_the_branch_first(stage: Stage) -> None:
    stage.git("config", "receive.advertiseAtomic", "false", at=stage.remote)
    stage.hook("update", on("refs/tags/*", "echo frozen >&2; exit 1"), stage.remote)
    unfinished(stage, "frozen")
    refs = stage.remote_refs()
    assert refs["refs/heads/main"] == stage.git("rev-parse", f"{INTENT}^", at=stage.remote)
    (stage.remote / "hooks/update").unlink()
    finished(stage)


def test_an_intent_that_cannot_be_deleted(stage: Stage) -> None:
    table = 'intent-ref = "refs/heads/release-intent"\n'
    stage.commit({"pyproject.toml": QUICK + table})
    stage.git("config", "receive.denyDeletes", "true", at=stage.remote)
    done = publish(stage)
    assert done.code == 3
    assert "all is done, but origin doesn't delete the intent refs/heads/release-intent" in done.err
    assert "git push origin :refs/heads/release-intent" in done.err
    stage.git("config", "receive.denyDeletes", "false", at=stage.remote)
    finished(stage)


# What every release leaves alone


def test_refs_that_are_not_the_releases_stay_where_they_are(stage: Stage) -> None:
    stage.git("tag", "--annotate", "--message", "mine", "mine")
    stage.git("config", "push.followTags", "true")
    stage.git("tag", "theirs", "main", at=stage.remote)
    assert publish(stage).code == 0
    assert "refs/tags/mine" not in stage.remote_refs()
    assert stage.git("tag").split() == ["mine", "v1.2.3", "v1.3.0"]
    assert not (stage.clone / ".git/FETCH_HEAD").exists()


def test_a_commit_that_is_made_meanwhile_stays(stage: Stage) -> None:
    """The checkout is only ever fast-forwarded."""
    own = f"unset $(git rev-parse --local-env-vars); cd {shlex.quote(str(stage.clone))}"
    own += "; git commit --quiet --allow-empty --message Mine"
    stage.hook("post-receive", f"grep -q refs/heads/main && {{ {own}; }} || :", stage.remote)
    done = publish(stage)
    assert done.code == 0, done.err
    assert "left alone: git pull brings it" in done.out
    assert stage.git("log", "-1", "--format=%s") == "Mine"
    assert "v1.3.0" in stage.git("tag")


def test_the_mode_of_a_file_stays(stage: Stage) -> None:
    stage.git("update-index", "--chmod=+x", "pyproject.toml")
    (stage.clone / "pyproject.toml").chmod(0o755)
    stage.commit({})
    finished(stage)
    assert stage.git("ls-tree", "v1.3.0", "pyproject.toml").startswith("100755 blob")


def test_a_hook_that_gives_the_commit_other_parents(stage: Stage) -> None:
    commit = "git commit-tree HEAD^{tree} -p HEAD^ -p HEAD~2 -m Mine"
    stage.hook("post-commit", f"git update-ref HEAD $({commit})")
    refused(stage, "a commit hook changed the release commit")


# Over HTTP, with credentials


def test_a_remote_over_http_is_away_before_the_intent(stage: Stage) -> None:
    with git_over_http(stage.remote) as server:
        stage.git("remote", "set-url", "origin", server.url)
        before = stage.remote_refs()
        for fault in (
            Fault(kind="down"),
            Fault(kind="403", where="service=git-receive-pack"),
            Fault(kind="401", where="POST /remote.git/git-receive"),  # the intent itself
        ):
            server.faults[:] = [fault]
            done = publish(stage)
            assert done.code == 1, (fault, done.out + done.err)
            assert "canary" not in done.out + done.err
            assert "git ls-remote origin" in done.err or "git push --dry-run origin" in done.err
            assert stage.published() == []
            assert stage.remote_refs() == before, fault
        server.faults.clear()
        finished(stage)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(kind="down", where="git-upload", skip=12), id="after the intent"),
        pytest.param(
            Fault(kind="503", where="POST /remote.git/git-receive", skip=1, times=1), id="push"
        ),
        pytest.param(Fault(kind="401", where="git-receive-pack", skip=8), id="expired"),
        pytest.param(Fault(kind="500", where="POST /remote.git/git-receive", skip=2), id="clear"),
    ],
)
def test_a_remote_over_http_is_away_for_a_while(stage: Stage, fault: Fault) -> None:
    with git_over_http(stage.remote) as server:
        stage.git("remote", "set-url", "origin", server.url)
        server.faults.append(fault)
        done = publish(stage)
        assert done.code == 3, done.out + done.err
        assert "canary" not in done.out + done.err
        assert OURS not in stage.remote_refs(), "main takes pushes"
        assert "the same command continues" in done.err
        server.faults.clear()
        finished(stage)


def test_answers_that_are_cut_after_the_push(stage: Stage) -> None:
    """The refs are updated though git says that it failed: intent, push, clear."""
    with git_over_http(stage.remote) as server:
        stage.git("remote", "set-url", "origin", server.url)
        server.faults.append(Fault(kind="cut", where="POST /remote.git/git-receive-pack"))
        finished(stage)


def test_a_protected_main_over_http_and_without_transactions(stage: Stage) -> None:
    stage.git("config", "receive.advertiseAtomic", "false", at=stage.remote)
    stage.hook("update", PROTECTED, stage.remote)
    with git_over_http(stage.remote) as server:
        stage.git("remote", "set-url", "origin", server.url)
        unfinished(stage, "takes no direct push", "GH006")
        merge(stage)
        finished(stage)


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_a_remote_that_asks_for_credentials_gets_no_answer(stage: Stage) -> None:
    """Also where a terminal could be opened, as long as standard input is none."""
    with git_over_http(stage.remote) as server:
        anonymous = server.url.replace(f"{CREDENTIALS}@", "")
        stage.git("remote", "set-url", "origin", anonymous)
        child = subprocess.run(
            [sys.executable, "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
             "sh", "-c", 'exec "$@" < /dev/null', "sh",
             sys.executable, "-I", "-m", "release", "publish", "minor", "--skip-tests"],
            cwd=stage.clone, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert child.returncode == 1
    assert "could not read Username" in child.stdout
    assert "terminal prompts disabled" in child.stdout


@pytest.mark.parametrize("what", ["tag", "version"])
def test_what_came_before_the_first_file_stops_it_and_lets_it_be_abandoned(
    stage: Stage, what: str
) -> None:
    """Nothing is on the index yet, so a release that can't be finished must not begin to be."""
    stage.commit({"pyproject.toml": QUICK + IMPATIENT})
    with hostile(stage.url, upload=[DROP] * 5) as proxy:
        command = ("publish", "minor", "--skip-tests", "--repository", proxy.url)
        assert stage.run(*command).code == 3
        place = stage.other_clone()
        if what == "tag":
            stage.git("push", "--quiet", "origin", "HEAD:refs/tags/v1.3.0", at=place)
        else:
            text = QUICK.replace("1.2.3", "1.2.4") + IMPATIENT
            (place / "pyproject.toml").write_text(text, encoding="utf-8")
            stage.git("commit", "--quiet", "--all", "--message", "Change", at=place)
            stage.git("push", "--quiet", at=place)
        done = stage.run(*command)
        assert done.code == 3, done.out
        words = {"tag": "v1.3.0 was made on origin meanwhile", "version": "doesn't merge into it"}
        assert words[what] in done.err
        assert "--abandon" in done.err
        assert stage.published() == []
        done = stage.run("publish", "--abandon", "--repository", proxy.url)
        assert done.code == 0, done.err
    assert INTENT not in stage.remote_refs()
    assert ("refs/tags/v1.3.0" in stage.remote_refs()) is (what == "tag")


def test_a_remote_that_fails_once_makes_no_second_release_of_the_same_command(
    stage: Stage,
) -> None:
    stage.git("config", "http.receivepack", "true", at=stage.remote)
    with git_over_http(stage.remote) as server:
        stage.git("remote", "set-url", "origin", server.url)
        assert stage.run("publish", "minor", "--skip-tests").code == 0
        before = stage.state()
        server.faults[:] = [Fault(kind="500", where="POST", skip=1, times=1)]
        done = stage.run("publish", "minor", "--skip-tests")
        assert done.code == 1, done.out
        assert stage.state() == before
        assert stage.run("publish", "minor", "--skip-tests").code == 0
        assert stage.state() == before
