"""What build backends make of a project is accepted, built here or elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from release.artifacts import Expected, check
from release.git import Git
from release.project import Project
from release.sources import Source
from tests.test_sbom import sbom

if TYPE_CHECKING:
    from tests.stage import Stage

PROJECT = """\
[project]
name = "acme"
version = "1.2.3"
description = "A sample."
readme = "README.md"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.10"
dependencies = ["packaging>=24"]

[project.optional-dependencies]
more = ["tomli; python_version < '3.11'"]
"""
SCM = PROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]')
# Each with what it needs, and the files that it doesn't take by itself left as they are.
BACKENDS = {
    "flit_core.buildapi": ("flit_core", PROJECT),
    "hatchling.build": (
        "hatchling",
        PROJECT + '\n[tool.hatch.build.targets.wheel]\ninclude = ["acme.py"]\n',
    ),
    "setuptools.build_meta": (
        "setuptools>=77",
        PROJECT + '\n[tool.setuptools]\npy-modules = ["acme"]\n',
    ),
    "poetry.core.masonry.api": ("poetry-core>=2", PROJECT),
    "pdm.backend": (
        "pdm-backend",
        SCM
        + '\n[tool.pdm.version]\nsource = "file"\npath = "acme.py"\n'
        + '\n[tool.pdm.build]\nincludes = ["acme.py"]\n',
    ),
    "uv_build": (
        "uv_build",
        PROJECT + '\n[tool.uv.build-backend]\nmodule-root = "src"\n',
    ),
    "setuptools_scm": (
        "setuptools>=77', 'setuptools_scm",
        SCM
        + '\n[tool.setuptools]\npackages = ["acme"]\npackage-dir = {"" = "src"}\n'
        + '\n[tool.setuptools_scm]\nversion_file = "src/acme/_version.py"\n',
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_backend_makes_is_accepted(stage: Stage, backend: str) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_CONFIG_FILE"):
        stage.monkeypatch.delenv(name)  # the only ones that come from an index
    requires, project = BACKENDS[backend]
    is_scm, is_below = backend == "setuptools_scm", "src" in project
    path = "setuptools.build_meta" if is_scm else backend
    head = f"[build-system]\nrequires = ['{requires}']\nbuild-backend = '{path}'\n\n"
    if is_below:
        stage.git("rm", "--quiet", "acme.py")
    stage.commit(
        {
            "pyproject.toml": head + project + "\n[tool.nox-release]\nsbom = true\n",
            "src/acme/__init__.py"
            if is_below
            else "acme.py": '"""A sample."""\n__version__ = "1.2.3"\n',
            "LICENSE": "MIT\n",
            ".gitignore": "_version.py\n*.egg-info\n",
            ".gitattributes": "LICENSE text eol=crlf\n",
        }
    )
    stage.git("tag", "--annotate", "--force", "--message", "1.2.3", "v1.2.3")
    done = stage.run("build", "--reproducible")
    assert done.code == 0, done.err
    assert "the build made" not in done.out
    assert "built twice, the same bytes" in done.out
    here = Git(root=stage.clone, env=os.environ)
    wanted = Expected(
        source=Source(here=here, project=Project.at(here, "HEAD")),
        version=Version("1.2.3"),
        is_collected=True,
    )
    paths = sorted((stage.clone / "dist").iterdir())
    assert [path.suffix for path in paths] == [".whl", ".gz"]
    check(paths, wanted)
    built = sbom(paths[0])["formulation"][0]["components"]
    names = {canonicalize_name(Requirement(one).name) for one in requires.split("', '")}
    assert names <= {one["name"] for one in built if one["hashes"]}
