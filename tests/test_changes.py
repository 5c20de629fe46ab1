"""What a release changes besides the version: the changelog, and what the project's tools write."""

from __future__ import annotations

import dataclasses
import json
import os
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from release.changes import notes
from release.git import Git
from release.notes import Notes
from release.project import Project
from tests.stage import QUICK, stopped_at_the_push
from tests.test_project import PLAN
from tests.test_resume import FILES, INTENT, REFS
from tests.test_trust import refused, tag_text, tamper
from tests.test_vcs import BACKEND
from tests.test_vcs import PYPROJECT as VCS_PYPROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

MD = """\
# Changelog

## [Unreleased]

### Added

- A second brush.

## [1.2.3] - 2026-05-02

- The first one.

[unreleased]: https://example.org/acme/compare/v1.2.3...HEAD
[1.2.3]: https://example.org/acme/releases/tag/v1.2.3
"""
RST = """\
Changes
=======

1.3 (unreleased)
----------------

- A second brush.

1.2.3 (2026-05-02)
------------------

- The first one.
"""
TOWNCRIER = """
[tool.towncrier]
directory = "news"
filename = "CHANGES.md"
title_format = "## {version} ({project_date})"
start_string = "<!-- news -->\\n"
"""
SCRIV = '\n[tool.scriv]\nformat = "md"\n'
NEWS: dict[str, str | bytes] = {
    "pyproject.toml": QUICK + TOWNCRIER,
    "CHANGES.md": "# Changes\n\n<!-- news -->\n\n## 1.2.3 (2026-05-02)\n\n- The first one.\n",
    "news/31.feature.md": "A second brush.\n",
    "news/.gitignore": "!.gitignore\n",
}
COLLECTED: dict[str, str | bytes] = {
    "pyproject.toml": QUICK + SCRIV,
    "CHANGELOG.md": "# Changes\n\n<!-- scriv-insert-here -->\n\n# 1.2.3 — 2026-05-02\n\n- One.\n",
    "changelog.d/20261101_brush.md": "## Added\n\n- A second brush.\n",
    "changelog.d/README.md": "How to write one.\n",
}
# The version is in two numbers, and nothing but its own scripts can read and write them.
NUMBERS = "X, Y = 1, 2\n"
COMPUTED = """
import pathlib, re, sys
import helper  # leaves no cache behind
x, y = re.findall("[0-9]+", pathlib.Path("numbers.py").read_text())
if len(sys.argv) == 1:
    print(f"{x}.{y}.3" if (x, y) == ("1", "2") else f"{x}.{y}.0")
else:
    new, old = sys.argv[1:]
    assert old == "1.2.3", old
    x, y, _ = new.split(".")
    pathlib.Path("numbers.py").write_text(f"X, Y = {x}, {y}\\n")
    pathlib.Path("notes").mkdir()
    pathlib.Path("notes", new).write_text(f"{new} is new\\n")
    pathlib.Path("notes", new).chmod(0o755)
    pathlib.Path("old.txt").unlink()
    pathlib.Path("ignored.txt").write_text("")
"""
OWN_BACKEND = '''
import subprocess, sys
from pathlib import Path
from flit_core.buildapi import *
import flit_core.buildapi

def _write():
    version = subprocess.check_output([sys.executable, "version.py"], text=True).strip()
    Path("acme.py").write_text(f'"""A sample."""\\n__version__ = "{version}"\\n')

def build_sdist(*args):
    if not Path("PKG-INFO").exists():
        _write()
    return flit_core.buildapi.build_sdist(*args)
'''
COMMANDS = """
[tool.nox-release]
version-command = ["python", "version.py"]
bump-command = ["python", "version.py", "{version}", "{previous}"]
"""


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def computed() -> dict[str, str | bytes]:
    pyproject = VCS_PYPROJECT.replace("[tool.setuptools_scm]", "").replace(
        'include = ["backend.py"]',
        'include = ["backend.py", "version.py", "numbers.py", "helper.py"]',
    )
    return {
        "pyproject.toml": pyproject + COMMANDS,
        "backend.py": OWN_BACKEND,
        "version.py": COMPUTED,
        "numbers.py": NUMBERS,
        "helper.py": "",
        "old.txt": "old\n",
        ".gitignore": "ignored.txt\n",
    }


def today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def changes(stage: Stage) -> dict[str, str]:
    """The paths that the release commit changes, with how."""
    rows = stage.git("diff", "--name-status", "--no-renames", "HEAD^", "HEAD").splitlines()
    return {path: kind for kind, path in (row.split("\t") for row in rows)}


# The changelog


def test_keep_a_changelog_gets_the_release_with_its_links(stage: Stage) -> None:
    stage.commit({"CHANGELOG.md": MD})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    day = today()
    assert (stage.clone / "CHANGELOG.md").read_text(encoding="utf-8") == (
        MD.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [1.3.0] - {day}\n")
        .replace("v1.2.3...HEAD", "v1.3.0...HEAD")
        .replace(
            "[1.2.3]: ", "[1.3.0]: https://example.org/acme/compare/v1.2.3...v1.3.0\n[1.2.3]: "
        )
    )
    assert changes(stage) == {"CHANGELOG.md": "M", "pyproject.toml": "M"}
    assert stage.published() == FILES


def test_a_heading_in_rst_is_dated(stage: Stage) -> None:
    stage.commit({"docs/changes.rst": RST.replace("\n", "\r\n").encode() + b"\r\n\xe9"})
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    title = f"1.3.0 ({today()})"
    expected = RST.replace(f"1.3 (unreleased)\n{'-' * 16}", f"{title}\n{'-' * len(title)}")
    data = (stage.clone / "docs/changes.rst").read_bytes()
    assert data == expected.replace("\n", "\r\n").encode() + b"\r\n\xe9"


def test_the_plan_shows_the_changelog_and_the_notes(stage: Stage) -> None:
    stage.commit({"CHANGELOG.md": MD})
    before = stage.state()
    done = stage.run("publish", "minor", "--dry-run", "--json")
    assert stage.state() == before
    plan = done.document["plan"]
    assert plan["notes"] == {"source": "CHANGELOG.md", "text": "### Added\n\n- A second brush."}
    assert f"+## [1.3.0] - {today()}" in plan["edits"]["CHANGELOG.md"]
    assert plan["day"] == today()
    shown = stage.run("publish", "minor", "--dry-run").out
    assert "  notes      CHANGELOG.md\n" in shown
    assert "  - A second brush.\n" in shown


def test_without_a_changelog_the_commits_are_the_notes(stage: Stage) -> None:
    plan = stage.run("publish", "minor", "--dry-run", "--json").document["plan"]
    assert plan["notes"] == {"source": "the commits since v1.2.3", "text": "- Add something"}


def test_a_tag_of_something_else_than_a_commit_is_no_release_before(stage: Stage) -> None:
    stage.git("tag", "v1.2.4", "HEAD^{tree}")
    done = stage.run("publish", "1.3.0", "--dry-run", "--skip-tests")
    assert done.code == 0, done.err
    assert "the commits since v1.2.3" in done.out


@pytest.mark.parametrize("nothing", ["", "### Added\n\n", "- \\[Short description.\\]\n\n"])
def test_a_changelog_with_nothing_in_it_holds_nobody_back(stage: Stage, nothing: str) -> None:
    stage.commit({"CHANGELOG.md": MD.replace("### Added\n\n- A second brush.\n\n", nothing)})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0
    assert "the commits since v1.2.3; none drafted in CHANGELOG.md" in done.out
    assert changes(stage) == {"pyproject.toml": "M"}


def test_a_candidate_leaves_the_changelog_alone(stage: Stage) -> None:
    stage.commit({"CHANGELOG.md": MD, **NEWS})
    done = stage.run("publish-rc", "minor", "--json")
    assert done.code == 0, done.err
    assert done.document["state"] == "published"
    dry = stage.run("publish-rc", "minor", "--dry-run", "--json").document["plan"]
    assert list(dry["edits"]) == ["pyproject.toml"]


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("false", ["pyproject.toml"]),
        ('"docs/news.md"', ["docs/news.md", "pyproject.toml"]),
        ("true", ["CHANGELOG.md", "pyproject.toml"]),
    ],
)
def test_which_changelog_is_configured(stage: Stage, setting: str, changed: list[str]) -> None:
    table = f"changelog = {setting}\n"
    stage.commit({"pyproject.toml": QUICK + table, "CHANGELOG.md": MD, "docs/news.md": MD})
    plan = stage.run("publish", "minor", "--dry-run", "--json").document["plan"]
    assert sorted(plan["edits"]) == changed


@pytest.mark.parametrize(
    ("changelog", "words"),
    [
        (MD + "\n## [Unreleased]\n", None),
        (MD.replace("## [1.2.3]", "## Unreleased\n\n## [1.2.3]"), "CHANGELOG.md has 2 sections"),
        (MD.replace("## [1.2.3]", "## 1.3.0\n\n## 1.3.0\n\n## [1.2.3]"), "sections of 1.3.0: line"),
    ],
    ids=["below", "two", "two-of-the-version"],
)
def test_a_changelog_that_can_be_read_in_two_ways_is_refused(
    stage: Stage, changelog: str, words: str | None
) -> None:
    stage.commit({"CHANGELOG.md": changelog})
    before = stage.state()
    done = stage.run("publish", "minor", "--dry-run")
    assert done.code == bool(words)
    assert (words or "") in done.err
    assert stage.state() == before


def test_a_changelog_that_is_named_must_be_there(stage: Stage) -> None:
    stage.commit({"pyproject.toml": QUICK + "changelog = 'NEWS'\n"})
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert "there is no NEWS, which `changelog` in [tool.nox-release] names" in done.err


def test_the_version_that_main_says_already_gets_its_day(stage: Stage) -> None:
    stage.commit({"CHANGELOG.md": MD, "pyproject.toml": QUICK.replace("1.2.3", "1.3.0")})
    assert stage.run("publish", "current", "--skip-tests").code == 0
    assert changes(stage) == {"CHANGELOG.md": "M"}
    before = stage.state()
    again = stage.run("publish", "current", "--skip-tests")
    assert again.code == 0
    assert "v1.3.0 was released from this commit" in again.out
    assert stage.state() == before


def test_a_project_whose_version_is_its_tag_has_a_release_commit_then(stage: Stage) -> None:
    stage.commit({"pyproject.toml": VCS_PYPROJECT, "backend.py": BACKEND, "CHANGELOG.md": MD})
    base = stage.git("rev-parse", "HEAD")
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert changes(stage) == {"CHANGELOG.md": "M"}
    assert stage.git("rev-parse", "v1.3.0^") == base
    assert stage.install("1.3.0") == "1.3.0"
    assert "released from this commit" in stage.run("publish", "minor").out
    stage.git("reset", "--quiet", "--hard", base)
    assert "released from this commit" in stage.run("publish", "minor").out


def told(stage: Stage, version: str) -> Notes:
    """The notes of a release that is done, as another clone reads them."""
    git = Git(root=stage.other_clone("reader"), env=os.environ)
    base = git.resolve(f"v{version}~1")
    release = dataclasses.replace(
        PLAN, version=Version(version), base=base, commit=git.resolve(f"v{version}")
    )
    return notes(release, Project.at(git, base), git)


@pytest.mark.parametrize(
    ("files", "source", "text"),
    [
        ({"CHANGELOG.md": MD}, "CHANGELOG.md", "### Added\n\n- A second brush."),
        ({"docs/changes.rst": RST}, "docs/changes.rst", "- A second brush."),
        (NEWS, "CHANGES.md", "### Features\n\n- A second brush. (#31)"),
        (COLLECTED, "CHANGELOG.md", "## Added\n\n- A second brush."),
        ({"more.py": ""}, "the commits since v1.2.3", "- Change\n- Add something"),
    ],
    ids=["md", "rst", "towncrier", "scriv", "none"],
)
def test_the_notes_are_those_of_the_release_commit(
    stage: Stage, files: dict[str, str | bytes], source: str, text: str
) -> None:
    stage.commit(files)
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    assert told(stage, "1.3.0") == Notes(source=source, text=text)


def test_a_release_of_nothing_says_so(stage: Stage) -> None:
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    done = stage.run("publish", "patch", "--skip-tests", "--dry-run")
    assert done.code == 0, done.err
    assert "none: nothing was committed since v1.3.0 but what belongs to releases" in done.out


# On another day


def began(stage: Stage, day: str, stamped: str = "") -> None:
    """Let the intent be one that somebody began on that day: its commit, tag and plan say so."""
    text = tag_text(stage)

    def change(stage: Stage, place: Path, plan: dict[str, Any]) -> None:
        stage.git("checkout", "--quiet", "--force", plan["commit"], at=place)
        for path in place.glob("CHANGE*"):
            data = path.read_bytes().replace(today().encode(), (stamped or day).encode())
            path.write_bytes(data)
        stage.git("commit", "--quiet", "--all", "--amend", "--no-edit", at=place)
        commit = stage.git("rev-parse", "HEAD", at=place)
        (place / "tag").write_bytes(text.replace(plan["commit"], commit).encode())
        plan["commit"], plan["day"] = commit, day
        plan["tag_object"] = stage.git("hash-object", "-t", "tag", "-w", "tag", at=place)

    tamper(stage, change)


@pytest.mark.parametrize(
    "files", [{"CHANGELOG.md": MD}, NEWS, COLLECTED], ids=["by hand", "towncrier", "scriv"]
)
def test_another_clone_finishes_it_on_another_day(
    stage: Stage, files: dict[str, str | bytes]
) -> None:
    stage.commit(files)
    stopped_at_the_push(stage, "--skip-tests")
    began(stage, "2026-02-28")
    done = stage.run("publish", "--resume", at=stage.other_clone())
    assert done.code == 0, done.err
    assert sorted(stage.remote_refs()) == REFS
    path = next(path for path in files if path.startswith("CHANGE"))
    assert "2026-02-28" in stage.git("show", f"v1.3.0:{path}", at=stage.remote)


@pytest.mark.parametrize("what", ["day", "changelog"])
def test_a_changelog_that_does_not_follow_is_refused(stage: Stage, what: str) -> None:
    stage.commit({"CHANGELOG.md": MD})
    stopped_at_the_push(stage)
    if what == "day":
        tamper(stage, lambda *args: args[2].update(day="2026-02-28"))
    else:
        began(stage, "2026-02-28", stamped="evil")
    refused(stage, "its commit is ", ", not a commit of ")


@pytest.mark.parametrize(("days", "code"), [(0, 0), (1, 0), (2, 1), (-1, 1)])
def test_a_release_is_known_again_by_the_day_of_its_commit(
    stage: Stage, days: int, code: int
) -> None:
    """The day may have ended between plan and commit; nothing else may have happened."""
    stage.commit({"CHANGELOG.md": MD})
    base = stage.git("rev-parse", "HEAD")
    when = datetime.now(timezone.utc) + timedelta(days=days)
    with stage.monkeypatch.context() as patch:
        patch.setenv("GIT_AUTHOR_DATE", when.isoformat(timespec="seconds"))
        assert stage.run("publish", "minor", "--skip-tests").code == 0
    stage.git("reset", "--quiet", "--hard", base)
    done = stage.run("publish", "minor", "--skip-tests", "--dry-run")
    assert done.code == code
    assert ("v1.3.0 was released from this commit" in done.out) is not bool(code)


# Tools


def test_what_is_no_fragment_is_told(stage: Stage) -> None:
    stage.commit({**NEWS, "news/32.feture.md": "A third brush.\n"})
    for command in (("publish", "minor", "--dry-run"), ("explain",)):
        done = stage.run(*command)
        assert done.code == 0, done.err
        assert "news/32.feture.md: no fragment of towncrier, which looks for" in done.out
        assert "write the version there" not in done.out


def test_towncrier_makes_the_section(stage: Stage) -> None:
    stage.commit(NEWS)
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert changes(stage) == {
        "CHANGES.md": "M", "news/31.feature.md": "D", "pyproject.toml": "M",
    }  # fmt: skip
    text = (stage.clone / "CHANGES.md").read_text(encoding="utf-8")
    assert f"## 1.3.0 ({today()})\n\n### Features\n\n- A second brush." in text
    assert "- A second brush." in done.out
    assert "+++ /dev/null" in done.out
    assert stage.git("status", "--porcelain") == ""
    before = stage.state()
    assert "released from this commit" in stage.run("publish", "minor").out
    assert stage.state() == before


def test_scriv_makes_the_section(stage: Stage) -> None:
    stage.commit(COLLECTED)
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert changes(stage) == {
        "CHANGELOG.md": "M", "changelog.d/20261101_brush.md": "D", "pyproject.toml": "M",
    }  # fmt: skip
    text = (stage.clone / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"# 1.3.0 — {today()}\n\n## Added\n\n- A second brush." in text


def test_a_tool_without_fragments_is_not_run(stage: Stage) -> None:
    stage.commit({path: text for path, text in NEWS.items() if "31" not in path})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert changes(stage) == {"pyproject.toml": "M"}
    assert "none drafted in CHANGES.md" in done.out


def test_a_tool_that_is_not_installed_is_told_before_anything_happens(stage: Stage) -> None:
    table = "bump-command = ['no-such-tool', '{version}']\n"
    stage.commit({"pyproject.toml": QUICK + table})
    before = stage.state()
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert "the release needs `no-such-tool`: `no-such-tool` can't be started" in done.err
    assert 'session.install("no-such-tool")' in done.err
    assert stage.state() == before


def test_a_section_that_is_there_already_is_made_no_second_time(stage: Stage) -> None:
    text = str(NEWS["CHANGES.md"]).replace(
        "## 1.2.3", "## 1.3.0 (2026-11-01)\n\n- New.\n\n## 1.2.3"
    )
    stage.commit({**NEWS, "CHANGES.md": text})
    plan = stage.run("publish", "minor", "--dry-run", "--json").document["plan"]
    assert sorted(plan["edits"]) == ["CHANGES.md", "pyproject.toml"]
    assert plan["notes"] == {"source": "CHANGES.md", "text": "- New."}


def test_a_tool_that_fails_is_told_before_anything_happens(stage: Stage) -> None:
    broken = TOWNCRIER.replace("{version}", "{verzion}")
    stage.commit({**NEWS, "pyproject.toml": QUICK + broken})
    before = stage.state()
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert "`towncrier build --yes --version 1.3.0 --date" in done.err
    assert "verzion" in done.err
    assert stage.state() == before


def test_a_tool_that_makes_no_section_of_the_version_is_told(stage: Stage) -> None:
    other = TOWNCRIER.replace("{version}", "A new one")
    stage.commit({**NEWS, "pyproject.toml": QUICK + other})
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert "towncrier has written no section of 1.3.0 into CHANGES.md" in done.err


def test_a_checkout_without_the_fragments_already_is_brought_forward(stage: Stage) -> None:
    """A process was killed in the middle of that."""
    stage.commit(NEWS)
    stopped_at_the_push(stage, "--skip-tests")
    commit = stage.git("rev-parse", f"{INTENT}^", at=stage.remote)
    stage.git("read-tree", "-m", "-u", "HEAD", commit)
    stage.git("reset", "--quiet", "--mixed", "HEAD")
    assert " D news/31.feature.md" in stage.git("status", "--porcelain")
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    assert stage.git("status", "--porcelain") == ""
    assert stage.git("rev-parse", "HEAD") == commit


def test_a_tool_makes_the_section_of_a_version_that_is_a_tag(stage: Stage) -> None:
    pyproject = VCS_PYPROJECT + TOWNCRIER
    stage.commit({**NEWS, "pyproject.toml": pyproject, "backend.py": BACKEND})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert changes(stage) == {"CHANGES.md": "M", "news/31.feature.md": "D"}
    assert stage.install("1.3.0") == "1.3.0"


# Computed versions


def test_a_computed_version_is_read_and_written_by_commands(stage: Stage) -> None:
    stage.commit(computed())
    own = stage.clone.parent / "ignored"
    own.write_text("notes\n", encoding="utf-8")  # what only this user ignores counts
    stage.git("config", "core.excludesFile", str(own))
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert changes(stage) == {"notes/1.3.0": "A", "numbers.py": "M", "old.txt": "D"}
    assert stage.git("ls-tree", "HEAD", "notes/")[:6] == "100755"
    assert stage.install("1.3.0") == "1.3.0"
    assert "released from this commit" in stage.run("publish", "minor").out


def test_a_computed_version_is_finished_from_another_clone(stage: Stage) -> None:
    stage.commit({**computed(), "CHANGELOG.md": MD})
    stopped_at_the_push(stage, "--skip-tests")
    (stage.files / FILES[1]).unlink()
    began(stage, "2026-02-28")
    done = stage.run("publish", "--resume", at=stage.other_clone())
    assert done.code == 0, done.err
    assert sorted(stage.remote_refs()) == REFS
    assert stage.published() == FILES


def test_a_candidate_is_written_by_the_command(stage: Stage) -> None:
    script = COMPUTED.replace("x, y, _ =", 'new = new.split("rc")[0]; x, y, _ =').replace(
        '"{x}.{y}.0"', '"{x}.{y}.0rc1"'
    )
    stage.commit({**computed(), "version.py": script})
    before = stage.remote_refs()
    done = stage.run("publish-rc", "minor")
    assert done.code == 0, done.err
    assert stage.published() == ["acme-1.3.0rc1-py3-none-any.whl", "acme-1.3.0rc1.tar.gz"]
    assert stage.remote_refs() == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "X, Y = {x}",
            "X, Y = 9{x}",
            "the version would be 91.3.0, not 1.3.0, which `python`",
        ),
        ("else:", "else:\n    sys.exit('no, thanks')", "failed (exit code 1):\nno, thanks"),
        ('print(f"{x}', 'print(f"v-{x}', "version-command is 'v-1.2.3', which is no version"),
        ("import pathlib", "import nothing", "`python version.py` failed (exit code 1)"),
    ],
)
def test_commands_that_do_not_do_it_are_told(stage: Stage, old: str, new: str, words: str) -> None:
    assert old in COMPUTED
    stage.commit({**computed(), "version.py": COMPUTED.replace(old, new)})
    before = stage.state()
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert words in done.err
    assert stage.state() == before


def test_a_version_that_is_found_may_be_written_by_a_command(stage: Stage) -> None:
    table = 'bump-command = ["python", "bump.py", "{version}"]\n'
    script = (
        "import pathlib, sys\nfile = pathlib.Path('pyproject.toml')\n"
        "file.write_text(file.read_text().replace('1.2.3', sys.argv[1]))\n"
        'pathlib.Path(\'acme.py\').write_text(f\'"""Acme {sys.argv[1]}."""\\n\')\n'
    )
    stage.commit({"pyproject.toml": QUICK + table, "bump.py": script})
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    assert changes(stage) == {"acme.py": "M", "pyproject.toml": "M"}


def test_the_intent_names_the_day(stage: Stage) -> None:
    stopped_at_the_push(stage)
    plan = json.loads(stage.git("show", f"{INTENT}:plan.json", at=stage.remote))
    assert (plan["format"], plan["day"]) == (3, today())
