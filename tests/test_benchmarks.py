"""The benchmarks run; what they measure is for people to read."""

from __future__ import annotations

import re
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from tests.benchmarks import releases, uploads
from tests.benchmarks.turns import Run, Turns

ROOT = Path(__file__).parents[1]
PICTURE = ".github/pictures/benchmark.svg"


@pytest.mark.parametrize("name", ["questions", "scale", "startup"])
def test_a_section_prints_a_table(name: str, tmp_path: Path) -> None:
    section = import_module(f"tests.benchmarks.{name}")
    measured = section.measure(tmp_path, Turns(is_quick=True))
    assert measured
    assert "| --- |" in section.show(measured)


@pytest.mark.skipif(not shutil.which("uv"), reason="there is no uv")
def test_uploads_are_compared(tmp_path: Path) -> None:
    measured = uploads.measure(tmp_path, Turns(is_quick=True))
    assert len(measured) == 3 * 3 + 1
    assert all(run.wall > 0 for one in measured.values() for run in one.runs)


@pytest.mark.skipif(not shutil.which("uv"), reason="there is no uv")
def test_a_release_by_hand_counts_only_when_all_arrived(tmp_path: Path) -> None:
    shop = releases.Workshop(place=tmp_path, cache=tmp_path / "cache")
    chain = releases.Chain(steps=[["git", "commit", "-q", "--allow-empty", "-mNothing"]])
    with pytest.raises(AssertionError, match="by hand"):
        shop.way("by hand", chain)()


def test_a_run_that_says_its_own_time_counts_so() -> None:
    measured = Turns(runs=3).take({"one": lambda: Run(wall=2.0, cpu=1.0)})
    assert (measured["one"].wall, measured["one"].cpu) == (2.0, 1.0)


def test_readme_shows_what_was_measured() -> None:
    assert f"]({PICTURE})" in (ROOT / "README.md").read_text(encoding="utf-8")
    picture = (ROOT / PICTURE).read_text(encoding="utf-8")
    for words in ("publish_release", "uv by hand", "twine upload", "commits"):
        assert re.search(rf">[^<]*{words}", picture), words
