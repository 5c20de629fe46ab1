"""Commands in processes of their own that don't start from nothing: half of a release is imports.

They are forked from a server that has imported it all, and else are what `subprocess` makes: they
have a session, a folder, an environment and an exit code of their own, and take signals.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.process import BaseProcess
    from pathlib import Path

# All rooms, and what they import no sooner than it is needed.
IMPORTED = [
    "build", "filelock", "github", "markdown_it", "platformdirs", "pypi_simple",
    "readme_renderer.rst", "requests", "rich.live", "rich.progress", "rich.prompt",
    "twine.commands.check", "twine.commands.upload", "release.__main__", "release.abandon",
    "release.build", "release.console", "release.prerelease", "release.publish", "release.resume",
    "release.status", "release.upload", "release.workspace", "release.yank", "tests.stopper",
]  # fmt: skip


class Forked:
    """A process that calls `main` with the command line `argv`, and is used like a `Popen`.

    It writes what it prints to the files `out` and `err`, which may be one.
    """

    def __init__(
        self,
        main: Callable[[], object],
        argv: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        printed: tuple[Path, Path],
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(IMPORTED)
        self.printed = printed
        self.process: BaseProcess = context.Process(
            target=become, args=(main, argv, cwd, dict(env), printed), daemon=True
        )
        self.process.start()

    @property
    def pid(self) -> int:
        """Also that of its process group."""
        assert self.process.pid
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code; that of a signal is below 0."""
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Return the exit code."""
        self.process.join(timeout)
        if self.returncode is None:
            self.process.kill()
            raise TimeoutError(*map(read, self.printed))
        return self.returncode

    def communicate(self, timeout: float = 120) -> tuple[str, str]:
        """Return what was printed, and as errors."""
        self.wait(timeout)
        out, err = map(read, self.printed)
        return out, err

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def become(
    main: Callable[[], object],
    argv: list[str],
    cwd: Path,
    env: dict[str, str],
    printed: tuple[Path, Path],
) -> None:
    """Be another program in this process."""
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate((os.devnull, *map(str, printed))):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = argv
    main()
