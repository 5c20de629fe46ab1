"""Run things in turn, A B C A B C, so that their ratios hold when the machine's speed drifts."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: seconds on the clock, and of processor time in programs."""

    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The counted runs of one thing."""

    name: str
    runs: tuple[Run, ...]

    @property
    def wall(self) -> float:
        return median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return median(run.cpu for run in self.runs)

    def ratio(self, other: Measured) -> float:
        """The median of the ratios of those runs that took turns."""
        pairs = zip(self.runs, other.runs, strict=True)
        return median(own.wall / theirs.wall for own, theirs in pairs)

    def shown(self) -> str:
        walls = [run.wall for run in self.runs]
        return f"{self.wall:.2f} [{min(walls):.2f}..{max(walls):.2f}]"


@dataclass(frozen=True, kw_only=True)
class Turns:
    """How things are run: each so often, after one run that isn't counted."""

    runs: int = 5
    only: Sequence[str] = ()  # those ways, or sizes, whose names have one of these in them
    is_quick: bool = False  # each once, and smaller: to see that they run

    def take(
        self, things: Mapping[str, Callable[[], object]], times: int = 1
    ) -> dict[str, Measured]:
        """Run all of them in turn; a thing may return the `Run` that counts for it."""
        found: dict[str, list[Run]] = {name: [] for name in things}
        for number in range(1 if self.is_quick else 1 + times * self.runs):
            for name, thing in things.items():
                told, run = timed(thing)
                if number or self.is_quick:
                    found[name].append(told if isinstance(told, Run) else run)
        return {name: Measured(name=name, runs=tuple(taken)) for name, taken in found.items()}


def timed(thing: Callable[[], object]) -> tuple[object, Run]:
    before, began = _cpu(), time.perf_counter()
    told = thing()
    return told, Run(wall=time.perf_counter() - began, cpu=_cpu() - before)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(measured: Mapping[str, Measured], bases: Mapping[str, str]) -> str:
    """A Markdown table; `bases` are titles of columns, and the things that ratios are taken to."""
    heads = ["", "wall s", "CPU s", *bases]
    rows = [
        [one.name, one.shown(), f"{one.cpu:.2f}"]
        + [f"{one.ratio(measured[base]):.2f}" for base in bases.values()]
        for one in measured.values()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])
