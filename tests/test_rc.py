"""Pre-releases: numbered from the index, built from any commit, git left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from release.configuration import Configuration
from release.console import Console
from release.continuing import unfinished_on_error
from release.git import Git
from release.world import World
from tests.faults import LOSE, PASS, faulty
from tests.stage import QUICK, with_backend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def git_and_files(stage: Stage) -> tuple[object, ...]:
    """Everything but the index of packages: refs, HEAD, stash, git's index, all files."""
    _, *rest = stage.state()
    return (*rest, (stage.clone / ".git/index").read_bytes())


def test_a_pre_release_leaves_git_alone(stage: Stage) -> None:
    before = git_and_files(stage)
    done = stage.run("publish-rc", "minor")
    assert done.code == 0, done.err
    assert git_and_files(stage) == before
    assert stage.published() == ["acme-1.3.0rc1-py3-none-any.whl", "acme-1.3.0rc1.tar.gz"]
    assert stage.install("1.3.0rc1") == "1.3.0rc1"


def test_the_number_comes_from_the_index(stage: Stage) -> None:
    for name in ("acme-1.3.0rc9.tar.gz", "acme-1.3.0rc10.tar.gz", "acme-1.4.0rc20.tar.gz"):
        (stage.files / name).write_bytes(b"")
    done = stage.run("publish-rc", "minor", "--json")
    assert done.code == 0, done.err
    assert done.document["plan"]["version"] == "1.3.0rc11"
    assert done.document["plan"]["bump"] == "minor --pre rc"
    assert len(done.document["distributions"]) == 2


@pytest.mark.parametrize(
    ("args", "version"),
    [
        (("patch", "--pre", "a"), "1.2.4a1"),
        (("major", "--pre", "b"), "2.0.0b1"),
        (("minor", "--pre", "dev"), "1.3.0.dev1"),
        (("1.5.0",), "1.5.0rc1"),
    ],
)
def test_every_kind_is_published(stage: Stage, args: tuple[str, ...], version: str) -> None:
    assert stage.run("publish-rc", *args).code == 0
    assert f"acme-{version}.tar.gz" in stage.published()


def test_any_branch_and_any_commit_will_do(stage: Stage) -> None:
    stage.git("switch", "--quiet", "--create", "feature")
    stage.commit({"feature.py": ""}, push=False)
    assert stage.run("publish-rc", "minor").code == 0
    stage.git("checkout", "--quiet", "--detach", "main")
    assert stage.run("publish-rc", "minor").code == 0
    stage.write("acme.py", "work in progress\n")
    before = git_and_files(stage)
    assert stage.run("publish-rc", "minor", "--ref", "feature").code == 0
    assert git_and_files(stage) == before
    assert [name for name in stage.published() if name.endswith(".tar.gz")] == [
        f"acme-1.3.0rc{number}.tar.gz" for number in (1, 2, 3)
    ]
    stage.git("push", "--quiet", "origin", "feature")
    stage.git("branch", "--quiet", "--delete", "--force", "feature")
    assert stage.run("publish-rc", "minor", "--ref", "feature").code == 0, "as workflows have it"
    done = stage.run("publish-rc", "minor", "--ref", "nowhere")
    assert done.code == 1
    assert "no commit 'nowhere'" in done.err


def test_a_pre_release_of_what_main_says_next(stage: Stage) -> None:
    stage.commit({"pyproject.toml": QUICK.replace("1.2.3", "1.3.0.dev0")})
    assert stage.run("publish-rc", "current").code == 0
    assert "acme-1.3.0rc1.tar.gz" in stage.published()


def test_a_pre_release_below_its_own_final_is_refused(stage: Stage) -> None:
    (stage.files / "acme-1.3.0.tar.gz").write_bytes(b"")
    done = stage.run("publish-rc", "minor")
    assert done.code == 1
    assert "1.3.0rc1 would be lower than 1.3.0" in done.err


def test_the_plan_comes_before_anything_happens(stage: Stage) -> None:
    before = stage.state()
    done = stage.run("publish-rc", "minor", "--dry-run")
    assert done.code == 0
    assert "1.2.3 → 1.3.0rc1" in done.out
    assert "Commit" not in done.out
    last = done.out.splitlines()[-1]
    assert last == "Nothing was changed. To do it: nox -s publish_rc -- minor"
    assert stage.state() == before


def half_publish(stage: Stage) -> None:
    with faulty(stage.url, [PASS, "400"]) as url:
        done = stage.run("publish-rc", "minor", "--repository", url)
        assert done.code == 3
        assert "the same command continues" in done.err
    assert stage.published() == ["acme-1.3.0rc1-py3-none-any.whl"]


def test_a_half_published_pre_release_is_finished_by_the_same_command(stage: Stage) -> None:
    half_publish(stage)
    done = stage.run("publish-rc", "minor")
    assert done.code == 0, done.err
    assert "acme 1.3.0rc1 is released" in done.out
    assert stage.published() == ["acme-1.3.0rc1-py3-none-any.whl", "acme-1.3.0rc1.tar.gz"]
    assert stage.run("publish-rc", "minor").code == 0
    assert "acme-1.3.0rc2.tar.gz" in stage.published()


def test_a_half_published_pre_release_of_another_commit_gets_no_foreign_sdist(stage: Stage) -> None:
    half_publish(stage)
    stage.commit({"acme.py": '"""Another."""\n'})
    done = stage.run("publish-rc", "minor", "--json")
    assert done.code == 0, done.err
    assert "acme 1.3.0rc1 on the index is another build; the next number follows" in done.err
    assert done.document["plan"]["version"] == "1.3.0rc2"
    assert stage.published() == [
        "acme-1.3.0rc1-py3-none-any.whl", "acme-1.3.0rc2-py3-none-any.whl", "acme-1.3.0rc2.tar.gz"
    ]  # fmt: skip


def test_two_pre_releases_at_once_do_not_mix(stage: Stage) -> None:
    """Another machine's candidate arrives while this one is built."""
    backend = """\
import pathlib
from flit_core.buildapi import *
import flit_core.buildapi

def build_wheel(*args):
    pathlib.Path(FILE).write_bytes(b"another")
    return flit_core.buildapi.build_wheel(*args)
"""
    file = stage.files / "acme-1.3.0rc1-py3-none-any.whl"
    stage.commit(with_backend(backend.replace("FILE", repr(str(file)))))
    done = stage.run("publish-rc", "minor")
    assert done.code == 1, done.out
    assert stage.published() == [file.name]
    assert file.read_bytes() == b"another"


def test_what_is_so_in_between_is_known_without_a_gap(stage: Stage) -> None:
    world = World.of(Git(root=stage.clone, env={}), Configuration())
    console = Console()
    with unfinished_on_error(world, console, hint="one is on its way", then="one is there"):
        assert console.interrupted == "one is on its way"
    assert console.interrupted == "one is there"


def test_a_lost_answer_is_no_failure(stage: Stage) -> None:
    with faulty(stage.url, [LOSE]) as url:
        assert stage.run("publish-rc", "minor", "--repository", url).code == 0
    assert len(stage.published()) == 2
