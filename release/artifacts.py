"""The files of a release, held to account: whether all are there, and each is what it has to be.

Nothing in them is run or unpacked, so they may come from anywhere.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from release import Problem, Refused, sdists, wheels
from release.archives import some
from release.metadata import differences
from release.sources import Source, grouped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from packaging.version import Version

    from release.archives import Examined
    from release.git import Git
    from release.project import Project

MIB = 1 << 20
ALIKE = (
    "resolvers take the metadata of one file for all: build them with the same versions of the "
    "build backend, and write what differs as environment markers"
)
ONE_SDIST = "let one machine build the sdist, and each one its own wheels"
DESCRIBE = "let the machine that builds it add one: python -m release sbom FOLDER"
UNKNOWN = (
    "commit them, or let MANIFEST.in or the build backend leave them out; "
    "what the build makes or rewrites goes into `generated` of [tool.nox-release]"
)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the files of a release have to be."""

    source: Source
    version: Version | None  # None: whatever they say, but all the same
    largest: int | None = None  # MiB that the index takes in a file, None: nobody knows
    is_collected: bool = False  # built elsewhere: what an sdist adds to git's files isn't believed

    @classmethod
    def of(
        cls,
        here: Git,
        project: Project,
        version: Version | None,
        largest: int | None,
        *,
        is_collected: bool = False,
    ) -> Expected:
        """Return what is expected of a project that is checked out in the worktree `here`.

        `largest` is what is known of the index; the project may know better.
        """
        source, largest = (
            Source(here=here, project=project),
            project.config.max_file_size or largest,
        )
        return cls(source=source, version=version, largest=largest, is_collected=is_collected)


def check(paths: Sequence[Path], expected: Expected) -> list[str]:
    """Hold a release's files to all that they have to be; return what is worth a remark.

    `Refused` has everything that is wrong with all of them. Each is read once, in pieces.
    """
    project = expected.source.project
    with ThreadPoolExecutor() as pool:
        files = list(pool.map(lambda path: _examined(path, expected.source), paths))
    versions = [expected.version, *(one.version for one in files)]
    version = next(filter(None, versions), None)
    problems = [
        *_bad_set(paths, project.name, project.config.artifacts),
        *(
            Problem(f"{one.path.name}: {problem.message}", problem.hint)
            for one in files
            for problem in (
                *_bad_names(one, project.name, version),
                *one.problems,
                *_bad_size(one, expected.largest),
                *_bad_sboms(one, is_wanted=project.config.sbom),
            )
        ),
        *_bad_together(files),
    ]
    remarks = []
    for sdist in (one for one in files if one.members):
        worth, wrong = _against_git(sdist, expected)
        remarks += worth
        problems += wrong
    if problems:
        raise Refused(tuple(dict.fromkeys(problems)))
    return remarks


def _examined(path: Path, source: Source) -> Examined:
    if path.suffix == ".whl":
        return wheels.examine(path)
    return sdists.examine(path, source.algorithm)


def _bad_set(paths: Iterable[Path], name: str, declared: Sequence[str]) -> Iterator[Problem]:
    """Say what is missing, and what is there without being declared."""
    names = sorted(path.name for path in paths)
    count = sum(name.endswith(".whl") for name in names)
    if count == 0 or len(names) - count != 1:
        yield Problem(
            f"there are {len(names) - count} sdists and {count} wheels of {name} "
            f"({some(names) or 'nothing'}); a release is one sdist and at least one wheel",
            ONE_SDIST,
        )
    missing = [one for one in declared if not any(fnmatchcase(name, one) for name in names)]
    if missing:
        yield Problem(
            f"no file of {name} is {some(missing)}, which `artifacts` declares",
            "is the job that builds it green? Else change `artifacts` in [tool.nox-release]",
        )
    extra = [name for name in names if not any(fnmatchcase(name, one) for one in declared)]
    if declared and extra:
        yield Problem(
            f"`artifacts` doesn't declare {some(extra)}",
            "add what is meant to `artifacts` in [tool.nox-release]",
        )


def _bad_names(one: Examined, name: str, version: Version | None) -> Iterator[Problem]:
    """Say where a file says that it is something else."""
    wanted = (canonicalize_name(name), version)
    told = {
        "its name": (one.name, one.version) if one.name else None,
        "its metadata": one.metadata and one.metadata.names,
    }
    for where, said in told.items():
        if said and said != wanted:
            yield Problem(
                f"{where} says {said[0]} {said[1]}, the plan {name} {version}",
                "something else sets the version: look for it in the build backend's settings",
            )


def _bad_size(one: Examined, largest: int | None) -> Iterator[Problem]:
    size = one.path.stat().st_size
    if largest and size > largest * MIB:
        yield Problem(
            f"it has {size / MIB:.1f} MiB, the index takes {largest}",
            "build a smaller one; or ask the index for more, and say so with `max-file-size`",
        )


def _bad_sboms(one: Examined, *, is_wanted: bool) -> Iterator[Problem]:
    """Say that a wheel has no SBOM, whoever makes it, where each has to have one."""
    if is_wanted and one.is_wheel and one.metadata and not one.sboms:
        yield Problem("it has no SBOM, as sbom = true asks for", DESCRIBE)


def _bad_together(files: Iterable[Examined]) -> Iterator[Problem]:
    """Say where the metadata of files differ that have to be the same.

    In all wheels they are: an index shows those of the first, resolvers take any. What an sdist
    says and doesn't call dynamic holds for its wheels (PEP 643).
    """
    told = [(one, one.metadata) for one in files if one.metadata]
    wheels = [pair for pair in told if pair[0].is_wheel]
    for (first, wanted), (one, metadata) in product(wheels[:1], told):
        free = set() if one.is_wheel else metadata.dynamic
        what = "in their metadata" if one.is_wheel else "in metadata that aren't dynamic"
        if free is not None and (found := ", ".join(differences(metadata, wanted, free))):
            both = f"{one.path.name} and {first.path.name}"
            yield Problem(f"{both} differ {what}: {found}", ALIKE)


def _against_git(sdist: Examined, expected: Expected) -> tuple[list[str], list[Problem]]:
    """Compare an sdist with git: what is worth a remark, and what is wrong."""
    found = expected.source.compare(sdist, str(sdist.version))
    remarks, problems = [], []
    if found.missing:
        count = f"{len(found.missing)} of {found.tracked} tracked files"
        remarks.append(f"the sdist lacks {count}: {grouped(found.missing)}")
    for names, what in ((found.new, "git doesn't track"), (found.changed, "git has otherwise")):
        if names and expected.is_collected:
            text = f"{sdist.path.name}: it has {some(names)}, which {what} at this commit"
            problems.append(Problem(text, UNKNOWN))
        elif names:
            remarks.append(f"the build made {some(names)}, which {what}")
    return remarks, problems
