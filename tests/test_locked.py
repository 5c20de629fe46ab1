"""What releases run with is installed from a lock, and nothing else is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import packaging
import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release import locked
from release.init import LOCKED, NOX, template
from release.rehearsal import serve
from release.tables import parse
from tests import forged
from tests.test_documents import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = locked.LOCK.read_text(encoding="utf-8")
PROJECT = parse((ROOT / "pyproject.toml").read_bytes())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = [row.rpartition(" ")[2] for row in PROJECT["classifiers"] if ":: 3." in row]
SYSTEMS = {"linux": "posix", "darwin": "posix", "win32": "nt"}
ENVIRONMENT = {key: str(value) for key, value in default_environment().items()}
PINNED = r"\w[^\\\n]*==[^\\\n]* \\(\n    --hash=sha256:[0-9a-f]{64}( \\)?)+\n"


# As it is written


def pinned(lock: str, **here: str) -> dict[str, str]:
    """The version of each package that a lock has for a Python and a system."""
    pins = [pin for pin in locked.pins(lock) if not pin.marker or pin.marker.evaluate(here)]
    versions = {canonicalize_name(pin.name): str(pin.specifier) for pin in pins}
    assert len(versions) == len(pins), "one version of each"
    assert all(re.fullmatch(r"==[^*,]+", version) for version in versions.values())
    return {name: version.removeprefix("==") for name, version in versions.items()}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_has_what_is_declared(python: str, system: str) -> None:
    here = {
        **ENVIRONMENT,
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "os_name": SYSTEMS[system],
    }
    versions = pinned(LOCK, **here)
    declared = [*PROJECT["dependencies"], *(text for texts in EXTRAS.values() for text in texts)]
    wanted = [
        one for one in map(Requirement, declared) if not one.marker or one.marker.evaluate(here)
    ]
    assert len(wanted) >= len(declared) - 1
    for one in wanted:
        assert versions[canonicalize_name(one.name)] in one.specifier
    machine = pinned(template(NOX), **here)
    assert machine.keys() >= {"nox", "uv"}
    assert all(versions.get(name, version) == version for name, version in machine.items())


def test_the_lock_has_hashes_and_no_address() -> None:
    for text in (LOCK, template(NOX)):
        bare = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)
        assert re.fullmatch(f"({PINNED})+", bare)
        assert "://" not in text
        assert len(locked.pins(text)) == len(re.findall(PINNED, bare))


def test_this_repository_is_built_with_what_is_locked() -> None:
    pyproject = parse((ROOT / "pyproject.toml").read_bytes())
    requires = pyproject["build-system"]["requires"]
    assert {*pyproject["dependency-groups"]["build"]} > {*requires}
    text = (ROOT / pyproject["tool"]["nox-release"]["build-constraints"]).read_text("utf-8")
    assert re.fullmatch(f"({PINNED})+", text)
    (hatchling,) = map(Requirement, requires)
    assert pinned(text, **ENVIRONMENT)[hatchling.name] in hatchling.specifier


def test_this_repository_has_the_file_that_init_writes() -> None:
    assert (ROOT / LOCKED).read_text(encoding="utf-8") == template(NOX)


def test_what_is_there_is_held_to_the_lock() -> None:
    lock = "a-b==1.0 \\\n    --hash=sha256:0\nc==2 ; python_version < '3' \\\n    --hash=sha256:0\n"
    assert locked.is_met(lock, ["a_b-1.0.dist-info"])
    assert locked.is_met(lock, ["A.B-1.0.dist-info", "c-1.dist-info"])
    for there in ([], ["a_b-1.1.dist-info"], ["b-1.0.dist-info"]):
        assert not locked.is_met(lock, there)


# As a session uses it

MAIN = b"import needed; print('has', needed.version)\n"
ASKS = re.compile(r"^nox > .*pip install .*--require-hashes.*requirements\.txt$", re.MULTILINE)


@dataclass(kw_only=True)
class Shop:
    """An index with wheels, and a project that releases with what is there."""

    index: Path
    project: Path

    def stock(self, name: str, version: str, files: dict[str, bytes]) -> str:
        """Let the index have a wheel; return its entry in a lock."""
        wheel = forged.wheel(
            self.index,
            filename=f"{name}-{version}-py3-none-any.whl",
            files=files,
            about=f"{name}-{version}.dist-info",
            metadata=f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        )
        return f"{name}=={version} \\\n    --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n"

    def stock_release(self, lock: str) -> None:
        """Let the index have a small nox-release with this lock, which tells what is needed."""
        own = {f"release/{name}.py": (ROOT / f"release/{name}.py").read_bytes()
               for name in ("__init__", "locked")}  # fmt: skip
        files = {**own, "release/__main__.py": MAIN, "release/requirements.txt": lock.encode()}
        self.stock("nox_release", "1.0", files)

    def run(self, backend: str) -> subprocess.CompletedProcess[str]:
        """Run a session as `init` writes it."""
        argv = [sys.executable, "-m", "nox", "--force-venv-backend", backend, "-s", "status"]
        return subprocess.run(argv, cwd=self.project, check=False, capture_output=True, text=True)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    index, project = tmp_path / "index", tmp_path / "project"
    index.mkdir()
    project.mkdir()
    (project / "noxfile.py").write_text(template("noxfile.py"), encoding="utf-8")
    with serve(index) as (url, _):
        for key in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
            monkeypatch.setenv(key, f"{url}simple/")
        yield Shop(index=index, project=project)


@pytest.fixture
def lock(shop: Shop) -> str:
    """A lock of what is needed, and of what locks are read with."""
    folder = Path(packaging.__file__).parent
    files = {f"packaging/{path.name}": path.read_bytes() for path in folder.glob("*.py")}
    shop.stock("needed", "1.1", {"needed.py": b"version = '1.1'\n"})
    needed = shop.stock("needed", "1.0", {"needed.py": b"version = '1.0'\n"})
    return shop.stock("packaging", packaging.__version__, files) + needed


@pytest.mark.parametrize("backend", ["uv", "virtualenv"])
def test_a_session_gets_what_is_locked_once(shop: Shop, lock: str, backend: str) -> None:
    shop.stock_release(lock)
    for is_first in (True, False, False):
        done = shop.run(backend)
        assert done.returncode == 0, done.stderr
        assert "has 1.0" in done.stdout
        assert bool(ASKS.search(done.stderr)) == is_first
    assert (shop.project / ".nox/status" / locked.RECORD).exists()
    python = (
        shop.project / ".nox/status" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    )
    uv = ["uv", "pip", "install", "--quiet", "--python", str(python), "needed==1.1"]
    subprocess.run(uv, check=True)
    done = shop.run(backend)
    assert "has 1.0" in done.stdout, done.stderr
    assert ASKS.search(done.stderr)


@pytest.mark.parametrize("backend", ["uv", "virtualenv"])
def test_a_file_that_the_lock_does_not_know_is_refused(shop: Shop, lock: str, backend: str) -> None:
    shop.stock_release(lock)
    shop.stock("needed", "1.0", {"needed.py": b"version = 'evil'\n"})
    done = shop.run(backend)
    assert done.returncode != 0
    assert re.search("hash mismatch|do not match the hashes", done.stderr, re.IGNORECASE)
    assert "has" not in done.stdout
