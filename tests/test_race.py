"""Two releases at once, and remotes and indexes that change while one runs."""

from __future__ import annotations

import os
import shlex
import sys
import tarfile
import threading
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from release.git import Git
from release.intent import IntentRef
from release.plan import Plan
from release.process import ProgramFailed
from tests.faults import PASS, faulty
from tests.stage import NOXFILE, PYPROJECT, with_backend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
INTENT = "refs/release/intent"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def waiting_noxfile(stage: Stage, name: str) -> str:
    """A test session that says that it runs, and goes on when it is told."""
    folder = str(stage.clone.parent)
    script = (
        f"import pathlib, time; p = pathlib.Path({folder!r}); "
        f"(p / '{name}-runs').touch(); "
        f"[time.sleep(.05) for _ in range(1200) if not (p / '{name}-goes').exists()]"
    )
    return NOXFILE.replace('"import acme"', repr(script))


def until(path: Path) -> None:
    for _ in range(1200):
        if path.exists():
            return
        threading.Event().wait(0.05)
    raise AssertionError(path)


def test_the_second_of_two_releases_is_told_who_was_first(stage: Stage) -> None:
    """Both have passed all checks; the slower one finds the other's intent."""
    stage.commit({"noxfile.py": waiting_noxfile(stage, "slow")})
    slow = stage.fork("publish", "minor")
    until(stage.clone.parent / "slow-runs")
    other = stage.other_clone()
    with faulty(stage.url, [PASS, "400"]) as url:
        first = stage.run("publish", "patch", "--skip-tests", "--repository", url, at=other)
        assert first.code == 3
    before = (stage.published(), stage.remote_refs())
    (stage.clone.parent / "slow-goes").touch()
    _, err = slow.communicate(timeout=120)
    assert slow.returncode == 1, err
    assert "acme 1.2.4 is unfinished; Ada <ada@example.org> began it at" in err
    assert (stage.published(), stage.remote_refs()) == before
    assert stage.git("status", "--porcelain") == ""


def test_a_release_that_was_made_meanwhile_is_not_made_again(stage: Stage) -> None:
    stage.commit({"noxfile.py": waiting_noxfile(stage, "slow")})
    slow = stage.fork("publish", "minor")
    until(stage.clone.parent / "slow-runs")
    other = stage.other_clone()
    assert stage.run("publish", "minor", "--skip-tests", at=other).code == 0
    before = (stage.published(), stage.remote_refs())
    (stage.clone.parent / "slow-goes").touch()
    _, err = slow.communicate(timeout=120)
    assert slow.returncode == 1, err
    assert (stage.published(), stage.remote_refs()) == before
    assert stage.git("status", "--porcelain") == ""


def test_a_main_that_moves_during_the_tests_is_merged(stage: Stage) -> None:
    stage.commit({"noxfile.py": waiting_noxfile(stage, "slow")})
    slow = stage.fork("publish", "minor")
    until(stage.clone.parent / "slow-runs")
    other = stage.other_clone()
    (other / "moved.py").write_text("", encoding="utf-8")
    stage.git("add", "--all", at=other)
    stage.git("commit", "--quiet", "--message", "Move", at=other)
    stage.git("push", "--quiet", at=other)
    (stage.clone.parent / "slow-goes").touch()
    _, err = slow.communicate(timeout=120)
    assert slow.returncode == 0, err
    tip = stage.remote_refs()["refs/heads/main"]
    assert "moved.py" in stage.git("ls-tree", "--name-only", tip, at=stage.remote)
    assert stage.git("status", "--porcelain") == ""


def test_a_main_that_is_rewound_during_the_tests_is_refused(stage: Stage) -> None:
    """A push would be taken: before anybody sees an intent, and before files are signed."""
    stage.commit({"noxfile.py": waiting_noxfile(stage, "slow")})
    slow = stage.fork("publish", "minor")
    until(stage.clone.parent / "slow-runs")
    stage.git("update-ref", "refs/heads/main", "refs/heads/main~", at=stage.remote)
    stage.hook("pre-receive", "exit 1", stage.remote)
    (stage.clone.parent / "slow-goes").touch()
    out, err = slow.communicate(timeout=120)
    assert slow.returncode == 1
    assert "main on origin doesn't contain" in err
    assert "✗ Rehearse the push" in out
    assert "Nothing has changed." in err


def test_an_intent_that_vanishes_stops_the_release(stage: Stage) -> None:
    """Somebody deletes the lock while the first file is on its way."""
    stage.hook("post-receive", f"git update-ref -d {INTENT}", stage.remote)
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "can't be read back" in done.err
    assert stage.published() == []


def test_a_push_url_of_another_repository_is_noticed(stage: Stage) -> None:
    elsewhere = stage.clone.parent / "push.git"
    stage.git("clone", "--quiet", "--bare", str(stage.remote), str(elsewhere))
    stage.git("remote", "set-url", "--push", "origin", str(elsewhere))
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "what is pushed to origin can't be read back from it" in done.err
    assert stage.published() == []
    assert INTENT not in stage.git("for-each-ref", at=elsewhere)


def test_a_remote_that_takes_no_intent_is_refused(stage: Stage) -> None:
    stage.hook("update", 'case "$1" in refs/release/*) exit 1;; esac', stage.remote)
    before = stage.state()
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert 'intent-ref = "refs/heads/release-intent"' in done.err
    assert stage.state() == before


BACKEND = """\
import base64, hashlib, os, zipfile
from flit_core.buildapi import *
import flit_core.buildapi

def build_wheel(folder, *args):
    name = flit_core.buildapi.build_wheel(folder, *args)
    with zipfile.ZipFile(os.path.join(folder, name)) as wheel:
        files = {one: wheel.read(one) for one in wheel.namelist()}
    about = next(one.removesuffix("WHEEL") for one in files if one.endswith(".dist-info/WHEEL"))
    rows = files[about + "RECORD"].decode().splitlines()
    for tag in ("cp310", "cp311", "cp312"):
        told = files[about + "WHEEL"].replace(b"py3-none", tag.encode() + b"-none")
        digest = base64.urlsafe_b64encode(hashlib.sha256(told).digest()).decode().rstrip("=")
        row = f"{about}WHEEL,sha256={digest},{len(told)}"
        record = [row if one.startswith(about + "WHEEL,") else one for one in rows]
        changed = {about + "WHEEL": told, about + "RECORD": "\\n".join(record).encode()}
        with zipfile.ZipFile(os.path.join(folder, name.replace("py3", tag)), "w") as wheel:
            for one, data in {**files, **changed}.items():
                wheel.writestr(one, data)
    return name
"""


def test_many_wheels_are_uploaded_and_the_sdist_comes_last(stage: Stage) -> None:
    stage.commit(with_backend(BACKEND))
    seen: list[str] = []
    with faulty(stage.url, [], seen) as url:
        done = stage.run("publish", "minor", "--skip-tests", "--repository", url)
    assert done.code == 0, done.err
    assert len(stage.published()) == 5
    assert len(seen) == 5
    assert seen[-1] == "acme-1.3.0.tar.gz"
    assert "Upload 3 wheels" in done.out


def test_a_wheel_holds_what_is_committed(stage: Stage) -> None:
    """Not what core.autocrlf or a sparse checkout make of it."""
    stage.commit({"pyproject.toml": PYPROJECT})
    stage.git("config", "core.autocrlf", "true")
    stage.git("sparse-checkout", "set", "--no-cone", "/*", "!/acme.py")
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    with zipfile.ZipFile(stage.files / FILES[0]) as wheel:
        assert wheel.read("acme.py") == b'"""A sample."""\n'


def test_submodules_beside_the_remote_are_found_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow = {"COUNT": "1", "KEY_0": "protocol.file.allow", "VALUE_0": "always"}
    for key, text in allow.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", text)
    library = stage.remote.with_name("library.git")
    stage.git("clone", "--quiet", "--bare", str(stage.remote), str(library))
    stage.git("remote", "set-url", "origin", str(stage.remote))
    stage.git("submodule", "--quiet", "add", "../library.git", "vendor")
    stage.commit({})
    done = stage.run("publish", "minor", "--skip-tests", "--reproducible")
    assert done.code == 0, done.err
    assert "built twice, the same bytes" in done.out


def test_submodules_are_part_of_the_build(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    library = stage.clone.parent / "library"
    stage.git("init", "--quiet", str(library))
    (library / "vendored.py").write_text("x = 1\n", encoding="utf-8")
    stage.git("add", "--all", at=library)
    stage.git("commit", "--quiet", "--message", "Begin", at=library)
    for key, value in {"COUNT": "1", "KEY_0": "protocol.file.allow", "VALUE_0": "always"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    stage.git("submodule", "--quiet", "add", library.as_uri(), "vendor")
    include = '\n[tool.flit.sdist]\ninclude = ["vendor/vendored.py"]\n'
    stage.commit({"pyproject.toml": PYPROJECT + include})
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    with tarfile.open(stage.files / FILES[1]) as sdist:
        assert "acme-1.3.0/vendor/vendored.py" in sdist.getnames()


def test_no_credential_is_in_any_ref(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from a variable nor from a URL in ~/.pypirc."""
    home = stage.clone.parent
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for key in ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"):
        monkeypatch.delenv(key)
    with faulty(stage.url, [PASS, "400"]) as url:
        address = url.replace("://", f"://rehearsal:{stage.password}@")
        (home / ".pypirc").write_text(
            f"[distutils]\nindex-servers = private\n[private]\nrepository = {address}\n"
            f"username = rehearsal\npassword = {stage.password}\n",
            encoding="utf-8",
        )
        stage.hook("pre-commit", "env > hook-environment")
        done = stage.run("publish", "minor", "--skip-tests", "--repository", "private", "--json")
    assert done.code == 3, done.err
    plan = stage.git("show", f"{INTENT}:plan.json", at=stage.remote)
    assert url in plan
    for text in (
        plan,
        done.out,
        done.err,
        stage.git("log", "--all", "--format=%B", at=stage.remote),
    ):
        assert stage.password not in text


def test_the_intent_changes_hands_by_its_id_only(stage: Stage) -> None:
    git = Git(root=stage.clone, env=os.environ)
    plan = Plan(
        folder="", name="acme", previous=Version("1.2.3"), version=Version("1.3.0"), bump="minor",
        base=git.resolve("HEAD"), branch="main", tag="v1.3.0", message="Release 1.3.0",
        day=date(2026, 11, 22), next_dev=None, repository=stage.url, tests=(),
        commit=git.resolve("HEAD"),
        tag_object=stage.git("rev-parse", "v1.2.3"), distributions=(),
    )  # fmt: skip
    ref = IntentRef(git=git, name=INTENT)
    first = ref.write(plan)
    with pytest.raises(ProgramFailed):
        ref.write(plan)
    assert ref.read(first.id).plan == plan
    second = ref.write(plan, instead_of=first)
    with pytest.raises(ProgramFailed):
        ref.write(plan, instead_of=first)
    assert not ref.clear(first)
    assert ref.id() == second.id
    assert ref.clear(second)
    assert ref.id() is None
    assert ref.write(plan).id != first.id, "equal content in the same second"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_a_release_that_is_terminated_while_testing_leaves_nothing(stage: Stage) -> None:
    stage.commit({"noxfile.py": waiting_noxfile(stage, "slow")})
    before = stage.state()
    slow = stage.fork("publish", "minor")
    until(stage.clone.parent / "slow-runs")
    slow.terminate()
    _, err = slow.communicate(timeout=60)
    (stage.clone.parent / "slow-goes").touch()
    assert slow.returncode == 130
    assert "interrupted; nothing has changed" in err
    assert stage.state() == before


def test_the_variables_of_another_repository_mean_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a git hook, which has them set."""
    monkeypatch.setenv("GIT_DIR", str(stage.clone.parent / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(stage.clone.parent / "index"))
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err


# Two at once


def waits_for(path: Path) -> str:
    name = shlex.quote(str(path))
    return f"for i in $(seq 600); do [ -e {name} ] && break; sleep .05; done"


def both_arrive(stage: Stage) -> str:
    """A part of a server's hook: go on as soon as two have come here."""
    folder = shlex.quote(str(stage.remote / "arrived"))
    arrive = f"mkdir -p {folder}; touch {folder}/$$"
    are_two = f"[ $(ls {folder} | wc -l) -ge 2 ]"
    return f"{arrive}; for i in $(seq 600); do {are_two} && break; sleep .05; done"


def test_two_machines_begin_in_the_same_second(stage: Stage) -> None:
    goes = stage.clone.parent / "goes"
    script = (
        f'case "$1" in {INTENT}) {both_arrive(stage)};; refs/heads/main) {waits_for(goes)};; esac'
    )
    stage.hook("update", script, stage.remote)
    other = stage.other_clone()
    machines = [
        stage.fork("publish", "minor", "--skip-tests"),
        stage.fork("publish", "2.0.0", "--skip-tests", at=other),
    ]
    while all(one.poll() is None for one in machines):
        threading.Event().wait(0.05)
    loser, winner = sorted(machines, key=lambda one: one.poll() is None)
    before = stage.remote_refs()
    _, err = loser.communicate()
    assert loser.returncode == 1, err
    won = "1.3.0" if winner is machines[0] else "2.0.0"
    assert f"acme {won} is unfinished; Ada <ada@example.org> began it at 20" in err
    assert stage.remote_refs() == before, "nothing has changed"
    goes.touch()
    _, err = winner.communicate(timeout=60)
    assert winner.returncode == 0, err
    assert stage.published() == [f"acme-{won}-py3-none-any.whl", f"acme-{won}.tar.gz"]
    for place in (stage.clone, other):
        assert stage.git("status", "--porcelain", at=place) == ""


def test_a_release_made_from_the_same_commit_meanwhile_comes_first(stage: Stage) -> None:
    """The lock is free again, but the second release doesn't merge; nothing of it is uploaded."""
    goes = stage.clone.parent / "goes"
    hold = f"mkdir {shlex.quote(str(stage.remote / 'held'))} 2>&- && {{ {waits_for(goes)}; }}"
    stage.hook("update", f'case "$1" in {INTENT}) {hold};; esac; exit 0', stage.remote)
    slow = stage.fork("publish", "2.0.0", "--skip-tests")
    until(stage.remote / "held")
    assert stage.run("publish", "minor", "--skip-tests", at=stage.other_clone()).code == 0
    before = (stage.published(), stage.remote_refs())
    goes.touch()
    _, err = slow.communicate(timeout=60)
    assert slow.returncode == 1, err
    assert "doesn't merge into it" in err
    assert (stage.published(), stage.remote_refs()) == before


def test_two_machines_finish_the_same_release(stage: Stage) -> None:
    with faulty(stage.url, [PASS, "400"]) as url:
        assert stage.run("publish", "minor", "--skip-tests", "--repository", url).code == 3
        deletes = f'case "$1$3" in {INTENT}000000*) {both_arrive(stage)};; esac; exit 0'
        stage.hook("update", deletes, stage.remote)
        log = stage.remote / "log"
        stage.hook("post-receive", f"cat >> {shlex.quote(str(log))}", stage.remote)
        places = [stage.clone, stage.other_clone()]
        machines = [
            stage.fork("publish", "--resume", "--repository", url, at=place) for place in places
        ]
        for one in machines:
            _, err = one.communicate(timeout=60)
            assert one.returncode == 0, err
    assert log.read_text().count(INTENT) == 1, "one of them has cleared it"
    assert stage.published() == FILES
    assert sorted(stage.remote_refs()) == [
        "refs/heads/main",
        "refs/tags/v1.2.3",
        "refs/tags/v1.3.0",
    ]


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v1.3.0", INTENT])
def test_a_slow_finisher_never_touches_the_next_release(stage: Stage, ref: str) -> None:
    goes = stage.clone.parent / "goes"
    hold = f"mkdir {shlex.quote(str(stage.remote / 'held'))} 2>&- && {{ {waits_for(goes)}; }}"
    no_intent_yet = '"$2" != 0000000000000000000000000000000000000000'
    when = f"[ {no_intent_yet} ] &&" if ref == INTENT else ""
    stage.hook("update", f'case "$1" in {ref}) {when} {hold};; esac; exit 0', stage.remote)
    slow = stage.fork("publish", "minor", "--skip-tests")
    until(stage.remote / "held")
    fast = stage.other_clone()
    assert stage.run("publish", "--resume", at=fast).code == 0
    with faulty(stage.url, [PASS, "400"]) as url:
        begun = stage.run("publish", "1.4.0", "--skip-tests", "--repository", url, at=fast)
        assert begun.code == 3, begun.err
    before = (stage.published(), stage.remote_refs())
    assert "acme-1.4.0-py3-none-any.whl" in stage.published()
    goes.touch()
    _, err = slow.communicate(timeout=60)
    assert slow.returncode == 0, err
    assert (stage.published(), stage.remote_refs()) == before


@pytest.mark.parametrize("final_is_finished", [False, True])
def test_a_candidate_that_was_built_while_the_final_release_began(
    stage: Stage, *, final_is_finished: bool
) -> None:
    runs, goes = stage.clone.parent / "slow-runs", stage.clone.parent / "slow-goes"
    stage.commit(with_backend(WAITING.format(runs=str(runs), goes=str(goes))))
    slow = stage.fork("publish-rc", "minor")
    until(runs)
    with faulty(stage.url, [] if final_is_finished else [PASS, "400"]) as url:
        command = ("publish", "minor", "--skip-tests", "--repository", url)
        final = stage.run(*command, at=stage.other_clone())
        assert final.code == (0 if final_is_finished else 3)
    before = (stage.published(), stage.remote_refs())
    goes.touch()
    _, err = slow.communicate(timeout=60)
    assert slow.returncode == 1, err
    words = "would be lower than 1.3.0" if final_is_finished else "acme 1.3.0 is unfinished"
    assert words in err
    assert (stage.published(), stage.remote_refs()) == before


def test_a_final_release_while_a_candidate_is_uploaded(stage: Stage) -> None:
    """The candidate's files are complete, and so are those of the release."""
    runs, goes = stage.clone.parent / "slow-runs", stage.clone.parent / "slow-goes"
    stage.commit(with_backend(WAITING.format(runs=str(runs), goes=str(goes))))
    candidate = stage.fork("publish-rc", "major")
    until(runs)
    final = stage.fork("publish", "minor", "--skip-tests", at=stage.other_clone())
    goes.touch()
    for child in (candidate, final):
        child.wait(60)
    published = stage.published()
    assert final.returncode == 0
    assert published[:2] == FILES
    there = ["acme-2.0.0rc1-py3-none-any.whl", "acme-2.0.0rc1.tar.gz"]
    assert published[2:] == (there if candidate.returncode == 0 else [])


WAITING = """\
from flit_core.buildapi import *
import flit_core.buildapi, pathlib, time

def build_sdist(folder, *args):
    if "rc1" in pathlib.Path("pyproject.toml").read_text():
        pathlib.Path({runs!r}).touch()
        while not pathlib.Path({goes!r}).exists():
            time.sleep(0.05)
    return flit_core.buildapi.build_sdist(folder, *args)
"""
