"""The packages of a repository: which there are, which go together, and which comes first."""

from __future__ import annotations

import difflib
import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from release import ReleaseError, UsageError
from release.configuration import TABLE
from release.layout import OTHERS
from release.places import Place
from release.project import Project
from release.requirements import optional, pinned, required
from release.setup_py import setup_name
from release.snapshot import Snapshot, below
from release.tables import parse, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement
    from packaging.version import Version

    from release.git import Git
    from release.places import Files

DECLARED = ("pyproject.toml", "setup.py", "setup.cfg")
FLIT = ("tool", "flit", "metadata")
NAMES = (("project", "name"), ("tool", "poetry", "name"), (*FLIT, "dist-name"), (*FLIT, "module"))
ONE_WAY = ("repository", "index_url", "next_dev")  # what packages that go together must share
PIN = rb"(?im)(?<=[\"'\s])%b(?:[ \t]*\[[^\]\r\n]*\])?[ \t]*===?[ \t]*(?P<version>[0-9][\w.!+]*)"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package in `folder` ("" is the top of the repository); names are normalised (PEP 503)."""

    folder: str
    name: str
    needs: frozenset[str]  # what it requires, extras left out
    pins: Mapping[str, Version]  # what it wants in one version, extras included
    requires: tuple[Requirement, ...] = ()  # all of it, extras included

    @classmethod
    def of(cls, files: Files, folder: str) -> Package | None:
        """Read what a folder declares, None where that is no package that can be built."""
        here = below(files, folder)
        pyproject = _pyproject(here)
        name = next(filter(None, (value_at(pyproject, *keys) for keys in NAMES)), None)
        if not name:
            with suppress(ReleaseError):  # a file in another language: whoever releases it is told
                name = setup_name(here.read)
        is_built = "build-system" in pyproject or here.read("setup.py") or here.read("setup.cfg")
        if not (isinstance(name, str) and name and is_built) or _is_virtual(pyproject):
            return None
        needs, extras = required(pyproject, here), optional(pyproject, here)
        return cls(
            folder=folder,
            name=canonicalize_name(name),
            needs=frozenset(canonicalize_name(one.name) for one in needs),
            pins={
                canonicalize_name(one.name): version
                for one in (*needs, *extras)
                if (version := pinned(one))
            },
            requires=(*needs, *extras),
        )


def packages(files: Files, said: Iterable[str] = ()) -> dict[str, Package]:
    """Return the packages of a repository by folder; tests, examples and copies have none.

    Unless somebody has `said` their folder. Where there is none at all, the top is to say why.
    """
    declared = (path.rpartition("/") for path in files.paths)
    folders = sorted({folder for folder, _, name in declared if name in DECLARED})
    meant = {_folder(one) for one in said}
    own = [one for one in folders if one in meant or not OTHERS.search(f"{one}/")]
    found = {folder: package for folder in own if (package := Package.of(files, folder))}
    return found or {"": Package(folder="", name="", needs=frozenset(), pins={})}


def chosen(wanted: Iterable[str], known: Mapping[str, Package], here: str = "") -> list[Package]:
    """Return the packages that folders or names mean; for none of them, the one around `here`.

    `UsageError` names the packages that there are.
    """
    if found := [_meant(one, known) for one in wanted]:
        return [*{package.folder: package for package in found}.values()]
    around = [here, *map(str, PurePosixPath(here).parents)]
    folders = [*map(_folder, around)] if len(known) > 1 else [*known]
    if found := [known[folder] for folder in folders if folder in known]:
        return found[:1]
    raise UsageError(
        "say which package is meant",
        "\n".join(f"--package {folder}: {one.name}" for folder, one in known.items()),
    )


def chosen_one(wanted: Sequence[str], known: Mapping[str, Package], here: str) -> Package:
    """Return the one package that is meant; `UsageError` for several."""
    found = chosen(wanted, known, here)
    if len(found) > 1:
        raise UsageError("one package at a time", f"--package {found[0].folder or '.'}")
    return found[0]


def chosen_project(git: Git, commit: str, wanted: Sequence[str], here: str) -> Project:
    """Return the one project that is meant."""
    known = packages(Snapshot(git=git, commit=commit), wanted)
    return Project.at(git, commit, chosen_one(wanted, known, here).folder)


def chosen_projects(
    git: Git, commit: str, wanted: Sequence[str], here: str, *, is_any: bool = False
) -> list[Project]:
    """Return the projects that are released together when `wanted` ones are, or those `here`.

    With `is_any` one will do where it can't be told which is meant.
    """
    known = packages(Snapshot(git=git, commit=commit), wanted)
    try:
        first = chosen(wanted, known, here)
    except UsageError:
        if not is_any or wanted:
            raise
        first = [*known.values()][:1]
    read = cache(partial(Project.at, git, commit))
    found = together(first, known, lambda package: read(package.folder).version)
    projects = [read(package.folder) for package in found]
    _insist_on_one_way(projects)
    return projects


def _insist_on_one_way(projects: Sequence[Project]) -> None:
    """Raise `UsageError` where one release would have to go to several places."""
    lead = projects[0]
    for project in projects[1:]:
        for key in ONE_WAY:
            ours, theirs = (getattr(one.config, key) for one in (lead, project))
            if ours != theirs:
                name = key.replace("_", "-")
                raise UsageError(
                    f"{project.name} goes with {lead.name}, and their {name} differs: "
                    f"{theirs!r} and {ours!r}",
                    f"say it once, in {TABLE} at the top of the repository",
                )


def _folder(said: str) -> str:
    folder = posixpath.normpath(said.replace("\\", "/"))
    return "" if folder == "." else folder


def _meant(one: str, known: Mapping[str, Package]) -> Package:
    folder = _folder(one)
    if found := known.get(folder):
        return found
    if named := [package for package in known.values() if package.name == canonicalize_name(one)]:
        _insist_on_names(named)
        return named[0]
    names = [*known, *(package.name for package in known.values())]
    near = difflib.get_close_matches(one, names, n=1)
    raise UsageError(
        f"--package {one}: there is no such package, as committed",
        f"did you mean {near[0]}?"
        if near
        else f"there are: {', '.join(folder or one.name for folder, one in known.items())}",
    )


def _insist_on_names(found: Iterable[Package]) -> None:
    """Raise `UsageError` where two packages have one name: an index takes them for one."""
    folders: dict[str, str] = {}
    for package in found:
        other = folders.setdefault(package.name, package.folder)
        if other != package.folder:
            raise UsageError(
                f"two packages have the name {package.name}: that in {other or '.'} and that in "
                f"{package.folder or '.'}",
                f"say which one is meant: --package {other or '.'}, or --package "
                f"{package.folder or '.'}; or give one of them another name",
            )


def together(
    first: Iterable[Package],
    known: Mapping[str, Package],
    version_of: Callable[[Package], Version],
) -> list[Package]:
    """Return packages with their siblings in lockstep, each behind those that it needs.

    Siblings are in lockstep when they have the same version, and one requires exactly that of the
    other. Only versions that matter are asked for.
    """

    def requires(one: Package, other: Package) -> bool:
        pinned = one.pins.get(other.name)
        return pinned is not None and pinned == version_of(one) == version_of(other)

    found = {package.folder: package for package in first}
    while more := {
        other.folder: other
        for one in found.values()
        for other in known.values()
        if other.folder not in found and (requires(one, other) or requires(other, one))
    }:
        found |= more
    _insist_on_names(found.values())
    return in_order(found.values())


def in_order(found: Collection[Package]) -> list[Package]:
    """Return packages, each behind those that it needs; where they need each other, by folder."""
    # Sorted all through: sets have another order in each process.
    by_name = {package.name: package for package in sorted(found, key=lambda one: one.folder)}
    needs = {name: sorted(one.needs & by_name.keys() - {name}) for name, one in by_name.items()}
    with suppress(CycleError):
        return [by_name[name] for name in TopologicalSorter(needs).static_order()]
    return [*by_name.values()]


def excluding(
    name: str, version: Version, known: Mapping[str, Package]
) -> Iterator[tuple[Package, Requirement]]:
    """Return which packages require another version of a sibling than this one."""
    for package in known.values():
        for one in package.requires:
            is_it = canonicalize_name(one.name) == canonicalize_name(name)
            if is_it and not one.specifier.contains(version, prereleases=True):
                yield package, one


def pins(name: str, version: Version, files: Files) -> list[Place]:
    """Return the places in `files` of a package that require exactly this version of a sibling."""
    words = rb"[-_.]+".join(re.escape(word).encode() for word in name.split("-"))
    places = []
    for path in DECLARED:
        for match in re.finditer(PIN % words, files.read(path) or b""):
            text = match["version"].decode()
            place = Place(
                path=path, what=f"requirement of {name}", start=match.start("version"), text=text
            )
            with suppress(ReleaseError):
                places += [place] if place.version == version else []
    return places


def _pyproject(files: Files) -> dict[str, Any]:
    with suppress(ValueError):  # whoever releases it is told
        return parse(files.read("pyproject.toml") or b"")
    return {}


def _is_virtual(pyproject: dict[str, Any]) -> bool:
    """Say whether a project holds others, and isn't one that can be installed."""
    is_package = value_at(pyproject, "tool", "uv", "package")
    return is_package is False or value_at(pyproject, "tool", "poetry", "package-mode") is False
