"""Which plugin makes the version of git tags, so that no file has it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from release.layout import backend, setup_call
from release.modules import Module
from release.tables import table_at, texts_at, value_at

if TYPE_CHECKING:
    from release.places import Files

# [tool.hatch.version] source → the plugin that brings it.
HATCH_SOURCES = {
    "vcs": "hatch-vcs",
    "versioningit": "versioningit",
    "uv-dynamic-versioning": "uv-dynamic-versioning",
}
# Backends that are for such versions and nothing else.
BACKENDS = {
    "flit_scm": "flit_scm",
    "pbr": "pbr",
    "poetry_dynamic_versioning": "poetry-dynamic-versioning",
}
# Tables that turn a plugin on where the version is dynamic, and the key that must be true in it.
TABLES = {
    ("poetry-dynamic-versioning", "enable"): "poetry-dynamic-versioning",
    ("setuptools-git-versioning", "enabled"): "setuptools-git-versioning",
    ("setuptools_scm", ""): "setuptools_scm",
    ("versioneer", ""): "versioneer",
    ("versioningit", ""): "versioningit",
}
# Modules that a setup.py calls for its version.
MODULES = ("setuptools_scm", "versioneer", "versioningit", "dunamai")


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin that takes the version from git tags, and what turns it on."""

    name: str
    rule: str


def vcs_plugin(pyproject: dict[str, Any], files: Files) -> Plugin | None:
    """Return the plugin that takes the version from git tags, None where a file has it.

    A version that is written down counts, whatever the build requires: setuptools_scm is often
    there only to choose the files of the sdist. Sources: the plugins' own documentation.
    """
    if "version" in table_at(pyproject, "project"):
        return None
    if "project" in pyproject and "version" not in texts_at(pyproject, "project", "dynamic"):
        return None
    return _by_backend(pyproject) or _by_table(pyproject) or _by_setup_py(pyproject, files)


def _by_backend(pyproject: dict[str, Any]) -> Plugin | None:
    name, tool = backend(pyproject), pyproject.get("tool", {})
    plugin, rule = None, f'build-backend = "{name}"'
    if name.startswith("hatchling"):
        source = str(value_at(tool, "hatch", "version", "source"))
        plugin, rule = HATCH_SOURCES.get(source), f'[tool.hatch.version] source = "{source}"'
    elif name.startswith("pdm.") and value_at(tool, "pdm", "version", "source") == "scm":
        plugin, rule = "pdm-backend", '[tool.pdm.version] source = "scm"'
    elif name.startswith("scikit_build_core"):
        where = ("scikit-build", "metadata", "version", "provider")
        if str(value_at(tool, *where)).endswith(".setuptools_scm"):
            plugin, rule = "setuptools_scm", "[tool.scikit-build.metadata.version] provider"
    else:
        plugin = next((own for start, own in BACKENDS.items() if name.startswith(start)), None)
    return Plugin(name=plugin, rule=rule) if plugin else None


def _by_table(pyproject: dict[str, Any]) -> Plugin | None:
    is_named = value_at(pyproject, "tool", "setuptools", "dynamic", "version")
    for (table, key), plugin in TABLES.items():
        found = value_at(pyproject, "tool", table)
        is_on = found.get(key) is True if isinstance(found, dict) and key else found is not None
        is_static = value_at(pyproject, "tool", "poetry", "version") and not key
        if is_on and not is_named and not is_static:
            return Plugin(name=plugin, rule=f"[tool.{table}]")
    required = value_at(pyproject, "build-system", "requires") or ()
    words = [str(one).replace("-", "_").replace(" ", "") for one in required]
    if is_named or not any(one.startswith("setuptools_scm[simple]") for one in words):
        return None
    return Plugin(name="setuptools_scm", rule="[build-system] requires setuptools_scm[simple]")


def _by_setup_py(pyproject: dict[str, Any], files: Files) -> Plugin | None:
    """Return the plugin that setup.py turns on, or calls for its version."""
    data = files.read("setup.py") if backend(pyproject).startswith("setuptools") else None
    if not data:
        return None
    module = Module.parse("setup.py", data)
    given = {name: ast.unparse(value) for name, value in setup_call(module).items()}
    for key, plugin in {"use_scm_version": "setuptools_scm", "pbr": "pbr"}.items():
        if given.get(key, "False") != "False":
            return Plugin(name=plugin, rule=f"setup.py: {key}={given[key]}")
    names = set(re.findall(r"\w+", given.get("version", "")))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and names & {one.name for one in node.names}:
            names.add(node.module or "")
    rule = f"setup.py: version={given.get('version')}"
    return next((Plugin(name=name, rule=rule) for name in MODULES if name in names), None)
