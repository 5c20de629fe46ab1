"""What killed runs left is cleared, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from release.workspace import OWNER, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage


@pytest.fixture
def temporary(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory of the stage's own."""
    place = stage.clone.parent / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    before, tempfile.tempdir = tempfile.tempdir, None
    yield place
    tempfile.tempdir = before


def killed(stage: Stage) -> Path:
    """The folder of a run that was killed, with a worktree of the stage's clone."""
    script = (
        "import os, tempfile\nfrom release.workspace import workspace\n"
        "with workspace(): print(tempfile.gettempdir(), flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False
    )
    folder = Path(done.stdout.strip())
    stage.git("worktree", "add", "--quiet", "--detach", str(folder / "tmp/acme"))
    stage.git("worktree", "lock", str(folder / "tmp/acme"))
    return folder


def test_a_killed_run_is_cleared_by_the_next(stage: Stage, temporary: Path) -> None:
    folder = killed(stage)
    assert (folder / OWNER).exists()
    assert stage.run("build").code == 0
    assert not folder.exists()
    assert len(stage.git("worktree", "list").splitlines()) == 1
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
def test_a_worktree_whose_folder_is_gone_is_forgotten(stage: Stage) -> None:
    folder = killed(stage)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    assert stage.run("build").code == 0
    assert len(stage.git("worktree", "list").splitlines()) == 1


def test_a_run_that_lives_is_left_alone(stage: Stage, temporary: Path) -> None:
    with workspace() as folder:
        stage.git("worktree", "add", "--quiet", "--detach", str(folder / "tmp/acme"))
        tempfile.tempdir = str(temporary)
        assert stage.run("build").code == 0
        assert (folder / "tmp/acme/acme.py").exists()
        assert len(stage.git("worktree", "list").splitlines()) == 2


def test_what_only_has_such_a_name_is_left_alone(stage: Stage, temporary: Path) -> None:
    """A clone of this project, and worktrees of the user's own."""
    place = temporary / "nox-release-0.1.0"
    stage.git("clone", "--quiet", str(stage.remote), str(place / "acme"))
    stage.git("worktree", "add", "--quiet", "--detach", str(place / "mine"), at=place / "acme")
    stage.git("worktree", "add", "--quiet", "--detach", str(place / "other"))
    for at in (place / "acme", stage.clone):
        assert stage.run("build", at=at).code == 0
    assert {path.name for path in place.iterdir()} == {"acme", "mine", "other"}
    assert len(stage.git("worktree", "list", at=place / "acme").splitlines()) == 2
    assert len(stage.git("worktree", "list").splitlines()) == 2
