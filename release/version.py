"""What comes after this version: arithmetic over PEP 440, refusing wherever tools disagree."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from packaging.version import Version

from release import Problem, ReleaseError, UsageError
from release.calver import Calendar

if TYPE_CHECKING:
    from collections.abc import Collection

Pre = Literal["rc", "a", "b", "dev"]
PARTS = ("major", "minor", "patch")
LEVELS = (*PARTS, "current")


@dataclass(frozen=True, kw_only=True)
class Bump:
    """What the maintainer asked for: a level or an explicit version, and a pre-release kind."""

    target: str | Version
    pre: Pre | None = None

    @classmethod
    def parse(cls, text: str, pre: str | None = None) -> Bump:
        """Read `major`, `minor`, `patch`, `current` or a PEP 440 version; else `UsageError`."""
        if pre is not None and pre not in get_args(Pre):
            raise UsageError(
                f"unknown pre-release kind {pre!r}", f"use one of {', '.join(get_args(Pre))}"
            )
        kind: Pre | None = pre  # type: ignore[assignment]
        if text in LEVELS:
            return cls(target=text, pre=kind)
        try:
            version = Version(text)
        except ValueError:  # InvalidVersion, or a number longer than Python reads
            near = difflib.get_close_matches(text.lower(), LEVELS, n=1)
            raise UsageError(
                f"{text!r} is neither a level nor a version (PEP 440)",
                f"did you mean {near[0]}?" if near else f"levels are {', '.join(LEVELS)}",
            ) from None
        if version.local:
            raise UsageError(
                f"{version} has a local label; indexes take public versions only",
                f"use {version.public}",
            )
        if kind and version != Version(version.base_version):
            raise UsageError(
                f"the number in {version} comes from the index and isn't typed",
                f"nox -s publish_rc -- {version.base_version} --pre {kind}",
            )
        return cls(target=version, pre=kind)

    def __str__(self) -> str:
        """Return it as typed on the command line."""
        return f"{self.target} --pre {self.pre}" if self.pre else str(self.target)


def next_version(
    current: Version, bump: Bump, taken: Collection[Version], calendar: Calendar | None = None
) -> Version:
    """Return the version that `bump` makes of `current`, given the versions that are `taken`.

    With a calendar it is a version of today. Raises `ReleaseError` where the field's tools give two
    answers: from 1.3.0rc1, `minor` is 1.3.0 for poetry and npm but 1.4.0 for uv and hatch; and
    where `current` has been released. Whether the result may be is for `objection`.
    """
    if isinstance(bump.target, Version):
        final = bump.target
        if calendar:
            Calendar.on_the_day_of(final, calendar.scheme)
    elif calendar:
        final = calendar.next(bump.target, current, taken)
    elif bump.target == "current":
        final = _finished_or_refused(current, bump, taken)
    else:
        final = _raised_or_refused(current, bump, taken)
    return _numbered(final, bump.pre, {*taken, current}) if bump.pre else final


def remade(
    version: Version, current: Version, bump: Bump, others: Collection[Version], scheme: str
) -> Version | None:
    """Return what `bump` made of `current` on the day that `version` tells, beside `others`.

    None where it made nothing. If it isn't `version`, that was made in another way.
    """
    try:
        calendar = Calendar.on_the_day_of(version, scheme) if scheme else None
        return next_version(current, bump, others, calendar)
    except ReleaseError:
        return None


def next_development(version: Version, before: Version) -> Version:
    """Return the development version that follows the release of `version`.

    Its marker is that of the one `before` the release: `.dev0`, `a0.dev1`, or `+dev`, which can
    mean that it comes after a release, or leads to one.
    """
    if before.local and finished(before) != finished(version):
        return Version(f"{version}+{before.local}")
    if version.pre:
        kind, number = version.pre
        return Version(f"{version.base_version}{kind}{number + 1}.dev0")
    if version.dev is not None:
        return Version(f"{finished(version)}.dev{version.dev + 1}")
    return Version(f"{_raised(version, len(version.release) - 1)}{_marker(before)}")


def _marker(development: Version) -> str:
    """Return what tells a development version from the release, with the number it begins at."""
    if development.local:
        return f"+{development.local}"
    kind, number = development.pre or ("", 1)
    pre = "" if number else f"{kind}0"
    is_silent = pre and development.dev is None
    return pre if is_silent else f"{pre}.dev{min(development.dev or 0, 1)}"


def objection(result: Version, current: Version, taken: Collection[Version]) -> Problem | None:
    """Say why `result` can't follow `current` with these versions `taken` on the index, if so.

    It must be free, the highest of its release line (backports to 1.9.x while 2.x exists are fine),
    and not behind `current`; a pre-release of just what main says is not behind.
    """
    if result in taken:
        return Problem(
            f"{result} is on the index already", "choose another level, or a higher version"
        )
    above = [version for version in taken if line(version) == line(result) and version > result]
    if above:
        return Problem(
            f"{result} would be lower than {max(above)}, which is on the index",
            "a release must be the highest of its line: choose another level, or a higher version",
        )
    leads_to_current = result.is_prerelease and finished(result) == finished(current)
    if result < Version(current.public) and not (leads_to_current and current == finished(current)):
        return Problem(
            f"{result} is lower than the current version {current}",
            "choose another level, or a higher version",
        )
    return None


def finished(version: Version) -> Version:
    """Return the version that development under this one leads to: without pre, dev and local."""
    if version.post is not None and version.pre is None:
        return Version(f"{version.base_version}.post{version.post}")
    return Version(version.base_version)


def line(version: Version) -> tuple[int, int, int]:
    """Return the release line: epoch, X and Y of X.Y.Z."""
    return (version.epoch, version.major, version.minor)


def _raised(version: Version, part: int) -> Version:
    release = [*version.release, *(0,) * (part + 1 - len(version.release))]
    release[part] += 1
    release[part + 1 :] = [0] * (len(release) - part - 1)
    return Version(f"{version.epoch}!{'.'.join(map(str, release))}")


def _finished_or_refused(current: Version, bump: Bump, taken: Collection[Version]) -> Version:
    """Finish the current version; one whose final release is `taken` comes after that."""
    final = finished(current)
    if final in taken and final != current:
        raised = {level: _raised(current, part) for part, level in enumerate(PARTS)}
        rows = [
            f"for {version}: {_session(bump)} {level}{_pre(bump)}"
            for level, version in reversed(raised.items())
            if version not in taken
        ]
        raise ReleaseError(f"{current} comes after {final}, which is taken", "\n".join(rows))
    return final


def _raised_or_refused(current: Version, bump: Bump, taken: Collection[Version]) -> Version:
    """Raise one part, unless the current pre, dev or local version may already stand for that."""
    part = PARTS.index(str(bump.target))
    raised, final = _raised(current, part), finished(current)
    is_open = current.is_prerelease or current.local is not None
    is_such_a_release = final.post is None and not any(final.release[part + 1 :])
    if is_open and is_such_a_release and final not in taken:
        session, pre = _session(bump), _pre(bump)
        raise ReleaseError(
            f"from {current}, {bump.target} can mean {final} or {raised}",
            f"for {final}: {session} current{pre}\nfor {raised}: {session} {raised}{pre}",
        )
    return raised


def _session(bump: Bump) -> str:
    return f"nox -s {'publish_rc' if bump.pre else 'publish_release'} --"


def _pre(bump: Bump) -> str:
    return f" --pre {bump.pre}" if bump.pre else ""


def _numbered(final: Version, pre: Pre, known: Collection[Version]) -> Version:
    """Return `final` with the pre-release number after the highest known one."""

    def number(version: Version) -> int:
        if pre == "dev":
            return version.dev or 0 if version.pre is None else 0
        return version.pre[1] if version.pre and version.pre[0] == pre else 0

    if final.post is not None and pre != "dev":
        raise ReleaseError(
            f"{final} is a post-release, and those have no candidates (PEP 440)",
            "use --pre dev, or patch instead of current",
        )
    same = (version for version in known if finished(version) == final)
    count = 1 + max(map(number, same), default=0)
    return Version(f"{final}.dev{count}" if pre == "dev" else f"{final}{pre}{count}")


def outcomes(
    current: Version, taken: Collection[Version] = (), calendar: Calendar | None = None
) -> list[tuple[str, str]]:
    """Return what each level makes of `current`, as text."""
    results = []
    for level in calendar.levels if calendar else (*reversed(PARTS), "current"):
        try:
            version = next_version(current, Bump(target=level), taken, calendar)
            results.append((level, str(version)))
        except ReleaseError as error:
            results.append((level, str(error)))
    return results
