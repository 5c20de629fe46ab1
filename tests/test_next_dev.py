"""With `next-dev = true` a commit with the next development version follows each release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stage import QUICK, stopped_at_the_push
from tests.test_resume import FILES, REFS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

NEXT_DEV = QUICK.replace("1.2.3", "1.2.4.dev0") + "next-dev = true\n"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def dev(stage: Stage) -> Stage:
    stage.commit({"pyproject.toml": NEXT_DEV})
    return stage


def said(stage: Stage, revision: str) -> str:
    """Return the version that a revision of the remote has."""
    pyproject = stage.git("show", f"{revision}:pyproject.toml", at=stage.remote)
    return pyproject.partition('version = "')[2].partition('"')[0]


def test_it_comes_on_top_in_the_same_push(dev: Stage) -> None:
    done = dev.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert "Push main, with 1.3.1.dev0 on top, and v1.3.0 to origin" in done.out
    assert dev.published() == FILES
    assert sorted(dev.remote_refs()) == REFS
    assert (said(dev, "v1.3.0"), said(dev, "main")) == ("1.3.0", "1.3.1.dev0")
    assert dev.git("rev-parse", "main~", at=dev.remote) == dev.git("rev-parse", "v1.3.0^{commit}")
    assert dev.git("rev-parse", "HEAD") == dev.git("rev-parse", "main", at=dev.remote)
    assert dev.git("status", "--porcelain") == ""
    status = dev.run("status")
    assert "1.3.1.dev0" not in status.err, "main says what it should"
    assert "unreleased  nothing on main since v1.3.0\n" in status.out
    assert "Go on" not in status.out


def test_a_hook_that_reads_files_finds_them(dev: Stage) -> None:
    dev.hook("prepare-commit-msg", "test -f README.md")
    done = dev.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert said(dev, "main") == "1.3.1.dev0"


def test_the_same_command_again_makes_no_other_release(dev: Stage) -> None:
    assert dev.run("publish", "minor", "--skip-tests").code == 0
    before = dev.state()
    done = dev.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert "v1.3.0" in done.out
    assert dev.state() == before


def test_the_next_release_is_made_of_it(dev: Stage) -> None:
    assert dev.run("publish", "minor", "--skip-tests").code == 0
    dev.commit({"more.txt": "more\n"})
    assert "unreleased  1 commit on main since v1.3.0\n" in dev.run("status").out
    done = dev.run("publish", "current", "--skip-tests", "--json")
    assert done.code == 0, done.err
    assert "Release notes:\n\n  - Change\n\n  1. Commit" in done.err
    assert (said(dev, "v1.3.1"), said(dev, "main")) == ("1.3.1", "1.3.2.dev0")


def test_it_is_finished_from_other_clone(dev: Stage) -> None:
    stopped_at_the_push(dev, "--skip-tests")
    done = dev.run("publish", "--resume", at=dev.other_clone())
    assert done.code == 0, done.err
    assert sorted(dev.remote_refs()) == REFS
    assert (said(dev, "v1.3.0"), said(dev, "main")) == ("1.3.0", "1.3.1.dev0")


def test_where_main_moved_it_comes_on_top_of_the_merge(dev: Stage) -> None:
    stopped_at_the_push(dev, "--skip-tests")
    other = dev.other_clone()
    (other / "more.txt").write_text("more\n", encoding="utf-8")
    dev.git("add", "more.txt", at=other)
    dev.git("commit", "--quiet", "--message", "More", at=other)
    dev.git("push", "--quiet", "origin", "main", at=other)
    done = dev.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert (said(dev, "v1.3.0"), said(dev, "main")) == ("1.3.0", "1.3.1.dev0")
    merged = dev.git("show", "--no-patch", "--format=%P", "main~", at=dev.remote).split()
    assert merged[1:] == [dev.git("rev-parse", "v1.3.0^{commit}", at=dev.remote)]
    done = dev.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "v1.3.0 was released from this command already, and main has a commit" in done.err
    assert "nox -s publish_release -- 1.4.0" in done.err


def test_people_merge_it_with_the_release(dev: Stage) -> None:
    dev.commit({"pyproject.toml": NEXT_DEV + 'main = "pull-request"\n'})
    done = dev.run("publish", "minor", "--skip-tests")
    assert done.code == 3, done.err
    assert (said(dev, "release/1.3.0"), said(dev, "main")) == ("1.3.1.dev0", "1.2.4.dev0")
    dev.git("fetch", "--quiet", "origin")
    dev.git("merge", "--quiet", "--no-ff", "--no-edit", "origin/release/1.3.0")
    dev.git("push", "--quiet", "origin", "main")
    done = dev.run("publish", "--resume")
    assert done.code == 0, done.err
    assert "release/1.3.0 is deleted" in done.out
    assert sorted(dev.remote_refs()) == REFS
    assert (said(dev, "v1.3.0"), said(dev, "main")) == ("1.3.0", "1.3.1.dev0")


def test_a_candidate_has_none(dev: Stage) -> None:
    before = dev.git("rev-parse", "main", at=dev.remote)
    assert dev.run("publish-rc", "minor").code == 0
    assert dev.git("rev-parse", "main", at=dev.remote) == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('scheme = "YYYY.MM.DD"\n', "next-dev has no meaning beside scheme"),
        ("[tool.setuptools_scm]\n", "next-dev has no meaning here: setuptools_scm"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused(dev: Stage, more: str, words: str) -> None:
    dynamic = NEXT_DEV.replace('version = "1.2.4.dev0"', 'dynamic = ["version"]')
    dev.commit({"pyproject.toml": (NEXT_DEV if "scheme" in more else dynamic) + more})
    done = dev.run("publish", "current", "--skip-tests")
    assert done.code == 2
    assert words in done.err
