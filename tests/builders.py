"""Machines that build: each has a clone of its own, and makes what fits its platform."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests import forged

if TYPE_CHECKING:
    from tests.stage import Result, Stage

HERE, WINDOWS, MAC = "py3-none-any", "cp311-cp311-win_amd64", "cp311-cp311-macosx_11_0_arm64"
BUILD = "import sys; sys.path += [sys.argv[1]]; from flit_core import buildapi as flit; "


@dataclass(frozen=True, kw_only=True)
class Builders:
    """Build what a plan says into one folder for each platform, below `dist`."""

    stage: Stage
    wheelhouse: Path
    plan: Path
    dist: Path

    def prepare(self, *args: str) -> Result:
        return self.stage.run("prepare", *args, "--out", str(self.plan))

    def check_out(self, name: str, *options: str) -> Path:
        """Put a fresh clone on the commit of the plan."""
        place = self.dist.parent / name
        remote = self.stage.remote.as_uri()
        self.stage.git("clone", "--quiet", *options, remote, str(place), at=self.stage.remote)
        done = self.stage.run("checkout", str(self.plan), at=place)
        assert done.code == 0, done.err
        return place

    def build(self, *tags: str, name: str = "builder") -> list[Path]:
        """Build the sdist, and a wheel for each of the tags, each in a folder of its own."""
        place = self.check_out(f"{name}-{len(list(self.dist.parent.iterdir()))}")
        out = self.flit("sdist", place, self.dist / "sdist")
        wheel = self.flit("wheel", place, self.dist.parent / "made")
        return [out, *(retagged(wheel, tag, self.dist / tag) for tag in tags)]

    def flit(self, kind: str, place: Path, out: Path) -> Path:
        """Call flit's hook in a clone."""
        out.mkdir(parents=True, exist_ok=True)
        (flit,) = self.wheelhouse.glob("flit_core-*.whl")
        script = BUILD + f"print(flit.build_{kind}(sys.argv[2]))"
        command = [sys.executable, "-c", script, str(flit), str(out)]
        done = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
        return out / done.stdout.split()[-1]

    def publish(self, *args: str, verb: str = "publish") -> Result:
        return self.stage.run(verb, "--plan", str(self.plan), "--dist", str(self.dist), *args)


def retagged(wheel: Path, tag: str, folder: Path) -> Path:
    """Write a wheel as another platform would have built it."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (about,) = {name.partition("/")[0] for name in members if name.endswith("/WHEEL")}
    told = members.pop(f"{about}/WHEEL").decode().replace("py3-none-any", tag)
    metadata = members.pop(f"{about}/METADATA")
    del members[f"{about}/RECORD"]
    name = wheel.name.replace("py3-none-any", tag)
    return forged.wheel(
        folder, filename=name, files=members, about=about, metadata=metadata, told=told
    )
