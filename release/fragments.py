"""Tools that make a changelog's section of fragments: towncrier and scriv, as configured."""

from __future__ import annotations

import configparser
import re
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from release import ReleaseError
from release.tables import BOM, table_at, text_at, tomllib

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    from packaging.version import Version

    from release.places import Read

# https://towncrier.readthedocs.io/en/stable/configuration.html
TYPES = ("feature", "bugfix", "doc", "removal", "misc")
IGNORED = (".gitignore", ".gitkeep", ".keep", "readme", "readme.md", "readme.rst")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool, the file that it writes to, and the fragments that there are for the next release."""

    name: str
    path: str
    fragments: tuple[str, ...]
    unused: tuple[str, ...] = ()  # what lies beside them, and the tool passes by
    title: str = ""  # of the project, where the tool would import that for it

    def command(self, version: Version | str, day: date) -> tuple[str, ...]:
        """Return the command that makes the section and removes its fragments.

        scriv takes no date: it writes the day on which it runs.
        https://towncrier.readthedocs.io/en/stable/cli.html
        https://scriv.readthedocs.io/en/stable/commands.html#scriv-collect
        """
        if self.name == "scriv":
            return ("scriv", "collect", "--no-edit", "--version", str(version))
        dated = ("--version", str(version), "--date", day.isoformat())
        named = ("--name", self.title) if self.title else ()
        return ("towncrier", "build", "--yes", *dated, *named)


def towncrier(paths: Collection[str], read: Read, pyproject: dict[str, Any]) -> Tool | None:
    """Return towncrier where towncrier.toml or else pyproject.toml configures it."""
    own = read("towncrier.toml")
    settings = pyproject if own is None else _toml("towncrier.toml", own)
    table = table_at(settings, "tool", "towncrier")
    if not table:
        return None
    where = ("tool", "towncrier")
    package = text_at(settings, *where, "package") or text_at(pyproject, "project", "name")
    base = PurePosixPath(text_at(settings, *where, "package_dir"), package)
    folder, below = text_at(settings, *where, "directory"), ""
    if not folder:
        folder, below = str(base), "newsfragments"
    sections = _tables(table, "section") or [{"path": ""}]
    folders = [str(PurePosixPath(folder, str(one.get("path", "")), below)) for one in sections]
    declared = [str(one.get("directory", one.get("name", ""))) for one in _tables(table, "type")]
    types = {*map(str.lower, declared), *table_at(table, "fragment")} or {*TYPES}
    ignored = [*IGNORED, *map(str, table.get("ignore") or ())]
    ignored.append(PurePosixPath(text_at(table, "template")).name)
    meant = [
        path
        for path in _inside(folders, paths)
        if not any(fnmatch(path.name.lower(), one.lower()) for one in ignored)
    ]
    found = [path for path in meant if types & {*path.name.lower().split(".")[1:]}]
    unused = [
        f"{path}: no fragment of towncrier, which looks for NUMBER.TYPE, TYPE being one of "
        + ", ".join(sorted(types))
        for path in _unused(meant, found)
    ]
    file = text_at(table, "filename") or "NEWS.rst"
    own_name = text_at(settings, *where, "name") or text_at(pyproject, "project", "name")
    is_asked = own_name or table_at(pyproject, "tool", "incremental")  # whose versions have a name
    title = "" if is_asked else package.title()
    return Tool(
        name="towncrier",
        path=file,
        fragments=tuple(map(str, found)),
        unused=tuple(unused),
        title=title,
    )


def scriv(paths: Collection[str], read: Read, pyproject: dict[str, Any]) -> Tool | None:
    """Return scriv where setup.cfg, tox.ini, pyproject.toml or its own folder configures it.

    https://scriv.readthedocs.io/en/stable/configuration.html
    """
    table: dict[str, Any] = {**_ini("setup.cfg", read), **_ini("tox.ini", read)}
    table |= table_at(pyproject, "tool", "scriv")
    folder = str(table.get("fragment_directory", "changelog.d"))
    table |= _ini(f"{folder}/scriv.ini", read)
    if not table:
        return None
    file = str(table.get("changelog", table.get("output_file", "CHANGELOG.${config:format}")))
    suffix = PurePosixPath(file).suffix.removeprefix(".")
    markup = str(table.get("format", suffix if "$" not in file else "rst"))
    skipped = str(table.get("skip_fragments", "README.*"))
    meant = [path for path in _inside([folder], paths) if not path.match(skipped)]
    found = [path for path in meant if path.suffix in {".rst", ".md"}]
    unused = [
        f"{path}: no fragment of scriv, which looks for .md and .rst"
        for path in _unused(meant, found)
        if path.suffix not in {".j2", ".ini"}  # templates and settings
    ]
    path = file.replace("${config:format}", markup)
    return Tool(name="scriv", path=path, fragments=tuple(map(str, found)), unused=tuple(unused))


def _unused(
    meant: Iterable[PurePosixPath], found: Collection[PurePosixPath]
) -> list[PurePosixPath]:
    """Return what may have been meant as a fragment: no template, and no hidden file."""
    others = (path for path in meant if path not in found)
    return [path for path in others if not re.match(r"\.|.*template", path.name.lower())]


def _inside(folders: Iterable[str], paths: Iterable[str]) -> list[PurePosixPath]:
    wanted = {PurePosixPath(folder) for folder in folders}
    return sorted(path for path in map(PurePosixPath, paths) if path.parent in wanted)


def _tables(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = table.get(key, [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _toml(path: str, data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.removeprefix(BOM).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{path} is broken: {error}", "mend and commit it") from error


def _ini(path: str, read: Read) -> dict[str, str]:
    """Return scriv's settings in a file, none where it can't be read as one."""
    parser = configparser.ConfigParser(interpolation=None)
    with suppress(configparser.Error, UnicodeDecodeError):
        parser.read_string((read(path) or b"").removeprefix(BOM).decode())
    section = next((one for one in ("scriv", "tool.scriv") if parser.has_section(one)), None)
    return dict(parser[section]) if section else {}
