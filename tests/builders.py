"""Machines that build: each has a clone of its own, and makes what fits its platform."""

from __future__ import annotations

import importlib
import os
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests import forged

if TYPE_CHECKING:
    from tests.stage import Result, Stage

HERE, WINDOWS, MAC = "py3-none-any", "cp311-cp311-win_amd64", "cp311-cp311-macosx_11_0_arm64"
# Sessions that build like this machine, or like the one that act pretends it to be.
NOXFILE = """\
import nox

@nox.session(venv_backend="none")
def tests(session):
    session.run("python", "-c", "import acme", external=True)

def build(session, kind):
    script = "import sys; sys.path.append({root!r}); from tests.builders import main; main()"
    argv = ["python", "-c", script, kind, {wheelhouse!r}, *session.posargs]
    session.run(*argv, external=True)

@nox.session(venv_backend="none", default=False)
def sdist(session):
    build(session, "sdist")

@nox.session(venv_backend="none", default=False)
def wheels(session):
    build(session, "wheel")
"""


@dataclass(frozen=True, kw_only=True)
class Builders:
    """Build what a plan says into one folder for each platform, below `dist`."""

    stage: Stage
    wheelhouse: Path
    plan: Path
    dist: Path

    def prepare(self, *args: str) -> Result:
        tests = ["--skip-tests"] * ("--pre" not in args)  # of a candidate none are run
        return self.stage.run("prepare", *args, *tests, "--out", str(self.plan))

    def check_out(self, name: str, *options: str) -> Path:
        """Put a fresh clone on the commit of the plan."""
        place = self.dist.parent / name
        remote = self.stage.remote.as_uri()
        self.stage.git("clone", "--quiet", *options, remote, str(place), at=self.stage.remote)
        done = self.stage.run("checkout", str(self.plan), at=place)
        assert done.code == 0, done.err
        return place

    def build(self, *tags: str, at: str = "", more: str = "") -> list[Path]:
        """Build the sdist, and a wheel for each of the tags, each in a folder of its own.

        `at` is the package's folder; `more` goes into the wheels, as builds may differ.
        """
        name = f"builder-{len(list(self.dist.parent.iterdir()))}"
        place = self.check_out(name) / at
        sdist = flit("sdist", self.wheelhouse, place, self.dist / "sdist")
        wheel = flit("wheel", self.wheelhouse, place, self.dist.parent / name / "made")
        return [sdist, *(retagged(wheel, tag, self.dist / tag, more) for tag in tags)]

    def publish(self, *args: str, verb: str = "publish") -> Result:
        return self.stage.run(verb, "--plan", str(self.plan), "--dist", str(self.dist), *args)


def flit(kind: str, wheelhouse: Path, place: Path, out: Path) -> Path:
    """Call flit's hook in a clone."""
    out.mkdir(parents=True, exist_ok=True)
    (wheel,) = wheelhouse.glob("flit_core-*.whl")
    before = Path.cwd()
    sys.path.append(str(wheel))
    os.chdir(place)
    try:
        hooks = importlib.import_module("flit_core.buildapi")
        name: str = getattr(hooks, f"build_{kind}")(str(out))
    finally:
        os.chdir(before)
        sys.path.remove(str(wheel))
    return out / name


def retagged(wheel: Path, tag: str, folder: Path, more: str = "") -> Path:
    """Write a wheel as another platform would have built it."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (about,) = {name.partition("/")[0] for name in members if name.endswith("/WHEEL")}
    told = members.pop(f"{about}/WHEEL").decode().replace(HERE, tag)
    metadata = members.pop(f"{about}/METADATA")
    del members[f"{about}/RECORD"]
    members |= {name: data + more.encode() for name, data in members.items() if ".py" in name}
    name = wheel.name.replace(HERE, tag)
    return forged.wheel(
        folder, filename=name, files=members, about=about, metadata=metadata, told=told
    )


def main() -> None:
    """Build in the current folder: sdist or wheel, with what, into which folder."""
    kind, wheelhouse, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    built = flit(kind, wheelhouse, Path.cwd(), out)
    if kind == "wheel" and "windows" in os.environ["MACHINE"]:
        retagged(built, WINDOWS, out)
        built.unlink()
