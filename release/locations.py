"""Where the version lives: the bytes of a file that hold it, found without running anything."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from release import ReleaseError

if sys.version_info >= (3, 11):
    import tomllib as tomllib  # noqa: PLC0414 - for others too
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from packaging.version import Version

    Read = Callable[[str], bytes | None]  # a file's bytes by its path in the repository

Match = TypeVar("Match", re.Match[str], re.Match[bytes])
# What hatchling takes by default, and an annotation; group "version" holding the version.
HATCH_PATTERN = r"(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *([\'\"])v?(?P<version>.+?)\2"
# Edges of a version inside other text: 1.2.3 is not part of 11.2.3, 1.2.30 or 1.2.3.4.
BEFORE, AFTER = rb"(?<![0-9.!+])(?<![a-uw-zA-UW-Z])", rb"(?![0-9A-Za-z+!]|[.-][0-9A-Za-z])"
BOM = b"\xef\xbb\xbf"
TEMPLATE = "{version}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One version in one file: `text`, at the bytes from `start` on; `what` says what it is.

    `write` spells another version as this place wants it.
    """

    path: str
    what: str
    start: int
    text: str
    write: Callable[[Version], str] = str

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
        is_dynamic = "version" in texts_at(pyproject, "project", "dynamic")
        raise ReleaseError(
            "pyproject.toml says nowhere what the version is "
            f"(the backend is {_backend(pyproject)})",
            'write it down: version = "…" in [project]'
            + (', and take "version" out of `dynamic` there' if is_dynamic else ""),
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
    match = _only(path, f"version-files: {entry}", matches)
    what = f"version-files: {entry}"
    return Place(path=path, what=what, start=match.start("version"), text=current)


def toml(path: str, data: bytes, *keys: str) -> Place:
    """Return the place of the string at `keys` in TOML text.

    Of all the places where the value's characters stand, it is the one whose change changes
    the value at `keys`.
    """
    text = data.removeprefix(BOM).decode()
    value = text_at(tomllib.loads(text), *keys)
    marker = "\N{PILCROW SIGN}"
    for match in re.finditer(re.escape(value), text) if value else ():
        changed = text[: match.start()] + marker + text[match.end() :]
        with suppress(tomllib.TOMLDecodeError):
            if text_at(tomllib.loads(changed), *keys) == marker:
                start = len(data) - len(text.encode()) + len(text[: match.start()].encode())
                what = f"[{'.'.join(keys[:-1])}] {keys[-1]}"
                return Place(path=path, what=what, start=start, text=value)
    raise ReleaseError(f"{path}: {'.'.join(keys)} is written in a way that can't be edited")


def literal(path: str, data: bytes, name: str) -> Place:
    """Return the place of the string that a Python module assigns to `name` at its top level."""
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0].removesuffix("-sig")
        module = ast.parse(data)
        values = [
            statement.value
            for statement in module.body
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value
            for target in _targets(statement)
            if isinstance(target, ast.Name) and target.id == name
        ]
        if len(values) != 1:
            raise ReleaseError(
                f"{path} assigns {name} {len(values)} times; exactly one is needed",
                f'write {name} = "…" once, at the left margin, or version = "…" in [project]',
            )
        value = values[0]
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            raise ReleaseError(f"{path}: {name} isn't a plain string", f'write {name} = "…"')
        start = _offset(data, value, encoding)
        at = data.find(value.value.encode(encoding), start)
    except (SyntaxError, ValueError) as error:
        raise ReleaseError(f"{path} is no Python module that can be read: {error}") from error
    if at < 0 or data[start:at].strip(b"\"'rRuU"):
        raise ReleaseError(f"{path}: {name} is written in a way that can't be edited")
    return Place(path=path, what=f"{name} in {path}", start=at, text=value.value)


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _offset(data: bytes, node: ast.expr, encoding: str) -> int:
    """Return where a node begins; ast counts columns in bytes of UTF-8, whatever the encoding."""
    rows = data.splitlines(keepends=True)
    row = rows[node.lineno - 1]
    mark = len(BOM) if row.startswith(BOM) and node.lineno == 1 else 0
    before = row[mark:].decode(encoding).encode()[: node.col_offset].decode()
    return sum(map(len, rows[: node.lineno - 1])) + mark + len(before.encode(encoding))


# Reading what others wrote


def table_at(data: Any, *keys: str) -> dict[str, Any]:  # noqa: ANN401 - TOML
    """Return the table at `keys`, empty where there is none; another kind is a `ReleaseError`."""
    for depth in range(len(keys) + 1):
        if not isinstance(data, dict):
            at = ".".join(keys[:depth])
            raise ReleaseError(f"pyproject.toml is broken: {at} must be a table")
        data = data.get(keys[depth], {}) if depth < len(keys) else data
    table: dict[str, Any] = data
    return table


def text_at(data: Any, *keys: str) -> str:  # noqa: ANN401 - TOML
    """Return the string at `keys`, empty where there is none; another kind is a `ReleaseError`."""
    value = table_at(data, *keys[:-1]).get(keys[-1], "")
    if not isinstance(value, str):
        at = ".".join(keys)
        raise ReleaseError(f"pyproject.toml is broken: {at} must be a string, not {value!r}")
    return value


def texts_at(data: Any, *keys: str) -> list[str]:  # noqa: ANN401 - TOML
    """Return the list of strings at `keys`, empty where there is none; else `ReleaseError`."""
    value = table_at(data, *keys[:-1]).get(keys[-1], [])
    if not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise ReleaseError(f"pyproject.toml is broken: {'.'.join(keys)} must be a list of strings")
    return value


# What pyproject.toml declares


def _declared(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    """Find every version that pyproject.toml declares, directly or through its backend's table."""
    own = read("pyproject.toml") or b""
    if "version" in table_at(pyproject, "project"):
        yield toml("pyproject.toml", own, "project", "version")
    if "version" in table_at(pyproject, "tool", "poetry"):
        yield toml("pyproject.toml", own, "tool", "poetry", "version")
    if "project" in pyproject and "version" not in texts_at(pyproject, "project", "dynamic"):
        return
    for name, find_in in BACKENDS.items():
        if _backend(pyproject).startswith(name):
            yield from find_in(pyproject, read)


def _backend(pyproject: dict[str, Any]) -> str:
    return text_at(pyproject, "build-system", "build-backend") or "setuptools"


def _hatch(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    where = ("tool", "hatch", "version")
    table = table_at(pyproject, *where)
    path, source = text_at(pyproject, *where, "path"), text_at(pyproject, *where, "source")
    if not path or source not in {"", "regex"}:
        return
    is_default = table.get("pattern", True) is True
    pattern = HATCH_PATTERN if is_default else text_at(pyproject, *where, "pattern")
    try:
        compiled = re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise ReleaseError(f"[tool.hatch.version] pattern is no pattern: {error}") from error
    if "version" not in compiled.groupindex:
        raise ReleaseError("[tool.hatch.version] pattern has no group «version»")
    yield _matched_text(path, f"[tool.hatch.version] {path}", compiled, read)


def _flit(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    module = (
        text_at(pyproject, "tool", "flit", "module", "name")
        or text_at(pyproject, "tool", "flit", "metadata", "module")
        or text_at(pyproject, "project", "name").replace("-", "_")
    )
    stems = [PurePosixPath(root, *module.split(".")) for root in ("", "src")]
    yield _in_module(module, "__version__", stems, read)


def _setuptools(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    where = ("tool", "setuptools")
    attr = text_at(pyproject, *where, "dynamic", "version", "attr")
    module, _, name = attr.rpartition(".")
    if not module:
        return
    yield _in_module(module, name, _setuptools_stems(pyproject, module.split(".")), read)


def _setuptools_stems(pyproject: dict[str, Any], parts: list[str]) -> list[PurePosixPath]:
    """Return where setuptools may find a module: by package-dir, else by packages.find or src."""
    where = ("tool", "setuptools")
    packages = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    folders = {key: text_at(pyproject, *where, "package-dir", key)
               for key in table_at(pyproject, *where, "package-dir")}  # fmt: skip
    for package in packages:  # "acme.sub" = "lib/sub" counts before acme = "lib"
        if package in folders:
            return [PurePosixPath(folders[package], *parts[package.count(".") + 1 :])]
    if "" in folders:
        return [PurePosixPath(folders[""], *parts)]
    is_table = isinstance(table_at(pyproject, *where).get("packages"), dict)
    found = texts_at(pyproject, *where, "packages", "find", "where") if is_table else []
    return [PurePosixPath(root, *parts) for root in (*found, "", "src")]


def _pdm(pyproject: dict[str, Any], read: Read) -> Iterator[Place]:
    where = ("tool", "pdm", "version")
    path = text_at(pyproject, *where, "path")
    if path and text_at(pyproject, *where, "source") == "file":
        yield literal(path, _required(path, read), "__version__")


BACKENDS = {"hatchling": _hatch, "flit": _flit, "setuptools": _setuptools, "pdm.": _pdm}


def _in_module(module: str, name: str, stems: Iterable[PurePosixPath], read: Read) -> Place:
    """Find the literal that a module has under `name`, or imports from a neighbour.

    `stems` are the module's possible files without ending.
    """
    path, data = _module_file(module, name, stems, read)
    if origin := _imported_from(path, data, name):
        stem, name = origin
        path, data = _module_file(".".join(stem.parts), name, [stem], read)
    return literal(path, data, name)


def _module_file(
    module: str, name: str, stems: Iterable[PurePosixPath], read: Read
) -> tuple[str, bytes]:
    paths = dict.fromkeys(
        str(path)
        for stem in stems
        for path in ([stem.parent / f"{stem.name}.py"] if stem.name else [])
        + [stem / "__init__.py"]
    )
    found = {path: data for path in paths if (data := read(path)) is not None}
    if len(found) != 1:
        raise ReleaseError(
            f"the version is {name} of the module {module}, which is "
            + (f"in {len(found)} places: {', '.join(found)}" if found else "not in the repository"),
            f"looked for {', '.join(paths)}",
        )
    return next(iter(found.items()))


def _imported_from(path: str, data: bytes, name: str) -> tuple[PurePosixPath, str] | None:
    """Return where `from .module import … as NAME` takes it from: file without ending, and name."""
    origins: list[tuple[PurePosixPath, str]] = []
    assigned: list[ast.expr] = []
    with suppress(SyntaxError, ValueError, IndexError):
        for statement in ast.parse(data).body:
            if isinstance(statement, ast.ImportFrom) and statement.level and statement.module:
                folder = PurePosixPath(path).parents[statement.level - 1]
                stem = folder.joinpath(*statement.module.split("."))
                names = [one.name for one in statement.names if name == (one.asname or one.name)]
                origins += [(stem, one) for one in names]
            elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
                assigned += [one for one in _targets(statement) if ast.unparse(one) == name]
    if origins and len(origins) + len(assigned) > 1:
        raise ReleaseError(f"{path} imports {name}, and has it from elsewhere too", "keep one")
    return origins[0] if origins else None


def _matched_text(path: str, what: str, pattern: re.Pattern[str], read: Read) -> Place:
    """Match as a program does that reads the file as UTF-8 with universal newlines."""
    data = _required(path, read)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{path} is not UTF-8: {error}") from error
    match = _only(path, what, list(pattern.finditer(text.replace("\r\n", "\n"))))
    version = (match["version"] or "").strip()  # `.+` may take the end of the line with it
    if not version:
        raise ReleaseError(f"{what}: the group «version» is empty in {path}")
    at = match.start("version") + match["version"].index(version)
    shifts = (end.start() - number for number, end in enumerate(re.finditer("\r\n", text)))
    start = at + sum(1 for shift in shifts if shift < at)
    return Place(path=path, what=what, start=len(text[:start].encode()), text=version)


def _only(path: str, what: str, matches: list[Match]) -> Match:
    if len(matches) != 1:
        raise ReleaseError(f"{what}: {len(matches)} matches in {path}; exactly one is needed")
    return matches[0]


def _required(path: str, read: Read) -> bytes:
    data = read(path)
    if data is None:
        raise ReleaseError(f"pyproject.toml names {path}, which isn't in the repository")
    return data
