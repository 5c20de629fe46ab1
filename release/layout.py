"""Where a project's own modules are: `src`, `lib`, package-dir, or beside pyproject.toml."""

from __future__ import annotations

import ast
import configparser
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from release import ReleaseError
from release.modules import Module
from release.tables import BOM, table_at, text_at, texts_at

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from release.places import Files, Read

OTHERS = re.compile(
    r"(?i)(^|/)(\.[^/]*|_?vendor(ed)?|third_party|extern(al)?|tests?|testing|docs?|examples?|"
    r"samples?|benchmarks?|build|dist|node_modules|scripts|tools|templates?|site-packages)/"
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`folders` by package, "" for all others; further roots; or the one module that there is."""

    folders: Mapping[str, str]
    roots: tuple[str, ...] = ()
    modules: tuple[PurePosixPath, ...] = ()

    def stems(self, module: str) -> list[PurePosixPath]:
        """Return the files, without ending, that a module may be."""
        parts = module.split(".")
        for length in range(len(parts), 0, -1):  # "acme.sub" = "lib/sub" counts before acme = "lib"
            package = ".".join(parts[:length])
            if package in self.folders:
                return [PurePosixPath(self.folders[package], *parts[length:])]
        if "" in self.folders:
            return [PurePosixPath(self.folders[""], *parts)]
        return [PurePosixPath(root, *parts) for root in (*self.roots, "", "src")]

    def own(self, paths: Collection[str], name: str, stem: re.Pattern[str]) -> list[str]:
        """Return the paths of the project's own modules: not of tests, copies or other projects.

        `name` is that of the project; a module that is in no package has to have it. The others are
        those whose name matches `stem`.
        """
        end, alone = "/pyproject.toml", re.sub(r"[-_.]+", "_", name).lower()
        others = {path.removesuffix(end) for path in paths if path.endswith(end)}
        return [
            path
            for path in paths
            if path.endswith(".py")
            and (stem.fullmatch(last := path.rpartition("/")[2][:-3]) or last.lower() == alone)
            and (inner := self._inner(PurePosixPath(path))) is not None
            and ("/" in inner or last.lower() == alone)
            and not OTHERS.search(path)
            and others.isdisjoint(map(str, PurePosixPath(path).parents))
        ]

    def _inner(self, path: PurePosixPath) -> str | None:
        """Return a module's path below its root, None where it is outside of the roots."""
        if self.modules:
            is_own = any(path.with_suffix("") == one or one in path.parents for one in self.modules)
            return f"./{path}" if is_own else None
        roots = map(PurePosixPath, self.folders.values() if self.folders else ("src", "lib", ""))
        root = next((root for root in roots if root in path.parents), None)
        if root is None:
            return None
        inner = str(path.relative_to(root))
        return f"./{inner}" if self.folders and "" not in self.folders else inner


def layout(pyproject: dict[str, Any], files: Files) -> Layout:
    """Read the layout from pyproject.toml, setup.cfg and setup.py, in this order."""
    where = ("tool", "setuptools")
    folders = {key: text_at(pyproject, *where, "package-dir", key)
               for key in table_at(pyproject, *where, "package-dir")}  # fmt: skip
    is_table = isinstance(table_at(pyproject, *where).get("packages"), dict)
    found = texts_at(pyproject, *where, "packages", "find", "where") if is_table else []
    if backend(pyproject).startswith("flit"):
        return Layout(folders={}, modules=tuple(Layout(folders={}).stems(flit_module(pyproject))))
    if not folders and not found and backend(pyproject).startswith("setuptools"):
        folders, found = _in_setup_cfg(files.read)
        folders = folders or _in_setup_py(files.read)
    return Layout(folders=folders, roots=tuple(found))


def backend(pyproject: dict[str, Any]) -> str:
    """Return the build backend; without one, it is setuptools (PEP 517)."""
    return text_at(pyproject, "build-system", "build-backend") or "setuptools"


def flit_module(pyproject: dict[str, Any]) -> str:
    """Return the module that flit packs."""
    return (
        text_at(pyproject, "tool", "flit", "module", "name")
        or text_at(pyproject, "tool", "flit", "metadata", "module")
        or text_at(pyproject, "project", "name").replace("-", "_")
    )


def setup_cfg(text: str) -> configparser.ConfigParser:
    """Parse setup.cfg; `ValueError` where it is broken."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(f"setup.cfg is broken: {error}") from error
    return parser


def setup_call(module: Module) -> dict[str, ast.expr]:
    """Return what a setup.py hands to `setup()`, by keyword; nothing where there is no such call.

    A dictionary that is given as `**NAME` counts too.
    """
    given: dict[str, ast.expr] = {}
    for call in (node for node in ast.walk(module.tree) if isinstance(node, ast.Call)):
        if ast.unparse(call.func).rpartition(".")[2] != "setup":
            continue
        for keyword in call.keywords:
            value = keyword.value
            if keyword.arg:
                given[keyword.arg] = value
            elif isinstance(value, ast.Name) and value.id in module.assigned:
                given |= items(module.assigned[value.id][-1])
            else:
                given |= items(value)
    return given


def items(value: ast.expr) -> dict[str, ast.expr]:
    """Return the entries of a dictionary, written as `{…}` or `dict(…)`, that have plain keys."""
    if isinstance(value, ast.Dict):
        pairs = zip(value.keys, value.values, strict=True)
        return {str(one.value): item for one, item in pairs if isinstance(one, ast.Constant)}
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "dict":
        return {one.arg: one.value for one in value.keywords if one.arg}
    return {}


def _in_setup_cfg(read: Read) -> tuple[dict[str, str], list[str]]:
    """Return package_dir, and where packages are to be found."""
    try:
        parser = setup_cfg((read("setup.cfg") or b"").removeprefix(BOM).decode())
    except ValueError as error:
        raise ReleaseError(str(error)) from error
    rows = re.split(r"[\n,]", parser.get("options", "package_dir", fallback=""))
    pairs = (row.partition("=") for row in rows if "=" in row)
    where = parser.get("options.packages.find", "where", fallback="").split()
    return {key.strip(): folder.strip() for key, _, folder in pairs}, where


def _in_setup_py(read: Read) -> dict[str, str]:
    data = read("setup.py")
    given = setup_call(Module.parse("setup.py", data)) if data else {}
    folders = items(given["package_dir"]) if "package_dir" in given else {}
    return {
        key: folder.value
        for key, folder in folders.items()
        if isinstance(folder, ast.Constant) and isinstance(folder.value, str)
    }
