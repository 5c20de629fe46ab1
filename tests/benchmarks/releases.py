"""Whole releases of one small project, ours beside what people would use instead."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release.init import template
from release.rehearsal import USER, serve
from tests.benchmarks.turns import Measured, Run, Turns, table, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sample"
version = "1.2.3"
description = "A sample."
requires-python = ">=3.10"
"""
MODULES = {f"src/sample/m{number}.py": f"NUMBER = {number}\n" for number in range(9)}
FILES = {
    "pyproject.toml": PYPROJECT,
    ".gitignore": "dist/\n.nox/\n__pycache__/\n",
    "src/sample/__init__.py": '"""A sample."""\n',
    **MODULES,
    "tests/test_sample.py": "def test_it():\n    import sample\n",
}
IN_NOX = """
import nox

@nox.session
def release(session):
    session.install("build", "twine")
    session.run("sed", "-i", "s/1.2.3/1.2.4/", "pyproject.toml", external=True)
    for words in (("commit", "-qam", "1.2.4"), ("tag", "-am", "1.2.4", "v1.2.4")):
        session.run("git", *words, external=True)
    session.run("python", "-m", "build")
    session.run("twine", "upload", "--disable-progress-bar", "dist/sample-1.2.4.tar.gz",
        "dist/sample-1.2.4-py3-none-any.whl")
    session.run("git", "push", "-q", "--atomic", "origin", "main", "v1.2.4", external=True)
"""
UP = ["sed", "-i", "s/1.2.3/1.2.4/", "pyproject.toml"]
COMMIT = [["git", "commit", "-qam", "1.2.4"], ["git", "tag", "-am", "1.2.4", "v1.2.4"]]
PUSH = ["git", "push", "-q", "--atomic", "origin", "main", "v1.2.4"]
DIST = ["dist/sample-1.2.4.tar.gz", "dist/sample-1.2.4-py3-none-any.whl"]
TWINE = ["twine", "upload", "--disable-progress-bar", *DIST]
BUILD = [["python", "-m", "build"], TWINE]
OURS = ["nox", "-s", "publish_release", "--", "patch", "--yes", "--skip-tests"]
CANDIDATE = ["nox", "-s", "publish_rc", "--", "patch", "--yes"]
REMOTE = "https://127.0.0.1/acme/sample.git"
UV = "uv by hand"
COMMON = "build and twine"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A way to release: what has to be installed for it, its own files, and its commands.

    The environment of the programs has `needs`; `steps` are run one after the other.
    """

    steps: Sequence[Sequence[str]]
    needs: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    is_cold: bool = False  # no .nox, and no build environment of ours
    is_committed: bool = True


PEERS = {
    UV: Chain(
        steps=[
            ["uv", "version", "--quiet", "--bump", "patch", "--frozen"],
            *COMMIT,
            ["uv", "build", "--quiet"],
            ["uv", "publish", "--quiet", *DIST],
            PUSH,
        ],
        needs=("uv",),
    ),
    COMMON: Chain(steps=[UP, *COMMIT, *BUILD, PUSH], needs=("build", "twine")),
    "build --installer uv, twine": Chain(
        steps=[UP, *COMMIT, ["python", "-m", "build", "--installer", "uv"], TWINE, PUSH],
        needs=("build[uv]", "twine"),
    ),
    "hatch": Chain(
        steps=[
            ["hatch", "version", "patch"],
            *COMMIT,
            ["hatch", "build"],
            ["hatch", "publish", "--no-prompt"],
            PUSH,
        ],
        needs=("hatch==1.18.2",),
        files={
            "pyproject.toml": PYPROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]')
            + '\n[tool.hatch.version]\npath = "src/sample/__init__.py"\n',
            "src/sample/__init__.py": '__version__ = "1.2.3"\n',
        },
    ),
    "tbump": Chain(
        steps=[["tbump", "1.2.4", "--non-interactive"]],
        needs=("tbump==6.11.0", "build", "twine"),
        files={
            "tbump.toml": '[version]\ncurrent = "1.2.3"\nregex = "(?P<all>.*)"\n'
            '[git]\nmessage_template = "{new_version}"\ntag_template = "v{new_version}"\n'
            '[[file]]\nsrc = "pyproject.toml"\nsearch = \'version = "{current_version}"\'\n'
            '[[before_push]]\nname = "build"\ncmd = "python -m build"\n'
            f'[[before_push]]\nname = "upload"\ncmd = "{" ".join(TWINE)}"\n'
        },
    ),
    "bump-my-version, build, twine": Chain(
        steps=[["bump-my-version", "bump", "patch"], *BUILD, PUSH],
        needs=("bump-my-version==1.8.1", "build", "twine"),
        files={
            "pyproject.toml": PYPROJECT + '\n[tool.bumpversion]\ncurrent_version = "1.2.3"\n'
            'commit = true\ntag = true\ntag_name = "v{new_version}"\n'
        },
    ),
    "python-semantic-release, twine": Chain(
        steps=[["semantic-release", "version", "--patch", "--no-vcs-release"], TWINE],
        needs=("python-semantic-release==10.7.0", "build", "twine"),
        files={
            "pyproject.toml": PYPROJECT + "\n[tool.semantic_release]\n"
            'version_toml = ["pyproject.toml:project.version"]\nbuild_command = "python -m build"\n'
            "[tool.semantic_release.remote]\nignore_token_for_push = true\n"
            f'domain = "127.0.0.1"\nurl = "{REMOTE}"\n'
        },
    ),
    "zest.releaser": Chain(
        steps=[["fullrelease", "--no-input"]],
        needs=("zest.releaser==9.9.1", "build"),
        files={
            "pyproject.toml": PYPROJECT.replace("1.2.3", "1.2.4.dev0")
            + '\n[tool.zest-releaser]\ntag-format = "v{version}"\n',
            "CHANGES.rst": "Changes\n=======\n\n1.2.4 (unreleased)\n------------------\n\n- All.\n",
        },
    ),
    "nox on virtualenv, build, twine, cold": Chain(
        steps=[["nox", "--default-venv-backend", "virtualenv", "-s", "release"]],
        needs=("nox",),
        files={"noxfile.py": IN_NOX},
        is_cold=True,
    ),
}


def ours(wheel: Path) -> dict[str, Chain]:
    """Our own ways, as a project that has adopted it has them; `wheel` is what it installs."""
    own = f'"nox-release @ {wheel.as_uri()}"'
    noxfile = template("noxfile.py").replace('"nox-release"', own)
    files, needs = {"noxfile.py": noxfile}, ("nox[uv]",)
    untried = f"{PYPROJECT}\n[tool.nox-release]\ninstall-check = false\n"
    chains = {
        "publish_release": Chain(steps=[OURS], files=files, needs=needs),
        "… without the install check": Chain(
            steps=[OURS], files={**files, "pyproject.toml": untried}, needs=needs
        ),
        "publish_rc": Chain(steps=[CANDIDATE], files=files, needs=needs, is_committed=False),
        "publish_release, cold": Chain(steps=[OURS], files=files, needs=needs, is_cold=True),
    }
    return {f"**{name}**": chain for name, chain in chains.items()}


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where chains are run: `place` for what is thrown away, `cache` for what is kept."""

    place: Path
    cache: Path

    def environment(self, needs: Sequence[str]) -> Path:
        """Return the folder of programs of an environment with these requirements."""
        name = re.sub(r"\W+", "-", "-".join(needs)) or "none"
        folder = self.cache / name
        if not (folder / "done").exists():
            subprocess.run(["uv", "venv", "--quiet", "--clear", "--seed", str(folder)], check=True)
            if needs:
                install = ["uv", "pip", "install", "--quiet", "--compile-bytecode"]
                subprocess.run([*install, "--python", str(folder), *needs], check=True)
            (folder / "done").touch()
        return folder / "bin"

    def project(self, chain: Chain, name: str) -> Path:
        """Make the project once, with its bare remote beside it: to be copied for each run."""
        folder = self.place / "projects" / name
        clone = folder / "sample"
        for path, text in {**FILES, **chain.files}.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text, encoding="utf-8")
        for words in (
            f"init -q --bare -b main {folder / 'remote.git'}",
            "init -q -b main",
            "add --all",
            "commit -qm Begin",
            "tag -am 1.2.3 v1.2.3",
            "remote add origin ../remote.git",
            "push -q -u origin main v1.2.3",
        ):
            subprocess.run(["git", *words.split()], cwd=clone, check=True)
        return folder

    def way(self, name: str, chain: Chain) -> Callable[[], Run]:
        """Return what releases a fresh copy of the project, and counts only that."""
        own = re.sub(r"\W+", "-", name)
        project, programs = self.project(chain, own), self.environment(chain.needs)
        kept = self.place / "kept" / own

        def release() -> Run:
            # The same path each time, as a maintainer has it.
            place = self.place / "runs" / own
            nox = place / "sample/.nox"
            if nox.exists() and not chain.is_cold:
                kept.mkdir(parents=True, exist_ok=True)
                nox.rename(kept / ".nox")
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(project, place, symlinks=True)
            if (kept / ".nox").exists():
                (kept / ".nox").rename(nox)
            if chain.is_cold:
                shutil.rmtree(kept, ignore_errors=True)
            (files := place / "index").mkdir()
            with serve(files) as (url, password):
                env = environ(programs, place, kept, url, password)
                _, run = timed(partial(carry_out, chain.steps, place / "sample", env))
            insist_on_release(place, chain, name)
            return run

        return release


def environ(programs: Path, home: Path, kept: Path, url: str, password: str) -> dict[str, str]:
    """Return the environment of a maintainer who has credentials for the index."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("NOX", "GITHUB"))}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # as on a maintainer's machine
    env.pop("VIRTUAL_ENV", None)
    pypirc = f"[distutils]\nindex-servers = pypi\n[pypi]\nrepository = {url}\n"
    (home / ".pypirc").write_text(f"{pypirc}username = {USER}\npassword = {password}\n")
    return {
        **env,
        "PATH": os.pathsep.join([str(programs), env["PATH"]]),
        "HOME": str(home),
        "UV_CACHE_DIR": env.get("UV_CACHE_DIR") or cache_of_uv(),
        "PIP_CACHE_DIR": env.get("PIP_CACHE_DIR") or str(Path.home() / ".cache/pip"),
        "NOX_RELEASE_CACHE": str(kept / "cache"),
        "TWINE_REPOSITORY_URL": url, "TWINE_USERNAME": USER, "TWINE_PASSWORD": password,
        "UV_PUBLISH_URL": url, "UV_PUBLISH_USERNAME": USER, "UV_PUBLISH_PASSWORD": password,
        "HATCH_INDEX_REPO": url, "HATCH_INDEX_USER": USER, "HATCH_INDEX_AUTH": password,
        "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        "NO_PROXY": "127.0.0.1",
        "GIT_CONFIG_COUNT": "1",  # python-semantic-release pushes to a URL
        "GIT_CONFIG_KEY_0": f"url.{home / 'remote.git'}.insteadOf",
        "GIT_CONFIG_VALUE_0": REMOTE,
    }  # fmt: skip


def cache_of_uv() -> str:
    done = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def carry_out(steps: Iterable[Sequence[str]], at: Path, env: Mapping[str, str]) -> None:
    for step in steps:
        call(step, at, env)


def call(argv: Sequence[str], at: Path, env: Mapping[str, str]) -> None:
    done = subprocess.run(
        argv, cwd=at, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def insist_on_release(place: Path, chain: Chain, name: str) -> None:
    """A run counts only if all of it arrived: both files, the branch and the tag."""
    version = "1.2.4" if chain.is_committed else "1.2.4rc1"
    wanted = {f"sample-{version}.tar.gz", f"sample-{version}-py3-none-any.whl"}
    there = {path.name for path in (place / "index").iterdir()}
    assert there == wanted, f"{name}: {there}"
    git = ["git", "--git-dir", str(place / "remote.git")]
    show = [*git, "show", "main:pyproject.toml", "main:src/sample/__init__.py"]
    said = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    tags = subprocess.run([*git, "tag"], capture_output=True, text=True, check=True).stdout
    is_there = bool(re.search(r'version(__)? = "1\.2\.[45]', said)) and "v1.2.4" in tags.split()
    assert is_there == chain.is_committed, f"{name}: {tags}"


def measure(cache: Path, turns: Turns) -> dict[str, Measured]:
    """Release in turn in every way, or those that are chosen by their names."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shop = Workshop(place=Path(folder), cache=cache)
        build = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(shop.place / "wheel"), "."]
        subprocess.run(build, cwd=Path(__file__).parents[2], check=True)
        (wheel,) = (shop.place / "wheel").glob("*.whl")
        chains = {**ours(wheel), **PEERS}
        chosen = {
            name: shop.way(name, chain)
            for name, chain in chains.items()
            if name == UV or not turns.only or any(word in name for word in turns.only)
        }
        return turns.take(chosen)


def show(measured: Mapping[str, Measured]) -> str:
    bases = {"to uv": UV, "to build and twine": COMMON}
    return table(measured, {title: name for title, name in bases.items() if name in measured})
