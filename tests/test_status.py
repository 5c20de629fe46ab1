"""What `status` tells: released, unfinished, unreleased, and every disagreement there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stage import Stage


def test_try(stage: Stage) -> None:
    done = stage.run("status")
    print(done.code, done.out, done.err)
    done = stage.run("publish", "minor")
    assert done.code == 0
    done = stage.run("status")
    print(done.code, done.out, done.err)
    done = stage.run("status", "--json")
    print(done.code, done.out, done.err)
