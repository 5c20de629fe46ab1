"""Calendar versions: the one of today, whatever was taken, and the same one again later."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release import ReleaseError, UsageError
from release.calver import Calendar, check_scheme, widths
from release.version import Bump, next_version, objection, outcomes, remade

SCHEMES = ["YYYY.MM.DD", "YY.MM", "YYYY.0M.0D", "YYYY.MM.MICRO", "YY.MINOR.MICRO", "0Y.0W.MICRO",
           "YYYY", "YYYY.MM.DD.MICRO", "YY.WW", "YYYY.MAJOR.MINOR.MICRO"]  # fmt: skip
relaxed = settings(deadline=None, max_examples=200)
days = st.dates(date(2001, 1, 1), date(2150, 12, 31))


def versions(text: str) -> list[Version]:
    return [Version(one) for one in text.split()]


@pytest.mark.parametrize(
    ("scheme", "day", "current", "bump", "taken", "result"),
    [
        ("YYYY.MM.DD", "2026-08-17", "2026.8.3", "current", "2026.8.3", "2026.8.17"),
        ("YYYY.0M.0D", "2026-08-07", "2026.8.3", "current", "2026.8.3", "2026.8.7"),
        ("YYYY.MM.DD", "2026-08-17", "1.2.3", "current", "1.2.3", "2026.8.17"),
        ("YYYY.MM.DD", "2026-08-17", "1!2026.8.3", "current", "", "1!2026.8.17"),
        ("YYYY.MM.DD", "2026-08-17", "2026.8.17", "current", "", "2026.8.17"),
        ("YYYY.MM.DD", "2026-08-17", "2026.8.18.dev0", "current", "", "2026.8.17"),
        ("YYYY.MM.DD", "2026-08-18", "2026.8.18.dev0", "current", "2026.8.17", "2026.8.18"),
        ("YY.MM", "2026-08-17", "26.7", "current", "26.7", "26.8"),
        ("0Y.0M", "2106-08-17", "26.7", "current", "26.7", "106.8"),
        ("YYYY.WW", "2026-01-07", "2025.52", "current", "", "2026.1"),
        ("YYYY.WW", "2026-01-08", "2025.52", "current", "", "2026.2"),
        ("YYYY.WW", "2026-12-31", "2025.52", "current", "", "2026.53"),
        # counters
        ("YYYY.MM.MICRO", "2026-08-17", "2026.7.4", "current", "2026.7.4", "2026.8.0"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.0", "current", "2026.8.0", "2026.8.1"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.0", "current", "", "2026.8.0"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.0", "current", "2026.8 2026.8.9", "2026.8.10"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.0", "current", "1!2026.8.9", "2026.8.0"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.4.dev0", "current", "2026.8.2", "2026.8.4"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.4.dev0", "current", "2026.8.4", "2026.8.5"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.7.4", "current", "2026.8.0rc1", "2026.8.0"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.0", "patch", "2026.8.0", "2026.8.1"),
        ("YY.MINOR.MICRO", "2026-08-17", "26.1.0", "current", "26.0.0 26.1.0", "26.1.1"),
        ("YY.MINOR.MICRO", "2026-08-17", "26.1.0", "minor", "26.0.0 26.1.4", "26.2.0"),
        ("YY.MINOR.MICRO", "2026-08-17", "26.1.0", "patch", "26.0.0 26.1.4", "26.1.5"),
        ("YY.MINOR.MICRO", "2026-08-17", "25.3.1", "minor", "25.3.1", "26.0.0"),
        ("YY.MINOR", "2026-08-17", "26.1", "current", "26.1.0 26.1.4", "26.2"),
        # a version that is said
        ("YYYY.MM.DD", "2026-08-17", "2026.8.3", "2026.8.16", "", "2026.8.16"),
        ("YYYY.MM.DD", "2026-08-17", "2026.8.3", "2026.8.17.post1", "2026.8.17", "2026.8.17.post1"),
        ("YY.MINOR.MICRO", "2026-08-17", "26.1.0", "26.7", "", "26.7"),
        # a candidate
        ("YYYY.MM.DD", "2026-08-17", "2026.8.3", "current --pre rc", "", "2026.8.17rc1"),
        ("YYYY.MM.MICRO", "2026-08-17", "2026.8.0", "current --pre rc", "2026.8.0 2026.8.1rc1",
         "2026.8.1rc2"),
    ],
)  # fmt: skip
def test_the_version_is_that_of_today(
    scheme: str, day: str, current: str, bump: str, taken: str, result: str
) -> None:
    calendar = Calendar(scheme=scheme, today=date.fromisoformat(day))
    target, _, pre = bump.partition(" --pre ")
    typed = Bump.parse(target, pre or None)
    assert str(next_version(Version(current), typed, versions(taken), calendar)) == result


def test_a_second_release_on_a_day_that_has_one_version_is_objected_to() -> None:
    calendar, taken = Calendar(scheme="YYYY.MM.DD", today=date(2026, 8, 17)), versions("2026.8.17")
    again = next_version(taken[0], Bump.parse("current"), taken, calendar)
    problem = objection(again, taken[0], taken)
    assert problem
    assert problem.message == "2026.8.17 is on the index already"


@pytest.mark.parametrize(
    ("scheme", "level", "levels"),
    [
        ("YYYY.MM.DD", "minor", "current"),
        ("YYYY.MM.DD", "patch", "current"),
        ("YYYY.MM.MICRO", "minor", "patch, current"),
        ("YY.MINOR.MICRO", "major", "patch, minor, current"),
    ],
)
def test_a_level_that_the_scheme_does_not_count_is_refused(
    scheme: str, level: str, levels: str
) -> None:
    calendar = Calendar(scheme=scheme, today=date(2026, 8, 17))
    with pytest.raises(ReleaseError, match=f"versions like {scheme} have no {level}") as refused:
        next_version(Version("2026.8.3"), Bump.parse(level), (), calendar)
    assert refused.value.hints == [f"use {levels}, or say the version"]


@pytest.mark.parametrize(
    ("scheme", "version"),
    [
        ("YYYY.MM.DD", "2026.13.1"), ("YYYY.MM.DD", "2026.2.30"), ("YYYY.MM.DD", "2026.8"),
        ("YYYY.MM.DD", "2026.8.17.1"), ("YYYY.MM.DD", "1.3.0"), ("YYYY.MM", "0.1"),
        ("YYYY.MM.DD", "2026.0.1"), ("YYYY", f"{10**9}"), ("YYYY", f"{10**30}"),
        ("YY.WW", "26.54"), ("YY.WW", "26.0"), ("YY.WW", f"26.{10**12}"), ("YY.MM", "2026.8"),
    ],
)  # fmt: skip
def test_a_version_that_does_not_fit_the_scheme_is_refused(scheme: str, version: str) -> None:
    calendar = Calendar(scheme=scheme, today=date(2026, 8, 17))
    with pytest.raises(ReleaseError, match="is no version of the scheme"):
        next_version(Version("2026.8.3"), Bump.parse(version), (), calendar)


@pytest.mark.parametrize(
    "scheme",
    ["", "x", "yyyy.mm.dd", "YYYY-MM-DD", "MM.DD", "YYYY.DD", "YYYY.DD.MM", "MAJOR.YYYY", "YYYY.",
     "YYYY.MM.YY", "YYYY.MM.WW", "YYYY.MICRO.MINOR", "YYYY.MICRO.MICRO", "MAJOR.MINOR.MICRO"],
)  # fmt: skip
def test_a_scheme_whose_versions_would_not_grow_is_refused(scheme: str) -> None:
    with pytest.raises(UsageError, match="scheme must be one of calendar versions"):
        check_scheme(scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_of_years_dates_and_counters_is_taken(scheme: str) -> None:
    check_scheme(scheme)


def test_a_zero_in_the_scheme_pads() -> None:
    assert widths("YYYY.0M.0D.MICRO") == (1, 2, 2, 1)


def test_only_the_levels_of_the_scheme_are_offered() -> None:
    calendar = Calendar(scheme="YY.MINOR.MICRO", today=date(2026, 8, 17))
    offered = outcomes(Version("26.1.0"), versions("26.1.0"), calendar)
    assert offered == [("patch", "26.1.1"), ("minor", "26.2.0"), ("current", "26.1.1")]


@relaxed
@given(st.sampled_from(SCHEMES), st.lists(days, min_size=1, max_size=6))
def test_versions_grow_from_day_to_day(scheme: str, dates: list[date]) -> None:
    taken: list[Version] = []
    for day in sorted(dates):
        current = taken[-1] if taken else Version("0")
        calendar = Calendar(scheme=scheme, today=day)
        version = next_version(current, Bump.parse("current"), taken, calendar)
        is_counted = set(scheme.split(".")) & {"MAJOR", "MINOR", "MICRO"}
        assert version > current or (version == current and not is_counted)
        assert next_version(version, Bump.parse("current"), taken, calendar) == version
        taken.append(version)


@relaxed
@given(st.sampled_from(SCHEMES), st.lists(days, min_size=1, max_size=6), st.data())
def test_a_release_that_goes_on_another_day_has_the_same_version(
    scheme: str, dates: list[date], data: st.DataObject
) -> None:
    taken, current = {Version("0")}, Version("0")
    for day in sorted(dates):
        calendar = Calendar(scheme=scheme, today=day)
        level = data.draw(st.sampled_from(calendar.levels))
        version = next_version(current, Bump.parse(level), taken, calendar)
        for known in (taken, {*taken, version}):
            others = known - {version}
            assert remade(version, current, Bump.parse(level), others, scheme) == version
        taken, current = {*taken, version}, version


def test_a_version_that_nothing_made_is_not_made_again() -> None:
    for version, bump in (
        ("2026.8.2", "current"),
        ("1.3.0", "current"),
        ("2026.8.1", "2026.8.0"),
        ("2026.8.1", "minor"),
    ):
        again = remade(Version(version), Version("2026.7.0"), Bump.parse(bump), (), "YYYY.MM.MICRO")
        assert again != Version(version)


@relaxed
@given(st.sampled_from(SCHEMES), st.lists(st.integers(0, 2200), min_size=1, max_size=5))
def test_any_version_fits_a_scheme_or_is_refused(scheme: str, numbers: list[int]) -> None:
    version = Version(".".join(map(str, numbers)))
    try:
        calendar = Calendar.on_the_day_of(version, scheme)
    except ReleaseError:
        return
    made = next_version(version, Bump.parse("current"), (), calendar)
    assert made.release[: len(version.release)] == version.release
