"""A release whose files come from many machines: prepared, built elsewhere, then published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.builders import HERE, MAC, WINDOWS, Builders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage


@pytest.fixture
def builders(stage: Stage, wheelhouse: Path, tmp_path: Path) -> Builders:
    (tmp_path / "built").mkdir()
    return Builders(
        stage=stage,
        wheelhouse=wheelhouse,
        plan=tmp_path / "built/plan.json",
        dist=tmp_path / "built/dist",
    )


# Prepare, and check out


def test_preparing_changes_nothing_and_every_machine_gets_the_commit(
    stage: Stage, builders: Builders
) -> None:
    before = stage.state()
    done = builders.prepare("minor")
    assert done.code == 0, done.err
    assert stage.state() == before
    plan = json.loads(builders.plan.read_bytes())
    for name, options in {"one": (), "other": ("--depth=1",)}.items():
        place = builders.check_out(name, *options)
        assert stage.git("rev-parse", "HEAD", at=place) == plan["commit"]
        assert stage.git("status", "--porcelain", at=place) == ""
        assert 'version = "1.3.0"  # kept' in (place / "pyproject.toml").read_text("utf-8")
    assert stage.state() == before


def test_from_prepare_to_the_index(stage: Stage, builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    built = builders.build(HERE, WINDOWS, MAC)
    done = builders.publish()
    assert done.code == 0, done.err
    assert stage.published() == sorted(path.name for path in built)
    plan = json.loads(builders.plan.read_bytes())
    assert stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote) == plan["commit"]
    assert stage.git("rev-parse", "main", at=stage.remote) == plan["commit"]
    assert "refs/release/intent" not in stage.remote_refs()
    again = builders.publish()
    assert again.code == 0, again.err
    assert "was released from this commit already" in again.out
    assert "was released from this commit already" in builders.prepare("minor").out


def test_a_candidate_comes_from_many_machines_too(stage: Stage, builders: Builders) -> None:
    before = stage.remote_refs(), stage.git("for-each-ref")
    done = builders.prepare("minor", "--pre", "rc")
    assert done.code == 0, done.err
    built = builders.build(HERE, WINDOWS)
    done = builders.publish(verb="publish-rc")
    assert done.code == 0, done.err
    assert stage.published() == sorted(path.name for path in built)
    assert (stage.remote_refs(), stage.git("for-each-ref")) == before
    again = builders.publish(verb="publish-rc")
    assert again.code == 0, again.err
    assert stage.published() == sorted(path.name for path in built)
    builders.prepare("minor", "--pre", "rc")
    assert json.loads(builders.plan.read_bytes())["packages"][0]["version"] == "1.3.0rc2"
