"""The project's own commands: run in a temporary worktree, for what they print or change."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from release import ReleaseError
from release.clone import REPOSITORY_VARIABLES
from release.process import ProgramFailed, capture
from release.worktree import AS_COMMITTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.git import Git

# What one Nox tells its sessions would mislead the Nox that runs the tests; modules that Python is
# told of would get into environments that are to have none.
INNER = ("NOX", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
FORGE_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")  # git's credential helper may need them; no other does


def programs_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for programs of the project: the tools of this one come first."""
    kept = {key: value for key, value in env.items() if not key.startswith(INNER + FORGE_TOKENS)}
    tools = str(Path(sys.executable).parent)
    return {**kept, "PATH": os.pathsep.join([tools, kept.get("PATH", os.defpath)])}


def located(command: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return a command with the path of its program; Windows looks in no other PATH by itself."""
    return [shutil.which(command[0], path=env.get("PATH")) or command[0], *command[1:]]


def printed(command: Sequence[str], here: Git, folder: str = "") -> str:
    """Run a command in a folder of a worktree, and return what it prints, without space around it.

    Raises `ReleaseError` when it can't be started or fails.
    """
    env = {key: one for key, one in here.env.items() if key not in REPOSITORY_VARIABLES}
    env = programs_env(env) | {"PYTHONDONTWRITEBYTECODE": "1"}  # caches would be new files
    try:
        return (
            capture(located(command, env), cwd=here.root / folder, env=env)
            .decode("utf-8", "replace")
            .strip()
        )
    except ProgramFailed as error:
        failed = f"`{shlex.join(command)}` failed (exit code {error.returncode})"
        raise ReleaseError(
            f"{failed}:\n{error.output.strip()}",
            "mend that, commit and push it, and type the command again",
        ) from error
    except ReleaseError as error:
        raise ReleaseError(
            f"the release needs `{command[0]}`: {error}",
            f'let the sessions install it: session.install("{command[0]}")',
        ) from error


def written(here: Git) -> str:
    """Return the tree of a worktree: what is tracked, and new files that aren't ignored.

    What only this user ignores counts too: another machine must come to the same.
    """
    here(*AS_COMMITTED, "-c", "core.excludesFile=", "add", "--all")
    return here("write-tree")
