"""What a build may install is what the project says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from release import ReleaseError
from release.archives import sha256_of
from release.constraints import constraints
from release.git import Git
from release.project import Project
from tests.stage import PYPROJECT, Sources

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

HASH = "--hash=sha256:" + "0" * 64
NAMED = '\n[tool.nox-release]\nbuild-constraints = "build.txt"\n'
OF_UV = '\n[tool.uv]\nbuild-constraint-dependencies = ["{}"]\n'


def of(text: str | bytes) -> str:
    """The constraints in a file."""
    data = text if isinstance(text, bytes) else text.encode()
    return constraints("build.txt", {}, Sources({"build.txt": data}))


def test_a_file_is_read_as_pip_reads_it() -> None:
    text = f"# by uv\nhatchling==1.27.0 \\\n    {HASH} \\\n    {HASH}\n    # via here\n\n"
    assert of(text) == of(text.replace("\n", "\r\n")) == f"hatchling==1.27.0 {HASH} {HASH}\n"
    marked = "setuptools<80; python_version < '3.12'"
    assert of(f"\ufeff{marked}  # old\nwheel\n") == f"{marked}\nwheel\n"
    assert of("") == ""


@pytest.mark.parametrize(
    "row",
    [
        "setuptools 80 <", "-r others.txt", "--pre", "setuptools[core]<80",
        "setuptools @ https://example.org/s.whl", "setuptools==80 --hash=80", "x==1 --pre",
    ],
)  # fmt: skip
def test_a_line_that_is_no_constraint_is_refused(row: str) -> None:
    with pytest.raises(ReleaseError, match=r"build\.txt has no constraint in ") as refused:
        of(f"wheel\n{row}\n")
    assert repr(row)[1:-1] in str(refused.value)
    assert refused.value.hints == ["mend and commit it"]
    with pytest.raises(ReleaseError, match=r"pyproject\.toml has no constraint in "):
        constraints("", {"tool": {"uv": {"build-constraint-dependencies": [row]}}}, Sources())


@pytest.mark.parametrize("value", ["setuptools", [1], {}])
def test_what_uv_would_not_read_is_refused(value: object) -> None:
    with pytest.raises(ReleaseError, match="must be a list of strings"):
        constraints("", {"tool": {"uv": {"build-constraint-dependencies": value}}}, Sources())


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ReleaseError, match="is not UTF-8"):
        of(b"\xff")


def test_a_package_below_the_top_is_held_to_what_is_said_there(stage: Stage) -> None:
    own = PYPROJECT.replace("acme", "core")
    stage.commit(
        {
            "pyproject.toml": PYPROJECT + NAMED + OF_UV.format("two"),
            "build.txt": "one",
            "core/pyproject.toml": own + OF_UV.format("three"),
            "cli/pyproject.toml": own.replace("core", "cli") + NAMED,
            "cli/build.txt": "four",
        }
    )
    git = Git(root=stage.clone, env=os.environ)
    assert [
        Project.at(git, "HEAD", folder).constraints.split() for folder in ("", "core", "cli")
    ] == [
        ["one", "two"],
        ["one", "three", "two"],
        ["four", "two"],
    ]
    told = stage.run("explain", "--package", "core").out
    assert "builds    with what build.txt allows" in told


def test_constraints_hold_a_release(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + NAMED, "build.txt": "flit_core<1"})
    before = stage.state()
    assert "builds    with what build.txt allows" in stage.run("explain").out
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "what the build requires can't be installed" in done.err
    assert "flit-core<1" in done.err
    assert "mend what constrains build requirements" in done.err
    assert stage.state() == before
    stage.commit({"build.txt": "flit_core>1"})
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    stage.commit(
        {"pyproject.toml": PYPROJECT.replace("1.2.3", "1.3.0") + OF_UV.format("flit_core<1")}
    )
    assert "builds    with what build-constraint-dependencies allow" in stage.run("explain").out
    done = stage.run("publish-rc", "minor")
    assert "flit-core<1" in done.err


@pytest.mark.parametrize("setting", ["--reproducible", "--no-reproducible"])
def test_hashes_hold_environments_that_are_fresh_too(
    stage: Stage, wheelhouse: Path, setting: str
) -> None:
    (wheel,) = wheelhouse.glob("*.whl")
    version, number = wheel.name.split("-")[1], sha256_of(wheel)
    for digest, code in ((number, 0), (number[::-1], 1)):
        text = f"flit_core=={version} --hash=sha256:{digest}"
        stage.commit({"pyproject.toml": PYPROJECT + NAMED, "build.txt": text})
        done = stage.run("build", setting)
        assert done.code == code, done.err
        assert ("hash" in done.err.lower()) == bool(code)


def test_a_file_that_is_not_there_is_told_before_anything_happens(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + NAMED})
    before = stage.state()
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 1
    assert "there is no build.txt as committed, which build-constraints names" in done.err
    assert "git add" in done.err
    assert stage.state() == before
