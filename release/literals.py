"""What a Python module assigns at its top level, read with `ast`: strings, tuples and parts."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from release import ReleaseError
from release.modules import Module
from release.places import Place, at_lines
from release.structures import structure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from release.places import Read

HINT = (
    'write {name} = "…" once, at the left margin, or version = "…" in [project]; '
    "where another file has it: version-files in [tool.nox-release]; where a program makes it: "
    "version-command"
)


def literal(path: str, data: bytes, name: str) -> Place:
    """Return the place of the version that a Python module assigns to `name` at its top level.

    It is a string, a tuple, or an expression of such or of numbers: `".".join(map(str, VERSION))`.
    """
    module = Module.parse(path, data)
    values = module.assigned.get(name, [])
    if len(values) != 1:
        lines = [value.lineno for value in values]
        raise ReleaseError(
            f"{at_lines(path, *lines)} assigns {name} {len(values)} times; exactly one is needed",
            HINT.format(name=name),
        )
    return value_place(module, name, values[0])


def expression(path: str, data: bytes, text: str, read: Read) -> Place:
    """Return the place of the version that an expression makes in a module: `VERSION.public()`."""
    try:
        value = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ReleaseError(f"the expression for the version is none: {text!r}") from error
    if isinstance(value, ast.Name):
        return in_file(path, data, value.id, read)
    names = (one.id for one in ast.walk(value) if isinstance(one, ast.Name))
    return value_place(Module.parse(path, data), next(names, text), value)


def value_place(module: Module, name: str, value: ast.expr) -> Place:
    """Return the place of the version in an expression that a module gives to `name`."""
    what = f"{name} in {module.path}"
    if isinstance(value, ast.Name) and len(module.assigned.get(value.id, [])) == 1:
        return value_place(module, value.id, module.assigned[value.id][0])
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return string_place(module, what, value)
    place = None if name in module.changed else structure(module, what, value)
    if place:
        return place
    line = module.assigned.get(name, [value])[0].lineno
    raise ReleaseError(
        f"{at_lines(module.path, line)}: {name} isn't a plain string, nor made of numbers "
        "that are written down once",
        HINT.format(name=name),
    )


def string_place(module: Module, what: str, value: ast.Constant) -> Place:
    """Return the place of a string's content; `ReleaseError` where escapes or joints are in it."""
    try:
        start = module.start(value)
        at = module.data.find(str(value.value).encode(module.encoding), start)
    except ValueError as error:
        raise ReleaseError(f"{module.path}: {what} can't be read: {error}") from error
    if at < 0 or module.data[start:at].strip(b"\"'rRuU"):
        at_line = at_lines(module.path, value.lineno)
        raise ReleaseError(f"{at_line}: {what} is written in a way that can't be edited")
    return Place(path=module.path, what=what, start=at, text=str(value.value))


# Where a module is, and which it takes the version from


def in_module(module: str, name: str, stems: Iterable[PurePosixPath], read: Read) -> Place:
    """Find the literal that a module has under `name`, or imports from a neighbour.

    `stems` are the module's possible files without ending.
    """
    return in_file(*_module_file(module, name, stems, read), name, read)


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


def in_file(path: str, data: bytes, name: str, read: Read) -> Place:
    """Find the version that a module has under `name`, or imports from a neighbour."""
    module = Module.parse(path, data)
    values = module.assigned.get(name, [])
    if len(values) == 1 and isinstance(values[0], ast.Name):  # __version__ = VERSION
        name = values[0].id
    if origin := _imported_from(module, name):
        stem, name = origin
        other, data = _module_file(".".join(stem.parts), name, [stem], read)
        return literal(other, data, name).found_by(f"{path} imports {name}")
    return literal(path, data, name)


def _imported_from(module: Module, name: str) -> tuple[PurePosixPath, str] | None:
    """Return where `from … import … as NAME` takes it from: file without ending, and name."""
    origins: list[tuple[PurePosixPath, str]] = []
    for statement in module.tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            names = [one.name for one in statement.names if name == (one.asname or one.name)]
            folder = import_folder(module.path, statement) if names else None
            if folder is not None:
                stem = folder.joinpath(*statement.module.split("."))
                origins += [(stem, one) for one in names]
    if origins and len(origins) + len(module.assigned.get(name, [])) > 1:
        raise ReleaseError(
            f"{module.path} imports {name}, and has it from elsewhere too", "keep one"
        )
    return origins[0] if origins else None


def import_folder(path: str, statement: ast.ImportFrom) -> PurePosixPath | None:
    """Return the folder that an import in the file at `path` counts from, None if outside."""
    folders = list(PurePosixPath(path).parents)
    if statement.level:
        return folders[statement.level - 1] if statement.level <= len(folders) else None
    top = (statement.module or "").partition(".")[0]
    return next((folder.parent for folder in folders if folder.name == top), None)
