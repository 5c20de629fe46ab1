"""A tag that only a build sees."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from release.build import clean
from release.git import Git
from release.tagging import alone
from release.worktree import worktree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage


def described(at: Path) -> str:
    """What the plugins ask git for."""
    command = ["git", "describe", "--dirty", "--tags", "--long"]
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_worktree_is_tagged_for_a_while_and_no_ref_shows_it(stage: Stage) -> None:
    git, refs = Git(root=stage.clone, env=os.environ), stage.git("for-each-ref")
    assert described(stage.clone).startswith("v1.2.3-1-g")
    with worktree(git, "HEAD") as here:
        before = here.resolve("HEAD")
        with alone(here, "v1.3.0"):
            assert described(here.root) == f"v1.3.0-0-g{before[:7]}"
            assert here("tag", "--list") == "v1.3.0"
            assert here("rev-parse", "--is-shallow-repository") == "false"
            (here.root / "acme.py").write_text("", encoding="utf-8")
            assert described(here.root).endswith("-dirty")
        assert here.resolve("HEAD") == before
        assert described(here.root).startswith("v1.2.3-1-g")
    assert stage.git("for-each-ref") == refs
    assert len(stage.git("worktree", "list").splitlines()) == 1


def test_a_shallow_clone_is_tagged_too(stage: Stage) -> None:
    place = stage.clone.parent / "shallow"
    url = stage.remote.as_uri()
    stage.git("clone", "--quiet", "--depth=1", url, str(place), at=stage.remote)
    with worktree(Git(root=place, env=os.environ), "HEAD") as here, alone(here, "v1.3.0"):
        assert described(here.root).startswith("v1.3.0-0-g")
        assert here("status", "--porcelain") == ""


def test_filters_of_the_repository_hold_where_a_build_is_alone(stage: Stage) -> None:
    """As `git lfs install --local` sets them: git has a pointer, and the tree the content."""
    for name, script in {"clean": "s/content/pointer/", "smudge": "s/pointer/content/"}.items():
        stage.git("config", f"filter.own.{name}", f"sed {script}")
    stage.commit({".gitattributes": "*.bin filter=own\n", "a.bin": "content\n"})
    assert stage.git("show", "HEAD:a.bin") == "pointer"
    with worktree(Git(root=stage.clone, env=os.environ), "HEAD") as here, alone(here, ""):
        assert here("status", "--porcelain") == ""
        clean(here)
        assert (here.root / "a.bin").read_text(encoding="utf-8") == "content\n"
