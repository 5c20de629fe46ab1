"""Fresh virtual environments: made by uv where it is there, else by virtualenv and pip."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.process import capture

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

ISOLATED = ("-I", "-m")  # a build.py or nox.py in the project is not what is meant


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment that has nothing but what was installed into it."""

    python: Path
    env: Mapping[str, str]
    uv: str | None

    @classmethod
    def fresh(cls, path: Path, env: Mapping[str, str]) -> Environment:
        """Make an empty one at `path`; programs get `env`."""
        if uv := shutil.which("uv", path=env.get("PATH")):
            argv = [uv, "venv", "--quiet", "--python", sys.executable]
        else:  # Nox brings virtualenv, which is five times faster than venv with ensurepip
            argv = [sys.executable, *ISOLATED, "virtualenv", "--quiet", "--no-periodic-update"]
            argv += ["--no-setuptools"]  # nobody asked for it
        capture([*argv, str(path)], cwd=path.parent, env=env)
        python = path / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        return cls(python=python, env=env, uv=uv)

    def install(self, requirements: Iterable[str], at: Path, links: Path | None = None) -> None:
        """Install requirements (PEP 508) and wheels; nothing is done for none.

        The installer runs in the folder `at`, whose configuration counts. The folder `links` has
        further wheels.
        """
        if not (wanted := sorted(requirements)):
            return
        pip = [self.uv, "pip", "install", "--python", str(self.python)] if self.uv else [
            str(self.python), *ISOLATED, "pip", "install", "--disable-pip-version-check",
        ]  # fmt: skip
        further = ["--find-links", str(links)] if links else []
        capture([*pip, "--quiet", *further, *wanted], cwd=at, env=self.env)

    def programs_env(self) -> dict[str, str]:
        """Return the environment for what runs in it: its own programs first."""
        paths = [str(self.python.parent), self.env.get("PATH", os.defpath)]
        return {**self.env, "PATH": os.pathsep.join(paths)}
