"""A project is given what it lacks, and keeps what it has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from release import ReleaseError
from release.init import LOCKED, blocks, lacks_tests, proposals, pythons, template, with_sessions
from tests.stage import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

SESSIONS = ["rehearse", "publish_rc", "publish_release", "status", "yank"]
ALL = ["release", *SESSIONS]
BUILDING = ["prepare", "checkout", "sdist", "wheels", "try_wheels"]
OWN = '''\
# /// script
# dependencies = ["nox"]
# ///
"""Ours."""

from __future__ import annotations

import nox as n

@n.session
def tests(session):  # ours
    session.run("pytest")


@n.session(default=False)
def status(session): session.run("git", "status")

if __name__ == "__main__":
    n.main()
'''


def names(text: str) -> list[str]:
    return [block.name for block in blocks(text)]


def test_a_project_without_a_noxfile_gets_one() -> None:
    (edit,) = proposals(Sources().read, is_on_github=False)
    assert (edit.path, edit.before) == ("noxfile.py", b"")
    assert names((edit.after or b"").decode()) == ALL


def test_a_noxfile_gets_what_it_lacks_and_keeps_the_rest() -> None:
    after = with_sessions(OWN)
    assert names(after) == ["tests", "status", *[one for one in ALL if one != "status"]]
    kept = [row for row in after.splitlines() if row in OWN.splitlines()]
    assert [row for row in kept if row] == [row for row in OWN.splitlines() if row]
    assert after.index("import nox\n") > after.index("annotations")
    assert after.rstrip().endswith("n.main()")
    assert with_sessions(after) == after


def test_a_function_called_release_stays() -> None:
    own = "import nox\n\n\n@nox.session\ndef release(session):\n    session.run('make')\n"
    after = with_sessions(own)
    assert after.startswith(own)
    assert names(after) == ["release", "nox_release", *SESSIONS]
    assert after.count("nox_release(session") == len(ALL)
    assert with_sessions(after) == after


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_ends_of_lines_and_byte_order_marks_stay(newline: str, mark: bytes) -> None:
    data = mark + OWN.replace("\n", newline).encode()
    (edit,) = proposals(Sources({"noxfile.py": data}).read, is_on_github=False)
    assert (edit.after or b"").startswith(mark + b"# /// script")
    data = edit.after or b""
    assert data.count(b"\r\n") == (data.count(b"\n") if newline == "\r\n" else 0)
    assert proposals(Sources({"noxfile.py": (edit.after or b"")}).read, is_on_github=False) == ()


@pytest.mark.parametrize("data", [b"def (", b"# \xff\n"])
def test_a_noxfile_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(ReleaseError, match=r"noxfile\.py (can't be read|is not UTF-8)"):
        proposals(Sources({"noxfile.py": data}).read, is_on_github=False)


@pytest.mark.parametrize(
    ("pyproject", "wanted"),
    [
        ("", ["3.13"]),
        ("broken", ["3.13"]),
        ("[project]\nclassifiers = ['Programming Language :: Python :: 3']", ["3.13"]),
        (
            "[project]\nrequires-python = '>=3.10'\nclassifiers = "
            + str([f"Programming Language :: Python :: 3.{minor}" for minor in (12, 9, 10)]),
            ["3.10", "3.12"],
        ),
    ],
)
def test_the_matrix_is_that_of_the_classifiers(pyproject: str, wanted: list[str]) -> None:
    files = Sources({"pyproject.toml": pyproject.encode()})
    assert pythons(files.read) == wanted
    edits = {
        edit.path: (edit.after or b"").decode() for edit in proposals(files.read, is_on_github=True)
    }
    assert f"python: {json.dumps(wanted)}\n" in edits[".github/workflows/release.yaml"]


def test_a_workflow_that_is_there_stays() -> None:
    files = Sources({".github/workflows/release.yaml": b"name: ours\n"})
    edits = proposals(files.read, is_on_github=True, workflows=["on: push\n"])
    paths = [edit.path for edit in edits]
    assert paths == ["noxfile.py", ".github/workflows/alpha-release.yaml", LOCKED]


def test_the_lock_that_is_there_stays() -> None:
    edits = proposals(Sources({LOCKED: b"nox==1"}).read, is_on_github=True)
    assert LOCKED not in [edit.path for edit in edits]


def test_the_workflows_ask_which_of_several_packages() -> None:
    names = ["acme-core", "acme-cli"]
    *edits, tests, _ = proposals(Sources({}).read, is_on_github=True, packages=names)[1:]
    assert b"PACKAGE" not in (tests.after or b"")
    for edit in edits:
        text = (edit.after or b"").decode()
        assert 'options: ["acme-core", "acme-cli"]\n      level:\n' in text
        assert "nox -s publish_" in text
        assert '-- "$LEVEL" --package "$PACKAGE"' in text
        assert "          PACKAGE: ${{ inputs.package }}\n          LEVEL: " in text


def test_the_command_shows_then_writes_then_has_nothing_to_do(stage: Stage) -> None:
    before = stage.state()
    shown = stage.run("init", "--dry-run")
    assert shown.code == 0, shown.err
    assert "+def publish_release(session: nox.Session) -> None:" in shown.out
    last = shown.out.splitlines()[-1]
    assert last == "Nothing was changed. To do it: python -m release init"
    assert stage.state() == before
    (stage.clone / ".github").mkdir()
    done = stage.run("init", "--json")
    workflows = [f".github/workflows/{name}.yaml" for name in ("alpha-release", "release", "tests")]
    assert sorted(done.document["edits"]) == [LOCKED, *workflows, "noxfile.py"]
    assert "Everything is there." in stage.run("init").out
    command = [sys.executable, "-m", "nox", "--list"]
    listed = subprocess.run(command, cwd=stage.clone, capture_output=True, text=True, check=True)
    assert re.findall(r"^- (\w+)", listed.stdout, re.MULTILINE) == SESSIONS


TESTS = "import nox\n\n\n@nox.session\ndef tests(session):\n    session.run('pytest')\n"


NAMED = TESTS.replace("session\ndef tests", "session(name='tests')\ndef others")


@pytest.mark.parametrize(
    "files",
    [
        {"noxfile.py": TESTS},
        {"noxfile.py": NAMED},
        {"noxfile.py": "from common import lint, tests\n"},
        {"pyproject.toml": '[tool.nox-release]\ntest-command = ["pytest"]\n'},
    ],
)
def test_what_a_release_can_test_with_is_seen(files: dict[str, str]) -> None:
    assert lacks_tests(Sources({path: text.encode() for path, text in files.items()}).read) == ""


@pytest.mark.parametrize(
    "files", [{}, {"noxfile.py": TESTS.replace("tests", "test")}, {"pyproject.toml": "broken ["}]
)
def test_what_a_release_lacks_is_said(files: dict[str, str]) -> None:
    assert lacks_tests(Sources({path: text.encode() for path, text in files.items()}).read)


def test_that_there_are_no_tests_is_said(stage: Stage) -> None:
    stage.git("rm", "--quiet", "noxfile.py")
    for args in (("--dry-run",), (), ()):
        done = stage.run("init", *args)
        assert "There is no session `tests` in noxfile.py, which a release runs." in done.out
        assert "test-command" in done.out
        assert "Everything is there." not in done.out


def test_outside_a_repository(stage: Stage, tmp_path: Path) -> None:
    done = stage.run("init", at=tmp_path)
    assert done.code in {1, 2}
    assert "not a git repository" in done.err


def test_the_templates_are_packaged() -> None:
    assert template("release.yaml").startswith('name: "PyPI Release: Production"\n')


def test_a_project_with_wheels_from_many_machines_gets_one_workflow_for_all() -> None:
    edits = {
        edit.path: (edit.after or b"").decode()
        for edit in proposals(
            Sources().read, is_on_github=True, packages=["core", "cli"], wheels=True
        )
    }
    assert [*edits] == [
        "noxfile.py",
        ".github/workflows/release-matrix.yaml",
        ".github/workflows/tests.yaml",
        LOCKED,
    ]
    assert names(edits["noxfile.py"]) == [*ALL, *BUILDING]
    compile(edits["noxfile.py"], "noxfile.py", "exec")
    workflow = edits[".github/workflows/release-matrix.yaml"]
    assert workflow.count('-- "$LEVEL" --package "$PACKAGE"') == 1
    assert 'options: ["core", "cli"]' in workflow


def test_a_build_of_its_own_stays() -> None:
    own = "import nox\n\n@nox.session\ndef wheels(session): session.run('make')\n"
    after = with_sessions(own, wheels=True)
    assert names(after) == ["wheels", *ALL, *(one for one in BUILDING if one != "wheels")]
    assert "def wheels(session): session.run('make')" in after
