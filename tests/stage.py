"""A project, its remote and an index, to release on."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from release.__main__ import main, run
from release.index import Index
from tests.forked import Forked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from tests.github.forge import Forge
    from tests.slack import Channel

PYPROJECT = """\
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "acme"
version = "1.2.3"  # kept by the release
description = "A sample."
readme = "README.md"
requires-python = ">=3.10"
"""
NOXFILE = """\
import nox

@nox.session(venv_backend="none")
def tests(session):
    session.run("python", "-c", "import acme", external=True)
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "README.md": "# acme\n\nA sample.\n",
    "acme.py": '"""A sample."""\n',
    "noxfile.py": NOXFILE,
}


# The same for tests to which it doesn't matter how it is built and tried: that is half of the time.
BACKEND = """\
import base64, hashlib, io, pathlib, re, tarfile, zipfile

VERSION = re.search('version = "(.*?)"', pathlib.Path("pyproject.toml").read_text())[1]
METADATA = f"Metadata-Version: 2.1\\nName: acme\\nVersion: {VERSION}\\nSummary: A sample.\\n"
METADATA += "Description-Content-Type: text/markdown\\n\\n# acme\\n"
WHEEL = "Wheel-Version: 1.0\\nGenerator: acme\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"

def build_wheel(folder, *args):
    name, info = f"acme-{VERSION}-py3-none-any.whl", f"acme-{VERSION}.dist-info"
    files = {"acme.py": pathlib.Path("acme.py").read_text(), f"{info}/METADATA": METADATA}
    files[f"{info}/WHEEL"] = WHEEL
    record = "".join(row(path, text.encode()) for path, text in files.items())
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\\n"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(zipfile.ZipInfo(path), text)
    return name

def row(path, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(data)}\\n"

def build_sdist(folder, *args):
    name = f"acme-{VERSION}.tar.gz"
    texts = {path: pathlib.Path(path).read_text() for path in ("pyproject.toml", "acme.py", "backend.py")}
    with tarfile.open(pathlib.Path(folder, name), "w:gz") as sdist:
        for path, text in {**texts, "PKG-INFO": METADATA}.items():
            member = tarfile.TarInfo(f"acme-{VERSION}/{path}")
            member.size = len(text.encode())
            sdist.addfile(member, io.BytesIO(text.encode()))
    return name
"""  # noqa: E501
QUICK = (
    PYPROJECT.replace('["flit_core"]', "[]").replace(
        '"flit_core.buildapi"', '"backend"\nbackend-path = ["."]'
    )
    + "\n[tool.nox-release]\ninstall-check = false\n"
)
QUICK_FILES = {**FILES, "pyproject.toml": QUICK, "backend.py": BACKEND}


class Sources(dict[str, bytes]):
    """The files of a project that is nowhere but here."""

    def read(self, path: str) -> bytes | None:
        return self.get(path)

    def real(self, path: str) -> str:
        return path

    tags: tuple[str, ...] = ()
    folder = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self)


def with_backend(script: str) -> dict[str, str | bytes]:
    """The sample's files with a build backend of its own, which may begin with flit's."""
    pyproject = PYPROJECT.replace(
        'build-backend = "flit_core.buildapi"', 'build-backend = "backend"\nbackend-path = ["."]'
    )
    include = '\n[tool.flit.sdist]\ninclude = ["backend.py"]\n'
    return {"pyproject.toml": pyproject + include, "backend.py": script}


@dataclass
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document that `--json` prints."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def problems(self) -> str:
        return self.err


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """An index on this machine: the folder of its files, and how it is reached."""

    files: Path
    url: str
    password: str


@dataclass
class Stage:
    """A project in a clone, its bare remote, and an index with the files that were published."""

    clone: Path
    remote: Path
    files: Path
    url: str
    password: str
    capture: Callable[[], Any]
    monkeypatch: pytest.MonkeyPatch
    hub: Forge | None = None
    slack: Channel | None = None

    def git(self, *args: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=at or self.clone, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def run(self, *args: str, at: Path | None = None) -> Result:
        """Call the command line in this process, from the clone."""
        self.monkeypatch.chdir(at or self.clone)
        self.capture()
        try:
            code = main([*args])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = self.capture()
        return Result(code, captured.out, captured.err)

    def spawn(self, *args: str, at: Path | None = None) -> subprocess.Popen[str]:
        """Start the command line as a process of its own, from the clone."""
        return subprocess.Popen(
            [sys.executable, "-I", "-m", "release", *args],
            cwd=at or self.clone,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def fork(self, *args: str, at: Path | None = None) -> Forked:
        """Do as `spawn` does, in less time; what is printed can be read at the end.

        Nothing is imported any more, and other processes see the environment of those of tests.
        """
        if sys.platform == "win32":
            return self.spawn(*args, at=at)
        place = Path(mkdtemp(dir=self.clone.parent))
        return Forked(
            run,
            ["release", *args],
            cwd=at or self.clone,
            env=os.environ,
            printed=(place / "out", place / "err"),
        )

    def write(self, path: str, text: str | bytes) -> None:
        target = self.clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def commit(self, files: dict[str, str | bytes], *, push: bool = True) -> str:
        for path, text in files.items():
            self.write(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--message", "Change")
        if push:
            self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def hook(self, name: str, script: str, at: Path | None = None) -> None:
        path = (at or self.clone / ".git") / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def other_clone(self, name: str = "elsewhere") -> Path:
        place = self.clone.parent / name
        self.git("clone", "--quiet", str(self.remote), str(place), at=self.remote)
        return place

    def merge(self, branch: str) -> None:
        """Merge a branch of the remote into main, as people do on a forge."""
        place = self.other_clone(f"forge-{secrets.token_hex(4)}")
        message = f"Merge {branch}"
        self.git("merge", "--quiet", "--no-ff", "--message", message, f"origin/{branch}", at=place)
        self.git("push", "--quiet", "origin", "HEAD:main", at=place)
        shutil.rmtree(place)

    @property
    def index(self) -> Index:
        return Index(repository=self.url)

    def published(self) -> list[str]:
        return sorted(path.name for path in self.files.iterdir())

    def remote_refs(self) -> dict[str, str]:
        rows = self.git("for-each-ref", "--format=%(refname) %(objectname)", at=self.remote)
        return dict(row.split() for row in rows.splitlines())

    def state(self) -> tuple[object, ...]:
        """Everything that a refused command must leave as it was."""
        return (
            self.published(),
            self.remote_refs(),
            self.git("for-each-ref"),
            self.git("symbolic-ref", "HEAD") if self.on_branch() else self.git("rev-parse", "HEAD"),
            self.git("status", "--porcelain", "--ignored"),
            self.git("stash", "list"),
            self.git("worktree", "list").splitlines()[1:],
            {
                str(path): path.read_bytes()
                for path in self.clone.rglob("*")
                if path.is_file() and ".git" not in path.parts
            },
        )

    def on_branch(self) -> bool:
        command = ["git", "symbolic-ref", "--quiet", "HEAD"]
        return (
            subprocess.run(command, cwd=self.clone, capture_output=True, check=False).returncode
            == 0
        )

    def install(self, version: str) -> str:
        """Install acme with pip from the index, and return the version that its metadata has."""
        place = self.clone.parent / f"installed-{version}"
        subprocess.run(
            [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-deps",
             "--target", str(place), "--index-url", f"{self.url}simple/", f"acme=={version}"],
            check=True,
        )  # fmt: skip
        (folder,) = place.glob("acme-*.dist-info")
        return folder.name.split("-")[1].removesuffix(".dist")


def laid_out(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a bare remote in a folder, and a clone of it that is returned: acme 1.2.3, tagged."""
    remote, clone = folder / "remote.git", folder / "acme"

    def git(*args: str, at: Path = clone) -> None:
        subprocess.run(["git", *args], cwd=at, check=True, capture_output=True)

    git("init", "--quiet", "--bare", "--initial-branch=main", str(remote), at=folder)
    git("init", "--quiet", "--initial-branch=main", str(clone), at=folder)
    for path, text in files.items():
        (clone / path).write_text(text, encoding="utf-8")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Begin")
    git("tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    git("remote", "add", "origin", "../remote.git")
    git("push", "--quiet", "--set-upstream", "origin", "main", "v1.2.3")
    (clone / "new.py").write_text("", encoding="utf-8")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Add something")
    git("push", "--quiet", "origin", "main")
    return clone


def stopped_at_the_push(stage: Stage, *options: str) -> Result:
    """Begin a release whose files are uploaded, and whose push the remote refuses."""
    stage.hook("update", 'case "$1" in refs/tags/*) echo "frozen" >&2; exit 1;; esac', stage.remote)
    done = stage.run("publish", "minor", *options)
    assert done.code == 3, done.out + done.err
    (stage.remote / "hooks/update").unlink()
    return done
