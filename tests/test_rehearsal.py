"""A rehearsal is a whole release, and leaves nothing behind."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.stage import PYPROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def test_a_rehearsal_shows_a_whole_release_and_touches_nothing(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT})
    before = stage.state()
    done = stage.run("rehearse", "minor")
    assert done.code == 0, done.err + done.out
    assert stage.state() == before
    for words in (
        "acme 1.3.0 is rehearsed; nothing left this machine",
        "pip installed  acme 1.3.0",
        "tag            v1.3.0",
        "Run the tests: nox -s tests",
        "Push main and v1.3.0 to origin",
        "commit ",
        '+version = "1.3.0"  # kept by the release',
    ):
        assert words in done.out


def test_a_rehearsal_needs_no_remote_no_identity_and_no_branch(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.git("checkout", "--quiet", "--detach")
    stage.git("remote", "remove", "origin")
    for key in ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"):
        monkeypatch.delenv(key)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    done = stage.run("rehearse", "minor", "--skip-tests")
    assert done.code == 0, done.err


def test_a_shallow_clone_is_rehearsed(stage: Stage) -> None:
    place = stage.clone.parent / "shallow"
    stage.git("clone", "--quiet", "--depth=1", stage.remote.as_uri(), str(place), at=stage.remote)
    done = stage.run("rehearse", "minor", "--skip-tests", at=place)
    assert done.code == 0, done.err
    assert stage.git("rev-parse", "--is-shallow-repository", at=place) == "true"


def test_hooks_take_part_in_a_rehearsal(stage: Stage) -> None:
    stage.hook("pre-commit", "echo 'no releases on a Friday' >&2; exit 1")
    done = stage.run("rehearse", "minor", "--skip-tests")
    assert done.code == 1
    assert "no releases on a Friday" in done.err


def test_a_pre_release_is_rehearsed(stage: Stage) -> None:
    done = stage.run("rehearse", "minor", "--pre", "rc")
    assert done.code == 0, done.err
    assert "pip installed  acme 1.3.0rc1" in done.out


def test_help_tells_every_verb() -> None:
    text = subprocess.run(
        ["python", "-m", "release", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for verb in ("publish", "publish-rc", "build", "rehearse"):
        assert f"    {verb}" in text
