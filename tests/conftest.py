"""Every test runs on real git, a real index server and real builds; nothing leaves this machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pypi_simple import PyPISimple

from release.rehearsal import USER, serve
from tests.builders import Builders
from tests.hub import on_github
from tests.stage import FILES, QUICK_FILES, Shelf, Stage, laid_out, stopped_at_the_push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from xdist.workermanage import WorkerController

    from tests.github.forge import Forge

    MakeStage = Callable[..., AbstractContextManager[Stage]]
    SetStage = Callable[[Path, Path, Shelf], Stage]
    Kept = Callable[[Callable[[Stage], object]], Stage]

pytest.register_assert_rewrite("tests.kinds", "tests.stops")

# Git neither waits for the disk nor looks after its repositories, and puts no samples into them.
GIT_CONFIG = """\
[core]
fsync = none
[init]
templateDir =
[gc]
auto = 0
[maintenance]
auto = false
[receive]
autoGC = false
"""
# Modules in which a test may wait for ten seconds and more.
LATE = (
    *("test_actions", "test_benchmarks", "test_hostile_index", "test_hostile_remote"),
    *("test_many_files", "test_monorepo", "test_pages", "test_process", "test_refused"),
    *("test_resume", "test_stops", "test_torture", "test_trusted_publishing", "test_vcs"),
)
NOT_OURS = ("TWINE_", "GIT_", "NOX", "CI", "GITHUB_", "FORCE_COLOR", "NO_COLOR", "PYTHONDONT")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with what waits for long: at the end others would wait for it."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    late = [one for one in items if one.path.stem in LATE]
    others = [one for one in items if one.path.stem not in LATE]
    items[:] = [
        one
        for at in range(workers)
        for kind in (late, others)
        for one in kind[len(kind) * at // workers : len(kind) * (at + 1) // workers]
    ]


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A machine of its own: an empty home, an identity, and no credentials."""
    home = tmp_path_factory.mktemp("home")
    (home / "config/git").mkdir(parents=True)
    (home / "config/git/config").write_text(GIT_CONFIG, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for key in list(os.environ):
            if key.startswith(NOT_OURS):
                patch.delenv(key)
        for key, value in {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "NOX_RELEASE_CACHE": str(home / "cache"),  # the sample is one project
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "NO_PROXY": "127.0.0.1",
        }.items():
            patch.setenv(key, value)
        yield


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, wheelhouse: Path) -> None:
    """Let builds install from a local folder only."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheelhouse))
    monkeypatch.setenv("UV_CONFIG_FILE", str(wheelhouse / "uv.toml"))


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the one wheel that building the sample needs."""
    folder = tmp_path_factory.mktemp("wheels")
    with PyPISimple() as index:
        page = index.get_project_page("flit-core")
        wheel = [one for one in page.packages if one.filename.endswith(".whl")][-1]
        index.download_package(wheel, folder / wheel.filename)
    settings = f"no-index = true\nfind-links = [{json.dumps(folder.as_uri())}]\n"
    (folder / "uv.toml").write_text(settings, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bare remote and a clone of it, to be copied: acme 1.2.3, tagged."""
    folder = tmp_path_factory.mktemp("template")
    laid_out(folder, FILES)
    return folder


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, built and checked in a fraction of the time; to be the `template` of a module."""
    folder = tmp_path_factory.mktemp("quick")
    laid_out(folder, QUICK_FILES)
    return folder


@pytest.fixture
def stage(tmp_path: Path, make_stage: MakeStage) -> Iterator[Stage]:
    """The sample project, ready to be released."""
    with make_stage(tmp_path) as stage:
        yield stage


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    """GitHub, where the sample is acme/acme, and a token that may write it."""
    with on_github(monkeypatch) as forge:
        yield forge


@pytest.fixture
def builders(stage: Stage, wheelhouse: Path, tmp_path: Path) -> Builders:
    """Machines that build what is prepared on the stage."""
    (tmp_path / "built").mkdir()
    return Builders(
        stage=stage,
        wheelhouse=wheelhouse,
        plan=tmp_path / "built/plan.json",
        dist=tmp_path / "built/dist",
    )


@pytest.fixture
def stopped(kept: Kept) -> Stage:
    """A release whose files are uploaded, and whose push was refused."""
    return kept(stopped_at_the_push)


@pytest.fixture
def kept(template: Path, set_stage: SetStage, shelf: Shelf, tmp_path: Path) -> Kept:
    """A function that returns a copy of a stage on which something was done, once for all tests."""

    def find(do: Callable[[Stage], object]) -> Stage:
        place = shelf.files.with_name(f"{template.name}.{do.__module__}.{do.__name__}")
        shutil.rmtree(shelf.files)
        if not place.exists():
            shelf.files.mkdir()
            first = set_stage(template, place.with_name(f"{place.name}-first"), shelf)
            do(first)
            shutil.move(shelf.files, place / "index")
            shutil.move(first.clone.parent, place / "stage")
        shutil.copytree(place / "index", shelf.files)
        return set_stage(place / "stage", tmp_path, shelf)

    return find


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """An index that stays at its address, which an intent tells."""
    files = tmp_path_factory.mktemp("shelf") / "index"
    files.mkdir()
    with serve(files) as (url, password):
        yield Shelf(files=files, url=url, password=password)


@pytest.fixture
def make_stage(template: Path, set_stage: SetStage) -> MakeStage:
    """A function that sets the stage in a folder, and the index beside it or elsewhere."""

    @contextmanager
    def make(folder: Path, files: Path | None = None) -> Iterator[Stage]:
        files = files or folder / "index"
        files.mkdir(parents=True)
        with serve(files) as (url, password):
            yield set_stage(template, folder, Shelf(files=files, url=url, password=password))

    return make


@pytest.fixture
def set_stage(
    offline: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> SetStage:
    """A function that copies a remote and its clone to a folder, and lets it use an index."""
    _ = offline

    def put(source: Path, folder: Path, shelf: Shelf) -> Stage:
        shutil.copytree(source, folder / "stage", symlinks=True)
        monkeypatch.setenv("TWINE_REPOSITORY_URL", shelf.url)
        monkeypatch.setenv("TWINE_USERNAME", USER)
        monkeypatch.setenv("TWINE_PASSWORD", shelf.password)
        return Stage(
            clone=folder / "stage/acme",
            remote=folder / "stage/remote.git",
            files=shelf.files,
            url=shelf.url,
            password=shelf.password,
            capture=capsys.readouterr,
            monkeypatch=monkeypatch,
        )

    return put


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 24 MB that a test can fill up; None where nobody may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        yield None
        return
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torture", "random schedules of stops, faults and racing releasers")
    group.addoption("--runs", type=int, default=4, help="how many schedules")
    group.addoption("--seed", default="", help="of the schedules; default: a new one")
    group.addoption("--every-stop", action="store_true", help="every effect, way and end")
    group.addoption("--draw", action="store_true", help="draw the pictures in README anew")
    group.addoption("--only", type=int, help="the number of one schedule to run again")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell does so with `pytest &`
        signal.signal(signal.SIGINT, signal.default_int_handler)
    given = getattr(config, "workerinput", {}).get("seed") or config.option.seed
    config.option.seed = given or secrets.token_hex(4)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Hand the seed to a worker of xdist, which parses the command line again."""
    node.workerinput["seed"] = node.config.option.seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"torture: --runs {config.option.runs} --seed {config.option.seed}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    option = metafunc.config.option
    for name, runs in {"schedule_seed": option.runs, "upload_seed": -(-option.runs // 4)}.items():
        if name in metafunc.fixturenames:
            numbers = range(runs) if option.only is None else [option.only]
            metafunc.parametrize(name, [f"{option.seed}-{number}" for number in numbers])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how much was survived, added up over all tests and workers."""
    tally: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for what, count in report.user_properties if report.when == "call" else []:
            tally[what] += count
    if tally:
        terminalreporter.section("tally")
        seed = terminalreporter.config.option.seed
        terminalreporter.line(
            " · ".join(f"{count} {what}" for what, count in sorted(tally.items()))
            + f" · seed {seed}"
        )
