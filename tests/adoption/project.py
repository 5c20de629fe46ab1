"""A project as it is on PyPI, put back into git as its repository has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.version import Version
from pypi_simple import PyPISimple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_OURS = ("TWINE_", "GIT_", "NOX", "CI", "GITHUB_", "FORCE_COLOR", "NO_COLOR", "PYTHONDONT")
LIST = Path(__file__).with_name("projects.toml")
Change = tuple[str, str, str]  # path, text, the text in its place; no text: a new file


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """An entry of projects.toml, which says what the fields are for."""

    name: str
    version: str
    kind: str
    next: str
    lines: dict[str, int]
    tag: str = "{version}"
    level: str = "patch"
    written: str = ""
    changelog: str = ""
    fragments: tuple[str, ...] = ()
    folder: str = ""
    settings: str = ""
    why: str = ""
    expected: str = "ok"
    absent: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    in_git: tuple[Change, ...] = ()
    prepare: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    then: tuple[Change, ...] = ()
    then_tag: tuple[str, ...] = ()

    def tag_of(self, version: str) -> str:
        """Return the tag of `version` as this project spells it."""
        return self.tag.replace("{version}", version)

    @property
    def new(self) -> str:
        """Return the new version as files and tag have it."""
        return self.written or self.next

    @property
    def options(self) -> tuple[str, ...]:
        """Return what the command line needs to find the project."""
        return ("--package", self.folder) if self.folder else ()

    def path(self, path: str) -> str:
        """Return a path of the project as one of the repository."""
        return str(PurePosixPath(self.folder, path))


def load(names: Iterable[str] = ()) -> list[Adopted]:
    """Return the projects with these names, or all of them."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    projects = [Adopted(**_frozen(entry)) for entry in table["project"]]
    wanted = list(names)
    if unknown := set(wanted) - {one.name for one in projects}:
        sys.exit(f"{LIST.name} doesn't have {', '.join(sorted(unknown))}")
    return [one for one in projects if not wanted or one.name in wanted]


def _frozen(value: Any) -> Any:  # noqa: ANN401 - TOML in, the same with tuples out
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return {key: _frozen(one) for key, one in value.items()} if isinstance(value, dict) else value


def download(project: Adopted, folder: Path) -> Path:
    """Return the project's sdist, which is downloaded once."""
    with PyPISimple() as index:
        names = {
            package.filename: package
            for package in index.get_project_page(project.name).packages
            if package.package_type == "sdist"
            and Version(package.version or "0") == Version(project.version)
        }
        ((filename, package),) = names.items()
        path = folder / filename
        if not path.exists():
            index.download_package(package, path)
    return path


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a machine of its own: an empty home, an identity, no credentials."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(NOT_OURS)}
    return {
        **ours,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "NO_PROXY": "127.0.0.1",
    }


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A project in a clone of its own, beside the bare remote."""

    project: Adopted
    clone: Path
    remote: Path
    env: dict[str, str]

    @classmethod
    def of(cls, project: Adopted, sdist: Path, folder: Path, env: dict[str, str]) -> Repository:
        """Commit the sdist, tag that, go on developing, and push it all to a remote."""
        made = cls(project=project, clone=folder / "clone", remote=folder / "remote.git", env=env)
        made.unpack(sdist)
        made.change(project.in_git)
        made.git("init", "--quiet", "--bare", "--initial-branch=main", str(made.remote))
        made.git("init", "--quiet", "--initial-branch=main")
        if project.prepare:
            made.python(*project.prepare)
        made.commit("Begin", *project.forced)
        for tag in (project.tag_of(project.version), *project.then_tag):
            made.git("tag", "--annotate", "--message", tag, tag)
        made.change(project.then or (("NEXT.txt", "", "Nothing that matters.\n"),))
        made.commit("Go on")
        made.git("remote", "add", "origin", str(made.remote))
        made.git("push", "--quiet", "--set-upstream", "--follow-tags", "origin", "main")
        return made

    @property
    def root(self) -> Path:
        """Return the project's own folder."""
        return self.clone / self.project.folder

    def git(self, *args: str, at: Path | None = None) -> str:
        """Run git in the clone and return what it prints."""
        return subprocess.run(
            ["git", *args], cwd=at or self.clone, env=self.env, check=True,
            stdout=subprocess.PIPE, encoding="utf-8", errors="surrogateescape",
        ).stdout.strip()  # fmt: skip

    def diffs(self, base: str) -> dict[str, str]:
        """Return what changed since a commit: unified diffs by path."""
        paths = self.git("diff", "--name-only", "--no-renames", base, "HEAD").splitlines()
        return {path: self.git("diff", base, "HEAD", "--", path) for path in paths}

    def python(self, *args: str) -> None:
        """Run Python in the project's folder."""
        subprocess.run(
            [sys.executable, *args], cwd=self.root, env=self.env, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def unpack(self, sdist: Path) -> None:
        """Put what git holds of an sdist into the clone."""
        place = self.clone.parent / "sdist"
        with tarfile.open(sdist) as archive:
            archive.extractall(place, filter="data")
        (top,) = place.iterdir()
        self.root.parent.mkdir(parents=True, exist_ok=True)
        top.rename(self.root)
        (self.root / "PKG-INFO").unlink()
        for path in self.root.rglob("*.egg-info/*"):
            path.unlink()
        for absent in self.project.absent:
            (self.root / absent).unlink()
        for old, new in self.project.renamed.items():
            (self.root / old).replace(self.root / new)
        if self.project.settings:
            with (self.root / "pyproject.toml").open("a", encoding="utf-8") as file:
                file.write(f"\n[tool.nox-release]\n{self.project.settings}\n")

    def change(self, changes: Iterable[Change]) -> None:
        """Replace text that is there exactly once, or make new files."""
        for name, old, new in changes:
            path = self.root / name
            if old:
                text = path.read_bytes().decode()
                if text.count(old) != 1:
                    raise LookupError(f"{name} has {old!r} {text.count(old)} times")
                path.write_bytes(text.replace(old, new).encode())
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(new.encode())

    def commit(self, message: str, *forced: str) -> None:
        """Commit everything, and what is ignored of `forced`."""
        self.git("add", "--all")
        if forced:
            self.git("add", "--force", *forced)
        self.git("commit", "--quiet", "--message", message)


def spells(version: str) -> re.Pattern[str]:
    """Return what finds a version in any spelling: 1.2.3, (1, 2, 3), minor=2, 0x010203."""
    release = Version(version).release
    parts = r"[^0-9A-Fa-f]{1,14}".join(f"0*{number}" for number in release)
    packed = "".join(f"{number:02x}" for number in release)
    part = r"\b(major|minor|micro|patch)=\d"
    return re.compile(rf"(?<![0-9]){parts}(?![0-9])|0x{packed}\b|{part}")
