"""A build environment is kept for the next build, where that can't tell it from a fresh one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from release import ReleaseError
from release.archives import sha256_of
from release.build import clean
from release.environments import DAY, HOUR, LONG, MOST, Environments, clear
from release.git import Git
from release.isolation import Environment
from release.process import ProgramFailed
from release.worktree import worktree
from release.world import environments
from tests.stage import with_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

PROJECT = "0123456789abcdef"
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals, permissions or sh")


@dataclass
class Shop:
    """A project whose environments are kept, and a folder with the wheels that it can have."""

    place: Path
    env: dict[str, str]
    constraints: str = ""

    @property
    def kept(self) -> Path:
        return self.place / "cache" / PROJECT

    def stock(self, version: str, text: str = "") -> str:
        """Let there be a wheel of this version, with other bytes for another text.

        Returns a constraint that no other file fits.
        """
        path = self.place / "wheels" / f"needed-{version}-py3-none-any.whl"
        about = f"needed-{version}.dist-info/"
        metadata = f"Metadata-Version: 2.1\nName: needed\nVersion: {version}\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("needed.py", f"version = '{version}{text}'\n")
            archive.writestr(f"{about}METADATA", metadata)
            archive.writestr(f"{about}WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{about}RECORD", "")
        return f"needed=={version} --hash=sha256:{sha256_of(path)}\n"

    @contextmanager
    def build(self, kept: Path | None = None) -> Iterator[Environments]:
        with ThreadPoolExecutor() as pool:
            here = self.place / "here"
            here.mkdir(exist_ok=True)
            yield Environments(
                here=here,
                env=self.env,
                pool=pool,
                constraints=self.constraints,
                kept=kept or self.kept,
            )

    def having(self, *requirements: str) -> Environment:
        """The environment in which a build ends."""
        with self.build() as build:
            return build.settled(lambda: build.having(requirements, self.place), list)

    def records(self) -> list[Path]:
        return sorted(self.kept.glob("*.json"))


@pytest.fixture
def shop(tmp_path: Path, offline: None) -> Shop:
    _ = offline
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    settings = f"no-index = true\nfind-links = [{json.dumps(wheels.as_uri())}]\n"
    (tmp_path / "uv.toml").write_text(settings, encoding="utf-8")
    env = {**os.environ, "UV_CONFIG_FILE": str(tmp_path / "uv.toml"), "PIP_FIND_LINKS": str(wheels)}
    shop = Shop(tmp_path, env)
    shop.stock("1.0")
    return shop


def needed(here: Environment) -> str:
    """Which version of what is needed an environment has."""
    argv = [str(here.python), "-c", "import needed; print(needed.version)"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_the_next_build_has_the_environment_of_the_last(shop: Shop) -> None:
    assert needed(one := shop.having("needed")) == "1.0"
    assert shop.having("needed") == one
    assert shop.kept in one.python.parents


def test_modules_are_compiled_when_it_is_made_and_one_cut_short_is_noticed(shop: Shop) -> None:
    """As on a disk that is full; Python itself writes half of it, and doesn't see that."""
    here = shop.having("needed")
    (compiled,) = here.python.parent.parent.rglob("needed.*.pyc")
    assert here.programs_env()["PYTHONDONTWRITEBYTECODE"]
    compiled.write_bytes(compiled.read_bytes()[:30])
    assert needed(shop.having("needed")) == "1.0"
    assert shop.having("needed") != here


def test_other_requirements_are_another_environment(shop: Shop) -> None:
    shop.stock("1.1")
    assert needed(shop.having("needed")) == "1.1"
    assert needed(shop.having("needed<1.1")) == "1.0"
    assert needed(shop.having("needed")) == "1.1"


def test_what_pip_is_told_otherwise_is_another_environment(shop: Shop) -> None:
    """Without uv what pip installed counts for an hour, but not where pip would install another."""
    shop.env["PATH"] = without_uv()
    shop.stock("1.1")
    assert needed(shop.having("needed")) == "1.1"
    (constraint := shop.place / "constraint.txt").write_text("needed<1.1", encoding="utf-8")
    shop.env["PIP_CONSTRAINT"] = str(constraint)
    assert needed(shop.having("needed")) == "1.0"


@pytest.mark.parametrize(("version", "text"), [("1.1", ""), ("1.0", " again")])
def test_what_was_released_since_counts(shop: Shop, version: str, text: str) -> None:
    """A new version, or another file under an old one."""
    old = shop.having("needed")
    shop.stock(version, text)
    new = shop.having("needed")
    assert (needed(old), needed(new)) == ("1.0", f"{version}{text}")
    assert shop.having("needed") == new


def test_a_build_begins_in_the_environment_of_the_last_and_is_made_again_if_that_was_old(
    shop: Shop,
) -> None:
    def seen() -> list[str]:
        versions: list[str] = []
        with shop.build() as build:
            build.settled(
                lambda: versions.append(needed(build.having(["needed"], shop.place))),
                lambda: versions.append("cleared"),
            )
        return versions

    shop.having("needed")
    assert seen() == ["1.0"]
    shop.stock("1.1")
    assert seen() == ["1.0", "cleared", "1.1"]
    assert seen() == ["1.1"]


def test_what_fails_in_an_old_environment_is_tried_in_the_new_one(shop: Shop) -> None:
    def make() -> str:
        if (version := needed(build.having(["needed"], shop.place))) == "1.0":
            raise ProgramFailed(["hook"], 1, "")
        return version

    shop.having("needed")
    with shop.build() as build, pytest.raises(ProgramFailed):
        build.settled(make, list)
    shop.stock("1.1")
    with shop.build() as build:
        assert build.settled(make, list) == "1.1"


@pytest.mark.parametrize("how", ["write", "add", "remove"])
def test_what_a_build_has_changed_is_not_used_again(shop: Shop, how: str) -> None:
    one = shop.having("needed")
    (module,) = one.python.parent.parent.rglob("needed.py")
    if how == "remove":
        module.unlink()
    else:
        target = module if how == "write" else module.with_name("sitecustomize.py")
        target.write_text("version = 'poison'\n", encoding="utf-8")
    other = shop.having("needed")
    assert other != one
    assert needed(other) == "1.0"


def test_what_a_build_writes_into_its_environment_is_in_no_other(shop: Shop) -> None:
    """Neither through links to the installer's cache."""
    (module,) = shop.having("needed").python.parent.parent.rglob("needed.py")
    with module.open("a", encoding="utf-8") as file:
        file.write("version = 'poison'\n")
    with shop.build(shop.kept.with_name(PROJECT[::-1])) as build:
        assert needed(build.having(["needed"], shop.place)) == "1.0"


@posix
@pytest.mark.parametrize("command", ["venv --quiet", "pip install"])
def test_one_that_a_killed_run_left_half_made_is_not_used(shop: Shop, command: str) -> None:
    real = shutil.which("uv")
    (tools := shop.place / "tools").mkdir()
    deadly = f'#!/bin/sh\n"{real}" "$@"\ncase "$1 $2" in "{command}") kill -9 $PPID;; esac\n'
    (tools / "uv").write_text(deadly, encoding="utf-8")
    (tools / "uv").chmod(0o755)
    code = f"""
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from release.environments import Environments
with ThreadPoolExecutor() as pool:
    place = Path({str(shop.place)!r})
    build = Environments(here=place, env=os.environ, pool=pool, kept=place / "cache" / {PROJECT!r})
    build.having(["needed"], place)
"""
    env = {**shop.env, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, check=False)
    assert done.returncode == -9
    left = [path.name for path in shop.kept.iterdir()]
    assert len(left) == 1, "half of an environment, and no record"
    assert needed(one := shop.having("needed")) == "1.0"
    assert left[0] not in str(one.python)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": "gone"}', "null"])
def test_a_record_that_says_nothing_is_none(shop: Shop, text: str) -> None:
    one = shop.having("needed")
    (record,) = shop.records()
    record.write_text(text, encoding="utf-8")
    other = shop.having("needed")
    assert other != one
    assert shop.having("needed") == other


def test_two_at_once_do_not_disturb_each_other(shop: Shop) -> None:
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: shop.having("needed"), range(4)))
    assert [needed(one) for one in made] == ["1.0"] * 4
    assert shop.having("needed") in made


BACKEND = """\
import shutil
import signal
import socket

def build_wheel(folder, *_):
    return shutil.copy({!r}, folder).rpartition("/")[2]
"""


def test_requirements_by_url_are_kept_by_what_is_there(shop: Shop) -> None:
    wheel = shop.place / "wheels/needed-1.0-py3-none-any.whl"
    wanted = f"needed @ {wheel.as_uri()}"
    one = shop.having(wanted)
    assert shop.having(wanted) == one
    shop.stock("1.0", " again")
    assert needed(shop.having(wanted)) == "1.0 again"
    (source := shop.place / "source").mkdir()
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
    (source / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    (source / "b.py").write_text(BACKEND.format(str(wheel)), encoding="utf-8")
    of_folder = shop.having(f"needed @ {source.as_uri()}")
    assert needed(of_folder) == "1.0 again"
    assert shop.kept not in of_folder.python.parents, "nobody knows when it changes"


@posix
def test_a_folder_that_others_may_write_to_keeps_none(shop: Shop) -> None:
    shop.kept.mkdir(parents=True)
    shop.kept.chmod(0o777)
    assert shop.kept not in shop.having("needed").python.parents
    shop.kept.rmdir()
    assert shop.kept in shop.having("needed").python.parents
    assert shop.kept.stat().st_mode & 0o077 == 0


@posix
def test_a_folder_that_can_not_be_written_to_keeps_none(shop: Shop, disk: Path | None) -> None:
    if disk is None:
        pytest.skip("nobody may mount anything")
    shop.kept.parent.symlink_to(disk)
    shop.kept.mkdir(mode=0o700)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert shop.kept not in shop.having("needed").python.parents


@posix
def test_a_python_without_pip_lets_environments_have_one(shop: Shop) -> None:
    (modules := shop.place / "modules").mkdir()
    site = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for path in [*site.iterdir(), Path(__file__).parent.parent / "release"]:
        if not path.name.startswith("pip"):
            (modules / path.name).symlink_to(path)
    code = f"""
import os
from pathlib import Path
from release.isolation import Environment
place = Path({str(shop.place)!r})
here = Environment.fresh(place / "environment", os.environ)
here.install(["needed"], place)
"""
    env = {**shop.env, "PATH": without_uv(), "PYTHONPATH": str(modules)}
    subprocess.run([sys.executable, "-S", "-c", code], env=env, check=True)
    here = Environment.at(shop.place / "environment", shop.env)
    assert needed(here) == "1.0"
    assert list(here.python.parent.glob("pip*"))


def without_uv() -> str:
    paths = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(path for path in paths if not shutil.which("uv", path=path))


def test_pip_is_asked_again_after_an_hour(shop: Shop) -> None:
    """It takes as long to resolve as to install."""
    shop.env["PATH"] = without_uv()
    one = shop.having("needed")
    assert one.uv is None
    assert not list(one.python.parent.glob("pip*")), "there is one already"
    shop.stock("1.1")
    assert shop.having("needed") == one
    by_url = f"needed @ {(shop.place / 'wheels/needed-1.0-py3-none-any.whl').as_uri()}"
    assert shop.kept not in shop.having(by_url).python.parents
    (record,) = shop.records()
    told = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**told, "made": time.time() - HOUR}), encoding="utf-8")
    assert needed(shop.having("needed")) == "1.1"


def test_what_nobody_uses_is_removed(tmp_path: Path) -> None:
    def name(number: int) -> str:
        return f"{number:016x}"

    def made(path: str, age: float) -> None:
        (folder := tmp_path / path).mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)

    made(f"{name(1)}/{name(1)}", LONG - DAY)
    made(f"{name(1)}/{name(2)}", LONG + DAY)
    made(f"{name(1)}/somebody's", LONG + DAY)
    made(f"somebody's/{name(2)}", LONG + DAY)
    for number in range(MOST + 2):
        made(f"{name(2)}/{name(number)}", number * DAY / MOST + 60)
    for suffix in ("json", "new"):
        (record := tmp_path / name(1) / f"{name(2)}.{suffix}").touch()
        os.utime(record, (0, 0))
    made(f"{name(1)}/{name(3)}.json", LONG + DAY)  # nobody can remove it like a record
    (tmp_path / "file").touch()
    clear(tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*"))
    many = [f"{name(2)}/{name(number)}" for number in range(MOST)]
    own = [f"{name(1)}/{one}" for one in (name(1), f"{name(3)}.json", "somebody's")]
    assert left == [*own, *many, f"somebody's/{name(2)}"]


# What they are held to


@pytest.fixture(params=["uv", "pip"])
def by_either(shop: Shop, request: pytest.FixtureRequest) -> Shop:
    if request.param == "pip":
        shop.env["PATH"] = without_uv()
    return shop


def test_constraints_are_obeyed_and_others_are_another_environment(by_either: Shop) -> None:
    by_either.stock("1.1")
    for constraints, wanted in (("needed<1.1\n", "1.0"), ("", "1.1"), ("needed==1.0\n", "1.0")):
        by_either.constraints = constraints
        assert needed(one := by_either.having("needed")) == wanted
        assert by_either.having("needed") == one, "kept"


def test_what_an_installer_is_told_of_builds_is_obeyed(by_either: Shop) -> None:
    by_either.stock("1.1")
    (own := by_either.place / "own.txt").write_text("needed<1.1", encoding="utf-8")
    by_either.env |= {f"{tool}_BUILD_CONSTRAINT": str(own) for tool in ("UV", "PIP")}
    assert needed(by_either.having("needed")) == "1.0"


def test_constraints_hold_the_builds_of_what_is_installed(by_either: Shop) -> None:
    wheel = by_either.place / "wheels/needed-1.0-py3-none-any.whl"
    by_either.stock("1.1")
    (source := by_either.place / "source").mkdir()
    system = 'requires = ["needed"]\nbuild-backend = "b"\nbackend-path = ["."]\n'
    (source / "pyproject.toml").write_text(f"[build-system]\n{system}", encoding="utf-8")
    seen = by_either.place / "seen"
    script = f"import needed\nopen({str(seen)!r}, 'a').write(needed.version + ' ')\n"
    (source / "b.py").write_text(script + BACKEND.format(str(wheel)), encoding="utf-8")
    by_either.constraints = "needed<1.1\n"
    by_either.having(f"needed @ {source.as_uri()}")
    assert set(seen.read_text(encoding="utf-8").split()) == {"1.0"}


def test_hashes_of_constraints_are_insisted_on(by_either: Shop) -> None:
    by_either.constraints = exact = by_either.stock("1.0", " exact")
    by_either.stock("1.1")
    assert needed(one := by_either.having("needed")) == "1.0 exact"
    assert by_either.having("needed") == one, "kept"
    number = exact.rpartition(":")[2].strip()
    with by_either.build() as build:
        build.settled(lambda: build.having(["needed"], by_either.place), list)
        told = build.installed(by_either.place)
    assert told == {"needed==1.0": number if one.uv else ""}, "as an SBOM has it"
    for constraints in (exact.replace(number, "0" * 64), exact.replace("needed", "other")):
        by_either.constraints = constraints
        with pytest.raises(ReleaseError, match=r"can't be installed:\n(.|\n)*(?i:hash)") as refused:
            by_either.having("needed")
        assert "constrains" in refused.value.hints[0]


def test_constraints_that_nothing_fits_are_refused(by_either: Shop) -> None:
    by_either.constraints = "needed>1.0\n"
    with pytest.raises(ReleaseError, match=r"can't be installed:\n(.|\n)*(needed>1\.0|conflict)"):
        by_either.having("needed")


# Whose they are


def test_clones_of_one_repository_share_and_others_do_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NOX_RELEASE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def of(place: Path) -> Path:
        return environments(Git(root=place, env=os.environ))

    own, clone = of(stage.clone), stage.other_clone()
    assert of(clone) == own
    urls = ["https://example.org/a/b", "https://example.org/a/c", "git@example.org:a/b", "../gone"]
    found = {own}
    for url in urls:
        stage.git("remote", "set-url", "origin", url, at=clone)
        found.add(of(clone))
    stage.git("remote", "remove", "origin", at=clone)
    found.add(of(clone))
    assert len(found) == len(urls) + 2


TELLING = """\
import os, sys
from flit_core.buildapi import *
with open(os.environ["TOLD"], "a") as file: print(sys.prefix, file=file)
"""


@pytest.mark.parametrize("setting", ["kept", "fresh"])
def test_a_project_may_have_fresh_ones(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str
) -> None:
    monkeypatch.setenv("NOX_RELEASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    files = with_backend(TELLING)
    files["pyproject.toml"] += f'\n[tool.nox-release]\nbuild-environment = "{setting}"\n'  # type: ignore[operator]
    stage.commit(files)
    for _ in range(2):
        done = stage.run("build")
        assert done.code == 0, done.err
    prefixes = (tmp_path / "told").read_text(encoding="utf-8").split()
    assert len(prefixes) == 4, "two builds of two kinds, a process each"
    assert len(set(prefixes)) == (1 if setting == "kept" else 2)
    assert (tmp_path / "cache").exists() == (setting == "kept")


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_build_that_is_stopped_waits_for_no_index(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """It is asked in a thread, which Python tells of no signal."""
    assert stage.run("build").code == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        (settings := tmp_path / "uv.toml").write_text(
            f'index-url = "http://127.0.0.1:{server.getsockname()[1]}/"\n', encoding="utf-8"
        )
        monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
        process = stage.fork("build")
        asked, _ = server.accept()
        time.sleep(1)  # the build itself is done
        began = time.monotonic()
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=60) == 130
        assert time.monotonic() - began < 5
        asked.settimeout(5)
        while asked.recv(4096):  # whoever asked is gone
            pass
        asked.close()


def test_what_an_old_environment_has_built_leaves_nothing_in_the_tree(stage: Stage) -> None:
    git = Git(root=stage.clone, env=os.environ)
    with worktree(git, "HEAD") as here:
        (here.root / "left.txt").touch()
        (here.root / "acme.py").write_text("changed = 1\n", encoding="utf-8")
        clean(here)
        assert stage.git("status", "--porcelain", "--ignored", at=here.root) == ""
