"""A project whose version is its tag: no file has it, and the build finds it on the commit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.stage import stopped_at_the_push
from tests.test_resume import FILES, INTENT, REFS

if TYPE_CHECKING:
    from tests.builders import Builders
    from tests.stage import Stage

PYPROJECT = """\
[build-system]
requires = ["flit_core"]
build-backend = "backend"
backend-path = ["."]

[project]
name = "acme"
dynamic = ["version"]
description = "A sample."
readme = "README.md"
requires-python = ">=3.10"

[tool.setuptools_scm]

[tool.flit.sdist]
include = ["backend.py"]
"""
# As the plugins do it: by git where there is a repository, else by what the sdist says.
BACKEND = '''\
import subprocess
from pathlib import Path
from flit_core.buildapi import *
import flit_core.buildapi

def _write_version():
    if Path("PKG-INFO").exists():
        return
    command = ["git", "describe", "--tags", "--long", "--dirty"]
    tag, count, _ = subprocess.check_output(command, text=True).strip().split("-", 2)
    version = tag.removeprefix("v") + ("" if count == "0" else f".post{count}")
    Path("acme.py").write_text(f'"""A sample."""\\n__version__ = "{version}"\\n')

def build_sdist(*args):
    _write_version()
    return flit_core.buildapi.build_sdist(*args)
'''


@pytest.fixture
def scm(stage: Stage) -> Stage:
    """One whose wheel isn't tried."""
    table = "\n[tool.nox-release]\ninstall-check = false\n"
    stage.commit({"pyproject.toml": PYPROJECT + table, "backend.py": BACKEND})
    return stage


def test_its_tag_is_the_release(scm: Stage) -> None:
    scm.commit({"pyproject.toml": PYPROJECT})
    head = scm.git("rev-parse", "HEAD")
    done = scm.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert scm.published() == FILES
    assert sorted(scm.remote_refs()) == REFS
    assert scm.git("rev-parse", "v1.3.0^{commit}", at=scm.remote) == head
    assert scm.git("rev-parse", "main", at=scm.remote) == head, "there is nothing to commit"
    assert scm.git("status", "--porcelain") == ""
    assert scm.install("1.3.0") == "1.3.0"


def test_the_same_command_again_makes_no_other_release(scm: Stage) -> None:
    assert scm.run("publish", "minor", "--skip-tests").code == 0
    before = scm.state()
    done = scm.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert "v1.3.0" in done.out
    assert scm.state() == before


def test_one_commit_is_one_version(scm: Stage) -> None:
    assert scm.run("publish", "minor", "--skip-tests").code == 0
    before = scm.state()
    done = scm.run("publish", "major", "--skip-tests")
    assert done.code == 1
    assert re.search(r"[0-9a-f]{9} is v1\.3\.0 already; setuptools_scm finds one version", done.err)
    assert scm.state() == before


def test_it_is_finished_from_another_clone(scm: Stage) -> None:
    stopped_at_the_push(scm, "--skip-tests")
    (scm.files / FILES[1]).unlink()
    place = scm.other_clone()
    done = scm.run("publish", "--resume", at=place)
    assert done.code == 0, done.err
    assert scm.published() == FILES
    assert sorted(scm.remote_refs()) == REFS


@pytest.mark.parametrize("verb", ["publish", "publish-rc"])
def test_a_clone_without_the_tags_is_told_to_fetch_them(scm: Stage, verb: str) -> None:
    place = scm.clone.parent / "shallow"
    url = scm.remote.as_uri()
    scm.git("clone", "--quiet", "--depth=1", "--no-tags", url, str(place), at=scm.remote)
    before = scm.state()
    done = scm.run(verb, "minor", at=place)
    assert done.code == 1
    assert "tags, and v1.2.3 is on origin, not in this clone\n  → git fetch --tags" in done.err
    assert scm.state() == before


def test_a_tag_that_nobody_else_has_is_told(scm: Stage) -> None:
    scm.git("tag", "v1.2.4")
    done = scm.run("publish", "minor")
    assert done.code == 1
    assert "v1.2.4 is in this clone only\n  → git push origin v1.2.4, or delete it here" in done.err


def test_a_clone_without_the_tags_finishes_once_it_has_them(scm: Stage) -> None:
    stopped_at_the_push(scm, "--skip-tests")
    place = scm.clone.parent / "shallow"
    url = scm.remote.as_uri()
    scm.git("clone", "--quiet", "--depth=1", "--no-tags", url, str(place), at=scm.remote)
    done = scm.run("publish", "--resume", at=place)
    assert done.code == 1
    assert "git fetch --tags" in done.err
    assert "trusted" not in done.err
    scm.git("fetch", "--quiet", "--tags", at=place)
    assert scm.run("publish", "--resume", at=place).code == 0
    assert sorted(scm.remote_refs()) == REFS


def test_it_is_abandoned(scm: Stage) -> None:
    before = scm.remote_refs()
    stopped_at_the_push(scm, "--skip-tests")
    for path in scm.files.iterdir():
        path.unlink()
    assert scm.run("publish", "--abandon").code == 0
    assert INTENT not in scm.remote_refs()
    assert scm.remote_refs() == before


def test_a_candidate_has_no_tag(scm: Stage) -> None:
    before = scm.remote_refs(), scm.git("for-each-ref")
    done = scm.run("publish-rc", "minor")
    assert done.code == 0, done.err
    assert scm.published() == ["acme-1.3.0rc1-py3-none-any.whl", "acme-1.3.0rc1.tar.gz"]
    assert (scm.remote_refs(), scm.git("for-each-ref")) == before


def test_the_first_release_says_its_version(scm: Stage) -> None:
    scm.git("tag", "--delete", "v1.2.3")
    scm.git("push", "--quiet", "--delete", "origin", "v1.2.3")
    assert scm.run("publish", "0.1.0", "--skip-tests").code == 0
    assert "refs/tags/v0.1.0" in scm.remote_refs()


def test_a_build_between_two_releases_says_what_the_plugin_says(scm: Stage) -> None:
    done = scm.run("build")
    assert done.code == 0, done.err
    names = sorted(path.name for path in (scm.clone / "dist").iterdir())
    assert names == ["acme-1.2.3.post2-py3-none-any.whl", "acme-1.2.3.post2.tar.gz"]


@pytest.mark.parametrize(
    ("pre", "verb", "version"),
    [((), "publish", "1.3.0"), (("--pre", "rc"), "publish-rc", "1.3.0rc1")],
)
def test_many_machines_find_the_version_in_a_tag(
    scm: Stage, builders: Builders, pre: tuple[str, ...], verb: str, version: str
) -> None:
    scm.commit({"pyproject.toml": PYPROJECT + '[tool.nox-release]\ngenerated = ["acme.py"]\n'})
    done = builders.prepare("minor", "--skip-tests", *pre)
    assert done.code == 0, done.err
    for name, options in {"one": (), "other": ("--depth=1",)}.items():
        place = builders.check_out(name, *options)
        assert scm.git("describe", "--tags", at=place) == f"v{version}"
    assert scm.run("build", "--out", str(builders.dist), at=builders.dist.parent / "one").code == 0
    done = builders.publish(verb=verb)
    assert done.code == 0, done.err
    assert scm.install(version) == version
    assert f"v{version}" not in scm.git("tag") or not pre
