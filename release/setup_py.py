"""What setup.py says about the version, read and never run: a literal, or the file it reads."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from release import ReleaseError
from release.layout import setup_call, setup_cfg
from release.literals import in_file, in_module, string_place
from release.modules import Module, assignments
from release.places import whole
from release.structures import structure
from release.tables import BOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.layout import Layout
    from release.places import Files, Place, Read

NAMES = re.compile(r"(?i)_*(version|release)_*(info|tuple|str|string)?_*|\w*_version_*")
FILES = re.compile(r"__init__|_*(version|about|meta|metadata|release|const|constants)_*")

WIDTH = 60  # of an expression that is told


def in_setup_py(files: Files, layout: Layout, name: str) -> Iterator[Place]:
    """Find the version that setup.py hands to `setup()`, in it or in the files that it names."""
    data = files.read("setup.py")
    module = Module.parse("setup.py", data) if data else None
    value = setup_call(module).get("version") if module else None
    if module is None or value is None:
        return
    words = textwrap.shorten(ast.unparse(value), WIDTH, placeholder=" …")
    rule = f"setup.py line {value.lineno}: version={words}"
    if place := _direct(module, value, layout, files):
        yield place.found_by(rule)
        return
    script = Script(module)
    found = _mentioned(script, script.reached(value), files)
    how = "setup.py names the file" if found else "the modules were searched for __version__"
    yield from (one.found_by(rule, how) for one in found or _scanned(layout, files, name))


def setup_name(read: Read) -> str:
    """Return the name that setup.cfg or setup.py gives to the project, if any."""
    config = (read("setup.cfg") or b"").removeprefix(BOM).decode("utf-8", "replace")
    data = read("setup.py")
    module = Module.parse("setup.py", data) if data else None
    given = setup_call(module).get("name") if module else None
    try:
        name = setup_cfg(config).get("metadata", "name", fallback="")
    except ValueError as error:
        raise ReleaseError(str(error)) from error
    return name or (Script(module).text(given) if module and given else "")


def _direct(module: Module, value: ast.expr, layout: Layout, files: Files) -> Place | None:
    """Return the place of a string, of a name with exactly one, or of what is imported."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
        return string_place(module, "version in setup.py", value)
    if isinstance(value, ast.Name):
        values = [one for node in ast.walk(module.tree) for name, one in assignments(node)
                  if name == value.id]  # fmt: skip
        if len(values) == 1 and not isinstance(values[0], ast.Name):
            return _direct(module, values[0], layout, files)
    if origin := _imported(module, value):
        name, attribute = origin
        return in_module(name, attribute, layout.stems(name), files.read)
    found = structure(module, "version in setup.py", value)
    return found if found and "." in found.says else None  # `match.group(1)` is none


def _imported(module: Module, value: ast.expr) -> tuple[str, str] | None:
    """Return module and name of an imported value: `acme.__version__`, or NAME of `from acme`."""
    target = ast.unparse(value)
    for node in ast.walk(module.tree):
        for one in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            name = one.asname or one.name
            if isinstance(node, ast.ImportFrom) and node.module and target == name:
                return node.module, one.name
            if isinstance(value, ast.Attribute) and target == f"{name}.{value.attr}":
                package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                return f"{package}{one.name}", value.attr
    return None


class Script:
    """A script as a net of names: what is reached from an expression."""

    def __init__(self, module: Module) -> None:
        self.texts: dict[str, str] = {}
        self.values: dict[str, list[ast.AST]] = {}
        for node in ast.walk(module.tree):
            for name, value in assignments(node):
                self._add(name, value)
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    self.texts[name] = value.value
            if isinstance(node, ast.FunctionDef):
                self._add(node.name, node)
            elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
                self._add(node.optional_vars.id, node.context_expr)
            elif isinstance(node, ast.Call):  # exec(text, NAME) gives NAME its value
                for argument in node.args:
                    if isinstance(argument, ast.Name):
                        self._add(argument.id, node)

    def _add(self, name: str, node: ast.AST) -> None:
        self.values.setdefault(name, []).append(node)

    def reached(self, value: ast.AST) -> list[ast.AST]:
        """Return every node that an expression depends on."""
        reached: dict[ast.AST, None] = {}
        waiting = [value]
        while waiting:
            for node in ast.walk(waiting.pop()):
                if node not in reached:
                    reached[node] = None
                    waiting += self.values.get(node.id, []) if isinstance(node, ast.Name) else []
        return list(reached)

    def text(self, node: ast.AST) -> str:
        """Return the text of an expression, as far as it is known; what is joined, as a path."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self.texts.get(name, "")
            case ast.FormattedValue(value=inner) | ast.Starred(value=inner):
                return self.text(inner)
            case ast.JoinedStr(values=parts) | ast.Call(args=parts):
                joint = "/" if isinstance(node, ast.Call) else ""
            case ast.BinOp(left=left, op=ast.Add() | ast.Div() as sign, right=right):
                parts, joint = [left, right], "/" * isinstance(sign, ast.Div)
            case _:
                parts, joint = [], ""
        return joint.join(filter(None, map(self.text, parts)))


def _mentioned(script: Script, nodes: list[ast.AST], files: Files) -> list[Place]:
    """Return the versions in the files that a script names where it makes its version."""
    texts = [text for node in nodes if (text := script.text(node))]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    words |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    known = set(files.paths)
    paths = {str(PurePosixPath(text.lstrip("/"))) for text in texts} & known - {"setup.py"}
    places = [place for path in sorted(paths) if (place := _version_of(path, words, files))]
    return list({(place.path, place.start): place for place in places}.values())


def _version_of(path: str, words: set[str], files: Files) -> Place | None:
    """Return the version in a file: all of it, or what a module has under a name of `words`."""
    data = files.read(path) or b""
    try:
        if not path.endswith(".py"):
            return _checked(whole(path, data))
        module = Module.parse(path, data)
        names = [name for name in module.assigned if NAMES.fullmatch(name) and name in words]
        name = "__version__" if "__version__" in names or len(names) != 1 else names[0]
        return _checked(in_file(path, data, name, files.read))
    except ReleaseError:
        return None


def _checked(place: Place) -> Place:
    """Return a place that has a version; `ReleaseError` for any other text."""
    _ = place.version
    return place


def _scanned(layout: Layout, files: Files, name: str) -> list[Place]:
    """Return the versions that the project's own modules have as `__version__`."""
    paths = layout.own(files.paths, name, FILES)
    places = [_version_of(path, {"__version__"}, files) for path in paths]
    return list({(one.path, one.start): one for one in places if one}.values())
