"""Versions that are in no file: which plugin takes them from git tags."""

from __future__ import annotations

import pytest

from release.plugins import vcs_plugin
from release.project import Project
from release.tables import parse
from tests.stage import Sources


def of(backend: str, more: str = "", setup: str = "") -> dict[str, str]:
    """Return files of a project with a dynamic version."""
    pyproject = f'[build-system]\nbuild-backend = "{backend}"\nrequires = ["setuptools_scm>=8"]\n'
    project = '[project]\nname = "acme"\ndynamic = ["version"]\n'
    return {"pyproject.toml": f"{pyproject}{project}{more}\n", "setup.py": setup}


def setup(arguments: str) -> dict[str, str]:
    return {"setup.py": f"from setuptools import setup\nsetup(name='acme', {arguments})\n"}


SETUPTOOLS = "setuptools.build_meta"
PLUGINS: dict[str, tuple[dict[str, str], str]] = {
    "table": (of(SETUPTOOLS, "[tool.setuptools_scm]"), "setuptools_scm"),
    "simple": (
        {
            "pyproject.toml": "[build-system]\nrequires = ['setuptools-scm[simple]>=10']\n"
            "[project]\nname = 'acme'\ndynamic = ['version']\n"
        },
        "setuptools_scm",
    ),
    "keyword": (setup("use_scm_version={'write_to': 'x.py'}"), "setuptools_scm"),
    "imported": (
        {
            "setup.py": "from setuptools_scm import get_version\nimport setuptools\n"
            "setuptools.setup(name='acme', version=get_version(root='..'))\n"
        },
        "setuptools_scm",
    ),
    "hatch": (of("hatchling.build", "[tool.hatch.version]\nsource = 'vcs'"), "hatch-vcs"),
    "hatch-versioningit": (
        of("hatchling.build", "[tool.hatch.version]\nsource = 'versioningit'"),
        "versioningit",
    ),
    "hatch-uv": (
        of("hatchling.build", "[tool.hatch.version]\nsource = 'uv-dynamic-versioning'"),
        "uv-dynamic-versioning",
    ),
    "versioningit": (of(SETUPTOOLS, "[tool.versioningit]"), "versioningit"),
    "versioneer": (setup("version=versioneer.get_version()"), "versioneer"),
    "versioneer-table": (of("mesonpy", "[tool.versioneer]\nVCS = 'git'"), "versioneer"),
    "pbr": (setup("setup_requires=['pbr'], pbr=True"), "pbr"),
    "pbr-backend": (of("pbr.build"), "pbr"),
    "pdm": (of("pdm.backend", "[tool.pdm.version]\nsource = 'scm'"), "pdm-backend"),
    "poetry": (
        {
            "pyproject.toml": "[tool.poetry]\nname = 'acme'\nversion = '0.0.0'\n"
            "[tool.poetry-dynamic-versioning]\nenable = true\n"
        },
        "poetry-dynamic-versioning",
    ),
    "scikit-build": (
        of(
            "scikit_build_core.build",
            "[tool.scikit-build.metadata.version]\n"
            "provider = 'scikit_build_core.metadata.setuptools_scm'",
        ),
        "setuptools_scm",
    ),
    "flit": (of("flit_scm:buildapi"), "flit_scm"),
    "git-versioning": (
        of(SETUPTOOLS, "[tool.setuptools-git-versioning]\nenabled = true"),
        "setuptools-git-versioning",
    ),
}
ATTR = "[tool.setuptools.dynamic]\nversion = {attr = 'acme.__version__'}\n"
FILES: dict[str, dict[str, str]] = {
    "static": {
        "pyproject.toml": "[build-system]\nrequires = ['setuptools_scm[simple]']\n[project]\n"
        "name = 'acme'\nversion = '1.2'\n[tool.setuptools_scm]\n"
    },
    "required": {**of(SETUPTOOLS, ATTR), "acme.py": "__version__ = '1.2'\n"},
    "table-and-attribute": {
        **of(SETUPTOOLS, f"{ATTR}[tool.setuptools_scm]"),
        "acme.py": "__version__ = '1.2'\n",
    },
    "keyword-off": setup("version='1.2', use_scm_version=False"),
    "poetry-off": {
        "pyproject.toml": "[tool.poetry]\nname = 'acme'\nversion = '1.2'\n"
        "[tool.poetry-dynamic-versioning]\nvcs = 'git'\n[tool.setuptools_scm]\n"
    },
    "pdm-file": {
        **of("pdm.backend", "[tool.pdm.version]\nsource = 'file'\npath = 'acme.py'"),
        "acme.py": "__version__ = '1.2'\n",
    },
}


def sources(files: dict[str, str]) -> Sources:
    return Sources({path: text.encode() for path, text in files.items()})


@pytest.mark.parametrize(("files", "plugin"), PLUGINS.values(), ids=PLUGINS)
def test_a_plugin_that_takes_the_version_from_tags_is_named(
    files: dict[str, str], plugin: str
) -> None:
    found = sources(files)
    named = vcs_plugin(parse(found.get("pyproject.toml", b"")), found)
    assert named
    assert named.name == plugin
    assert named.rule
    found.tags = ("v1.3.0", "v1.2")
    project = Project.load(found)
    assert (project.vcs, str(project.version), project.places) == (plugin, "1.3.0", ())


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_a_version_that_is_written_down_is_of_no_plugin(files: dict[str, str]) -> None:
    found = sources(files)
    assert vcs_plugin(parse(found.get("pyproject.toml", b"")), found) is None
    assert str(Project.load(found).version) == "1.2"
