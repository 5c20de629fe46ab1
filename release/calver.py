"""CalVer: versions that tell when they were made (https://calver.org)."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from packaging.version import Version

from release import ReleaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

KINDS = {
    "YYYY": "year", "YY": "year", "0Y": "year",
    "MM": "month", "0M": "month", "WW": "week", "0W": "week", "DD": "day", "0D": "day",
    "MAJOR": "major", "MINOR": "minor", "MICRO": "patch",
}  # fmt: skip
COUNTERS = ("major", "minor", "patch")
ORDER = re.compile(r"year( month( day)?| week)?( major)?( minor)?( patch)?")
SHORT_YEARS = 2000  # is year 0 of YY
LONGEST = 1000  # a year from here on is none of YY


def check_scheme(scheme: str) -> None:
    """Raise `UsageError` for anything but a year, finer dates, then counters."""
    if not ORDER.fullmatch(" ".join(KINDS.get(field, "?") for field in scheme.split("."))):
        raise UsageError(
            f"[tool.nox-release] scheme must be one of calendar versions, not {scheme!r}",
            "say the year, then month and day or week, then counters: YYYY.MM.DD, YY.MINOR.MICRO; "
            f"the fields are {', '.join(KINDS)}",
        )


def _kinds(scheme: str) -> list[str]:
    return [KINDS[field] for field in scheme.split(".")]


def widths(scheme: str) -> tuple[int, ...]:
    """Return how many digits each number has at least."""
    return tuple(2 if field.startswith("0") else 1 for field in scheme.split("."))


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """A scheme like `YYYY.MM.DD`, and what day it is."""

    scheme: str
    today: date

    @classmethod
    def on_the_day_of(cls, version: Version, scheme: str) -> Calendar:
        """Return the calendar on the first day that has such a version; else `ReleaseError`."""
        kinds, is_long = _kinds(scheme), scheme.startswith("YYYY")
        told = dict(zip(kinds, version.release, strict=False))
        with suppress(ValueError, OverflowError):  # no such date
            year = told["year"] + (0 if is_long else SHORT_YEARS)
            first = date(year, told.get("month", 1), told.get("day", 1))
            weeks = timedelta(weeks=told.get("week", 1) - 1)
            calendar = cls(scheme=scheme, today=first + weeks)
            fits = len(version.release) <= len(kinds) and is_long == (told["year"] >= LONGEST)
            if fits and calendar._counts(version) is not None:
                return calendar
        raise ReleaseError(
            f"{version} is no version of the scheme {scheme}", "say one that is, or `current`"
        )

    @property
    def levels(self) -> list[str]:
        """Return the levels that there are: `current`, and those that the scheme counts."""
        return [*(kind for kind in reversed(_kinds(self.scheme)) if kind in COUNTERS), "current"]

    def next(self, level: str, current: Version, taken: Collection[Version]) -> Version:
        """Return the version of today whose counter counts up from those `taken`.

        `level` says which counter, `current` the last one; `current` is what main says, if that is
        of today and higher. `ReleaseError` for a level that the scheme doesn't count.
        """
        if level not in self.levels:
            raise ReleaseError(
                f"versions like {self.scheme} have no {level} to raise",
                f"use {', '.join(self.levels)}, or say the version",
            )
        of_today = [
            counts
            for version in taken
            if version.epoch == current.epoch and not version.is_prerelease
            if (counts := self._counts(version)) is not None
        ]
        counts = self._raised(level, max(of_today, default=None))
        said = self._counts(current)
        if level == "current" and said:
            counts = max(counts, said)
        return Version(f"{current.epoch}!{'.'.join(map(str, (*self._dates, *counts)))}")

    def _raised(self, level: str, newest: tuple[int, ...] | None) -> tuple[int, ...]:
        """Return the counters after the `newest` of today, the first ones where there is none."""
        counters = [kind for kind in _kinds(self.scheme) if kind in COUNTERS]
        if not newest:
            return (0,) * len(counters)
        at = len(counters) - 1 if level == "current" else counters.index(level)
        return (*newest[:at], newest[at] + 1, *(0,) * (len(counters) - at - 1))

    @property
    def _dates(self) -> tuple[int, ...]:
        """Return the numbers that the versions of today begin with."""
        numbers = {
            "year": self.today.year - (0 if self.scheme.startswith("YYYY") else SHORT_YEARS),
            "month": self.today.month,
            "week": (self.today.timetuple().tm_yday - 1) // 7 + 1,
            "day": self.today.day,
        }
        return tuple(numbers[kind] for kind in _kinds(self.scheme) if kind in numbers)

    def _counts(self, version: Version) -> tuple[int, ...] | None:
        """Return the counters of a version of today, None for another day's."""
        dates, length = self._dates, len(_kinds(self.scheme))
        numbers = (*version.release, *(0,) * length)[:length]
        return numbers[len(dates) :] if numbers[: len(dates)] == dates else None
