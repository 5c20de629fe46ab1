"""Where the version lives: the bytes of a file that hold it, found without running anything."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import tomlkit

from release import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Read = Callable[[str], bytes | None]  # a file's bytes by its path in the repository

# hatchling.version.source.regex's default, group "version" holding the version.
HATCH_PATTERN = r"(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *([\'\"])v?(?P<version>.+?)\2"
# Edges of a version inside other text: 1.2.3 is not part of 11.2.3, 1.2.30 or 1.2.3.4.
BEFORE, AFTER = rb"(?<![0-9.!+])(?<![a-uw-zA-UW-Z])", rb"(?![0-9A-Za-z+!]|[.-][0-9A-Za-z])"
BOM = b"\xef\xbb\xbf"
TEMPLATE = "{version}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One version in one file: `text`, at the bytes from `start` on; `what` says what it is."""

    path: str
    what: str
    start: int
    text: str

    @property
    def end(self) -> int:
        """Return the offset behind the last byte."""
        return self.start + len(self.text.encode())


def find(pyproject: dict[str, Any], read: Read) -> Place:
    """Return the one place that the build backend takes the version from.

    `pyproject` is the parsed pyproject.toml, `read` gives a file's bytes by its path. Raises
    `ReleaseError` where there is no place, or more than one.
    """
    places = list(_declared(pyproject, read))
    if not places:
        backend = pyproject.get("build-system", {}).get("build-backend", "setuptools")
        raise ReleaseError(
            f"pyproject.toml says nowhere what the version is (the backend is {backend})",
            'write it down: version = "…" in [project]',
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
    before, found, after = (template or TEMPLATE).partition(TEMPLATE)
    if not found:
        raise ReleaseError(
            f"version-files: {entry!r} doesn't say where the version is",
            f"write {{version}} into it: \"{path}:release = '{{version}}'\"",
        )
    pattern = BEFORE * (not before) + re.escape(before.encode()) + b"(?P<version>"
    pattern += re.escape(current.encode()) + b")" + re.escape(after.encode()) + AFTER * (not after)
    return _matched(path, f"version-files: {entry}", re.compile(pattern), read)


def toml(path: str, data: bytes, *keys: str) -> Place:
    """Return the place of the string at `keys` in TOML text.

    tomlkit writes a document back as it was read; so a marker put in the value's stead shows
    where the value stands.
    """
    prefix = BOM if data.startswith(BOM) else b""
    text = data.removeprefix(prefix).decode()
    document = tomlkit.parse(text)
    table: Any = document
    for key in keys[:-1]:
        table = table[key]
    value, marker = str(table[keys[-1]]), "\N{PILCROW SIGN}version\N{PILCROW SIGN}"
    faithful = document.as_string() == text and marker not in text
    table[keys[-1]] = marker
    head = document.as_string().partition(f'"{marker}"')[0]
    quotes = re.compile(r"""["']+""").match(text, len(head))
    if not faithful or not quotes or not text.startswith(value, quotes.end()):
        raise ReleaseError(f"{path}: {'.'.join(keys)} is written in a way that can't be edited")
    what = f"[{'.'.join(keys[:-1])}] {keys[-1]}"
    return Place(
        path=path, what=what, start=len(prefix + text[: quotes.end()].encode()), text=value
    )


def literal(path: str, data: bytes, name: str) -> Place:
    """Return the place of the string that a Python module assigns to `name` at its top level."""
    try:
        module = ast.parse(data)
    except (SyntaxError, ValueError) as error:
        raise ReleaseError(f"{path} is no Python module that can be read: {error}") from error
    values = [
        statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (
            statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        )
        if isinstance(target, ast.Name) and target.id == name
    ]
    if len(values) != 1:
        raise ReleaseError(f"{path} assigns {name} {len(values)} times; exactly one is needed")
    value = values[0]
    if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
        raise ReleaseError(f"{path}: {name} isn't a plain string", f'write {name} = "…"')
    # ast counts columns in bytes of UTF-8, from 0, behind a byte order mark.
    rows = data.splitlines(keepends=True)
    start = sum(map(len, rows[: value.lineno - 1])) + value.col_offset
    start += len(BOM) if value.lineno == 1 and data.startswith(BOM) else 0
    at = data.find(value.value.encode(), start)
    if at < 0 or data[start:at].strip(b"\"'rRuU"):
        raise ReleaseError(f"{path}: {name} is written in a way that can't be edited")
    return Place(path=path, what=f"{name} in {path}", start=at, text=value.value)


def _declared(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    """Find every version that pyproject.toml declares, directly or through its backend's table."""
    project, tool = pyproject.get("project", {}), pyproject.get("tool", {})
    own = read("pyproject.toml") or b""
    if "version" in project:
        yield toml("pyproject.toml", own, "project", "version")
    if "version" in tool.get("poetry", {}):
        yield toml("pyproject.toml", own, "tool", "poetry", "version")
    if "project" in pyproject and "version" not in project.get("dynamic", ()):
        return
    backend = pyproject.get("build-system", {}).get("build-backend", "setuptools")
    for name, find_in in BACKENDS.items():
        if backend.startswith(name):
            yield from find_in(pyproject, read)


def _hatch(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    table = pyproject.get("tool", {}).get("hatch", {}).get("version", {})
    if table.get("source", "regex") == "regex" and "path" in table:
        pattern = table.get("pattern", True)
        pattern = HATCH_PATTERN if pattern is True else pattern
        what = f"[tool.hatch.version] {table['path']}"
        yield _matched(table["path"], what, re.compile(pattern.encode(), re.MULTILINE), read)


def _flit(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    flit = pyproject.get("tool", {}).get("flit", {})
    module = (
        flit.get("module", {}).get("name")
        or flit.get("metadata", {}).get("module")
        or pyproject.get("project", {}).get("name", "").replace("-", "_")
    )
    yield _in_module(module, "__version__", ["", "src"], read)


def _setuptools(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    table = pyproject.get("tool", {}).get("setuptools", {})
    module, _, name = table.get("dynamic", {}).get("version", {}).get("attr", "").rpartition(".")
    if not module:
        return
    folders, packages = table.get("package-dir", {}), table.get("packages", {})
    where = packages.get("find", {}).get("where", []) if isinstance(packages, dict) else []
    roots = [folders[""]] if "" in folders else [*where, "", "src"]
    package, _, rest = module.partition(".")
    if package in folders:  # {"acme" = "lib/acme"}: that package alone lives there
        folder = PurePosixPath(folders[package])
        module, roots = ".".join(filter(None, (folder.name, rest))), [str(folder.parent)]
    yield _in_module(module, name, roots, read)


def _pdm(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    table = pyproject.get("tool", {}).get("pdm", {}).get("version", {})
    if table.get("source") == "file" and "path" in table:
        yield literal(table["path"], _required(table["path"], read), "__version__")


BACKENDS = {"hatchling": _hatch, "flit": _flit, "setuptools": _setuptools, "pdm.": _pdm}


def _in_module(module: str, name: str, roots: Iterable[str], read: Read) -> Place:
    """Find an importable module's file below one of the `roots`, and the literal in it."""
    file = module.replace(".", "/")
    paths = dict.fromkeys(
        str(PurePosixPath(root, path))
        for root in roots
        for path in (f"{file}.py", f"{file}/__init__.py")
    )
    found = {path: data for path in paths if (data := read(path)) is not None}
    if len(found) != 1:
        raise ReleaseError(
            f"the version is {name} of the module {module}, which is "
            + (f"in {len(found)} places: {', '.join(found)}" if found else "not in the repository"),
            f"looked for {', '.join(paths)}",
        )
    return literal(*next(iter(found.items())), name)


def _matched(path: str, what: str, pattern: re.Pattern[bytes], read: Read) -> Place:
    matches = list(pattern.finditer(_required(path, read)))
    if len(matches) != 1:
        raise ReleaseError(f"{what}: {len(matches)} matches in {path}; exactly one is needed")
    match = matches[0]
    return Place(path=path, what=what, start=match.start("version"), text=match["version"].decode())


def _required(path: str, read: Read) -> bytes:
    data = read(path)
    if data is None:
        raise ReleaseError(f"pyproject.toml names {path}, which isn't in the repository")
    return data
