"""Projects of others, as they are on PyPI, released with the build backends that they have."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version
from pypi_simple import PyPISimple

from release.rehearsal import USER, serve
from tests.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Timed = Callable[[str], AbstractContextManager[None]]

INTENT = "refs/release/intent"


@dataclass(frozen=True, kw_only=True)
class Released:
    """A project on PyPI: where it keeps its version, how it tags it, and what comes next."""

    name: str
    version: str
    tag: str
    files: tuple[str, ...]
    patch: str
    minor: str
    candidate: str  # of the patch after `minor`
    settings: str = ""  # [tool.nox-release], where a copy of the version needs it
    in_git: tuple[tuple[str, str], ...] = ()  # what the backend wrote into pyproject.toml, undone

    def tag_of(self, version: str) -> str:
        return self.tag.replace("{version}", version)


PROJECTS = [
    Released(  # hatchling, [tool.hatch.version] path, __version__ in single quotes
        name="annotated-types",
        version="0.8.0",
        tag="v{version}",
        files=("annotated_types/__init__.py",),
        patch="0.8.1",
        minor="0.9.0",
        candidate="0.9.1rc1",
    ),
    Released(  # flit, dynamic: __version__ of the module below src
        name="installer",
        version="1.1.0",
        tag="{version}",
        files=("src/installer/__init__.py",),
        patch="1.1.1",
        minor="1.2.0",
        candidate="1.2.1rc1",
    ),
    Released(  # flit, dynamic: __version__ imported from the module beside it
        name="idna",
        version="3.20",
        tag="v{version}",
        files=("idna/package_data.py",),
        patch="3.20.1",
        minor="3.21.0",
        candidate="3.21.1rc1",
    ),
    Released(  # flit, static, aligned with spaces
        name="mypy-extensions",
        version="1.2.0",
        tag="{version}",
        files=("pyproject.toml",),
        patch="1.2.1",
        minor="1.3.0",
        candidate="1.3.1rc1",
    ),
    Released(  # flit, static, with a copy; a comment behind both
        name="tomli",
        version="2.5.0",
        tag="{version}",
        files=("pyproject.toml", "src/tomli/__init__.py"),
        settings="""version-files = ['src/tomli/__init__.py:__version__ = "{version}"']""",
        patch="2.5.1",
        minor="2.6.0",
        candidate="2.6.1rc1",
    ),
    Released(  # setuptools, [tool.setuptools.dynamic] attr of a package below src
        name="cachetools",
        version="8.0.1",
        tag="v{version}",
        files=("src/cachetools/__init__.py",),
        patch="8.0.2",
        minor="8.1.0",
        candidate="8.1.1rc1",
    ),
    Released(  # setuptools because no [build-system] says otherwise, and a version of two parts
        name="multimethod",
        version="2.1",
        tag="v{version}",
        files=("pyproject.toml",),
        patch="2.1.1",
        minor="2.2.0",
        candidate="2.2.1rc1",
    ),
    Released(  # poetry-core, [tool.poetry] version, with a copy in the module
        name="tomlkit",
        version="0.13.3",
        tag="{version}",
        files=("pyproject.toml", "tomlkit/__init__.py"),
        settings="""version-files = ['tomlkit/__init__.py:__version__ = "{version}"']""",
        patch="0.13.4",
        minor="0.14.0",
        candidate="0.14.1rc1",
    ),
    Released(  # pdm-backend, [tool.pdm.version] source = "file"
        name="annotated-doc",
        version="0.0.7",
        tag="{version}",
        files=("src/annotated_doc/__init__.py",),
        in_git=(("dynamic = []", 'dynamic = ["version"]'), ('version = "0.0.7"\n', "")),
        patch="0.0.8",
        minor="0.1.0",
        candidate="0.1.1rc1",
    ),
]


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Released], Path]:
    """A function that downloads a project's sdist, once a session."""
    folder = tmp_path_factory.mktemp("sdists")

    def download(project: Released) -> Path:
        with PyPISimple() as index:
            (package,) = (
                package
                for package in index.get_project_page(project.name).packages
                if package.package_type == "sdist" and package.version == project.version
            )
            path = folder / package.filename
            if not path.exists():
                index.download_package(package, path)
        return path

    return download


@pytest.fixture(params=PROJECTS, ids=lambda project: project.name)
def project(request: pytest.FixtureRequest) -> Released:
    chosen: Released = request.param
    return chosen


@pytest.fixture
def stage(
    tmp_path: Path,
    project: Released,
    sdist: Callable[[Released], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Stage]:
    """The project in a clone and on its remote, tagged; builds may fetch their backend."""
    clone, remote, files = tmp_path / "clone", tmp_path / "remote.git", tmp_path / "index"
    files.mkdir()
    with tarfile.open(sdist(project)) as archive:
        archive.extractall(tmp_path, filter(_is_held_by_git, archive), filter="data")
        (tmp_path / archive.getnames()[0].partition("/")[0]).rename(clone)
    with serve(files) as (url, password):
        monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        monkeypatch.setenv("TWINE_USERNAME", USER)
        monkeypatch.setenv("TWINE_PASSWORD", password)
        stage = Stage(
            clone=clone,
            remote=remote,
            files=files,
            url=url,
            password=password,
            capture=capsys.readouterr,
            monkeypatch=monkeypatch,
        )
        _put_into_git(stage, project)
        yield stage


@pytest.fixture
def timed(record_property: Callable[[str, object], None]) -> Timed:
    """A context manager that records how long its block took: see --junit-xml."""

    @contextmanager
    def measure(what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        record_property(f"seconds: {what}", round(time.monotonic() - started, 2))

    return measure


def _is_held_by_git(member: tarfile.TarInfo) -> bool:
    """Say whether a member of an sdist isn't one that only the build put into it."""
    return not PurePosixPath(member.name).match("*/PKG-INFO") and ".egg-info" not in member.name


def _put_into_git(stage: Stage, project: Released) -> None:
    """Commit the project and push it to a remote of its own, with the tag of its version."""
    pyproject = stage.clone / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    for written, original in project.in_git:
        assert text.count(written) == 1
        text = text.replace(written, original)
    if project.settings:
        text += f"\n[tool.nox-release]\n{project.settings}\n"
    pyproject.write_text(text, encoding="utf-8")
    stage.git("init", "--quiet", "--bare", "--initial-branch=main", str(stage.remote))
    stage.git("init", "--quiet", "--initial-branch=main")
    stage.git("add", "--all")
    stage.git("commit", "--quiet", "--message", "Begin")
    tag = project.tag_of(project.version)
    stage.git("tag", "--annotate", "--message", tag, tag)
    stage.git("remote", "add", "origin", str(stage.remote))
    stage.git("push", "--quiet", "--set-upstream", "origin", "main", tag)


def test_a_real_project_is_released_twice_and_then_gets_a_candidate(
    stage: Stage, project: Released, timed: Timed
) -> None:
    base = stage.git("rev-parse", "HEAD")
    with timed("patch"):
        done = stage.run("publish", "patch", "--skip-tests")
    assert done.code == 0, done.err + done.out
    _is_released(stage, project, project.patch, base)

    base = stage.commit({"NEXT.txt": "Nothing that matters.\n"})
    with timed("minor"):
        done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err + done.out
    _is_released(stage, project, project.minor, base)

    before = _everything_in_git(stage)
    with timed("rc"):
        done = stage.run("publish-rc", "patch")
    assert done.code == 0, done.err + done.out
    assert _everything_in_git(stage) == before
    _is_listed(stage, project, project.candidate)

    versions = [project.patch, project.minor, project.candidate]
    assert len(stage.published()) == 2 * len(versions)
    with timed("install"):
        installed = [_installed(stage, project, version) for version in versions]
    assert installed == versions


def _is_released(stage: Stage, project: Released, version: str, base: str) -> None:
    """Insist that `version` is on the index, and one commit on top of `base` with its tag."""
    _is_listed(stage, project, version)
    tag = f"refs/tags/{project.tag_of(version)}"
    refs = stage.remote_refs()
    commit = refs["refs/heads/main"]
    assert stage.git("cat-file", "-t", tag, at=stage.remote) == "tag"
    assert stage.git("rev-parse", f"{tag}^{{commit}}", at=stage.remote) == commit
    assert stage.git("rev-parse", f"{commit}^", at=stage.remote) == base
    assert INTENT not in refs
    changes = stage.git("diff", "--numstat", base, commit, at=stage.remote)
    assert changes.splitlines() == [f"1\t1\t{path}" for path in project.files]
    assert stage.git("rev-parse", "HEAD") == commit
    assert stage.git("rev-parse", tag) == refs[tag]
    assert stage.git("status", "--porcelain") == ""


def _is_listed(stage: Stage, project: Released, version: str) -> None:
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


def _installed(stage: Stage, project: Released, version: str) -> str:
    """Install `version` with pip from the index, and return the version in its metadata."""
    place = stage.clone.parent / f"installed-{version}"
    subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-deps",
         "--no-cache-dir", "--target", str(place), "--index-url", f"{stage.url}simple/",
         f"{project.name}=={version}"],
        check=True,
    )  # fmt: skip
    (one,) = distributions(path=[str(place)])
    return one.version
