"""How long it takes until something is said."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.turns import Measured, Turns, table

if TYPE_CHECKING:
    from collections.abc import Mapping

BARE = "python -c pass"
COMMANDS = {
    BARE: ["-c", "pass"],
    "**python -m release --help**": ["-I", "-m", "release", "--help"],
    "**python -m release --version**": ["-I", "-m", "release", "--version"],
    "**nox -l**, with our sessions": ["-I", "-m", "nox", "-l"],
}
OFTEN = 4  # times as many runs: each is short


def measure(_cache: Path, turns: Turns) -> dict[str, Measured]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    run = partial(
        subprocess.run, cwd=Path(__file__).parents[2], env=env, check=True, capture_output=True
    )
    things = {name: partial(run, [sys.executable, *argv]) for name, argv in COMMANDS.items()}
    return turns.take(things, OFTEN)


def show(measured: Mapping[str, Measured]) -> str:
    more = 1000 * (measured["**python -m release --help**"].wall - measured[BARE].wall)
    return (
        f"{table(measured, {'to a bare Python': BARE})}\n\n--help: {more:.0f} ms over a bare Python"
    )
