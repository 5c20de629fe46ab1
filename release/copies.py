"""Further copies of the version, in the places where projects are known to keep them.

A copy that says the version moves with it. One that says another is left alone, and told.
"""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from release import ReleaseError, bumpers
from release.layout import OTHERS
from release.literals import string_place
from release.locations import cargo, named, package_json
from release.modules import Module
from release.places import Place, at_lines, toml
from release.spelling import semver_like
from release.structures import copied
from release.tables import parse, value_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from release.layout import Layout
    from release.places import Files

CUR = rb"(?P<version>[vV]?\d[0-9A-Za-z.!+-]*)"
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
ENTRY = r'(?m)^\[\[package\]\]\r?\nname = "%s"\r?\nversion = "(?P<version>[^"\r\n]+)"'
QUOTE = rb"u?[\"']"
# Well-known files, by path: what stands around the version in them. Another version behind
# «maybe» is no surprise: `version` of Sphinx is 1.2 where `release` is 1.2.3.
TEXTS: tuple[tuple[str, str, bytes], ...] = (
    (r"(docs?/(source/)?)?conf\.py", "release", rb"(?m)^[ \t]*release\s*=\s*%b" % QUOTE + CUR),
    (
        r"(docs?/(source/)?)?conf\.py",
        "maybe version",
        rb"(?m)^[ \t]*version\s*=\s*%b" % QUOTE + CUR,
    ),
    (r"CITATION\.cff", "version", rb"(?m)^version:[ \t]*[\"']?" + CUR),
    (r"setup\.py", "version", rb"\bversion\s*=\s*%b" % QUOTE + CUR),
    (r"setup\.cfg", "maybe version", rb"(?m)^version[ \t]*=[ \t]*" + CUR),
    (r"(setup|\.bumpversion)\.cfg", "current_version", rb"(?m)^current_version\s*=[ \t]*" + CUR),
    (r"\.release-please-manifest\.json", "version", rb"\"\.\"\s*:\s*\"" + CUR),
    (r"\.cz\.json", "version", rb"\"version\"\s*:\s*\"" + CUR),
    (r"([^/]+/){0,2}(VERSION|\.?version)(\.txt)?", "maybe it", rb"\A" + CUR + rb"\s*\Z"),
    (r"([^/]+/){0,2}__version__", "maybe it", rb"\A" + CUR + rb"\s*\Z"),
)
WELL_KNOWN = re.compile("|".join(dict.fromkeys(f"({path})" for path, _, _ in TEXTS)))
WHOLE_FILES = ("VERSION", "version", ".txt", "__version__")
MAYBE = "maybe "
MODULES = re.compile(r"__init__|__main__|_*(version|about|meta|metadata|release|info|consts?)_*")
STRING = re.compile(r"__version__|[A-Z_]*VERSION_?")
TUPLE = re.compile(r"(?i)_*version(_?(info|tuple))?_*")
HEX = re.compile(r"__build__|_*hexversion_*|[A-Z_]*VERSION_HEX")
PLACEHOLDER = Version("0.0.0")  # what npm and cargo have where a version is of no account


@dataclass(frozen=True, kw_only=True)
class Copies:
    """The places that move with the version, and what is told of those that don't."""

    places: tuple[Place, ...]
    stale: tuple[str, ...]


def find(name: str, layout: Layout, main: Place, files: Files) -> Copies:
    """Find the copies of the version in `main`; only files with a well-known path are read."""
    named_ones, refused = _templates(main, files)
    own = layout.own(files.paths, name, MODULES)
    groups = {
        "a copy in a well-known place": [*_texts(files), *_package_json(files)],
        "the project's own entry in a lock": _locks(name, files),
        "the crate beside the package": _crates(files),
        "another tool's record of the version": _records(files),
        "another tool is configured to edit it": named_ones,
        "a copy in the project's own module": _modules(own, main, files),
    }
    found = [replace(one, trail=(why,)) for why, places in groups.items() for one in places]
    found = [one for one in found if one.path != main.path or one.start != main.start]
    full = {one.path for one in found if one.what == "release" and _says(one, main.version)}
    found = [_short(one, main.version) if one.path in full else one for one in found]
    places, stale = [], []
    for place in found:
        same = [one for one in found if (one.path, one.what) == (place.path, place.what)
                and one.start != place.start and _says(one, main.version)]  # fmt: skip
        said = f"{at_lines(place.path, _line(place, files))}: {_what(place)} is {place.text}"
        if _says(place, main.version):
            places += [] if same else [place]
            stale += [f"{said}, and not only there: left as it is"] if same else []
        elif not same and _is_stale(place):
            stale.append(f"{said}, not {main.version}")
    return Copies(places=tuple(places), stale=tuple(dict.fromkeys([*stale, *refused])))


def _says(place: Place, version: Version) -> bool:
    """Say whether a copy is of `version`, also in another spelling; (1, 2, 3) is of 1.2.3rc1."""
    if place.says:
        return True
    with suppress(ReleaseError):  # SemVer has three numbers always
        return place.version == version if place.write else str(place.version) == str(version)
    return False


def _short(place: Place, version: Version) -> Place:
    """Let `version = "1.2"` of a Sphinx configuration stand for 1.2.3; it is documented so."""
    short = ".".join(map(str, version.release[:2]))
    if place.what == f"{MAYBE}version" and place.text == short and len(version.release) > 2:  # noqa: PLR2004
        return replace(place, says=str(version), write=_two_numbers)
    return place


def _two_numbers(version: Version) -> str:
    return ".".join(map(str, (*version.release, 0)[:2]))


def _is_stale(place: Place) -> bool:
    """Say whether another version is surprising in this place."""
    with suppress(ReleaseError):
        return not place.what.startswith(MAYBE) and place.version != PLACEHOLDER
    return False


def _what(place: Place) -> str:
    return place.what.removeprefix(MAYBE).partition(" in ")[0]


def _line(place: Place, files: Files) -> int:
    return (files.read(place.path) or b"").count(b"\n", 0, place.start) + 1


# Where they may be


def _texts(files: Files) -> Iterator[Place]:
    """Find versions by what stands around them in well-known files."""
    for path in files.paths:
        if not WELL_KNOWN.fullmatch(path) or (path.endswith(WHOLE_FILES) and OTHERS.search(path)):
            continue
        for known, what, pattern in TEXTS:
            if re.fullmatch(known, path):
                yield from _by_pattern(path, what, pattern, files)


def _by_pattern(path: str, what: str, pattern: bytes, files: Files) -> Iterator[Place]:
    for match in re.finditer(pattern, files.read(path) or b""):
        text, start = match["version"].decode("utf-8", "replace"), match.start("version")
        yield Place(path=path, what=what, start=start, text=text)


def _package_json(files: Files) -> Iterator[Place]:
    if "package.json" in {*files.paths}:
        with suppress(ReleaseError):
            yield package_json("package.json", files.read)


def _locks(name: str, files: Files) -> Iterator[Place]:
    """Find the project's own entry in the locks of Python's tools, also of a whole workspace."""
    own = re.escape(canonicalize_name(name))
    for path in (up + lock for up in _ways_up(files) for lock in LOCKS):
        pattern = (ENTRY % own).encode()
        yield from _by_pattern(path, f"{name}'s own entry", pattern, files)


def _ways_up(files: Files) -> list[str]:
    """Return the ways to the folders in which a workspace may have its lock."""
    return ["../" * height for height in range(len(PurePosixPath(files.folder).parts) + 1)]


def _crates(files: Files) -> Iterator[Place]:
    """Find the version of the crate beside a Python project, and its entry in the lock."""
    for path in sorted({"Cargo.toml", "rust/Cargo.toml"} & {*files.paths}):
        with suppress(ReleaseError, ValueError):
            place = cargo(path, files.read)
            crate = value_at(parse(files.read(path) or b""), "package", "name")
            if place and isinstance(crate, str):
                yield replace(place, what=MAYBE + place.what)
                pattern = (ENTRY % re.escape(crate)).encode()
                for lock in ("rust/Cargo.lock", *(up + "Cargo.lock" for up in _ways_up(files))):
                    found = _by_pattern(lock, f"{crate}'s own entry", pattern, files)
                    yield from (_semver(one) for one in found if one.text == place.text)


def _records(files: Files) -> Iterator[Place]:
    for path, keys in bumpers.records(files):
        with suppress(ReleaseError):
            yield toml(path, files.read(path) or b"", *keys)


def _templates(main: Place, files: Files) -> tuple[list[Place], list[str]]:
    """Find what other tools edit, and tell what they would not find."""
    places, refused = [], []
    for path, template in bumpers.templates(files):
        try:
            places.append(named(f"{path}:{template}", main.text, files.read))
        except ReleaseError as error:
            refused.append(str(error).removeprefix("version-files: "))
    for path, pattern in bumpers.patterns(files):
        if (data := files.read(path)) is not None:
            found = re.finditer(pattern.encode() + CUR, data)
            places += [
                Place(
                    path=path,
                    what=MAYBE + pattern,
                    start=one.start("version"),
                    text=one["version"].decode(),
                )
                for one in found
            ]
    return places, refused


def _modules(paths: Iterable[str], main: Place, files: Files) -> Iterator[Place]:
    """Find `__version__`, `VERSION` and `version_info` in the project's own modules."""
    known = set(paths)
    for path in sorted(known):
        folder, stem = PurePosixPath(path).parent, PurePosixPath(path).stem
        is_inner = f"{folder.parent}/__init__.py" in known and stem in {"__init__", "__main__"}
        data = b"" if is_inner else files.read(path) or b""
        if b"version" not in data.lower() and b"__build__" not in data:
            continue
        with suppress(ReleaseError):
            module = Module.parse(path, data)
            for name, values in module.assigned.items():
                if len(values) == 1 and (place := _in_module(module, name, values[0], main)):
                    yield place


def _in_module(module: Module, name: str, value: ast.expr, main: Place) -> Place | None:
    """Return the version that a name has, as a string, a tuple or a hexadecimal number."""
    if isinstance(value, ast.Constant):
        is_further = name == "__version__" or module.path != main.path
        if isinstance(value.value, str) and STRING.fullmatch(name) and is_further:
            return string_place(module, name if name == "__version__" else MAYBE + name, value)
        if isinstance(value.value, int) and HEX.fullmatch(name):
            return _hexadecimal(module, name, value, main.version)
    return copied(module, name, value, main.version) if TUPLE.fullmatch(name) else None


def _hexadecimal(module: Module, name: str, value: ast.Constant, version: Version) -> Place | None:
    """Return the place of 0x010203, which is 1.2.3: two digits a number, decimal or not."""
    start, end = module.start(value), module.end(value)
    text = module.data[start:end].decode()
    for form in ("02d", "02x"):
        write = partial(_digits, text, form)
        if write(version) == text:
            said = str(version)
            return Place(
                path=module.path, what=name, start=start, text=text, says=said, write=write
            )
    return None


def _digits(old: str, form: str, version: Version) -> str:
    digits = "".join(format(number, form) for number in (*version.release, 0, 0)[:3])
    return old[:2] + digits.zfill(len(old) - 2)


def _semver(place: Place) -> Place:
    return replace(place, write=partial(semver_like, place.text))
