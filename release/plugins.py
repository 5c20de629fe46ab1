"""Which plugin makes the version of git tags, so that no file has it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from release import ReleaseError
from release.layout import backend, setup_call
from release.modules import Module
from release.tables import text_at, texts_at, value_at

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
# Tables that turn a plugin on where the version is dynamic.
TABLES = {
    "poetry-dynamic-versioning": "poetry-dynamic-versioning",
    "setuptools-git-versioning": "setuptools-git-versioning",
    "setuptools_scm": "setuptools_scm",
    "versioneer": "versioneer",
    "versioningit": "versioningit",
}


def vcs_plugin(pyproject: dict[str, Any], files: Files) -> str | None:
    """Return the plugin that takes the version from git tags, None where a file has it.

    A version that is written down counts, whatever the build requires: setuptools_scm is often
    there only to choose the files of the sdist. Sources: the plugins' own documentation.
    """
    if text_at(pyproject, "project", "version") if _is_text(pyproject) else True:
        return None
    if "project" in pyproject and "version" not in texts_at(pyproject, "project", "dynamic"):
        return None
    return _by_backend(pyproject) or _by_table(pyproject) or _by_setup(pyproject, files)


def _is_text(pyproject: dict[str, Any]) -> bool:
    """Say whether the version isn't of a wrong kind, which is for others to complain about."""
    return isinstance(value_at(pyproject, "project", "version"), str | None)


def _by_backend(pyproject: dict[str, Any]) -> str | None:
    name, tool = backend(pyproject), pyproject.get("tool", {})
    if name.startswith("hatchling"):
        return HATCH_SOURCES.get(str(value_at(tool, "hatch", "version", "source")))
    if name.startswith("pdm."):
        return "pdm-backend" if value_at(tool, "pdm", "version", "source") == "scm" else None
    if name.startswith("scikit_build_core"):
        provider = str(value_at(tool, "scikit-build", "metadata", "version", "provider"))
        return "setuptools_scm" if provider.endswith(".setuptools_scm") else None
    return next((plugin for start, plugin in BACKENDS.items() if name.startswith(start)), None)


def _by_table(pyproject: dict[str, Any]) -> str | None:
    dynamic = value_at(pyproject, "tool", "setuptools", "dynamic", "version")
    if backend(pyproject).startswith("setuptools") and dynamic and not _is_versioneer(dynamic):
        return None  # setuptools writes its own over what a plugin has set
    for table, plugin in TABLES.items():
        found = value_at(pyproject, "tool", table)
        if isinstance(found, dict) and found.get("enable", found.get("enabled", True)):
            return plugin
    required = value_at(pyproject, "build-system", "requires")
    words = [str(one).replace("-", "_").replace(" ", "") for one in required or ()]
    is_simple = any(one.startswith("setuptools_scm[simple]") for one in words)
    return "setuptools_scm" if is_simple else None


def _is_versioneer(dynamic: object) -> bool:
    """Say whether an attribute is versioneer's, as in `attr = "acme._version.get_versions"`."""
    return "get_version" in str(value_at(dynamic, "attr"))


def _by_setup(pyproject: dict[str, Any], files: Files) -> str | None:
    """Return the plugin that setup.py calls, or setup.cfg configures."""
    data = files.read("setup.py") if backend(pyproject).startswith("setuptools") else None
    try:
        given = setup_call(Module.parse("setup.py", data)) if data else {}
    except ReleaseError:
        return None
    if "use_scm_version" in given and ast.unparse(given["use_scm_version"]) != "False":
        return "setuptools_scm"
    if "pbr" in given and ast.unparse(given["pbr"]) == "True":
        return "pbr"
    calls = {"versioneer": "versioneer", "versioningit": "versioningit", "dunamai": "dunamai"}
    version = ast.unparse(given["version"]) if "version" in given else ""
    return next((plugin for name, plugin in calls.items() if name in version), None)
