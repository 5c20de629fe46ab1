"""The hooks of a build backend run in as few processes as may be, and can't tell."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.stage import PYPROJECT, with_backend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

TELLING = """\
import json, os, sys
from flit_core import buildapi

def tell(hook):
    told = {"hook": hook, "process": os.getpid(), "at": os.getcwd(), "file": __file__,
            "argv": sys.argv, "path": sys.path, "prefix": sys.prefix}
    with open(os.environ["TOLD"], "a") as file:
        print(json.dumps(told), file=file)

ASKED = []

def get_requires_for_build_sdist(settings=None):
    tell("get_requires_for_build_sdist")
    return ASKED

def get_requires_for_build_wheel(settings=None):
    tell("get_requires_for_build_wheel")
    return ASKED

def build_sdist(*args):
    tell("build_sdist")
    return buildapi.build_sdist(*args)

def build_wheel(*args):
    tell("build_wheel")
    return buildapi.build_wheel(*args)
"""
HOOKS = [
    *("get_requires_for_build_sdist", "build_sdist"),
    *("get_requires_for_build_wheel", "build_wheel"),
]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    return tmp_path / "told"


def calls(told: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]


def test_each_kind_has_one_process_and_its_own_tree(stage: Stage, told: Path) -> None:
    stage.commit(with_backend(TELLING))
    done = stage.run("build")
    assert done.code == 0, done.err
    of_sdist, also, of_wheel, too = found = calls(told)
    assert [one["hook"] for one in found] == HOOKS
    assert of_sdist["process"] == also["process"] != of_wheel["process"] == too["process"]
    assert len({one["prefix"] for one in found}) == 1
    assert of_wheel["at"].endswith("acme-1.2.3")
    for one in found:
        assert one["file"] == f"{one['at']}/backend.py"
        assert one["argv"][1] == one["hook"]
        assert one["at"] not in one["path"], "only the backend comes from the tree"
        assert "" not in one["path"]
        assert not any("pyproject_hooks" in place for place in one["path"])


def test_what_is_there_already_may_be_asked_for(stage: Stage, told: Path) -> None:
    stage.commit(with_backend(TELLING.replace("ASKED = []", 'ASKED = ["flit_core"]')))
    assert stage.run("build").code == 0
    assert [one["hook"] for one in calls(told)] == HOOKS


def test_what_else_is_asked_for_comes_into_another_environment(stage: Stage, told: Path) -> None:
    """Where the hook runs that asked for it, in a process of its own."""
    stage.commit(with_backend(TELLING.replace("ASKED = []", 'ASKED = ["flit_core>=3"]')))
    done = stage.run("build")
    assert done.code == 0, done.err
    of_sdist, also, of_wheel, too = found = calls(told)
    assert [one["hook"] for one in found] == HOOKS
    assert len({one["process"] for one in found}) == 4
    assert of_sdist["prefix"] == of_wheel["prefix"] != also["prefix"] == too["prefix"]


def test_hooks_say_what_they_do(stage: Stage, told: Path) -> None:
    _ = told
    script = TELLING.replace("    return ASKED", "    print('asking')\n    raise SystemExit('why')")
    stage.commit(with_backend(script))
    done = stage.run("build")
    assert done.code == 1
    assert "building the sdist failed:\n" in done.err
    assert done.err.index("asking") < done.err.index("why")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import gone", "Backend 'backend' is not available"),
        (
            "def build_sdist(*_): raise UnsupportedOperation\nUnsupportedOperation = OSError",
            "Unsup",
        ),
        ("from flit_core.buildapi import *\ndel build_sdist", "has no attribute 'build_sdist'"),
    ],
)
def test_a_backend_that_cannot(stage: Stage, script: str, words: str) -> None:
    stage.commit(with_backend(f"{script}\n"))
    done = stage.run("build")
    assert done.code == 1
    assert "building the sdist failed:\n" in done.err
    assert words in done.err


SETUPTOOLS = f"""\
import sys
sys.path.append({next(path for path in sys.path if path.endswith("site-packages"))!r})
from setuptools.build_meta import *
"""
SETUP = """\
import setuptools, sys
print("setup.py", *sys.argv[1:2], "in", sys.argv[0])
setuptools.setup()
"""


def test_setuptools_does_not_mind(stage: Stage) -> None:
    """It keeps much in its modules; here it is that of this environment."""
    pytest.importorskip("setuptools")
    pyproject = PYPROJECT.replace('"flit_core.buildapi"', '"backend"\nbackend-path = ["."]')
    pyproject = pyproject.replace('"flit_core"', "") + '[tool.setuptools]\npy-modules = ["acme"]\n'
    files = {"pyproject.toml": pyproject, "backend.py": SETUPTOOLS, "setup.py": SETUP}
    stage.commit({**files, "MANIFEST.in": "include backend.py\n"})
    done = stage.run("build")
    assert done.code == 0, done.err
