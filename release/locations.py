"""Where the build backend takes the version from: what pyproject.toml and its like declare."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from release import ReleaseError
from release.layout import backend, flit_module, layout, setup_cfg
from release.literals import expression, in_module, literal
from release.places import AFTER, BEFORE, Place, matched, matched_text, only, read_as, toml, whole
from release.setup_py import in_setup_py
from release.spelling import semver_like
from release.tables import parse, table_at, text_at, texts_at, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.places import Files, Read

# What hatchling takes by default, and an annotation; group "version" holding the version.
HATCH_PATTERN = r"(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *([\'\"])v?(?P<version>.+?)\2"
# scikit_build_core.metadata.regex has the same, and calls the group "value".
SCIKIT_PATTERN = HATCH_PATTERN.replace("<version>", "<value>")
MESON_PATTERN = rb"(?s)\A.*?\bproject\s*\([^)]*?\bversion\s*:\s*'(?P<version>[^'\n]+)'"
TEMPLATE = "{version}"
FURTHER = "version-files in [tool.nox-release]"
DYNAMIC = 'dynamic = ["version"] in [project]'


def find(pyproject: dict[str, Any], files: Files) -> Place:
    """Return the one place that the build backend takes the version from.

    `pyproject` is the parsed pyproject.toml, empty where there is none. Raises `ReleaseError` where
    there is no place, or more than one.
    """
    places = list(_declared(pyproject, files))
    if not places:
        is_dynamic = "version" in texts_at(pyproject, "project", "dynamic")
        raise ReleaseError(
            "pyproject.toml says nowhere what the version is "
            f"(the backend is {backend(pyproject)})",
            'write it down: version = "…" in [project]'
            + (', and take "version" out of `dynamic` there' if is_dynamic else "")
            + "; where another file has it: version-files in [tool.nox-release]; where a program "
            "makes it: version-command",
        )
    if len(places) > 1:
        raise ReleaseError(
            f"the version is in {len(places)} places: "
            + ", ".join(f"{place.what} ({place.text})" for place in places),
            "keep one of them",
        )
    return places[0]


def named(entry: str, current: str, read: Read) -> Place:
    """Return the place that a `version-files` entry names: `PATH` or `PATH:TEXT with {version}`."""
    path, _, template = entry.partition(":")
    path = str(PurePosixPath(path))
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ReleaseError(f"version-files: {path} isn't in the repository")
    before, found, after = (template or TEMPLATE).partition(TEMPLATE)
    if not found:
        raise ReleaseError(
            f"version-files: {entry!r} doesn't say where the version is",
            f"write {{version}} into it: \"{path}:release = '{{version}}'\"",
        )
    pattern = BEFORE * (not before) + re.escape(before.encode()) + b"(?P<version>"
    pattern += re.escape(current.encode()) + b")" + re.escape(after.encode()) + AFTER * (not after)
    matches = list(re.finditer(pattern, _required(path, read)))
    match = only(path, f"version-files: {entry}", matches)
    what, start = f"version-files: {entry}", match.start("version")
    return Place(path=path, what=what, start=start, text=current, trail=(FURTHER,))


# What each backend declares


def _declared(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    """Find every version that is declared directly, or through the backend's own table."""
    own = files.read("pyproject.toml") or b""
    is_static = "version" in table_at(pyproject, "project")
    if is_static:
        yield toml("pyproject.toml", own, "project", "version").found_by("[project] version")
    if "version" in table_at(pyproject, "tool", "poetry"):
        place = toml("pyproject.toml", own, "tool", "poetry", "version")
        yield place.found_by("[tool.poetry] version")
    if "project" in pyproject and "version" not in texts_at(pyproject, "project", "dynamic"):
        return
    start = [DYNAMIC] if "project" in pyproject else []
    for name, find_in in BACKENDS.items():
        if backend(pyproject).startswith(name):
            yield from (place.found_by(*start) for place in find_in(pyproject, files))


def _hatch(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    where = ("tool", "hatch", "version")
    table = table_at(pyproject, *where)
    path, source = text_at(pyproject, *where, "path"), text_at(pyproject, *where, "source")
    if source == "nodejs":  # hatch-nodejs-version
        place = package_json(path or "package.json", files.read)
        yield place.found_by('[tool.hatch.version] source = "nodejs"')
    elif path and source == "code":
        name = text_at(pyproject, *where, "expression") or "__version__"
        place = expression(path, _required(path, files.read), name, files.read)
        yield place.found_by(f'[tool.hatch.version] path = "{path}", {name}')
    elif path and source in {"", "regex"}:
        is_default = table.get("pattern", True) is True
        pattern = HATCH_PATTERN if is_default else text_at(pyproject, *where, "pattern")
        place = _by_pattern(path, "[tool.hatch.version]", pattern, "version", files.read)
        yield place.found_by(f'[tool.hatch.version] path = "{path}"')


def _flit(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    module = flit_module(pyproject)
    place = in_module(module, "__version__", layout(pyproject, files).stems(module), files.read)
    yield place.found_by(f"flit takes __version__ of the module {module}")


def _setuptools(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    """Find what pyproject.toml has, else setup.cfg, else setup.py: setuptools' own order."""
    where = ("tool", "setuptools", "dynamic", "version")
    attr, file = text_at(pyproject, *where, "attr"), value_at(pyproject, *where, "file")
    rule = "[tool.setuptools.dynamic] version = {{{} = '{}'}}"
    if attr:
        found = _attribute(attr, pyproject, files)
        yield from (place.found_by(rule.format("attr", attr)) for place in found)
    elif file:
        path = file if isinstance(file, str) else texts_at(pyproject, *where, "file")[0]
        yield whole(path, _required(path, files.read)).found_by(rule.format("file", path))
    elif places := list(_setup_cfg(pyproject, files)):
        yield from places
    else:
        name = text_at(pyproject, "project", "name")
        yield from in_setup_py(files, layout(pyproject, files), name)


def _setup_cfg(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    data = files.read("setup.cfg")
    what = "[metadata] version in setup.cfg"
    value = partial(_metadata, key="version")
    try:
        place = read_as("setup.cfg", what, data, value) if data else None
    except ValueError as error:
        raise ReleaseError(str(error)) from error
    if place is None:
        return
    kind, colon, rest = map(str.strip, place.text.partition(":"))
    rule = f"{what}: {place.text}"
    if colon and kind == "attr":
        found = _attribute(rest, pyproject, files)
        yield from (one.found_by(rule) for one in found)
    elif colon and kind == "file":
        yield whole(rest, _required(rest, files.read)).found_by(rule)
    else:
        yield place.found_by("[metadata] version")


def _metadata(text: str, key: str) -> str:
    return setup_cfg(text).get("metadata", key, fallback="")


def _attribute(attr: str, pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    """Find `acme.__version__`; one without a dot is of the package that has no name yet."""
    module, _, name = attr.rpartition(".")
    if module:
        yield in_module(module, name, layout(pyproject, files).stems(module), files.read)


def _pdm(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    where = ("tool", "pdm", "version")
    path = text_at(pyproject, *where, "path")
    if path and text_at(pyproject, *where, "source") == "file":
        place = literal(path, _required(path, files.read), "__version__")
        yield place.found_by(f'[tool.pdm.version] path = "{path}"')


def _maturin(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    path = text_at(pyproject, "tool", "maturin", "manifest-path")
    paths = [path] if path else ["Cargo.toml", "rust/Cargo.toml"]
    found = (cargo(one, files.read) for one in paths)
    yield from (place.found_by("maturin takes the crate's version") for place in found if place)


def _meson(_: dict[str, Any], files: Files) -> Iterator[Place]:
    data = _required("meson.build", files.read)
    place = matched("meson.build", "version in meson.build", data, MESON_PATTERN)
    yield place.found_by("meson-python takes that of the Meson project")


def _scikit_build(pyproject: dict[str, Any], files: Files) -> Iterator[Place]:
    where = ("tool", "scikit-build", "metadata", "version")
    path = text_at(pyproject, *where, "input")
    if path and text_at(pyproject, *where, "provider") == "scikit_build_core.metadata.regex":
        pattern = text_at(pyproject, *where, "regex") or SCIKIT_PATTERN
        table = f"[{'.'.join(where)}]"
        place = _by_pattern(path, table, pattern, "value", files.read)
        yield place.found_by(f'{table} input = "{path}"')


BACKENDS = {
    "hatchling": _hatch,
    "flit": _flit,
    "setuptools": _setuptools,
    "pdm.": _pdm,
    "maturin": _maturin,
    "mesonpy": _meson,
    "scikit_build_core": _scikit_build,
}


# Files of other ecosystems, whose versions are SemVer


def cargo(path: str, read: Read) -> Place | None:
    """Return the version of a crate, its own or its workspace's; None where there is none."""
    data = read(path)
    try:
        manifest = parse(data) if data else {}
    except ValueError as error:
        raise ReleaseError(f"{path} is broken: {error}") from error
    version = value_at(manifest, "package", "version")
    if data and isinstance(version, str):
        return _semver(toml(path, data, "package", "version"))
    if value_at(version, "workspace") is not True:
        return None
    for folder in PurePosixPath(path).parents:
        root = str(folder / "Cargo.toml")
        data = read(root) or b""
        if b"workspace" in data and value_at(parse(data), "workspace", "package", "version"):
            return _semver(toml(root, data, "workspace", "package", "version"))
    return None


def package_json(path: str, read: Read) -> Place:
    """Return the version of package.json."""
    data = _required(path, read)
    try:
        place = read_as(path, f"version in {path}", data, _json_version)
    except ValueError as error:
        raise ReleaseError(f"{path} is broken: {error}") from error
    if place is None:
        raise ReleaseError(f"{path} has no version")
    return _semver(place)


def _json_version(text: str) -> str:
    version = value_at(json.loads(text), "version")
    return version if isinstance(version, str) else ""


def _semver(place: Place) -> Place:
    return replace(place, write=partial(semver_like, place.text))


def _by_pattern(path: str, table: str, pattern: str, group: str, read: Read) -> Place:
    """Match a backend's pattern in a file, which has the version in a named group."""
    try:
        compiled = re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise ReleaseError(f"{table} pattern is no pattern: {error}") from error
    if group not in compiled.groupindex:
        raise ReleaseError(f"{table} pattern has no group «{group}»")
    return matched_text(path, f"{table} {path}", compiled, _required(path, read), group)


def _required(path: str, read: Read) -> bytes:
    data = read(path)
    if data is None:
        raise ReleaseError(f"{path}, which should have the version, isn't in the repository")
    return data
