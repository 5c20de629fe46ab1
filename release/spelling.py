"""How a version is spelled where it stands: zero-padded, `v1.2`, `1.2-rc.1`, SemVer."""

from __future__ import annotations

import re
from itertools import zip_longest

from packaging.version import Version

from release import ReleaseError

WHOLE = re.compile(r"(v?)(\d+!)?(\d+(?:\.\d+)*)(.*)", re.IGNORECASE | re.DOTALL)
SUFFIX = re.compile(r"([-_.]?)([a-z]+)([-_.]?)(\d*)", re.IGNORECASE)
SEMVER_KINDS = {"a": "alpha", "b": "beta"}  # https://semver.org, item 9
SEMVER_LENGTH = 3


def spelled_like(old: str, version: Version) -> str:
    """Return `version` in the spelling of `old`, as far as `old` has one for it.

    A `v` in front and zeros that pad a number stay. What follows the numbers keeps letters and
    separators where it is of the same kinds: 1.2-rc.1 makes -rc.2 of rc2, but nothing of 1.3.dev0.
    """
    match = WHOLE.fullmatch(old.strip())
    if not match:
        return str(version)
    v, _, release, suffix = match.groups()
    epoch = f"{version.epoch}!" if version.epoch else ""
    return v + epoch + _padded(release, version) + _suffix(suffix, version)


def semver_like(old: str, version: Version) -> str:
    """Return `version` as SemVer has it: 1.3.0rc1 is 1.3.0-rc.1, or -rc1 where `old` has such.

    Raises `ReleaseError` for what SemVer hasn't: epochs, post-releases, a fourth number.
    """
    kinds = _pieces(version)
    if version.epoch or version.post is not None or len(version.release) > SEMVER_LENGTH:
        raise ReleaseError(
            f"{version} can't be written as SemVer, which {old} is",
            "choose a version of up to three numbers, without epoch and post-release",
        )
    release = ".".join(map(str, (*version.release, 0, 0)[:SEMVER_LENGTH]))
    names = [(SEMVER_KINDS.get(kind, kind), number) for kind, number in kinds]
    plain = "-" + ".".join(f"{kind}.{number}" for kind, number in names) if names else ""
    match = WHOLE.fullmatch(old.strip())
    kept = _suffix(match[4], version) if match else ""
    return release + (kept if kept.startswith("-") else plain)


def normal_suffix(version: Version) -> str:
    """Return what follows the numbers in the normal form: `rc1`, `.post1.dev0`, or nothing."""
    return str(version).removeprefix(version.base_version)


def _pieces(version: Version) -> list[tuple[str, str]]:
    """Return the kinds behind the numbers: rc1.dev0 is [("rc", "1"), ("dev", "0")]."""
    return re.findall(r"([a-z]+)(\d+)", normal_suffix(version).partition("+")[0])


def _padded(old: str, version: Version) -> str:
    """Return the numbers, each as wide as it was, where zeros pad any of the old ones."""
    numbers = old.split(".")
    is_padded = any(len(one) > 1 and one.startswith("0") for one in numbers)
    widths = [1, *map(len, numbers[1:])] if is_padded else []
    new = zip_longest(map(str, version.release), widths[: len(version.release)], fillvalue=1)
    return ".".join(str(number).zfill(int(width)) for number, width in new)


def _suffix(old: str, version: Version) -> str:
    """Return what follows the numbers, with the old letters and separators if the kinds agree."""
    normal, pieces = normal_suffix(version), _pieces(version)
    tokens = list(SUFFIX.finditer(old))
    try:
        before = _pieces(Version(f"0{old}"))
    except ValueError:
        return normal
    is_alike = [kind for kind, _ in before] == [kind for kind, _ in pieces]
    is_read = "".join(token[0] for token in tokens) == old and len(tokens) == len(pieces)
    if version.local or not (is_alike and is_read):
        return normal
    new = ""
    for token, (_, number) in zip(tokens, pieces, strict=True):
        is_silent = not token[4] and number == "0"  # .dev is dev0
        new += token[1] + token[2] + ("" if is_silent else token[3] + number)
    return new
