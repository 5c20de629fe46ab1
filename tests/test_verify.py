"""A version that is out is built again from its tag, and compared with what the index serves."""

from __future__ import annotations

import gzip
import shutil
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from release.archives import sha256_of
from tests import kinds, test_vcs
from tests.test_reproducible import writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Kept
    from tests.stage import Stage

SDIST, WHEEL = "acme-1.3.0.tar.gz", "acme-1.3.0-py3-none-any.whl"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def released(kept: Kept) -> Stage:
    return kept(release)


def release(stage: Stage) -> None:
    done = stage.run("publish", "minor", "--yes", "--skip-tests")
    assert done.code == 0, done.err


def let_the_tag_record_nothing(stage: Stage) -> None:
    """As other tools make it."""
    commit = stage.git("rev-parse", "v1.3.0^{commit}")
    stage.git("tag", "--force", "--annotate", "--message", "1.3.0", "v1.3.0", commit)
    stage.git("push", "--quiet", "--force", "origin", "v1.3.0")


def test_what_is_built_again_is_the_same(released: Stage) -> None:
    released.commit({"acme.py": '"""A newer one."""\n'})
    before = released.state()
    done = released.run("verify", "1.3.0")
    assert done.code == 0, done.err
    assert f"  {WHEEL}  the same bytes\n  {SDIST}            the same bytes\n" in done.out
    assert released.state() == before
    told = released.run("verify", "1.3", "--json").document
    good = {"words": "the same bytes", "hint": ""}
    assert told["files"] == [{"filename": WHEEL, **good}, {"filename": SDIST, **good}]
    assert told["exit_code"] == 0


def test_another_clone_can_tell(released: Stage) -> None:
    place = released.other_clone()
    done = released.run("verify", "1.3.0", at=place)
    assert done.code == 0, done.err


def test_a_version_that_is_its_tag(stage: Stage) -> None:
    stage.commit({**kinds.VCS.files, "pyproject.toml": test_vcs.PYPROJECT})
    release(stage)
    stage.commit({"more.txt": ""})
    done = stage.run("verify", "1.3.0")
    assert done.code == 0, done.err


def test_what_is_built_otherwise_is_told(stage: Stage) -> None:
    stage.commit(writing("where"))
    release(stage)
    done = stage.run("verify", "1.3.0")
    assert done.code == 1
    assert f"✗ {WHEEL}: acme.py, line 2: " in done.err
    assert "→ python -m release build --reproducible tells whether two builds here" in done.err


def test_a_file_that_the_tag_does_not_record_is_told(released: Stage) -> None:
    path = released.files / SDIST
    before = sha256_of(path)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), mtime=1))
    done = released.run("verify", "1.3.0")
    assert done.code == 1
    told = f"has the sha256 {sha256_of(path)}; v1.3.0 records {before}, as what is built here has"
    assert f"✗ {SDIST}: {told}" in done.err
    assert "→ who has put it there?" in done.err


def test_a_file_that_was_added_is_told(released: Stage) -> None:
    name = "acme-1.3.0-cp39-cp39-win32.whl"
    shutil.copy(released.files / WHEEL, released.files / name)
    done = released.run("verify", "1.3.0")
    assert done.code == 1
    assert f"✗ {name}: isn't recorded by v1.3.0" in done.err


def test_a_file_that_is_gone_is_told(released: Stage) -> None:
    (released.files / SDIST).unlink()
    done = released.run("verify", "1.3.0")
    assert done.code == 1
    assert f"✗ {SDIST}: is recorded by v1.3.0, and isn't there\n  → who has deleted it?" in done.err


def test_what_is_packed_otherwise_is_the_same(released: Stage) -> None:
    let_the_tag_record_nothing(released)
    path = released.files / SDIST
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), mtime=1))
    done = released.run("verify", "1.3.0")
    assert done.code == 0, done.err
    assert f"{SDIST}            the same files, packed otherwise\n" in done.out


def in_front(path: Path) -> None:
    content = path.read_bytes()
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("acme.py", "evil")
    path.write_bytes(path.read_bytes() + content)


def twice(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as wheel:
        wheel.writestr("acme.py", wheel.read("acme.py"))


def as_link(path: Path) -> None:
    with zipfile.ZipFile(path) as wheel:
        members = [(one, wheel.read(one)) for one in wheel.infolist()]
    with zipfile.ZipFile(path, "w") as wheel:
        for info, content in members:
            if info.filename == "acme.py":
                info.external_attr = stat.S_IFLNK << 16
            wheel.writestr(info, content)


def as_program(path: Path) -> None:
    with zipfile.ZipFile(path) as wheel:
        members = [(one, wheel.read(one)) for one in wheel.infolist()]
    with zipfile.ZipFile(path, "w") as wheel:
        for info, content in members:
            info.external_attr |= stat.S_IXUSR << 16
            wheel.writestr(info, content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (in_front, "it has bytes before"),
        (twice, "it has two members acme.py"),
        (as_link, "acme.py is a symbolic link"),
        (as_program, "acme.py is a program there, a file here"),
    ],
)
def test_what_only_looks_the_same_is_not(
    released: Stage, change: Callable[[Path], None], told: str
) -> None:
    let_the_tag_record_nothing(released)
    change(released.files / WHEEL)
    done = released.run("verify", "1.3.0")
    assert done.code == 1
    assert f"✗ {WHEEL}: " in done.err
    assert told in done.err


def test_wheels_of_other_machines_are_not_compared(released: Stage) -> None:
    let_the_tag_record_nothing(released)
    wheel = released.files / WHEEL
    other = wheel.rename(wheel.with_name("acme-1.3.0-cp39-cp39-win32.whl"))
    done = released.run("verify", "1.3.0")
    assert done.code == 0, done.err
    assert f"{other.name}  isn't built here\n" in done.out
    assert f"  {WHEEL}     is made here, and isn't there\n" in done.out
    (released.files / SDIST).unlink()
    done = released.run("verify", "1.3.0")
    assert done.code == 1
    assert "✗ no file of acme 1.3.0 is built from v1.3.0 on this machine" in done.err


def test_what_has_no_tag_cannot_be_built(stage: Stage) -> None:
    done = stage.run("publish-rc", "minor", "--yes")
    assert done.code == 0, done.err
    done = stage.run("verify", "1.3.0rc1")
    assert done.code == 1
    assert "✗ origin has no tag of acme 1.3.0rc1" in done.err
    assert "→ pre-releases have none: the commit that they are built from isn't" in done.err


def test_a_tag_that_is_gone(released: Stage) -> None:
    released.git("push", "--quiet", "--delete", "origin", "v1.3.0")
    done = released.run("verify", "1.3.0")
    assert done.code == 1
    assert "✗ origin has no tag of acme 1.3.0" in done.err
    assert "→ nox -s status compares index and tags" in done.err


@pytest.mark.parametrize(
    ("version", "told"), [("9.9", "acme 9.9 isn't on http"), ("new", "'new' is no version")]
)
def test_a_version_that_is_none(released: Stage, version: str, told: str) -> None:
    done = released.run("verify", version)
    assert done.code == 2
    assert f"✗ {told}" in done.err
    assert "→ the newest there: 1.3.0" in done.err
