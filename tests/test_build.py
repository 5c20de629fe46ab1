"""What a build makes is checked before anybody sees it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from release import ReleaseError
from release.build import (
    Surroundings,
    build,
    check,
    check_descriptions,
    top_level_modules,
    trying,
)
from release.isolation import Environment
from release.sbom import FILE, Sources
from tests.stage import PYPROJECT, with_backend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage


def test_build_takes_the_committed_head(stage: Stage) -> None:
    stage.write("acme.py", "work in progress\n")
    done = stage.run("build")
    assert done.code == 0, done.err
    names = sorted(path.name for path in (stage.clone / "dist").iterdir())
    assert names == ["acme-1.2.3-py3-none-any.whl", "acme-1.2.3.tar.gz"]
    with zipfile.ZipFile(stage.clone / "dist" / names[0]) as wheel:
        assert wheel.read("acme.py") == b'"""A sample."""\n'


def test_files_that_change_while_one_is_tried_are_refused(stage: Stage) -> None:
    code = """import glob, os
for path in glob.glob(os.environ["TMPDIR"] + "/*/*.tar.gz"):
    open(path, "ab").write(b"more")
"""
    stage.commit({"acme.py": f'"""A sample."""\n{code}'})
    before = stage.state()
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "✗ acme-1.3.0.tar.gz changed while the wheel was tried" in done.err
    assert stage.state() == before


def test_files_cannot_go_into_a_file(stage: Stage) -> None:
    done = stage.run("build", "--out", "pyproject.toml")
    assert done.code == 2
    assert "✗ pyproject.toml is no folder" in done.err
    assert "Build" not in done.out


def test_builds_of_one_commit_are_the_same_bytes(stage: Stage) -> None:
    for folder in ("one", "two"):
        assert stage.run("build", "--out", folder).code == 0
    for path in (stage.clone / "one").iterdir():
        assert path.read_bytes() == (stage.clone / "two" / path.name).read_bytes()


def test_build_tells_as_json(stage: Stage) -> None:
    built = stage.run("build", "--json").document["distributions"]
    assert [one["filename"] for one in built] == [
        "acme-1.2.3-py3-none-any.whl",
        "acme-1.2.3.tar.gz",
    ]
    for one in built:
        assert (stage.clone / "dist" / one["filename"]).stat().st_size == one["size"]


def test_pip_does_it_where_there_is_no_uv(stage: Stage, tmp_path: Path) -> None:
    paths = os.environ["PATH"].split(os.pathsep)
    without = os.pathsep.join(path for path in paths if not shutil.which("uv", path=path))
    env = {**os.environ, "PATH": without}
    out = tmp_path / "out"
    out.mkdir()
    assert Environment.fresh(tmp_path / "environment", env).uv is None
    with trying(env) as trial:
        sources = Sources(commit="c" * 40, time=0)
        built = build(stage.clone, out, Surroundings(epoch=0, env=env, sources=sources))
        check([out / one.filename for one in built], "", None, trial)
    with zipfile.ZipFile(out / built[0].filename) as wheel:
        told = json.loads(wheel.read(f"acme-1.2.3.dist-info/sboms/{FILE}"))
    (flit,) = told["formulation"][0]["components"]
    assert flit["purl"].startswith("pkg:pypi/flit-core@")
    assert "hashes" not in flit  # pip doesn't tell which file it took


IN_A_REPOSITORY = """\
import os, subprocess
from flit_core.buildapi import *
import flit_core.buildapi

def build_sdist(folder, *args):
    assert os.path.isdir(".git"), "hatchling before 1.30 takes a file for one of the project"
    subprocess.run(["git", "diff", "--quiet", "--cached", "HEAD"], check=True)
    return flit_core.buildapi.build_sdist(folder, *args)
"""


def test_a_build_finds_a_repository_as_in_a_clone(stage: Stage) -> None:
    stage.commit(with_backend(IN_A_REPOSITORY))
    for words in (["publish", "minor"], ["build", "--reproducible"]):
        done = stage.run(*words)
        assert done.code == 0, done.err


BACKEND = """\
import zipfile
from flit_core.buildapi import *
import flit_core.buildapi

def build_wheel(folder, *args):
    name = flit_core.buildapi.build_wheel(folder, *args)
    with zipfile.ZipFile(f"{folder}/{name}", "a") as wheel:
        wheel.writestr("acme-1.0.dist-info/METADATA", "Name: acme")
    return name
"""


def test_a_wheel_has_one_dist_info(stage: Stage) -> None:
    stage.commit(with_backend(BACKEND))
    done = stage.run("build")
    assert done.code == 1
    assert "2 .dist-info folders: acme-1.0.dist-info, acme-1.2.3.dist-info" in done.err


OTHER_METADATA = """\
import os, zipfile
from flit_core.buildapi import *
import flit_core.buildapi

def build_wheel(folder, *args):
    name = flit_core.buildapi.build_wheel(folder, *args)
    path = os.path.join(folder, name)
    with zipfile.ZipFile(path) as wheel:
        files = {one: wheel.read(one) for one in wheel.namelist()}
    with zipfile.ZipFile(path, "w") as wheel:
        for one, data in files.items():
            wheel.writestr(one, data.replace(b"Version: 1.2.3", b"Version: 9.9.9"))
    return name
"""
TWO_SDISTS = """\
import os, shutil
from flit_core.buildapi import *
import flit_core.buildapi

def build_sdist(folder, *args):
    name = flit_core.buildapi.build_sdist(folder, *args)
    shutil.copy(os.path.join(folder, name), os.path.join(folder, "acme-1.2.3.0.tar.gz"))
    return name
"""


def test_a_files_metadata_must_say_what_its_name_says(stage: Stage) -> None:
    stage.commit(with_backend(OTHER_METADATA))
    done = stage.run("build")
    assert done.code == 1
    assert "its metadata says acme 9.9.9, the plan acme 1.2.3" in done.err


def test_a_missing_description_is_told_and_no_failure(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT.replace('readme = "README.md"\n', "")})
    done = stage.run("build")
    assert done.code == 0, done.err
    assert "`long_description` missing." in done.out


def test_there_is_exactly_one_sdist(stage: Stage) -> None:
    stage.commit(with_backend(TWO_SDISTS))
    done = stage.run("build")
    assert done.code == 1
    assert "there are 2 sdists and 1 wheels" in done.err


def test_a_failed_build_shows_its_output(stage: Stage) -> None:
    stage.commit(with_backend("raise RuntimeError('out of paint')\n"))
    done = stage.run("build")
    assert done.code == 1
    assert "out of paint" in done.err
    assert not (stage.clone / "dist").exists()


def test_top_level_modules(tmp_path: Path) -> None:
    wheel = tmp_path / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in (
            "acme/__init__.py",
            "acme/py.typed",
            "spare.py",
            "native.cpython-311-x86_64-linux-gnu.so",
            "space/inner/module.py",
            "acme-stubs/__init__.pyi",
            "acme.pth",
            "acme-1.0.data/purelib/pure.py",
            "acme-1.0.data/scripts/tool.py",
            "acme-1.0.dist-info/METADATA",
        ):
            archive.writestr(name, "")
    assert top_level_modules(wheel) == ("acme", "native", "pure", "space", "spare")


NEEDY = """\
from pathlib import Path
from flit_core.buildapi import *
import flit_core.buildapi

def get_requires_for_build_sdist(*args):
    return ["needed @ WHEEL"]

def build_sdist(*args):
    import needed
    return flit_core.buildapi.build_sdist(*args)

def build_wheel(*args):
    import needed
    return flit_core.buildapi.build_wheel(*args)
"""


def test_a_wheel_is_built_without_what_only_the_sdist_asks_for(
    stage: Stage, tmp_path: Path
) -> None:
    wheel = tmp_path / "needed-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        about = "needed-1.0.dist-info/"
        archive.writestr("needed.py", "")
        archive.writestr(f"{about}METADATA", "Metadata-Version: 2.1\nName: needed\nVersion: 1.0\n")
        archive.writestr(f"{about}WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}RECORD", "")
    stage.commit(with_backend(NEEDY.replace("WHEEL", wheel.as_uri())))
    done = stage.run("build")
    assert done.code == 1
    assert "building the wheel failed" in done.err
    assert "No module named 'needed'" in done.err


def test_modules_that_python_is_told_of_get_into_no_build(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "flit_core.py").write_text("raise SystemExit('another one')", encoding="utf-8")
    stage.monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = stage.run("build")
    assert done.code == 0, done.err


EMPTY = """\
import os, zipfile
from flit_core.buildapi import *
import flit_core.buildapi

def build_wheel(folder, *args):
    name = flit_core.buildapi.build_wheel(folder, *args)
    path = os.path.join(folder, name)
    with zipfile.ZipFile(path) as wheel:
        files = {one: wheel.read(one) for one in wheel.namelist() if one != "acme.py"}
    for one in files:
        if one.endswith("RECORD"):
            rows = files[one].splitlines(keepends=True)
            files[one] = b"".join(row for row in rows if not row.startswith(b"acme.py"))
    with zipfile.ZipFile(path, "w") as wheel:
        for one, data in files.items():
            wheel.writestr(one, data)
    return name
"""


def test_a_wheel_with_nothing_in_it_is_refused(stage: Stage) -> None:
    stage.commit(with_backend(EMPTY))
    done = stage.run("build")
    assert done.code == 1
    assert "acme-1.2.3-py3-none-any.whl holds no file but its metadata" in done.err


LARGE = """\
import zipfile
from flit_core.buildapi import *
import flit_core.buildapi

def build_wheel(folder, *args):
    name = flit_core.buildapi.build_wheel(folder, *args)
    with zipfile.ZipFile(f"{folder}/{name}", "a") as wheel:
        with wheel.open("acme.bin", "w", force_zip64=True) as file:
            for _ in range(100):
                file.write(bytes(2**20))
    return name
"""
MEASURED = """
import os, resource, sys
from pathlib import Path
import twine.commands.check, build
from release.build import Surroundings, build, check, trying
tree, out = map(Path, sys.argv[1:])
idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with trying(os.environ) as trial:
    built = build(tree, out, Surroundings(epoch=0, env=os.environ))
    check([out / one.filename for one in built], "", None, trial)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there it is in kilobytes")
def test_memory_does_not_grow_with_the_files(stage: Stage, tmp_path: Path) -> None:
    stage.commit(with_backend(LARGE))
    (out := tmp_path / "out").mkdir()
    argv = [sys.executable, "-I", "-c", MEASURED, str(stage.clone), str(out)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert max(path.stat().st_size for path in out.iterdir()) > 100 * 2**20
    assert int(done.stdout.splitlines()[-1]) < 30 * 2**10


def test_descriptions_are_checked_after_uploads_have_silenced_twine(tmp_path: Path) -> None:
    logging.getLogger("twine").setLevel(logging.CRITICAL)
    assert check_descriptions([wheel(tmp_path, "one")]) == MISSING


MISSING = [
    "`long_description_content_type` missing. defaulting to `text/x-rst`.",
    "`long_description` missing.",
]
BROKEN = "\nDescription-Content-Type: text/x-rst\n\n`broken\n"


def wheel(folder: Path, name: str, text: str = "\n") -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"{metadata}{text}")
    return path


def test_every_description_is_checked(tmp_path: Path) -> None:
    others = [wheel(tmp_path, name) for name in ("one", "two")]
    assert check_descriptions(others) == MISSING
    paths = [others[0], wheel(tmp_path, "broken", BROKEN), others[1]]
    with pytest.raises(ReleaseError, match=r"(?s)`twine check` refuses.*syntax errors in markup"):
        check_descriptions(paths)


def test_the_wheel_need_not_be_tried(stage: Stage) -> None:
    words = "Check the files; the wheel isn't installed (install-check = false)"
    stage.commit({"acme.py": '"""A sample."""\nimport gone\n', "noxfile.py": "import nox\n"})
    assert "No module named 'gone'" in stage.run("build").err
    setting = "\n[tool.nox-release]\ninstall-check = false\n"
    stage.commit({"pyproject.toml": PYPROJECT + setting})
    for verb in (["publish", "minor", "--skip-tests"], ["publish-rc", "minor"]):
        assert words in stage.run(*verb, "--dry-run").out
    done = stage.run("build")
    assert done.code == 0, done.err
    assert words in done.out
