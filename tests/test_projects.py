"""Projects as folders: `in/` before a release, and in `out/` each file that it changes.

`case.toml` has the released `version`, and what `stale` copies are told of, or the `error`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from release import ReleaseError
from release.project import Project
from release.tables import parse
from tests.stage import Sources

CASES = {path.name: path for path in sorted((Path(__file__).parent / "projects").iterdir())}


def tree(folder: Path) -> Sources:
    files = (path for path in folder.rglob("*") if path.is_file())
    return Sources({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})


@pytest.mark.parametrize("folder", CASES.values(), ids=CASES)
def test_a_release_changes_the_version_and_nothing_else(folder: Path) -> None:
    case = parse((folder / "case.toml").read_bytes())
    before, wanted = tree(folder / "in"), tree(folder / "out")
    if "error" in case:
        with pytest.raises(ReleaseError) as refused:
            Project.load(before).edits(Version(case["version"]))
        told = "\n".join([str(refused.value), *refused.value.hints])
        assert [one for one in case["error"] if one not in told] == [], told
        return
    project = Project.load(before)
    edits = project.edits(Version(case["version"]))
    assert {edit.path: edit.after for edit in edits} == wanted
    assert len(project.stale) == len(case.get("stale", ())), project.stale
    for one, said in zip(sorted(case.get("stale", ())), sorted(project.stale), strict=True):
        assert one in said
    after = Project.load(Sources(before | wanted))
    assert after.version == Version(case["version"])
    assert after.edits(after.version) == ()
