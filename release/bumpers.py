"""What other tools that raise versions are configured to edit: their own record, and more files.

bump2version, bump-my-version, tbump, commitizen, python-semantic-release, release-please.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from release.layout import setup_cfg
from release.tables import BOM, parse, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.places import Files

    Records = Iterator[tuple[str, tuple[str, ...]]]
    Templates = Iterator[tuple[str, str]]

# Where each has the current version, by the file that may hold its configuration.
RECORDS = {
    "pyproject.toml": (
        ("tool", "bumpversion", "current_version"),
        ("tool", "tbump", "version", "current"),
        ("tool", "commitizen", "version"),
    ),
    ".bumpversion.toml": (("tool", "bumpversion", "current_version"),),
    "tbump.toml": (("version", "current"),),
    ".cz.toml": (("tool", "commitizen", "version"),),
    "cz.toml": (("tool", "commitizen", "version"),),
}
CURRENT, TEMPLATE = "{current_version}", "{version}"


def records(files: Files) -> Records:
    """Find the TOML files and keys that hold the current version for another tool."""
    for path, keys in RECORDS.items():
        table = _toml(path, files)
        yield from ((path, key) for key in keys if isinstance(value_at(table, *key), str))


def templates(files: Files) -> Templates:
    """Find further files, each with the text around `{version}` in it, that another tool edits."""
    for path in RECORDS:
        table = _toml(path, files)
        tbump = table if path == "tbump.toml" else value_at(table, "tool", "tbump")
        for one in _list(tbump, "file"):
            yield from _template(value_at(one, "src"), value_at(one, "search"))
        bumpversion = value_at(table, "tool", "bumpversion")
        for one in _list(bumpversion, "files"):
            search = value_at(one, "search") or value_at(bumpversion, "search")
            yield from _template(value_at(one, "filename"), search)
    for path in ("setup.cfg", ".bumpversion.cfg"):
        try:
            config = setup_cfg((files.read(path) or b"").removeprefix(BOM).decode())
        except ValueError:
            continue
        for title in config.sections():
            if match := re.fullmatch(r"bumpversion:file(?:\s*\(.*?\))?:\s*(.+)", title):
                yield from _template(match[1], config.get(title, "search", fallback=None))


def patterns(files: Files) -> Templates:
    """Find further files, each with a pattern of what stands before the version in its line."""
    pyproject = _toml("pyproject.toml", files)
    released = value_at(pyproject, "tool", "semantic_release")
    variables = [*_list(released, "version_variables"), *_list(released, "version_variable")]
    for entry in filter(lambda one: isinstance(one, str), variables):
        path, _, variable = entry.partition(":")
        name = re.escape(variable.partition(":")[0])
        yield path, rf"(?m)(?<!\w){name}[\"']?\s*(?::[^=\n]*)?[:=]\s*[\"']?"
    for entry in _list(released, "version_toml"):
        path, _, keys = str(entry).partition(":")
        name = re.escape(keys.partition(":")[0].rpartition(".")[2])
        yield path, rf"(?m)^{name}\s*=\s*[\"']"
    for file in (pyproject, _toml(".cz.toml", files), _toml("cz.toml", files)):
        for entry in _list(value_at(file, "tool", "commitizen"), "version_files"):
            path, _, part = str(entry).partition(":")
            if re.fullmatch(r"[\w .=\"'-]*", part):  # any pattern may follow, and be a glob's
                yield path, rf"(?m)^(?=.*{re.escape(part)})[^\r\n]*?(?<![\w.])"
    for entry in _release_please(files):
        yield entry, r"(?m)^(?=.*x-release-please-version)[^\r\n]*?(?<![\w.])"


def _template(path: object, search: object) -> Templates:
    text = search if isinstance(search, str) else CURRENT
    if isinstance(path, str) and CURRENT in text and "{" not in text.replace(CURRENT, ""):
        yield path, text.replace(CURRENT, TEMPLATE)


def _release_please(files: Files) -> Iterator[str]:
    """Find the files that release-please edits where a comment says so."""
    try:
        config = json.loads(files.read("release-please-config.json") or b"{}")
    except ValueError:
        return
    for one in (config, value_at(config, "packages", ".")):
        for entry in _list(one, "extra-files"):
            path = entry if isinstance(entry, str) else value_at(entry, "path")
            if isinstance(path, str):
                yield path


def _list(table: object, key: str) -> list[Any]:
    """Return a list, or what is one in a text with commas; empty for anything else."""
    value = value_at(table, key)
    if isinstance(value, str):
        return [one.strip() for one in value.split(",")]
    return value if isinstance(value, list) else []


def _toml(path: str, files: Files) -> dict[str, Any]:
    try:
        return parse(files.read(path) or b"")
    except ValueError:
        return {}
