"""The same commit makes the same files; where it doesn't, that is told, or refused."""

from __future__ import annotations

import gzip
import io
import re
import stat
import tarfile
import time
import zipfile
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from release.differences import PACKED, differences
from release.normal import normalise
from release.reproducible import another_day
from tests.stage import BACKEND, PYPROJECT, QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

EPOCH = 1_700_000_000
DATE = (2023, 11, 14, 22, 13, 20)
CALLED = ("first", "then")
SDIST, WHEEL = "acme-1.2.3.tar.gz", "acme-1.2.3-py3-none-any.whl"
# Each writes something into the module that another build has otherwise.
WRITING = """
import datetime, os, stat, time
plain = build_sdist

def build_sdist(folder, *args):
    module = pathlib.Path("acme.py")
    module.write_text(module.read_text() + f"built = {VALUE}\\n")
    return plain(folder, *args)
"""
VALUES = {
    "where": "os.getcwd()!r}",
    "when": "int(time.time())}",
    "at which hour": "datetime.datetime.now().hour}",
    "by whom": "os.umask(0)}",
    "of what age": "int(os.stat('README.md').st_mtime)}",
    "how they are to be read": "os.stat('README.md').st_mode & 0o77}",
}


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def writing(value: str) -> dict[str, str | bytes]:
    return {"backend.py": BACKEND + WRITING.replace("VALUE}", VALUES[value])}


def required(files: dict[str, str | bytes], pyproject: str = QUICK) -> dict[str, str | bytes]:
    return {**files, "pyproject.toml": f'{pyproject}reproducible = "required"\n'}


# Building twice


@pytest.mark.parametrize("value", VALUES)
def test_what_a_build_takes_from_its_surroundings_is_told(stage: Stage, value: str) -> None:
    stage.commit(writing(value))
    done = stage.run("build", "--reproducible")
    assert done.code == 0, done.err
    for name in (SDIST, WHEEL):
        assert f"{name} isn't the same when it is built again: acme" in done.out
    assert re.search(r"acme\.py, line 2: .+ first, .+ then", done.out)
    assert "RECORD" not in done.out


def test_where_files_must_be_the_same_others_are_refused(stage: Stage) -> None:
    stage.commit(required(writing("when")))
    before = stage.state()
    done = stage.run("publish", "minor", "--yes", "--skip-tests")
    assert done.code == 1
    assert f"✗ {SDIST.replace('2.3', '3.0')} isn't the same when it is built again: " in done.err
    assert (
        "→ leave time, place and chance out of what is built; or let it only be told: " in done.err
    )
    assert stage.state() == before


def test_what_must_be_the_same_and_is_gets_published(stage: Stage) -> None:
    stage.commit(required({}, f"{PYPROJECT}\n[tool.nox-release]\n"))
    done = stage.run("publish", "minor", "--yes", "--skip-tests")
    assert done.code == 0, done.err
    assert "built twice, the same bytes" in done.out


@pytest.mark.parametrize(
    ("ci", "setting", "options", "is_twice"),
    [
        ("", "auto", [], False),
        ("true", "auto", [], True),
        ("true", "never", [], False),
        ("true", "auto", ["--no-reproducible"], False),
        ("", "never", ["--reproducible"], True),
    ],
)
def test_in_ci_packages_are_built_twice(
    stage: Stage, ci: str, setting: str, options: list[str], *, is_twice: bool
) -> None:
    stage.monkeypatch.setenv("CI", ci)
    stage.commit({"pyproject.toml": f'{QUICK}reproducible = "{setting}"\n'})
    done = stage.run("publish-rc", "minor", "--yes", *options)
    assert done.code == 0, done.err
    assert ("built twice, the same bytes" in done.out) == is_twice
    assert ("built from it; built twice, to compare\n" in done.out) == is_twice


def test_required_is_not_waived_by_an_option(stage: Stage) -> None:
    stage.commit(required(writing("when")))
    before = stage.state()
    done = stage.run("publish", "minor", "--yes", "--no-reproducible")
    assert done.code == 2
    assert '✗ --no-reproducible doesn\'t go with reproducible = "required"' in done.err
    assert stage.state() == before


def test_what_is_built_again_to_continue_is_compared_with_what_was_recorded(
    stopped: Stage,
) -> None:
    """A second build would say no more than that."""
    stopped.monkeypatch.setenv("CI", "true")
    (stopped.files / SDIST.replace("2.3", "3.0")).unlink()
    done = stopped.run("publish", "minor", "--yes")
    assert done.code == 0, done.err
    assert "Build sdist and wheel" in done.out
    assert "built twice" not in done.out


FAILING = f"""{BACKEND}
import os
plain = build_sdist

def build_sdist(folder, *args):
    assert "ELSEWHERE" not in os.environ.get("TZ", ""), "not there"
    return plain(folder, *args)
"""


def test_a_second_build_that_fails_is_told_as_one(stage: Stage) -> None:
    stage.commit({"backend.py": FAILING})
    done = stage.run("build", "--reproducible")
    assert done.code == 0, done.err
    assert "a second build, with umask 077 and TZ=ELSEWHERE" in done.out
    assert "not there" in done.out
    stage.commit({**required({}), ".gitignore": "dist/\n"})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "✗ a second build, with umask 077 and TZ=ELSEWHERE" in done.err


@pytest.mark.parametrize("east", [-12, -3.5, 0, 5.75, 14])
@pytest.mark.parametrize("hour", [0, 11, 12, 23])
def test_the_date_is_always_another_one(east: float, hour: int) -> None:
    here = datetime(2026, 11, 28, hour, 30, tzinfo=timezone(timedelta(hours=east)))
    fields = (*here.timetuple()[:9], "", int(east * 3600))
    told = re.fullmatch(r"ELSEWHERE(-?)(\d+):(\d\d)", another_day(time.struct_time(fields)))
    assert told
    west = timedelta(hours=int(told[2]), minutes=int(told[3])) * (-1 if told[1] else 1)
    assert (here.astimezone(timezone.utc) - west).date() != here.date()


# The normal form


def packed(
    path: Path, members: dict[str, tuple[int, bytes]], when: float = EPOCH, **more: object
) -> Path:
    """Write an archive whose members have modes and contents; of an sdist, owners as in `more`."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w") as wheel:
            for name, (mode, content) in members.items():
                told = zipfile.ZipInfo(name, time.gmtime(when)[:6])
                told.external_attr = (stat.S_IFREG | mode) << 16
                wheel.writestr(told, content)
        return path
    with gzip.GzipFile(path, "wb", mtime=when) as file, tarfile.open(None, "w", file) as sdist:
        for name, (mode, content) in members.items():
            info = tarfile.TarInfo(name)
            vars_ = {"mode": mode, "size": len(content), "mtime": when, **more}
            for key, value in vars_.items():
                setattr(info, key, value)
            sdist.addfile(info, io.BytesIO(content))
    return path


MEMBERS = {"a/b.py": (0o664, b"1\n"), "a/a.sh": (0o700, b"2\n")}


@pytest.mark.parametrize("name", [SDIST, WHEEL])
@pytest.mark.parametrize(
    "other",
    [
        {"members": {name: (mode & 0o700, text) for name, (mode, text) in MEMBERS.items()}},
        {"when": EPOCH + 3 * 3600.5},
    ],
)
def test_the_machine_says_nothing_about_an_archive(
    tmp_path: Path, name: str, other: dict[str, Any]
) -> None:
    paths = [tmp_path / "one" / name, tmp_path / "other" / name]
    for path, more in zip(paths, ({}, other), strict=True):
        path.parent.mkdir()
        packed(path, **{"members": MEMBERS, "when": EPOCH + 60.5, **more})
        assert normalise(path, EPOCH)
    normalise(paths[0], EPOCH)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [path.name for path in tmp_path.rglob(".*")] == []


@pytest.mark.parametrize(
    "owner", [{"uid": 1000}, {"gid": 100}, {"uname": "ada"}, {"gname": "users"}]
)
def test_owners_and_order_of_an_sdist_are_nobodys(tmp_path: Path, owner: dict[str, Any]) -> None:
    plain = packed(tmp_path / "plain.tar.gz", {name: MEMBERS[name] for name in sorted(MEMBERS)})
    owned = packed(tmp_path / "owned.tar.gz", MEMBERS, **owner)
    assert normalise(plain, EPOCH)
    assert normalise(owned, EPOCH)
    assert owned.read_bytes() == plain.read_bytes()
    with tarfile.open(owned) as archive:
        assert [one.name for one in archive] == ["a/a.sh", "a/b.py"]
        assert [oct(one.mode) for one in archive] == ["0o755", "0o644"]
        assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in archive} == {
            (0, 0, "", "", EPOCH)
        }
        assert archive.extractfile("a/b.py").read() == b"1\n"  # type: ignore[union-attr]


@pytest.mark.parametrize("strange", [{"mode": 0o664}, {"extra": b"\1\0\0\0"}, {"system": 0}])
def test_a_wheel_of_one_time_that_tells_of_its_machine(
    tmp_path: Path, strange: dict[str, Any]
) -> None:
    paths = [tmp_path / "one" / WHEEL, tmp_path / "other" / WHEEL]
    for path, has in zip(paths, ({}, strange), strict=True):
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as wheel:
            told = zipfile.ZipInfo("a/b.py", DATE)
            told.external_attr = (stat.S_IFREG | has.get("mode", 0o644)) << 16
            told.extra, told.create_system = has.get("extra", b""), has.get("system", 3)
            wheel.writestr(told, b"1")
    assert not normalise(paths[0], EPOCH)
    assert normalise(paths[1], EPOCH)
    with zipfile.ZipFile(paths[1]) as wheel:
        (info,) = wheel.infolist()
    assert (info.extra, info.create_system, info.date_time) == (b"", 3, DATE)
    assert stat.S_IMODE(info.external_attr >> 16) == 0o644


def test_an_sdist_in_another_order_is_written_anew(tmp_path: Path) -> None:
    members = dict.fromkeys(("a/b", "a/a"), (420, b""))
    assert normalise(packed(tmp_path / SDIST, members, EPOCH - 5), EPOCH)


def test_links_and_long_names_stay(tmp_path: Path) -> None:
    path = tmp_path / SDIST
    long = "a/" + "ä" * 150
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("a/link")
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, long, EPOCH + 0.5
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo(long))
    assert normalise(path, EPOCH)
    with tarfile.open(path) as archive:
        assert {one.name: one.linkname for one in archive} == {"a/link": long, long: ""}


@pytest.mark.parametrize(
    ("name", "when"), [(WHEEL, EPOCH), (WHEEL, EPOCH - 86400), (SDIST, EPOCH - 86400)]
)
def test_what_has_one_time_of_its_own_stays_as_it_is(tmp_path: Path, name: str, when: int) -> None:
    """As uv_build writes it: a constant is as good as the time of the commit."""
    path = packed(tmp_path / name, {"a/b.py": (0o644, b"1\n")}, when)
    before = path.read_bytes()
    assert not normalise(path, EPOCH)
    assert path.read_bytes() == before


def test_a_header_that_tells_the_time_of_packing_is_enough(tmp_path: Path) -> None:
    """As pdm-backend writes it."""
    for when in (EPOCH, EPOCH + 5):
        path = packed(tmp_path / SDIST, {"a/b.py": (0o644, b"1\n")}, EPOCH - 5)
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), mtime=when))
        assert normalise(path, EPOCH)


@pytest.mark.parametrize("name", [SDIST, WHEEL, "acme-1.2.3.zip"])
def test_what_cannot_be_read_stays_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"nonsense")
    assert not normalise(path, EPOCH)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == b"nonsense"


@pytest.mark.parametrize("name", [SDIST, WHEEL])
def test_a_bomb_is_left_to_the_check_that_refuses_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("a", bytes(65 << 20))
    else:
        packed(path, {"a": (0o644, bytes(65 << 20))})
    before = path.read_bytes()
    assert not normalise(path, EPOCH)
    assert path.read_bytes() == before


# What is different

ONE = {
    "acme.py": (0o644, b"a\nb\n"),
    "data": (0o644, b"\xff\0\1"),
    "acme-1.dist-info/RECORD": (0o644, b"1"),
}


@pytest.mark.parametrize("name", [SDIST, WHEEL])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"acme.py": b"a\nc\n"}, ["acme.py, line 2: 'b' first, 'c' then"]),
        ({"acme.py": b"a\n"}, ["acme.py, line 2: 'b' first, '' then"]),
        ({"acme.py": b"a\r\nb\n"}, ["acme.py has other line ends"]),
        ({"data": b"\xff\0\2\3"}, ["data from byte 2 on: 3 bytes first, 4 then"]),
        ({"acme.py": None}, ["acme.py is there first only"]),
        ({"more.py": b""}, ["more.py is there then only"]),
        (
            {"acme-1.dist-info/RECORD": b"2"},
            ["acme-1.dist-info/RECORD, line 1: '1' first, '2' then"],
        ),
        ({"acme-1.dist-info/RECORD": b"2", "more.py": b""}, ["more.py is there then only"]),
        ({"acme.py": b"x" * 99}, [f"acme.py, line 1: 'a' first, '{'x' * 60}…' then"]),
        (
            {f"{number}.py": b"" for number in range(7)},
            [*(f"{number}.py is there then only" for number in range(5)), "and 2 more"],
        ),
    ],
)
def test_what_is_different_is_told(
    tmp_path: Path, name: str, change: dict[str, bytes | None], told: list[str]
) -> None:
    changed = {**ONE, **{key: (0o644, text) for key, text in change.items() if text is not None}}
    other = {key: one for key, one in changed.items() if change.get(key, b"") is not None}
    paths = [tmp_path / "one" / name, tmp_path / "other" / name]
    for path, members in zip(paths, (ONE, other), strict=True):
        path.parent.mkdir()
        packed(path, members)
    assert differences(paths[0], paths[1], CALLED) == told


def test_of_a_long_line_the_place_that_differs_is_shown(tmp_path: Path) -> None:
    one, other = (
        packed(tmp_path / f"{end}.whl", {"acme.py": (0o644, b"x" * 70 + end.encode() + b"y" * 70)})
        for end in "12"
    )
    shown = [f"'…{'x' * 30}{end}{'y' * 29}…'" for end in (1, 2)]
    told = f"acme.py, line 1: {shown[0]} first, {shown[1]} then"
    assert differences(one, other, CALLED) == [told]


def test_files_that_are_only_packed_otherwise_are_the_same(tmp_path: Path) -> None:
    one = packed(tmp_path / SDIST, MEMBERS)
    other = packed(tmp_path / "other.tar.gz", MEMBERS, EPOCH + 1)
    assert differences(one, other, CALLED) == [PACKED]
    other.write_bytes(b"nonsense")
    (told,) = differences(one, other, CALLED)
    assert told.startswith(f"{SDIST} can't be read: ")
    other.unlink()
    assert differences(one, other, CALLED) == ["it isn't there then"]
