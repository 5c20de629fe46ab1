"""Commands in processes of their own that don't start from nothing: half of a release is imports.

They are forked from a server that has imported it all, and else are what `subprocess` makes: they
have a session, a folder, an environment and an exit code of their own, and take signals.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.context import TimeoutError as Timeout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.process import BaseProcess
    from pathlib import Path

# All rooms, and what they import no sooner than it is needed.
IMPORTED = [
    "build", "filelock", "github", "keyring", "markdown_it", "platformdirs", "pypi_simple",
    "readme_renderer.rst", "requests", "rich.live", "rich.progress", "rich.prompt",
    "twine.commands.check", "twine.commands.upload", "release.__main__", "release.abandon",
    "release.build", "release.console", "release.prerelease", "release.publish", "release.resume",
    "release.status", "release.upload", "release.workspace", "release.yank", "tests.stopper",
]  # fmt: skip


class Forked:
    """A process that calls `main` with `argv` as its command line; what it prints is in `out`."""

    def __init__(
        self,
        main: Callable[[], object],
        argv: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        out: Path,
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(IMPORTED)
        self.out = out
        self.process: BaseProcess = context.Process(
            target=become, args=(main, argv, cwd, dict(env), out), daemon=True
        )
        self.process.start()

    @property
    def pid(self) -> int:
        """Also that of its process group."""
        assert self.process.pid
        return self.process.pid

    def wait(self, seconds: float) -> tuple[int, str]:
        """Return the exit code, that of a signal is below 0, and what was printed."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            raise Timeout(self.out.read_text(encoding="utf-8"))
        return self.process.exitcode, self.out.read_text(encoding="utf-8")


def become(
    main: Callable[[], object], argv: list[str], cwd: Path, env: dict[str, str], out: Path
) -> None:
    """Be another program in this process."""
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    printed = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
    sys.argv = argv
    main()
