"""Virtual environments: made by uv where it is there, else by virtualenv and pip."""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from release.process import ProgramFailed, capture
from release.tables import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SITES = ("lib/*/site-packages", "Lib/site-packages")  # there, and on Windows
ELSEWHERE = "direct_url.json"  # says where else a package came from (PEP 610)
ISOLATED = ("-I", "-m")  # a build.py or nox.py in the project is not what is meant


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment that has nothing but what was installed into it."""

    python: Path
    env: Mapping[str, str]
    uv: str | None
    is_kept: bool = False  # for others after this one: nothing that runs in it writes to it

    @classmethod
    def at(cls, path: Path, env: Mapping[str, str], *, is_kept: bool = False) -> Environment:
        """Return the one at `path`; programs get `env`."""
        python = path / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        return cls(python=python, env=env, uv=uv_in(env), is_kept=is_kept)

    @classmethod
    def fresh(cls, path: Path, env: Mapping[str, str], *, is_kept: bool = False) -> Environment:
        """Make an empty one at `path`; programs get `env`."""
        here = cls.at(path, env, is_kept=is_kept)
        if here.uv:
            argv = [here.uv, "venv", "--quiet", "--python", sys.executable]
        else:  # Nox brings virtualenv, which is five times faster than venv with ensurepip
            argv = [sys.executable, *ISOLATED, "virtualenv", "--quiet", "--no-periodic-update"]
            argv += ["--no-setuptools", *["--no-pip"] * _can_install_elsewhere()]  # twice as fast
        capture([*argv, str(path)], cwd=path.parent, env=env)
        return here

    def warm_up(self) -> None:
        """Let uv learn what it wants to know of an interpreter before it installs there."""
        if self.uv:
            argv = [self.uv, "pip", "list", "--quiet", "--python", str(self.python)]
            capture(argv, cwd=self.python.parent, env=self.env)

    def install(self, requirements: Iterable[str], at: Path, links: Path | None = None) -> None:
        """Install requirements (PEP 508) and wheels; nothing is done for none.

        The installer runs in the folder `at`, whose configuration counts. The folder `links` has
        further wheels.
        """
        if not (wanted := sorted(requirements)):
            return
        further = ["--find-links", str(links)] if links else []
        capture([*self._pip_install(), "--quiet", *further, *wanted], cwd=at, env=self.env)

    def _pip_install(self) -> list[str]:
        python = str(self.python)
        if self.uv:
            return [self.uv, "pip", "install", "--python", python]
        pip = ["-m", "pip", "--disable-pip-version-check"]
        if _can_install_elsewhere():
            return [sys.executable, "-I", *pip, "--python", python, "install"]
        return [python, "-I", *pip, "install"]

    def install_locked(self, lock: str, at: Path) -> None:
        """Let uv install what `resolved` has said, for a long time.

        No file is shared with uv's cache, as it would be by a hard link: what a build writes to it
        would get into every other environment.
        """
        argv = [*self._pip_install(), "--quiet", "--no-deps", "--require-hashes"]
        argv += ["--compile-bytecode", "--link-mode", "copy", "--requirements", "-"]
        env = dict(self.env)
        if not _requires_hashes(env):  # constraints, too, would have to have some
            env.pop("UV_CONSTRAINT", None)
        capture(argv, cwd=at, env=env, stdin=lock.encode())

    def installed(self) -> dict[str, bool]:
        """Return what is installed in it, as NAME==VERSION, and whether it came from an index."""
        from importlib.metadata import distributions

        top = self.python.parent.parent
        paths = [str(path) for at in SITES for path in top.glob(at)]
        return {
            f"{canonicalize_name(one.name)}=={one.version}": one.read_text(ELSEWHERE) is None
            for one in distributions(path=paths)
        }

    def programs_env(self) -> dict[str, str]:
        """Return the environment for what runs in it: its own programs first."""
        paths = [str(self.python.parent), self.env.get("PATH", os.defpath)]
        # On a full disk Python writes half of a compiled module, and doesn't notice.
        quiet = {"PYTHONDONTWRITEBYTECODE": "1"} if self.is_kept else {}
        return {**self.env, **quiet, "PATH": os.pathsep.join(paths)}


def uv_in(env: Mapping[str, str]) -> str | None:
    """Return the path of uv, None where it isn't there."""
    return shutil.which("uv", path=env.get("PATH"))


def _can_install_elsewhere() -> bool:
    """Say whether there is a pip beside us that knows `--python`."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Version(version("pip")) >= Version("22.3")
    except PackageNotFoundError:
        return False


def resolved(requirements: Sequence[str], at: Path, env: Mapping[str, str]) -> str | None:
    """Return what uv, in the folder `at`, would install for requirements, with hashes of the files.

    Where it requires hashes, these are those of its constraints. None where that can't be pinned,
    because it is a folder or a repository. Without uv nothing is resolved: "", and None for URLs.
    """
    if not (uv := uv_in(env)) or not requirements:
        return None if any("@" in one for one in requirements) else ""
    is_held = _requires_hashes(env)
    text = _compiled(
        uv, requirements, at, env, "lock.txt", *([] if is_held else ["--generate-hashes"])
    )
    entries = re.split(r"\n(?=\S)", text.strip())
    return text if is_held or all("--hash=" in entry for entry in entries) else None


def _requires_hashes(env: Mapping[str, str]) -> bool:
    return env.get("UV_REQUIRE_HASHES") == "1" and "UV_BUILD_CONSTRAINT" in env


def hashes(pinned: Sequence[str], at: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the sha256 of the file that uv, in the folder `at`, installs for each NAME==VERSION.

    That is one of those that `resolved` tells. None without uv, or where it finds one nowhere.
    """
    from packaging.pylock import Pylock, PylockSelectError

    if not (uv := uv_in(env)) or not pinned:
        return {}
    with suppress(ProgramFailed, PylockSelectError):
        text = _compiled(uv, pinned, at, env, "pylock.toml", "--no-deps", "--format=pylock.toml")
        return {
            f"{package.name}=={package.version}": getattr(file, "hashes", {}).get("sha256", "")
            for package, file in Pylock.from_dict(parse(text.encode())).select()
        }
    return {}


def _compiled(
    uv: str, wanted: Sequence[str], at: Path, env: Mapping[str, str], name: str, *options: str
) -> str:
    """Return the lock `name` that uv, in the folder `at`, makes of requirements."""
    with TemporaryDirectory() as folder:
        lock = Path(folder, name)  # a project may configure another one, in its own tree
        argv = [uv, "pip", "compile", "-", "--quiet", "--python", sys.executable, *options]
        argv += ["--no-annotate", "--no-header", "--output-file", str(lock)]
        capture(argv, cwd=at, env=env, stdin="\n".join(wanted).encode())
        return lock.read_text(encoding="utf-8")
