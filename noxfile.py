# /// script
# dependencies = ["nox[uv]>=2025.11.12"]
# ///
"""Sessions of this project; those that publish are the ones that any project has.

They only install and call `python -m release`; a bare `nox` never publishes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

# A release that is stopped with Ctrl-C says where it stands; Nox gives it the time for that.
PATIENCE = 60.0
# Half of a test's time is waiting for servers and for what is late on purpose.
WORKERS = [f"--numprocesses={2 * (os.cpu_count() or 1)}", "--dist=worksteal"]


def release(session: nox.Session, verb: str) -> None:
    """Call one verb of nox-release with the session's arguments."""
    session.install(
        "--no-deps", "-e", ".", env={f"{tool}_BUILD_CONSTRAINT": BUILD for tool in TOOLS}
    )
    # -I: a release.py in the project is not what is meant.
    if lock := session.run_install("python", "-Im", "release.locked", silent=True, log=False):
        wheels = ("--no-deps", "--only-binary=:all:", "--require-hashes")
        session.install(*wheels, "-r", str(lock).strip())
    command = ["python", "-I", "-m", "release", verb, *session.posargs]
    session.run(*command, interrupt_timeout=PATIENCE)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite, whole workflows apart: nox -s tests [-- PYTEST ARGUMENTS]."""
    session.install(*SELF, *nox.project.dependency_groups(PYPROJECT, "test"))
    session.log(f"not in here: {WORKFLOWS}, which `nox -s workflows` runs")
    session.run("pytest", *(session.posargs or [*WORKERS, f"--ignore={WORKFLOWS}"]))


@nox.session(default=False)
def workflows(session: nox.Session) -> None:
    """Run the workflows as GitHub's runner would: nox -s workflows [-- PYTEST ARGUMENTS]."""
    session.install(*SELF, *nox.project.dependency_groups(PYPROJECT, "test"))
    session.run("pytest", *WORKERS, WORKFLOWS, *session.posargs)


@nox.session(default=False)
def torture(session: nox.Session) -> None:
    """Stop, disturb and race releases at random: nox -s torture -- --runs 50 [--seed S]."""
    session.install(*SELF, *nox.project.dependency_groups(PYPROJECT, "test"))
    session.run("pytest", *WORKERS, *TORTURES, *session.posargs)


@nox.session(default=False)
def adoption(session: nox.Session) -> None:
    """Release real projects from PyPI to an index here: nox -s adoption [-- NAME ...]."""
    session.install(*SELF, *nox.project.dependency_groups(PYPROJECT, "test"))
    sdists = f"--sdists={Path(session.cache_dir, 'sdists').resolve()}"
    session.run("python", "-m", "tests.adoption.adopt", sdists, *session.posargs)


@nox.session(default=False)
def benchmark(session: nox.Session) -> None:
    """Time releases against what people would use instead: nox -s benchmark [-- SECTION ...]."""
    groups = nox.project.dependency_groups(PYPROJECT, "test", "benchmark")
    session.install("-e", ".[github,rehearsal]", *groups)
    cache = f"--cache={Path(session.cache_dir, 'peers').resolve()}"
    plot = () if session.posargs else ("--plot", PICTURE)
    session.run("python", "-m", "tests.benchmarks", cache, *plot, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, types and workflows."""
    groups = nox.project.dependency_groups(PYPROJECT, "lint", "test")
    session.install(*SELF, *groups)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    folders = (".github/workflows", "release/templates")
    workflows = [str(path) for folder in folders for path in Path(folder).glob("*.yaml")]
    session.run("zizmor", "--offline", "--no-progress", "--quiet", *workflows)
    session.run("actionlint", "-shellcheck=", "-pyflakes=", *workflows)
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Lock what releases run with, in files with hashes: nox -s lock [-- --upgrade]."""
    session.install("uv")
    command = ["uv", "pip", "compile", "--quiet", "--custom-compile-command", "nox -s lock"]
    command += ["--universal", "--python-version", "3.10", "--generate-hashes", *session.posargs]
    session.run(*command, "--all-extras", "pyproject.toml", "--output-file", LOCK)
    plain = ["--no-header", "--no-annotate", "--constraints", LOCK]
    session.run(*command, *plain, "noxfile.py", "--output-file", NOX)
    session.run(*command, *plain, "--group", "build", "--output-file", BUILD)
    shutil.copy(NOX, ".github/nox.txt")


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build and check sdist and wheel of the committed HEAD, into dist/."""
    release(session, "build")


@nox.session(default=False)
def rehearse(session: nox.Session) -> None:
    """Release to a world on this machine: nox -s rehearse -- minor."""
    release(session, "rehearse")


@nox.session(default=False)
def publish_rc(session: nox.Session) -> None:
    """Publish the next release candidate: nox -s publish_rc -- minor."""
    release(session, "publish-rc")


@nox.session(default=False)
def publish_release(session: nox.Session) -> None:
    """Publish a release: nox -s publish_release -- minor."""
    release(session, "publish")


@nox.session(default=False)
def status(session: nox.Session) -> None:
    """Tell what is released, unfinished and unreleased; change nothing."""
    release(session, "status")


@nox.session(default=False)
def yank(session: nox.Session) -> None:
    """Walk through yanking a version: nox -s yank -- 1.4.0 --reason "breaks on Windows"."""
    release(session, "yank")


PICTURE = ".github/pictures/benchmark.svg"
WORKFLOWS = "tests/test_whole_workflows.py"
TORTURES = ("tests/test_torture.py", "tests/test_many_files.py")
PYPROJECT = nox.project.load_toml("pyproject.toml")
SELF = ("-e", ".[attestations,github,rehearsal,sbom]")
LOCK, NOX = "release/requirements.txt", "release/templates/nox.txt"
BUILD, TOOLS = ".github/build.txt", ("PIP", "UV")

if __name__ == "__main__":
    nox.main()
