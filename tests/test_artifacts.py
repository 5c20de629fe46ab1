"""The files of a release are held to what they have to be together."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from release import Refused
from release.artifacts import Expected, check
from release.configuration import Configuration
from release.index import Index
from release.project import Project
from release.sources import Source
from tests.forged import FILES, METADATA, WHEEL, sdist, wheel
from tests.stage import PYPROJECT as STAGED
from tests.test_snapshot import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

PYPROJECT = b"""\
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "acme"
version = "1.0"
"""
TRACKED = {"pyproject.toml": PYPROJECT, **FILES}
WINDOWS = "acme-1.0-cp311-cp311-win_amd64.whl"


def expected(
    folder: Path,
    files: dict[str, bytes] = TRACKED,
    settings: dict[str, object] | None = None,
    links: dict[str, str] | None = None,
    at: str = "",
) -> Expected:
    """What is expected of files built elsewhere, of a project committed with these files."""
    place = folder / "clone"
    for path, data in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    held = snapshot(place, files, links or {})
    project = Project.at(held.git, held.commit, at)
    if settings:
        project = replace(project, config=Configuration.load(settings))
    source = Source(here=held.git, project=project)
    return Expected(source=source, version=Version("1.0"), is_collected=True)


def refused(paths: list[Path], wanted: Expected) -> list[str]:
    with pytest.raises(Refused) as caught:
        check(paths, wanted)
    return [problem.message for problem in caught.value.problems]


def as_sent(folder: Path) -> list[Path]:
    return [wheel(folder), sdist(folder, files=TRACKED)]


def windows(folder: Path, metadata: str = METADATA) -> Path:
    told = WHEEL.replace("py3-none-any", "cp311-cp311-win_amd64")
    return wheel(folder, filename=WINDOWS, told=told, metadata=metadata)


def test_good_files_pass(tmp_path: Path) -> None:
    assert check([*as_sent(tmp_path), windows(tmp_path)], expected(tmp_path)) == []


# The set


def test_there_is_one_sdist_and_a_wheel(tmp_path: Path) -> None:
    good, wanted = as_sent(tmp_path), expected(tmp_path)
    rule = "a release is one sdist and at least one wheel"
    assert refused(good[:1], wanted) == [
        f"there are 0 sdists and 1 wheels of acme (acme-1.0-py3-none-any.whl); {rule}"
    ]
    assert refused(good[1:], wanted) == [
        f"there are 1 sdists and 0 wheels of acme (acme-1.0.tar.gz); {rule}"
    ]
    assert refused([], wanted) == [f"there are 0 sdists and 0 wheels of acme (nothing); {rule}"]


def test_what_is_missing_and_what_is_not_declared_is_told_at_once(tmp_path: Path) -> None:
    patterns = ["*.tar.gz", "*-manylinux*_x86_64.whl", "*-win_amd64.whl"]
    wanted = expected(tmp_path, settings={"artifacts": patterns})
    assert refused([*as_sent(tmp_path), windows(tmp_path)], wanted) == [
        "no file of acme is *-manylinux*_x86_64.whl, which `artifacts` declares",
        "`artifacts` doesn't declare acme-1.0-py3-none-any.whl",
    ]


def test_the_declared_set_passes(tmp_path: Path) -> None:
    wanted = expected(tmp_path, settings={"artifacts": ["*.tar.gz", "*.whl"]})
    assert check([*as_sent(tmp_path), windows(tmp_path)], wanted) == []


def test_files_of_another_project_or_version_are_refused(tmp_path: Path) -> None:
    evil = METADATA.replace("Name: acme", "Name: evil")
    newer = METADATA.replace("Version: 1.0", "Version: 1.1")
    paths = [
        wheel(tmp_path, metadata=evil),
        wheel(
            tmp_path,
            filename="evil-1.0-py3-none-any.whl",
            about="evil-1.0.dist-info",
            metadata=evil,
        ),
        wheel(
            tmp_path,
            filename="acme-1.1-py3-none-any.whl",
            about="acme-1.1.dist-info",
            metadata=newer,
        ),
        sdist(tmp_path, files=TRACKED, metadata=newer),
    ]
    found = refused(paths, expected(tmp_path))
    assert [message for message in found if "differ" not in message] == [
        "acme-1.0-py3-none-any.whl: its metadata says evil 1.0, the plan acme 1.0",
        "evil-1.0-py3-none-any.whl: its name says evil 1.0, the plan acme 1.0",
        "evil-1.0-py3-none-any.whl: its metadata says evil 1.0, the plan acme 1.0",
        "acme-1.1-py3-none-any.whl: its name says acme 1.1, the plan acme 1.0",
        "acme-1.1-py3-none-any.whl: its metadata says acme 1.1, the plan acme 1.0",
        "acme-1.0.tar.gz: its metadata says acme 1.1, the plan acme 1.0",
    ]


def test_where_the_version_is_free_all_files_have_the_same(tmp_path: Path) -> None:
    wanted, paths = replace(expected(tmp_path), version=None), as_sent(tmp_path)
    assert check(paths, wanted) == []
    newer = METADATA.replace("Version: 1.0", "Version: 1.1")
    other = wheel(
        tmp_path, filename="acme-1.1-py3-none-any.whl", about="acme-1.1.dist-info", metadata=newer
    )
    found = refused([*paths, other], wanted)
    assert f"{other.name}: its name says acme 1.1, the plan acme 1.0" in found


def test_a_file_is_as_big_as_the_index_takes_at_most(tmp_path: Path) -> None:
    big = wheel(tmp_path, files={"data": os.urandom(2 << 20)})
    paths, wanted = [big, sdist(tmp_path, files=TRACKED)], expected(tmp_path)
    assert check(paths, wanted) == []
    assert check(paths, replace(wanted, largest=3)) == []
    assert refused(paths, replace(wanted, largest=2)) == [
        f"{big.name}: it has 2.0 MiB, the index takes 2"
    ]


def test_what_an_index_takes_is_known_of_pypi_only() -> None:
    assert Index(repository=DEFAULT_REPOSITORY).largest_file == 100
    assert Index(repository=TEST_REPOSITORY).largest_file == 100
    assert Index(repository="http://127.0.0.1:8080/").largest_file is None


def test_the_configured_size_counts(stage: Stage) -> None:
    table = "\n[tool.nox-release]\nmax-file-size = 1\n"
    stage.commit(
        {"pyproject.toml": STAGED + table, "acme.py": b"#" + os.urandom(2 << 20).hex().encode()}
    )
    done = stage.run("build")
    assert done.code == 1
    assert "the index takes 1" in done.err


# Metadata


def test_metadata_that_differ_among_wheels_are_refused(tmp_path: Path) -> None:
    other = METADATA.replace("six>=1", "six>=1; os_name == 'nt'\nRequires-Dist: colorama")
    found = refused([*as_sent(tmp_path), windows(tmp_path, other)], expected(tmp_path))
    both = f"{WINDOWS} and acme-1.0-py3-none-any.whl differ in their metadata"
    assert found == [f'{both}: Requires-Dist (colorama; six>=1; os_name == "nt" / six>=1)']


@pytest.mark.parametrize(
    "other",
    [
        METADATA.replace("six>=1", "Six >= 1"),
        METADATA.replace("2.4", "2.3"),
        METADATA.replace("\n", "\r\n"),
        METADATA.replace("\nRequires", "\nDynamic: requires-dist\nRequires"),
    ],
)
def test_metadata_may_be_spelled_otherwise(tmp_path: Path, other: str) -> None:
    assert check([*as_sent(tmp_path), windows(tmp_path, other)], expected(tmp_path)) == []


def test_what_an_sdist_does_not_call_dynamic_holds_for_its_wheels(tmp_path: Path) -> None:
    told = METADATA.replace("\nRequires-Dist: six>=1", "\nSummary: acme")
    free = told.replace("\nSummary", "\nDynamic: Requires-Dist\nDynamic: summary\nSummary")
    early = told.replace("2.4", "2.1")
    wanted = expected(tmp_path)
    found = refused([wheel(tmp_path), sdist(tmp_path, files=TRACKED, metadata=told)], wanted)
    both = "acme-1.0.tar.gz and acme-1.0-py3-none-any.whl differ in metadata that aren't dynamic"
    fields = "Requires-Dist (nothing more / six>=1), Summary (acme / nothing more)"
    assert found == [f"{both}: {fields}"]
    for text in (free, early):
        good = sdist(tmp_path, files=TRACKED, metadata=text)
        assert check([wheel(tmp_path), good], wanted) == []
