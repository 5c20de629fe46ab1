"""Which file tells the releases, a release stamped in it, and what becomes its notes.

A case is a folder of tests/changelogs: `in.*` becomes `out.*`, of which `notes.md` are the notes;
case.toml has the version and date, and as needed `tag`, `name` (the version as the project spells
it), `tool`, `drafted = false` or `error`.
"""

from __future__ import annotations

import difflib
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from packaging.version import Version

from release import ReleaseError
from release.changelog import MARKUPS, Changelog, find
from release.fragments import Tool
from release.notes import from_commits
from release.tables import tomllib
from release.titles import line, parse, restyled

if TYPE_CHECKING:
    from release.headings import Markup

CASES = Path(__file__).parent / "changelogs"
DAY = date(2026, 11, 22)
NEW = Version("1.3.0")


def written(files: dict[str, str], current: str = "1.2.3", pyproject: str = "") -> Changelog | None:
    contents = {path: text.encode() for path, text in files.items()}
    return find(contents, contents.get, tomllib.loads(pyproject), Version(current))


@pytest.mark.parametrize(
    "name", sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())
)
def test_case(name: str) -> None:
    [before] = (CASES / name).glob("in*")
    case = tomllib.loads((CASES / name / "case.toml").read_text(encoding="utf-8"))
    version = Version(case["version"])
    found = written(
        {f"CHANGES{before.suffix}": before.read_bytes().decode("latin-1")}, str(version)
    )
    tool = Tool(name=case["tool"], path=before.name, fragments=()) if "tool" in case else None
    markup = found.markup if found else MARKUPS[before.suffix][0]
    changelog = Changelog(path=before.name, markup=markup, tool=tool)

    def edit(data: bytes) -> bytes:
        return changelog.edit(
            data, version, case["date"], case.get("tag", ""), case.get("name", "")
        )

    data = before.read_bytes()
    if "error" in case:
        with pytest.raises(ReleaseError) as refused:
            edit(data)
        assert str(refused.value) == case["error"]
        return
    after = (CASES / name / f"out{before.suffix}").read_bytes()
    assert edit(data) == after
    assert edit(after) == after
    notes = (CASES / name / "notes.md").read_bytes().decode()
    assert changelog.section(after, version) + "\n" == notes
    assert changelog.is_drafted(data, version) is case.get("drafted", True)
    assert changelog.is_drafted(after, version) is case.get("drafted", True)


# Which file

LIST = "# Changelog\n\n## 1.2.3 (2026-05-02)\n\n- Lids close.\n"
OPEN = "# Changelog\n\n## Unreleased\n\n- A second brush.\n"


@pytest.mark.parametrize(
    ("files", "current", "expected"),
    [
        ({"CHANGELOG.md": LIST}, "1.2.3", "CHANGELOG.md"),
        ({"changes.md": LIST}, "1.2.3", "changes.md"),
        ({"HISTORY.md": LIST, "README.md": LIST}, "1.2.3", "HISTORY.md"),
        ({"docs/release-notes.md": LIST}, "1.2.3", "docs/release-notes.md"),
        ({"doc/source/ReleaseNotes.md": LIST}, "1.2.3", "doc/source/ReleaseNotes.md"),
        ({"NEWS": "1.2.3\n=====\n\n* Lids close.\n"}, "1.2.3", "NEWS"),
        ({"RELEASES.txt": "1.2.3, 2026-05-02\n * Lids close.\n"}, "1.2.3", "RELEASES.txt"),
        ({"CHANGELOG.md": OPEN}, "1.2.3", "CHANGELOG.md"),
        ({}, "1.2.3", None),
        ({"README.md": LIST}, "1.2.3", None),
        ({"src/CHANGELOG.md": LIST}, "1.2.3", None),
        ({"changelog.py": LIST}, "1.2.3", None),
        ({"CHANGELOG.md": "# Changelog\n\nSee [releases](https://example.org).\n"}, "1.2.3", None),
        ({"CHANGES": "docs/changes.md"}, "1.2.3", None),  # what git has of a symbolic link
        ({"CHANGELOG.md": ""}, "1.2.3", None),
        ({"CHANGELOG.md": LIST}, "1.3.0", "CHANGELOG.md"),
        ({"CHANGELOG.md": LIST}, "2.0.0.dev0", "CHANGELOG.md"),
        ({"CHANGELOG.md": LIST}, "1.2.9", None),
        ({"CHANGELOG.md": LIST}, "1.3.8", None),
        ({"CHANGELOG.md": LIST}, "8.0.0", None),
        ({"CHANGELOG.md": LIST}, "1.2.2", "CHANGELOG.md"),  # a tag on a branch is higher than main
        ({"CHANGELOG.md": OPEN + LIST}, "8.0.0", "CHANGELOG.md"),
        ({"CHANGELOG.md": "## 2025.12.30\n\n- Old.\n"}, "2026.8.17", "CHANGELOG.md"),
        ({"CHANGELOG.md": "## 2023.12.30\n\n- Old.\n"}, "2026.8.17", None),
        (  # the old releases moved to a file of their own
            {"CHANGELOG.md": LIST, "docs/history.md": "## 1.1.0\n\n- Smell.\n"},
            "1.2.3",
            "CHANGELOG.md",
        ),
        (
            {"CHANGELOG.md": "## 1.1.0\n\n- Smell.\n", "docs/history.md": LIST},
            "1.2.3",
            "docs/history.md",
        ),
        (  # the documentation shows the file
            {"CHANGELOG.md": OPEN + LIST, "docs/changelog.md": "## Latest changes\n\nOn GitHub.\n"},
            "1.2.3",
            "CHANGELOG.md",
        ),
        ({"docs/changelog.md": LIST, "CHANGELOG.md": LIST}, "1.2.3", "CHANGELOG.md"),
    ],
)
def test_the_changelog_is_the_file_with_releases_that_is_kept(
    files: dict[str, str], current: str, expected: str | None
) -> None:
    found = written(files, current)
    assert (found and found.path) == expected


# Tools

TOWNCRIER = '[tool.towncrier]\nfilename = "CHANGES.md"\ndirectory = "changes"\n'
TYPED = TOWNCRIER + '[[tool.towncrier.type]]\nname = "Hot Fix"\ndirectory = "hotfix"\n'


@pytest.mark.parametrize(
    ("files", "pyproject", "path", "fragments"),
    [
        ({"changes/31.bugfix.md": ""}, TOWNCRIER, "CHANGES.md", ("changes/31.bugfix.md",)),
        ({"changes/+x.doc": ""}, TOWNCRIER, "CHANGES.md", ("changes/+x.doc",)),
        ({"changes/README.md": "", "changes/.gitignore": ""}, TOWNCRIER, "CHANGES.md", ()),
        ({"changes/template.rst": "", "31.bugfix.md": ""}, TOWNCRIER, "CHANGES.md", ()),
        (
            {"changes/1.hotfix.md": "", "changes/2.bugfix.md": ""},
            TYPED,
            "CHANGES.md",
            ("changes/1.hotfix.md",),
        ),
        (
            {"changes/1.chore.md": "", "changes/2.bugfix.md": ""},
            TOWNCRIER + "[tool.towncrier.fragment.chore]\n",
            "CHANGES.md",
            ("changes/1.chore.md",),
        ),
        (
            {"changes/web/1.misc": "", "changes/2.misc": ""},
            TOWNCRIER + '[[tool.towncrier.section]]\npath = "web"\n',
            "CHANGES.md",
            ("changes/web/1.misc",),
        ),
        (
            {"changes/1.misc": "", "changes/2.misc": ""},
            TOWNCRIER + 'ignore = ["1.*"]\n',
            "CHANGES.md",
            ("changes/2.misc",),
        ),
        (
            {"src/paint/newsfragments/1.misc": ""},
            '[tool.towncrier]\npackage = "paint"\npackage_dir = "src"\n',
            "NEWS.rst",
            ("src/paint/newsfragments/1.misc",),
        ),
        (  # the file of its own counts
            {"towncrier.toml": '[tool.towncrier]\ndirectory = "n"\n', "n/1.misc": ""},
            TOWNCRIER,
            "NEWS.rst",
            ("n/1.misc",),
        ),
    ],
)
def test_towncrier_is_asked_as_configured(
    files: dict[str, str], pyproject: str, path: str, fragments: tuple[str, ...]
) -> None:
    found = written({**files, "CHANGELOG.md": LIST}, pyproject=pyproject)
    assert found
    assert found.tool
    assert (found.path, found.tool.fragments) == (path, fragments)
    assert found.is_drafted(b"", NEW) is bool(fragments)
    assert found.tool.command(NEW, DAY)[:7] == (
        "towncrier", "build", "--yes", "--version", "1.3.0", "--date", "2026-11-22",
    )  # fmt: skip


TYPES = "bugfix, doc, feature, misc, removal"
WANTED = f"no fragment of towncrier, which looks for NUMBER.TYPE, TYPE being one of {TYPES}"


@pytest.mark.parametrize(
    ("files", "pyproject", "unused"),
    [
        (
            ["changes/31.feture.md", "changes/32.md", "changes/33.misc", "changes/README.md"],
            TOWNCRIER,
            [f"changes/31.feture.md: {WANTED}", f"changes/32.md: {WANTED}"],
        ),
        (["changes/_template.rst", "changes/.gitkeep", "31.feture.md"], TOWNCRIER, []),
        (["changes/a.txt"], TOWNCRIER + 'ignore = ["*.txt"]\n', []),
        (
            ["changelog.d/a.txt", "changelog.d/b.md", "changelog.d/README.md"],
            '[tool.scriv]\nformat = "md"\n',
            ["changelog.d/a.txt: no fragment of scriv, which looks for .md and .rst"],
        ),
        (["changelog.d/new.md.j2", "changelog.d/scriv.ini"], "[tool.scriv]\nformat = 'md'\n", []),
    ],
)
def test_what_lies_beside_the_fragments_is_known(
    files: list[str], pyproject: str, unused: list[str]
) -> None:
    found = written(dict.fromkeys(files, ""), pyproject=pyproject)
    assert found
    assert found.tool
    assert [*found.tool.unused] == unused


@pytest.mark.parametrize(
    ("pyproject", "named"),
    [
        ('[tool.towncrier]\npackage = "paint"\n', ("--name", "Paint")),
        ('[tool.towncrier]\npackage = "paint"\nname = "paints"\n', ()),
        ('[project]\nname = "paints"\n[tool.towncrier]\npackage = "paint"\n', ()),
        ('[tool.incremental]\nname = "p"\n[tool.towncrier]\npackage = "paint"\n', ()),
        (TOWNCRIER, ()),
    ],
)
def test_towncrier_needs_not_import_the_project(pyproject: str, named: tuple[str, ...]) -> None:
    found = written({}, pyproject=pyproject)
    assert found
    assert found.tool
    assert found.tool.command(NEW, DAY)[7:] == named


@pytest.mark.parametrize(
    ("files", "pyproject", "path", "fragments"),
    [
        ({}, "[tool.scriv]\nversion = 'literal: a.py: v'\n", "CHANGELOG.rst", ()),
        ({}, '[tool.scriv]\nformat = "md"\n', "CHANGELOG.md", ()),
        ({}, '[tool.scriv]\nchangelog = "docs/CHANGES.md"\n', "docs/CHANGES.md", ()),
        ({"setup.cfg": "[scriv]\noutput_file = NEWS.md\n"}, "", "NEWS.md", ()),
        ({"tox.ini": "[tool.scriv]\nformat = md\n"}, "", "CHANGELOG.md", ()),
        ({"changelog.d/scriv.ini": "[scriv]\nformat = md\n"}, "", "CHANGELOG.md", ()),
        (
            {"n/a.md": "", "n/README.md": "", "n/new.md.j2": "", "n/b.rst": ""},
            '[tool.scriv]\nfragment_directory = "n"\n',
            "CHANGELOG.rst",
            ("n/a.md", "n/b.rst"),
        ),
    ],
)
def test_scriv_is_asked_as_configured(
    files: dict[str, str], pyproject: str, path: str, fragments: tuple[str, ...]
) -> None:
    found = written({**files, "HISTORY.md": LIST}, pyproject=pyproject)
    assert found
    assert found.tool
    assert (found.path, found.tool.fragments) == (path, fragments)
    assert found.is_drafted(b"", NEW) is bool(fragments)
    command = ("scriv", "collect", "--no-edit", "--version", "1.3.0")
    assert found.tool.command(NEW, DAY) == command


@pytest.mark.parametrize(
    "files", [{"setup.cfg": "[metadata]\n"}, {"setup.cfg": "no ini"}, {"changelog.d/a.md": ""}]
)
def test_without_a_tool_the_file_is_the_maintainers(files: dict[str, str]) -> None:
    found = written({**files, "CHANGELOG.md": LIST})
    assert found == Changelog(path="CHANGELOG.md", markup="markdown")


def test_a_broken_towncrier_toml_is_told() -> None:
    with pytest.raises(ReleaseError, match=r"^towncrier\.toml is broken: "):
        written({"towncrier.toml": "["})


# Titles and dates


@pytest.mark.parametrize(
    "text",
    [
        "Added", "Features", "Next steps", "Python 3.12 support", "3 new things", "2024-01-02",
        "1.2rc1b2", "\u0661.\u0662",
        "1.2.x", "Upgrading from 1.x", "HEAD of main", "Version", "", "v",
        "Development", "Unreleased features of Python 3.12 that we use",
    ],
)  # fmt: skip
def test_other_titles_are_no_releases(text: str) -> None:
    assert parse(text) is None


@pytest.mark.timeout(10)
@pytest.mark.parametrize("part", ["a ", "x-", "[", "1.", "@a", "released ", "- ", "?"])
@pytest.mark.parametrize("length", [300, 30_000])
def test_a_long_line_is_read_quickly(part: str, length: int) -> None:
    for start in ("", "1.2.3 ", "Unreleased ", "Version 1.2 ("):
        for end in ("", "!x", "1"):
            text = (start + part * length)[: length - len(end)] + end
            parse(text)
            line(text)


@pytest.mark.parametrize(
    ("text", "version", "is_open"),
    [
        ("pytest 8.3.3 (2024-09-09)", "8.3.3", False),
        ("[0.0.5] - 2014-12-13 [YANKED]", "0.0.5", False),
        ("Version 25 (2024-01-01)", "25", False),
        ("v25", "25", False),
        ("3.0.48: 2024-09-25", "3.0.48", False),
        ("**1.2.3** -- Sept. 3, 2024", "1.2.3", False),
        ("1!2.0", "1!2.0", False),
        ("🚀 v1.2.3", "1.2.3", False),
        ("Unreleased (1.3.0)", "1.3.0", True),
        ("1.3.0+dev", "1.3.0+dev", True),
        ("1.3.0-dev (xxxx-xx-xx)", "1.3.0.dev0", True),
        ("1.3 (????-??-??)", "1.3", True),
        ("1.3.0 (not yet released)", "1.3.0", True),
        ("1.3.0, release date: to be announced", "1.3.0", True),
    ],
)
def test_titles_of_releases(text: str, version: str, is_open: bool) -> None:  # noqa: FBT001
    title = parse(text)
    assert title
    assert (title.number, title.is_open) == (Version(version), is_open)
    assert str(title) == text


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Unreleased", "Unreleased"),
        ("*Unreleased*", "Unreleased"),
        ("Release date: TBA", "TBA"),
        (":release-date: TBA", "TBA"),
        ("*Released on: 2019/03/28*", "2019/03/28"),
        ("2024-01-02", "2024-01-02"),
        ("Status: in development", "in development"),
        ("TBD", None),
        ("- TBD", None),
        ("Next", None),
        ("Released 2024-01-02, too late", None),
    ],
)
def test_lines_that_tell_the_date(text: str, status: str | None) -> None:
    told = line(text)
    assert (told and told.status) == status


@pytest.mark.parametrize(
    ("style", "samples", "expected"),
    [
        ("2024-01-02", [], "2026-05-03"),
        ("2024-11-22", [], "2026-05-03"),
        ("2024-11-22", ["2024-1-9"], "2026-5-3"),
        ("2024/01/02", [], "2026/05/03"),
        ("22.11.2024", [], "03.05.2026"),
        ("11/22/2024", [], "05/03/2026"),
        ("11/12/2024", ["22/11/2024"], "03/05/2026"),
        ("November 22, 2024", [], "May 3, 2026"),
        ("Nov 22 2024", [], "May 3 2026"),
        ("Nov 22, 2024", ["Feb 03, 2024"], "May 03, 2026"),
        ("Nov 22, 2024", ["2024-02-03"], "May 3, 2026"),
        ("28th November, 2024", [], "3rd May, 2026"),
        ("1st of june 2024", [], "3rd of may 2026"),
        ("22-NOV-2024", [], "3-MAY-2026"),
        ("2024-Nov-02", [], "2026-May-03"),
        ("September, 2024", [], "May, 2026"),
        ("unreleased", [], "2026-05-03"),
        ("2026-XX-XX", [], "2026-05-03"),
        ("2026-00-00", [], "2026-05-03"),
    ],
)
def test_a_date_is_written_like_others(style: str, samples: list[str], expected: str) -> None:
    assert restyled(style, date(2026, 5, 3), samples) == expected


@pytest.mark.parametrize(
    ("style", "samples", "expected"),
    [
        ("May 1, 2024", [], "November 11, 2026"),
        ("May 1, 2024", ["Nov 2, 2024"], "Nov 11, 2026"),
        ("June 1, 2024", ["Nov 2, 2024"], "Nov 11, 2026"),
        ("Sept. 1, 2024", [], "Nov. 11, 2026"),
        ("1st May 2024", [], "11th November 2026"),
    ],
)
def test_a_short_month_has_a_short_neighbour(style: str, samples: list[str], expected: str) -> None:
    assert restyled(style, date(2026, 11, 11), samples) == expected


# Properties

ROWS = st.lists(
    st.one_of(
        st.sampled_from(["", "- A second brush.", "### Added", "  more", "<!-- no -->", "text"]),
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=9).map(
            "- x {}".format
        ),
    ),
    max_size=7,
)
SHAPES = st.sampled_from(
    [
        ("markdown", "## [Unreleased]", "## [1.2.3] - 2026-05-02"),
        ("markdown", "## Unreleased", "## v1.2.3 (May 2, 2026)"),
        ("markdown", "## 1.3.0 (unreleased)", "## 1.2.3 (2026-05-02)"),
        ("markdown", "## 1.3.0 - TBD", "## 1.2.3"),
        ("rst", "Unreleased\n==========", "1.2.3\n====="),
        ("rst", "1.3 (in development)\n====", "1.2.3 (released 2.5.2026)\n======"),
        ("plain", "1.3.0, unreleased", "1.2.3, 2 May 2026"),
    ]
)  # fmt: skip


def said(rows: list[str]) -> str:
    """What a section with these rows says, as a reader sees it."""
    while rows and not rows[-1].strip():
        rows = rows[:-1]
    return "\n".join(rows).strip("\n")


@given(SHAPES, ROWS, ROWS, ROWS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"]))
def test_only_the_heading_is_touched_and_the_section_stays(
    shape: tuple[Markup, str, str],
    intro: list[str],
    new: list[str],
    old: list[str],
    end: str,
    mark: str,
) -> None:
    markup, unreleased, released = shape
    if markup != "markdown":
        intro, new, old = ([row.replace("#", "") for row in rows] for rows in (intro, new, old))
    head = (mark + end.join(["Changes", "", *intro, "", ""])).encode()
    tail = end.join(["", "", *new, "", *released.split("\n"), "", *old]).encode()
    before = head + unreleased.replace("\n", end).encode() + tail
    changelog = Changelog(path="CHANGES", markup=markup)
    after = changelog.edit(before, NEW, DAY)
    assert after != before
    assert (after[: len(head)], after[-len(tail) :]) == (head, tail)
    assert set(re.findall(rb"\r?\n|\r", after)) == {end.encode()}
    assert changelog.edit(after, NEW, DAY) == after
    assert changelog.section(after, NEW) == said(new)
    assert changelog.section(after, Version("1.2.3")) == said(old)


ODD = ["# 1.2.3", "## Unreleased", "1.2.3", "=====", "-----", "", "* * *", "```", "[Unreleased]: b",
       "Unreleased", "\r", "\x85", "\x0c", "\xe9", "\x00", "1.3.0 (TBD)", "- 1.3.0"]  # fmt: skip


@given(
    st.lists(st.sampled_from(ODD), max_size=14),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["markdown", "rst", "plain"]),
)
def test_whatever_else_is_there_stays(rows: list[str], end: str, markup: Markup) -> None:
    data = end.join(rows).encode("latin-1")
    changelog = Changelog(path="CHANGES", markup=markup)
    try:
        after = changelog.edit(data, NEW, DAY)
    except ReleaseError:
        return
    old, new = data.splitlines(keepends=True), after.splitlines(keepends=True)
    changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    assert sum(stop - start for kind, start, stop, *_ in changes if kind != "equal") <= 4
    assert after == data or changelog.edit(after, NEW, DAY) == after


@given(st.binary(max_size=200), st.sampled_from(["markdown", "rst", "plain"]))
def test_any_bytes_can_be_read(data: bytes, markup: Markup) -> None:
    changelog = Changelog(path="CHANGES", markup=markup)
    assert changelog.edit(data, NEW, DAY) == data
    assert changelog.section(data, NEW) == ""


# Without a changelog


@pytest.mark.parametrize(
    "subject",
    [
        "Merge pull request #12 from mary/brush",
        "Merge branch 'main' into release",
        "Merge remote-tracking branch 'origin/main'",
        "Release 1.2.3",
        "Release 1.2.3 (#12)",
        "Release nox-release 1.2.3",
        "Release version 1.2.3.",
        "release: 1.2.3",
        "release: v1.2.3",
        "chore(release): 1.2.3 [skip ci]",
        "chore(main): release 1.2.3",
        "chore: bump version to 1.2.3",
        "Bump version to 1.2.3",
        "Bump version: 1.2.2 → 1.2.3",
        "bump: version 1.2.2 → 1.2.3",
        "Bump to 1.2.3.dev0",
        "Prepare release 1.2.3",
        "Prepare for 1.2.3 release",
        "Version 1.2.3",
        "1.2.3",
        "v1.2.3",
        "Back to development",
        "Back to development: 1.3.0",
        "Start development of 1.3",
        "Begin 1.3.0.dev0",
        "Post-release version bump",
        "Set version to 1.2.3",
        "Bump version",
    ],
)
def test_commits_of_releases_are_left_out(subject: str) -> None:
    assert from_commits([subject]) == ""


@pytest.mark.parametrize(
    "subject",
    [
        "Merge lines that touch",
        "Release the lock before 1.2.3 seconds have passed",
        "Release memory",
        "Bump actions/checkout from 4 to 5",
        "Bump django from 4.2.1 to 5.0",
        "Support Python 3.14",
        "Version the protocol",
        "Fix #12: 1.2.3 is read as 1.2",
        "Tag images",
        "Start faster",
        "1.2.3 can be read",
        "Prepare brushes",
        "fix: drop 3.9",
        "Set version of the protocol",
    ],
)
def test_other_commits_are_told(subject: str) -> None:
    assert from_commits([subject]) != ""


def shown(markdown: str) -> list[str]:
    """The text of a list's items; anything but paragraphs with plain text is refused."""
    items = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        assert token.type.removesuffix("_open").removesuffix("_close") in {
            "bullet_list", "list_item", "paragraph", "inline",
        }  # fmt: skip
        for part in token.children or []:
            assert part.type in {"text", "text_special"}, markdown
        if token.type == "inline":
            items.append("".join(part.content for part in token.children or []))
    return items


TRICKS = st.sampled_from(
    ["*", "**", "_", "`", "```", "~~", "<b>", "<!--", "&lt;", "[a](b)", "![", "](", "# ", "- ",
     "1. ", "2) ", "> ", "=", "---", "\\", "|", "@mary", "http://a.b", "<http://a.b>", " ", "x",
     "+ ", "9"]
)  # fmt: skip


@given(
    st.lists(
        st.lists(TRICKS, min_size=1, max_size=8).map(lambda one: "".join([*one, " x"])), max_size=4
    )
)
def test_a_subject_reads_as_it_was_written(subjects: list[str]) -> None:
    told = [" ".join(one.split()) for one in subjects]
    notes = from_commits(subjects)
    assert [one.replace("\u200b", "") for one in shown(notes)] == [one for one in told if one]


def test_nobody_is_notified() -> None:
    assert from_commits(["Add @types/node"]) == "- Add @&#8203;types/node"
