"""Projects of others, as they are on PyPI: a few of tests/adoption, which has many more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from release.rehearsal import USER, serve
from tests.adoption.project import Adopted, Repository, download, load
from tests.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Timed = Callable[[str], AbstractContextManager[None]]

INTENT = "refs/release/intent"
SETTINGS = {"tomli": """version-files = ['src/tomli/__init__.py:__version__ = "{version}"']"""}
CANDIDATES = {  # of the patch after the one that projects.toml has
    "annotated-types": "0.8.2rc1",  # hatchling
    "cachetools": "8.0.3rc1",  # setuptools
    "iniconfig": "2.3.3rc1",  # setuptools_scm: the tag is the version, and nothing is committed
    "tomli": "2.5.2rc1",  # flit, with a copy that is named
}


@pytest.fixture(params=CANDIDATES)
def project(request: pytest.FixtureRequest) -> Adopted:
    (chosen,) = load([request.param])
    return replace(chosen, settings=SETTINGS.get(chosen.name, ""), then=())


@pytest.fixture
def stage(
    tmp_path: Path,
    project: Adopted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Stage]:
    """The project in a clone and on its remote, tagged; builds may fetch their backend."""
    files = tmp_path / "index"
    files.mkdir()
    repository = Repository.of(project, download(project, tmp_path), tmp_path, dict(os.environ))
    with serve(files) as (url, password):
        monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        monkeypatch.setenv("TWINE_USERNAME", USER)
        monkeypatch.setenv("TWINE_PASSWORD", password)
        yield Stage(
            clone=repository.clone,
            remote=repository.remote,
            files=files,
            url=url,
            password=password,
            capture=capsys.readouterr,
            monkeypatch=monkeypatch,
        )


@pytest.fixture
def timed(record_property: Callable[[str, object], None]) -> Timed:
    """A context manager that records how long its block took: see --junit-xml."""

    @contextmanager
    def measure(what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        record_property(f"seconds: {what}", round(time.monotonic() - started, 2))

    return measure


def test_a_real_project_is_released_and_then_gets_a_candidate(
    stage: Stage, project: Adopted, timed: Timed
) -> None:
    base = stage.git("rev-parse", "HEAD")
    with timed("patch"):
        done = stage.run("publish", "patch", "--skip-tests")
    assert done.code == 0, done.err + done.out
    _is_released(stage, project, base)

    before = _everything_in_git(stage)
    with timed("rc"):
        done = stage.run("publish-rc", "patch")
    assert done.code == 0, done.err + done.out
    assert _everything_in_git(stage) == before
    _is_listed(stage, project, CANDIDATES[project.name])

    versions = [project.next, CANDIDATES[project.name]]
    assert len(stage.published()) == 2 * len(versions)
    with timed("install"):
        installed = [_installed(stage, project, version) for version in versions]
    assert installed == versions


def _is_released(stage: Stage, project: Adopted, base: str) -> None:
    """Insist that it is on the index, and one commit on top of `base` with its tag."""
    _is_listed(stage, project, project.next)
    tag = f"refs/tags/{project.tag_of(project.next)}"
    refs = stage.remote_refs()
    commit = refs["refs/heads/main"]
    assert stage.git("cat-file", "-t", tag, at=stage.remote) == "tag"
    assert stage.git("rev-parse", f"{tag}^{{commit}}", at=stage.remote) == commit
    first = f"{commit}^" if project.lines else commit
    assert stage.git("rev-parse", first, at=stage.remote) == base
    assert INTENT not in refs
    changes = stage.git("diff", "--numstat", base, commit, at=stage.remote)
    assert changes.splitlines() == [
        f"{count}\t{count}\t{path}" for path, count in project.lines.items()
    ]
    assert stage.git("rev-parse", "HEAD") == commit
    assert stage.git("rev-parse", tag) == refs[tag]
    assert stage.git("status", "--porcelain") == ""


def _is_listed(stage: Stage, project: Adopted, version: str) -> None:
    """Insist that the index has one sdist and one wheel of `version`."""
    files = [one for one in stage.index.files(project.name) if one.version == Version(version)]
    wheel, sdist = sorted((one.filename for one in files), key=lambda name: name.endswith(".gz"))
    expected = (canonicalize_name(project.name), Version(version))
    assert parse_wheel_filename(wheel)[:2] == parse_sdist_filename(sdist) == expected


def _everything_in_git(stage: Stage) -> tuple[object, ...]:
    """Return what a pre-release leaves as it is, here and on the remote."""
    return (
        (stage.clone / ".git/index").read_bytes(),
        stage.git("--no-optional-locks", "status", "--porcelain", "--ignored"),
        stage.git("symbolic-ref", "HEAD"),
        stage.git("for-each-ref"),
        stage.git("stash", "list"),
        stage.git("worktree", "list"),
        stage.remote_refs(),
    )


def _installed(stage: Stage, project: Adopted, version: str) -> str:
    """Install `version` from the index, and return the version in its metadata."""
    place = stage.clone.parent / f"installed-{version}"
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--no-config", "--no-deps", "--no-cache", "--python",
         sys.executable, "--target", str(place), "--default-index", f"{stage.url}simple/",
         f"{project.name}=={version}"],
        check=True,
    )  # fmt: skip
    (one,) = distributions(path=[str(place)])
    return one.version
