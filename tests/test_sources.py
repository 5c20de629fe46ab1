"""The sdist holds what git holds."""

from __future__ import annotations

import os
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from release import Refused
from release.artifacts import Expected, check
from release.git import Git
from release.project import Project
from release.sources import Source
from tests.forged import FILES, sdist, special, truncated, wheel
from tests.test_artifacts import PYPROJECT, TRACKED, expected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stage import Stage


def as_a_bomb(path: Path) -> Path:
    return sdist(path.parent, files={**TRACKED, "evil.py": b"evil()", "zeros": bytes(65 << 20)})


def held(
    folder: Path, wanted: Expected, files: dict[str, bytes], *last: tarfile.TarInfo
) -> list[str]:
    """The problems of an sdist with these files, or what is worth a remark."""
    paths = [wheel(folder), sdist(folder, files=files, last=last)]
    try:
        return check(paths, wanted)
    except Refused as error:
        return [problem.message.removeprefix("acme-1.0.tar.gz: ") for problem in error.problems]


def test_what_git_does_not_have_is_refused(tmp_path: Path) -> None:
    files = {**TRACKED, ".env": b"SECRET=1", "acme/evil.py": b"", "setup.py": b"evil()"}
    assert held(tmp_path, expected(tmp_path), files) == [
        "it has .env, acme/evil.py, setup.py, which git doesn't track at this commit"
    ]


def test_what_is_not_as_in_git_is_refused(tmp_path: Path) -> None:
    assert held(tmp_path, expected(tmp_path), {**TRACKED, "acme.py": b"evil()\n"}) == [
        "it has acme.py, which git has otherwise at this commit"
    ]


def test_what_is_built_here_may_differ_and_that_is_told(tmp_path: Path) -> None:
    wanted = replace(expected(tmp_path), is_collected=False)
    files = {**TRACKED, "acme.py": b"made()\n", "more.py": b""}
    assert held(tmp_path, wanted, files) == [
        "the build made more.py, which git doesn't track",
        "the build made acme.py, which git has otherwise",
    ]


def test_what_an_sdist_lacks_is_told_by_folder(tmp_path: Path) -> None:
    more = {f"tests/test_{number}.py": b"" for number in range(3)}
    files = {**TRACKED, **more, "docs/conf.py": b"", "tox.ini": b"", ".github/ci.yaml": b""}
    assert held(tmp_path, expected(tmp_path, files), TRACKED) == [
        "the sdist lacks 5 of 7 tracked files: tests/ (3), docs/ (1), tox.ini"
    ]


MADE = b"[egg_info]\ntag_build = \ntag_date = 0\n\n"
MEANT: dict[str, tuple[dict[str, bytes], dict[str, bytes]]] = {
    "line ends": ({"a.txt": b"1\n2\n"}, {"a.txt": b"1\r\n2\r\n"}),
    "a filter of git": (
        {"a.txt": b"$Id$\n", ".gitattributes": b"a.txt ident\n"},
        {"a.txt": b"$Id: 0123 $\n"},
    ),
    "egg-info": ({}, {"acme.egg-info/SOURCES.txt": b""}),
    "egg-info below src": ({}, {"src/acme.egg-info/top_level.txt": b""}),
    "setup.cfg": ({}, {"setup.cfg": MADE}),
    "setup.cfg rewritten": (
        {"setup.cfg": b"# mine\n[flake8]\nselect=E\n"},
        {"setup.cfg": b"[flake8]\nselect = E\n\n" + MADE},
    ),
    "moved": ({"legal/LICENSE": b"MIT"}, {"legal/LICENSE": b"MIT", "LICENSE": b"MIT"}),
    "original": ({}, {"pyproject.toml.orig": PYPROJECT}),
    "stamped": ({"a.py": b"V = '0.0'  # x\n"}, {"a.py": b"V = '1.0'  # x\n"}),
    "stamped in other quotes": ({"a.py": b'V = "git"\n'}, {"a.py": b"V = '1.0'\n"}),
    "maturin": (
        {"Cargo.toml": b"[workspace]\nmembers = ['a', 'b']\n"},
        {"Cargo.toml": b"[workspace]\nmembers = ['a']\n"},
    ),
}


@pytest.mark.parametrize(("tracked", "shipped"), MEANT.values(), ids=MEANT)
def test_what_means_the_same_passes(
    tmp_path: Path, tracked: dict[str, bytes], shipped: dict[str, bytes]
) -> None:
    wanted = expected(tmp_path, {**TRACKED, **tracked})
    assert held(tmp_path, wanted, {**TRACKED, **tracked, **shipped}) == []


@pytest.mark.parametrize(
    ("tracked", "shipped"),
    [
        pytest.param(b"if not safe: pass\n", b"if safe: pass\n", id="a word less"),
        pytest.param(b"DEBUG = 0\n", b"DEBUG = 1\n", id="a part of the version"),
        pytest.param(b"x = 'a'\n", b"x = '1.0'; evil()\n", id="more than the version"),
        pytest.param(b"x = f(y)\n", b"x = 1.0\n", id="code for the version"),
        pytest.param(b"x = 'a'\n", b"x = '1.0'\nevil()\n", id="a line more"),
        pytest.param(b"\xff\n", b"\xfe\n", id="bytes"),
    ],
)
def test_what_does_not_mean_the_same_is_refused(
    tmp_path: Path, tracked: bytes, shipped: bytes
) -> None:
    wanted = expected(tmp_path, {**TRACKED, "a.py": tracked})
    assert held(tmp_path, wanted, {**TRACKED, "a.py": shipped}) == [
        "it has a.py, which git has otherwise at this commit"
    ]


@pytest.mark.parametrize(
    ("name", "tracked", "shipped"),
    [
        ("setup.cfg", b"[flake8]\n", b"[flake8]\n[options]\nsetup_requires = evil\n"),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace(b'["flit_core"]', b'["evil"]')),
        ("pyproject.toml", PYPROJECT, PYPROJECT + b'dependencies = ["evil"]\n'),
        ("pyproject.toml", PYPROJECT, b"\xff"),
        ("Cargo.toml", b"[dependencies]\n", b"[dependencies]\nevil = '1'\n"),
    ],
)
def test_configuration_means_what_it_meant(
    tmp_path: Path, name: str, tracked: bytes, shipped: bytes
) -> None:
    wanted = expected(tmp_path, {**TRACKED, name: tracked})
    assert held(tmp_path, wanted, {**TRACKED, name: shipped}) == [
        f"it has {name}, which git has otherwise at this commit"
    ]


def test_what_the_configuration_names_is_made(tmp_path: Path) -> None:
    settings = b'\n[tool.setuptools_scm]\nversion_file = "src/acme/_version.py"  # not setup.cfg\n'
    wanted = expected(tmp_path, {**TRACKED, "pyproject.toml": PYPROJECT + settings})
    files = {**TRACKED, "pyproject.toml": PYPROJECT + settings}
    assert held(tmp_path, wanted, {**files, "src/acme/_version.py": b"1"}) == []
    for other in ("acme/_version.py", "acme.egg-link", "setup.cfg"):
        assert held(tmp_path, wanted, {**files, other: b"1"}) == [
            f"it has {other}, which git doesn't track at this commit"
        ]


def test_what_hatchling_shall_pack_though_it_is_ignored_is_made(tmp_path: Path) -> None:
    settings = b'\n[tool.hatch.build]\nartifacts = ["/acme/static", "*.js"]\n'
    files = {**TRACKED, "pyproject.toml": PYPROJECT + settings}
    wanted = expected(tmp_path, files)
    assert held(tmp_path, wanted, {**files, "acme/static/a.css": b"", "lib/b.js": b""}) == []


def test_what_is_configured_as_generated_is_made(tmp_path: Path) -> None:
    wanted = expected(tmp_path, settings={"generated": ["acme/_*.py", "acme.py"]})
    files = {**TRACKED, "acme.py": b"made()\n", "acme/_lexer.py": b""}
    assert held(tmp_path, wanted, files) == []


def test_links_are_as_in_git_or_what_is_behind_them(tmp_path: Path) -> None:
    wanted = expected(
        tmp_path, {**TRACKED, "docs/a.md": b"a"}, links={"README": "docs/a.md", "d": "docs"}
    )
    files = {**TRACKED, "docs/a.md": b"a"}
    assert (
        held(
            tmp_path,
            wanted,
            files,
            special("acme-1.0/README", tarfile.SYMTYPE, "docs/a.md"),
            special("acme-1.0/d", tarfile.SYMTYPE, "docs"),
        )
        == []
    )
    assert held(tmp_path, wanted, {**files, "README": b"a", "d/a.md": b"a"}) == [
        "the sdist lacks 1 of 5 tracked files: d"
    ]
    assert held(
        tmp_path,
        wanted,
        files,
        special("acme-1.0/README", tarfile.SYMTYPE, "acme.py"),
        special("acme-1.0/e", tarfile.SYMTYPE, "docs"),
    ) == [
        "it has e, which git doesn't track at this commit",
        "it has README, which git has otherwise at this commit",
    ]


def test_a_package_below_the_top_is_compared_with_its_folder(tmp_path: Path) -> None:
    files = {
        "LICENSE": b"MIT",
        "lib/pyproject.toml": PYPROJECT,
        "lib/acme.py": b"a",
        "acme.py": b"b",
    }
    wanted = expected(tmp_path, files, at="lib")
    shipped = {"pyproject.toml": PYPROJECT, "LICENSE": b"MIT"}
    assert held(tmp_path, wanted, {**shipped, "acme.py": b"a"}) == []
    assert held(tmp_path, wanted, {**shipped, "acme.py": b"c"}) == [
        "it has acme.py, which git has otherwise at this commit"
    ]


def test_submodules_are_as_in_git(stage: Stage, tmp_path: Path) -> None:
    other = tmp_path / "other"
    stage.git("clone", "--quiet", str(stage.remote), str(other))
    (other / "only.py").write_bytes(b"only = 'here'\n")
    stage.git("add", "only.py", at=other)
    stage.git("commit", "--quiet", "--message", "Add it", at=other)
    local = ("-c", "protocol.file.allow=always")
    stage.git(*local, "submodule", "--quiet", "add", str(other), "sub")
    stage.commit({"acme.py": FILES["acme.py"]})
    here = Git(root=stage.clone, env=os.environ)
    files = {"acme.py": FILES["acme.py"], "sub/only.py": b"only = 'here'\n", "sub/evil.py": b""}
    source = Source(here=here, project=Project.at(here, "HEAD"))
    wanted = Expected(source=source, version=Version("1.0"), is_collected=True)
    assert held(tmp_path, wanted, files) == [
        "it has sub/evil.py, which git doesn't track at this commit"
    ]


@pytest.mark.parametrize("spoil", [truncated, as_a_bomb])
def test_what_cannot_be_read_to_its_end_is_not_compared(
    tmp_path: Path, spoil: Callable[[Path], Path]
) -> None:
    paths = [wheel(tmp_path), spoil(sdist(tmp_path, files={**TRACKED, "evil.py": b"evil()"}))]
    with pytest.raises(Refused) as caught:
        check(paths, expected(tmp_path))
    (problem,) = caught.value.problems
    assert "acme-1.0.tar.gz: it " in problem.message
    assert "evil.py" not in problem.message
