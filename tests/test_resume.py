"""A release that stopped is finished by the same command, from another clone, or abandoned."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults import DROP, HELD, LATE, LISTING, LOSE, PASS, STALE, UPLOAD, faulty, hostile
from tests.githttp import Fault, git_over_http
from tests.stage import QUICK, stopped_at_the_push, with_backend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Kept
    from tests.stage import Stage

FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
REFS = ["refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"]
INTENT = "refs/release/intent"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def test_the_message_tells_what_stopped_it_and_how_to_go_on(stage: Stage) -> None:
    done = stopped_at_the_push(stage, "--skip-tests")
    assert "frozen" in done.err
    assert "the same command continues" in done.err
    assert "nox -s publish_release -- --resume" in done.err
    assert stage.published() == FILES
    assert sorted(stage.remote_refs()) == ["refs/heads/main", INTENT, "refs/tags/v1.2.3"]


def test_a_calendar_version_is_finished_and_not_released_again(stage: Stage) -> None:
    stage.commit({"pyproject.toml": QUICK + "scheme = 'YYYY.MICRO'\n"})
    stage.hook("update", 'case "$1" in refs/tags/*) exit 1;; esac', stage.remote)
    assert stage.run("publish", "current", "--skip-tests").code == 3
    (stage.remote / "hooks/update").unlink()
    published = stage.published()
    done = stage.run("publish", "current", "--skip-tests")
    assert done.code == 0, done.err
    (tag,) = {ref.removeprefix("refs/tags/") for ref in stage.remote_refs() if ".0" in ref}
    assert f"{tag} was released from this commit" in stage.run("publish", "current").out
    assert stage.published() == published
    stage.commit({"new.py": "new = 1\n"})
    assert f"{tag[:-1]}1" in stage.run("publish", "current", "--dry-run").out


def test_the_same_command_finishes_it(stopped: Stage) -> None:
    commit = stopped.git("rev-parse", f"{INTENT}^", at=stopped.remote)
    done = stopped.run("publish", "minor")
    assert done.code == 0, done.err
    assert "already so" in done.out
    assert stopped.published() == FILES
    assert sorted(stopped.remote_refs()) == REFS
    assert stopped.git("rev-parse", "HEAD") == commit == stopped.remote_refs()["refs/heads/main"]
    assert stopped.git("status", "--porcelain") == ""


@pytest.mark.parametrize("how", ["index and files", "files", "missing", "locked"])
def test_a_checkout_that_was_half_brought_forward_is_brought_forward(
    stopped: Stage, how: str
) -> None:
    """A process was killed in the middle of that, with all of its programs."""
    commit = stopped.git("rev-parse", f"{INTENT}^", at=stopped.remote)
    locks = [stopped.clone / ".git" / name for name in ("index.lock", "refs/heads/main.lock")]
    if how in {"missing", "locked"}:  # git removes a file before it writes the new one
        (stopped.clone / "pyproject.toml").unlink()
    else:
        stopped.git("update-index", "--refresh")
        stopped.git("read-tree", "-m", "-u", "HEAD", commit)
    if how == "files":
        stopped.git("reset", "--quiet", "--mixed", "HEAD")
    assert stopped.git("status", "--porcelain")
    if how == "locked":
        for lock in locks:
            lock.touch()
        done = stopped.run("publish", "minor")
        assert done.code == 0, done.err
        told = " and no ".join(str(lock.resolve()) for lock in locks)
        assert f"git pull brings it, once there is no {told}" in done.out
        for lock in locks:
            lock.unlink()
    done = stopped.run("publish", "minor")
    assert done.code == 0, done.err
    assert stopped.git("status", "--porcelain") == ""
    assert stopped.git("rev-parse", "HEAD") == commit


def test_a_file_that_is_missing_and_not_changed_by_the_release_stays_missing(
    stopped: Stage,
) -> None:
    (stopped.clone / "README.md").unlink()
    done = stopped.run("publish", "minor")
    assert done.code == 0, done.err
    assert stopped.git("status", "--porcelain") == "D README.md"
    assert stopped.git("describe") == "v1.3.0"


def test_another_clone_finishes_it(stopped: Stage) -> None:
    tag = json.loads(stopped.git("show", f"{INTENT}:plan.json", at=stopped.remote))["tag_object"]
    place = stopped.other_clone()
    done = stopped.run("publish", "--resume", at=place)
    assert done.code == 0, done.err
    assert sorted(stopped.remote_refs()) == REFS
    assert stopped.remote_refs()["refs/tags/v1.3.0"] == tag, "the first machine's own tag"
    assert stopped.git("describe", at=place) == "v1.3.0"


def test_a_dry_run_shows_what_is_left_and_changes_nothing(stopped: Stage) -> None:
    before = stopped.state()
    done = stopped.run("publish", "--resume", "--dry-run")
    assert done.code == 0
    assert "acme 1.3.0, unfinished" in done.out
    assert stopped.state() == before


def test_any_other_command_is_refused(stopped: Stage) -> None:
    before = stopped.state()
    for args in (("publish", "patch"), ("publish-rc", "minor"), ("publish", "2.0")):
        done = stopped.run(*args)
        assert done.code == 1
        assert "acme 1.3.0 is unfinished; Ada <ada@example.org> began it at 20" in done.err
        assert "--resume" in done.err
        assert stopped.state() == before
    stopped.commit({"new.py": "new = 2\n"})
    assert stopped.run("publish", "minor").code == 1, "the same words on another base"


def test_a_main_that_moved_meanwhile_is_merged(stopped: Stage) -> None:
    commit = stopped.git("rev-parse", f"{INTENT}^", at=stopped.remote)
    place = stopped.other_clone()
    (place / "moved.py").write_text("", encoding="utf-8")
    stopped.git("add", "--all", at=place)
    stopped.git("commit", "--quiet", "--message", "Move", at=place)
    stopped.git("push", "--quiet", at=place)
    done = stopped.run("publish", "minor")
    assert done.code == 0, done.err
    assert stopped.git("rev-parse", "v1.3.0^{commit}", at=stopped.remote) == commit
    tip = stopped.remote_refs()["refs/heads/main"]
    assert commit in stopped.git("show", "--no-patch", "--format=%P", tip, at=stopped.remote)
    assert "moved.py" in stopped.git("ls-tree", "--name-only", tip, at=stopped.remote)
    assert 'version = "1.3.0"' in stopped.git("show", f"{tip}:pyproject.toml", at=stopped.remote)


def test_a_release_with_files_on_the_index_is_not_abandoned(stopped: Stage) -> None:
    before = stopped.state()
    done = stopped.run("publish", "--abandon")
    assert done.code == 1
    assert "can't be abandoned: acme-1.3.0-py3-none-any.whl" in done.err
    assert "finish it: nox -s publish_release -- --resume\n" in done.err
    assert f"{', '.join(FILES)} are on the index for good" in done.err
    assert 'then, if it is bad: nox -s yank -- 1.3.0 --reason "…"\n' in done.err
    assert stopped.run("publish", "--abandon", "--dry-run").err == done.err
    assert stopped.state() == before


def test_a_release_without_files_on_the_index_is_abandoned(begun: Stage) -> None:
    refs = begun.remote_refs()
    before = begun.state()
    done = begun.run("publish", "--abandon", "--dry-run")
    assert "To do it: nox -s publish_release -- --abandon\n" in done.out
    assert begun.state() == before
    done = begun.run("publish", "--abandon")
    assert done.code == 0, done.err
    assert "abandoned; nothing of it was published" in done.out
    del refs[INTENT]
    assert begun.remote_refs() == refs
    assert begun.run("publish", "--abandon").code == 1


def test_a_file_that_the_index_lists_late_keeps_a_release_from_being_abandoned(
    stage: Stage,
) -> None:
    with hostile(stage.url, upload=[PASS, "400"]) as proxy:
        assert stage.run("publish", "minor", "--skip-tests", "--repository", proxy.url).code == 3
        proxy.faults = {LISTING: iter([STALE] * 4)}
        done = stage.run("publish", "--abandon", "--repository", proxy.url)
        assert done.code == 3, done.out
        assert f"can't be abandoned: {FILES[0]} is on the index for good" in done.err
        assert "finish it: nox -s publish_release -- --resume" in done.err
        assert "continues" not in done.err, "abandoning is over"
        assert INTENT in stage.remote_refs()
        assert stage.run("publish", "--resume", "--repository", proxy.url).code == 0
    assert stage.published() == FILES
    assert sorted(stage.remote_refs()) == REFS


CONTINUES = (
    "the same command continues: nox -s publish_release -- --abandon",
    "or finish it: nox -s publish_release -- --resume",
)


@pytest.fixture
def begun(kept: Kept) -> Stage:
    """A release of which nothing is on the index."""
    return kept(stopped_and_lost)


def stopped_and_lost(stage: Stage) -> None:
    stage.commit({"pyproject.toml": QUICK + "patience = 2\n"})
    stopped_at_the_push(stage, "--skip-tests")
    for path in stage.files.iterdir():
        path.unlink()


@pytest.mark.parametrize("then", ["--abandon", "--resume"])
def test_abandoning_that_fails_once_it_has_taken_over_is_unfinished(
    begun: Stage, then: str
) -> None:
    before = begun.remote_refs()[INTENT]
    begun.hook("update", 'case "$3" in 000*) echo "frozen" >&2; exit 1;; esac', begun.remote)
    done = begun.run("publish", "--abandon")
    assert done.code == 3, done.err
    assert "frozen" in done.err
    assert all(words in done.err for words in CONTINUES)
    assert begun.remote_refs()[INTENT] != before
    (begun.remote / "hooks/update").unlink()
    done = begun.run("publish", then)
    assert done.code == 0, done.err
    assert sorted(begun.remote_refs()) == (REFS if then == "--resume" else [REFS[0], REFS[1]])


def test_abandoning_that_is_refused_before_it_has_taken_over_changes_nothing(begun: Stage) -> None:
    begun.hook("update", 'echo "frozen" >&2; exit 1', begun.remote)
    before = begun.state()
    done = begun.run("publish", "--abandon")
    assert done.code == 1, done.err
    assert f"the intent {INTENT} can't be taken over" in done.err
    assert begun.state() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_once_a_release_is_taken_over_tells_how_to_go_on(begun: Stage) -> None:
    before = begun.remote_refs()[INTENT]
    process = begun.fork("publish", "--abandon")
    while begun.remote_refs()[INTENT] == before:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert all(words in err for words in CONTINUES), err
    assert begun.run("publish", "--abandon").code == 0
    assert sorted(begun.remote_refs()) == [REFS[0], REFS[1]]


def test_a_lost_answer_to_the_last_step_of_abandoning_is_no_failure(begun: Stage) -> None:
    begun.git("config", "http.receivepack", "true", at=begun.remote)
    with git_over_http(begun.remote) as server:
        begun.git("remote", "set-url", "origin", server.url)
        server.faults[:] = [Fault(kind="cut", where="POST /remote.git/git-receive", skip=1)]
        done = begun.run("publish", "--abandon")
    assert done.code == 0, done.err
    assert sorted(begun.remote_refs()) == [REFS[0], REFS[1]]


def test_a_release_whose_tag_was_seen_is_not_abandoned(stopped: Stage) -> None:
    for path in stopped.files.iterdir():
        path.unlink()
    stopped.git("update-ref", "refs/tags/v1.3.0", f"{INTENT}^", at=stopped.remote)
    done = stopped.run("publish", "--abandon")
    assert done.code == 1
    assert "others may have seen v1.3.0 on origin" in done.err
    assert INTENT in stopped.remote_refs()


def test_whoever_abandons_takes_the_release_over_first(stage: Stage) -> None:
    """So that a machine that is going to send a file again finds that it isn't its to send."""
    with hostile(stage.url, upload=[HELD]) as proxy:
        slow = stage.fork("publish", "minor", "--skip-tests", "--repository", proxy.url)
        proxy.wait_for(UPLOAD)
        place = stage.other_clone()
        done = stage.run("publish", "--abandon", "--repository", proxy.url, at=place)
        assert done.code == 0, done.err
        proxy.gate.set()
        _, err = slow.communicate(timeout=120)
    assert slow.returncode == 3, err
    assert "isn't that of acme 1.3.0 any more" in err
    assert len(proxy.sent()) == 1
    assert INTENT not in stage.remote_refs()
    assert stage.published() == []


def test_a_file_that_arrives_after_its_release_was_abandoned_brings_it_back(stage: Stage) -> None:
    with hostile(stage.url, upload=[LATE]) as proxy:
        slow = stage.fork("publish", "minor", "--skip-tests", "--repository", proxy.url)
        proxy.wait_for(UPLOAD)
        place = stage.other_clone()
        done = stage.run("publish", "--abandon", "--repository", proxy.url, at=place)
        assert done.code == 0, done.err
        assert INTENT not in stage.remote_refs()
        proxy.gate.set()
        _, err = slow.communicate(timeout=120)
        assert slow.returncode == 3, err
        assert "was abandoned while a file of it was on its way to the index" in err
        done = stage.run("publish", "--resume", "--repository", proxy.url, at=place)
        assert done.code == 0, done.err
    assert stage.published() == FILES
    assert sorted(stage.remote_refs()) == REFS


def test_a_release_whose_name_is_taken_by_other_bytes_is_abandoned(stopped: Stage) -> None:
    for path in stopped.files.iterdir():
        path.write_bytes(b"somebody else's")
    assert stopped.run("publish", "minor").code == 3
    assert stopped.run("publish", "--abandon").code == 0


def test_nothing_to_resume(stage: Stage) -> None:
    for option in ("--resume", "--abandon"):
        done = stage.run("publish", option)
        assert done.code == 1
        assert "no release is unfinished" in done.err


def test_files_that_the_index_lacks_are_built_again(stopped: Stage) -> None:
    bytes_ = {name: (stopped.files / name).read_bytes() for name in FILES}
    (stopped.files / FILES[1]).unlink()
    done = stopped.run("publish", "minor")
    assert done.code == 0, done.err
    assert {name: (stopped.files / name).read_bytes() for name in FILES} == bytes_


def test_other_bytes_under_a_used_name_are_never_accepted(stopped: Stage) -> None:
    (stopped.files / FILES[0]).write_bytes(b"other bytes")
    before = stopped.remote_refs()
    done = stopped.run("publish", "minor")
    assert done.code == 3
    assert f"has another {FILES[0]}: its sha256 is" in done.err
    assert stopped.remote_refs() == before


UNREPRODUCIBLE = """\
from flit_core.buildapi import *
import flit_core.buildapi, pathlib, uuid

def build_sdist(folder, *args):
    pathlib.Path("README.md").write_text(f"# {uuid.uuid4()}")
    return flit_core.buildapi.build_sdist(folder, *args)
"""


def test_a_build_that_is_not_reproducible_is_recorded_anew(stage: Stage) -> None:
    stage.commit(with_backend(UNREPRODUCIBLE))
    stopped_at_the_push(stage, "--skip-tests")
    wheel = (stage.files / FILES[0]).read_bytes()
    (stage.files / FILES[1]).unlink()
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert f"Record the new sha256 of {FILES[1]}" in done.out
    assert (stage.files / FILES[0]).read_bytes() == wheel
    assert sorted(stage.remote_refs()) == REFS


def test_an_intent_that_brings_other_history_along_is_not_believed(stopped: Stage) -> None:
    """All of it fits, but the commit that holds the right files has a second parent."""
    place = stopped.other_clone()
    stopped.git("fetch", "--quiet", "origin", INTENT, at=place)
    stopped.git("checkout", "--quiet", "FETCH_HEAD", at=place)
    plan = json.loads((place / "plan.json").read_text())
    parents = ("-p", plan["base"], "-p", f"{plan['base']}^")
    evil = stopped.git("commit-tree", f"{plan['commit']}^{{tree}}", *parents, "-m", "x", at=place)
    (place / "tag").write_text((place / "tag").read_text().replace(plan["commit"], evil))
    tag = stopped.git("hash-object", "-t", "tag", "-w", "tag", at=place)
    (place / "plan.json").write_text(json.dumps({**plan, "commit": evil, "tag_object": tag}))
    stopped.git("add", "--all", at=place)
    tree = stopped.git("write-tree", at=place)
    intent = stopped.git("commit-tree", tree, "-p", evil, "-m", "x", at=place)
    stopped.git("push", "--quiet", "--force", "origin", f"{intent}:{INTENT}", at=place)
    before = stopped.state()
    done = stopped.run("publish", "--resume")
    assert done.code == 1, done.out
    assert f"can't be trusted: its commit is {evil}, not a commit of" in done.err
    assert stopped.state() == before


@pytest.mark.parametrize("fault", [LOSE, DROP, "503", "429"])
def test_an_upload_of_unknown_outcome_is_looked_at_before_it_is_sent_again(
    stage: Stage, fault: str
) -> None:
    faults = [fault]
    with faulty(stage.url, faults) as url:
        done = stage.run("publish", "minor", "--skip-tests", "--repository", url)
    assert done.code == 0, done.err
    assert not faults
    assert stage.published() == FILES


def test_a_first_file_that_is_refused_leaves_nothing(stage: Stage) -> None:
    before = stage.state()
    with faulty(stage.url, ["400"]) as url:
        done = stage.run("publish", "minor", "--skip-tests", "--repository", url)
    assert done.code == 1
    assert f"didn't take {FILES[0]}: 400 because the test says so" in done.err
    assert stage.state() == before


def test_a_later_file_that_is_refused_leaves_the_release_unfinished(stage: Stage) -> None:
    with faulty(stage.url, [PASS, "400"]) as url:
        done = stage.run("publish", "minor", "--skip-tests", "--repository", url)
        assert done.code == 3
        assert f"didn't take {FILES[1]}: 400" in done.err
        assert INTENT in stage.remote_refs()
        assert stage.run("publish", "minor", "--skip-tests", "--repository", url).code == 0
    assert stage.published() == FILES
    assert sorted(stage.remote_refs()) == REFS


def test_a_release_begun_on_another_index_is_not_finished_here(stage: Stage) -> None:
    with faulty(stage.url, [PASS, "400"]) as url:
        assert stage.run("publish", "minor", "--skip-tests", "--repository", url).code == 3
    before = stage.state()
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert f"was begun on another index: {url}, not {stage.url}" in done.err
    assert f"--resume --repository {url}" in done.err
    assert stage.state() == before
