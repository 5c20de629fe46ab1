"""Tags of releases: which version each stands for, and how the next one is written."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import chain
from string import Formatter
from types import MappingProxyType
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from release import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Found = tuple["TagStyle", Version]

NUMBERS = ("major", "minor", "patch")
FIELDS = {
    "version": r"\d.*",
    "major": r"(?:\d+!)?\d+",
    "minor": r"\d+",
    "patch": r"\d+.*",  # with what follows the numbers: 0rc1
}
# A tag with the name of some package, as pip, npm and many workspaces write it.
OTHER_PACKAGE = re.compile(
    r"(?!(?:release|rel|version|v)[-_/@=])[A-Za-z][\w./-]*?(?P<between>[-_/@=]+v?)\d+(\.\d+)+.*",
    re.IGNORECASE,
)
LETTERS = r"\d[-_.]*[abcpr]"  # what no tag of a pre-release is without
YEAR = 1900  # a first number from here on is a year


@dataclass(frozen=True, kw_only=True)
class TagStyle:
    """How a project writes the tag of a version."""

    template: str = "v{version}"  # or with `{major}`, `{minor}` and `{patch}`
    point: str = "."  # between the numbers: rel_1_2_3
    pre: tuple[str, str] = ("", "")  # around the letters of a pre-release: v1.3.0-rc.1
    widths: tuple[int, ...] = ()  # how many digits each number has at least: 2026.08.17

    @classmethod
    def of(cls, template: str) -> TagStyle:
        """Check a template; `UsageError` where a tag wouldn't tell the version."""
        with suppress(ValueError):  # a brace that isn't closed
            fields = [parsed[1:] for parsed in Formatter().parse(template) if parsed[1] is not None]
            names = {name for name, *_ in fields}
            is_plain = names <= FIELDS.keys() and {*fields} == {(name, "", None) for name in names}
            if is_plain and ("version" in names or names.issuperset(NUMBERS)):
                return cls(template=template)
        raise UsageError(
            "[tool.nox-release] tag must contain {version}, or {major}, {minor} and {patch}, "
            f"and nothing else in braces, not {template!r}"
        )

    def write(self, version: Version) -> str:
        """Return the tag of a version."""
        widths = (*self.widths, *(1,) * len(version.release))
        digits = zip(version.release, widths, strict=False)
        numbers = [str(number).zfill(width) for number, width in digits]
        numbers[0] = f"{version.epoch}!{numbers[0]}" if version.epoch else numbers[0]
        rest = version.pre[0].join(self.pre) + str(version.pre[1]) if version.pre else ""
        rest += "" if version.post is None else f".post{version.post}"
        rest += "" if version.dev is None else f".dev{version.dev}"
        major, minor, patch = (*numbers, "0", "0")[:3]
        return self.template.format(
            version=self.point.join(numbers) + rest, major=major, minor=minor, patch=patch + rest
        )

    def read(self, tag: str) -> Version | None:
        """Return the version that a tag in this style tells, None for other tags."""
        match = _pattern(self.template).fullmatch(tag)
        if not match:
            return None
        told = match.groupdict()
        text = told.get("version") or ".".join(told[number] for number in NUMBERS)
        return _version(text.replace(self.point, "."))


@lru_cache
def _pattern(template: str) -> re.Pattern[str]:
    pattern, seen = "", set()
    for text, field, *_ in Formatter().parse(template):
        pattern += re.escape(text)
        if field:
            pattern += f"(?P={field})" if field in seen else f"(?P<{field}>{FIELDS[field]})"
            seen.add(field)
    return re.compile(pattern, re.DOTALL)


@cache
def _version(text: str) -> Version | None:
    with suppress(ValueError):  # InvalidVersion, or a number longer than Python reads
        return Version(text)
    return None


def newest_first(tags: Iterable[str]) -> tuple[str, ...]:
    """Sort the names of tags by the numbers in them."""
    return _newest_first(tuple(tags))


@lru_cache
def _newest_first(tags: tuple[str, ...]) -> tuple[str, ...]:
    numbers = re.compile(r"\d+").findall
    return tuple(sorted(tags, key=lambda name: [*map(int, numbers(name))])[::-1])


def widths(text: str) -> tuple[int, ...]:
    """Return how many digits each number has at least, as in 2026.08.17; () where zeros pad none.

    One digit is one that isn't padded; two could be both, so they are what others are.
    """
    match = re.match(r"v?(\d+(?:\.\d+)+)", text, re.IGNORECASE)
    numbers = match[1].split(".") if match else []
    if not any(len(number) > 1 and number.startswith("0") for number in numbers):
        return ()
    first, *others = numbers
    return (len(first) if first.startswith("0") else 1, *map(len, others))


def tag_style(tags: Iterable[str], name: str, current: Version) -> TagStyle:
    """Return the style of the highest release tag of project `name`, `v1.2.3` where there is none.

    `tags` have the highest first. That of the `current` version counts most; a pre-release is
    written like the highest that is tagged. Moving tags like `v4`, dates, and tags of other
    packages are noise.
    """
    names, numbers = list(tags), r"[._-]0*".join(map(str, _significant(current)))

    def found(like: str) -> Iterator[Found]:
        pattern = re.compile(like, re.IGNORECASE)
        read = (release_tag(tag, name) for tag in names if pattern.search(tag))
        return (one for one in read if one and not _is_date(one[1], current))

    def is_alike(version: Version) -> bool:
        return len(version.release) == len(current.release)

    any_, same = r"\d", rf"(?<!\d)0*{numbers}(?!\d)"  # few tags are read that can't be it
    ranked = chain(
        (style for style, version in found(same) if version == current and is_alike(version)),
        (style for style, version in found(any_) if is_alike(version)),
        (style for style, version in found(same) if version == current),
        (style for style, _ in found(any_)),
    )
    newest = next(ranked, TagStyle())
    pre = next((style.pre for style, version in found(LETTERS) if version.pre), ("", ""))
    return replace(newest, pre=pre)


def package_style(tags: Iterable[str], name: str, current: Version) -> TagStyle:
    """Return the style of a package below the top of a repository, `name-v1.2.3` without any tag.

    It is that of its own tags, else of those without any name, else of another package's.
    """
    names = list(tags)
    own = [tag for tag in names if _own(canonicalize_name(name)).match(tag)]
    other = next(filter(None, map(OTHER_PACKAGE.fullmatch, names)), None)
    if own or (names and not other):
        return tag_style(own or names, name, current)
    between = other["between"] if other else "-v"
    return TagStyle(template=f"{name}{between}{{version}}")


@cache
def release_tag(tag: str, name: str) -> Found | None:
    """Return the style that a release tag of project `name` shows, and its version.

    A release tag is `1.2.3` or `v1.2.3`, also behind the project's name or «release»: `acme-1.2.3`,
    `acme/v1.2.3`, `acme==1.2.3`, `rel_1_2_3`. None for other tags.
    """
    match = _reader(canonicalize_name(name)).fullmatch(tag)
    if not match or (match["point"] == "-" and not match["word"]):  # 2026-08-17
        return None
    point = match["point"] or "."
    version = _version(match["text"].replace(point, "."))
    style = TagStyle(
        template=match["prefix"] + "{version}",
        point=point,
        pre=(match["before"] or "", match["inside"] or ""),
        widths=widths(match["text"].replace(point, ".")),
    )
    return (style, version) if version else None


def is_release_tag(tag: str, name: str, template: str = "") -> bool:
    """Say whether a tag is one of a release: in the style of `template`, or in any."""
    return bool(release_tag(tag, name) or (template and TagStyle(template=template).read(tag)))


def newest(
    tags: Iterable[str], name: str, template: str = "", before: Version | None = None
) -> Version:
    """Return the highest version that is tagged, of those before another one; 0.0.0 for none.

    Only tags of the `template` count, where there is one; else those of releases, without moving
    ones like `v4`, dates beside versions that are none, and bare ones beside the project's own.
    """
    if template:
        told = (TagStyle(template=template).read(tag) for tag in tags)
        versions = [version for version in told if version]
    else:
        found = {tag: one[1] for tag in tags if (one := release_tag(tag, name))}
        own = {tag: one for tag, one in found.items() if _own(canonicalize_name(name)).match(tag)}
        versions = list((own or found).values())
        low = min(versions, key=lambda version: version.major, default=Version("0"))
        versions = [version for version in versions if not _is_date(version, low)]
    length = max((len(version.release) for version in versions), default=0)
    alike = (
        version
        for version in versions
        if len(version.release) == length and (before is None or version < before)
    )
    return max(alike, default=Version("0.0.0"))


def tagged(
    tags: Iterable[str], style: TagStyle, name: str, current: Version
) -> Mapping[str, Version]:
    """Return the versions that are tagged, by tag: in this style, or in any other of releases.

    Noise is what `tag_style` says; and where the style has the project's name in it, also a tag
    without: it is that of another package.
    """
    return _tagged(tuple(tags), style, name, str(current))


@lru_cache
def _tagged(
    tags: tuple[str, ...], style: TagStyle, name: str, current: str
) -> Mapping[str, Version]:
    now = Version(current)  # 1.0 and 1.0.0 are equal, and of different lengths
    own = _own(canonicalize_name(name))
    is_named = own.match(style.template)
    found = {}
    for tag in tags:
        version = style.read(tag)
        if not version and (not is_named or own.match(tag)) and (other := release_tag(tag, name)):
            version = other[1]
        if version and len(version.release) >= len(now.release):
            found[tag] = version
    own_kind = {tag: one for tag, one in found.items() if not _is_date(one, now)}
    return MappingProxyType(own_kind)  # all who ask share it


@lru_cache
def _own(name: str) -> re.Pattern[str]:
    """Return what a tag begins with that has the project's name, normalised, in any spelling."""
    own = r"[-_.]+".join(map(re.escape, name.split("-")))
    return re.compile(rf"{own}[-_/@=]+", re.IGNORECASE)


@lru_cache
def _reader(name: str) -> re.Pattern[str]:
    word = rf"(?P<word>{_own(name).pattern}|(?:release|rel|version)[-_/@=]+)"
    numbers = r"(?:\d+!)?\d+(?:(?P<point>[._-])\d+(?:(?P=point)\d+)*)?(?![-_.]*\d)"
    pre = r"(?:(?P<before>[-_.]?)(?:a|b|rc)(?P<inside>[-_.]?)\d+)?"
    pattern = rf"(?P<prefix>{word}?v?)(?P<text>{numbers}{pre}.*)"
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _significant(version: Version) -> tuple[int, ...]:
    """Return the numbers of a release without the zeros at its end: 1.0.0 is 1."""
    return version.release[: max((at for at, n in enumerate(version.release) if n), default=0) + 1]


def _is_date(version: Version, current: Version) -> bool:
    """Say whether it is a date among versions that are none."""
    return version.major >= YEAR > current.major
