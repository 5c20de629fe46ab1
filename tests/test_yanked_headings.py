"""The heading of a yanked version: marked once, whatever it looks like, and all else as it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from release import ReleaseError
from release.changelog import MARKUPS, Changelog, find
from release.headings import Text
from release.sections import sections
from release.titles import parse

if TYPE_CHECKING:
    from release.headings import Markup

CASES = sorted(path for path in (Path(__file__).parent / "changelogs").glob("*/out*"))
YANKED = Version("1.4.0")
FOUND: list[tuple[Markup, str, str]] = [
    ("markdown", "## [1.4.0] - 2026-11-02\n", "## [1.4.0] - 2026-11-02 [YANKED]\n"),
    ("markdown", "## 1.4.0 (2026-11-02)\r\n", "## 1.4.0 (2026-11-02) [YANKED]\r\n"),
    ("markdown", "## v1.4 ##\n", "## v1.4 [YANKED] ##\n"),
    ("markdown", "## 1.4.0 {#v1.4.0}\n", "## 1.4.0 [YANKED] {#v1.4.0}\n"),
    ("markdown", "## 1.4.0 - 2026-11-02:\n", "## 1.4.0 - 2026-11-02 [YANKED]:\n"),
    ("markdown", "1.4.0\n-----\n", "1.4.0 [YANKED]\n--------------\n"),
    ("markdown", "## [1.4.0](http://127.0.0.1/1)\n", "## [1.4.0](http://127.0.0.1/1) [YANKED]\n"),
    ("markdown", "## 1.4.0 / 2026-11-02, *the* one\n",
     "## 1.4.0 / 2026-11-02, *the* one [YANKED]\n"),
    ("rst", "1.4.0 (2026-11-02)\n==================\n",
     "1.4.0 (2026-11-02) [YANKED]\n===========================\n"),
    ("rst", "=====\n1.4.0\n=====\n", "==============\n1.4.0 [YANKED]\n==============\n"),
    ("rst", "======\n 1.4.0\n======\n", "===============\n 1.4.0 [YANKED]\n===============\n"),
    ("rst", "1.4.0 — 二\n----------\n\n", "1.4.0 — 二 [YANKED]\n-------------------\n\n"),
    ("plain", "1.4.0 (2026-11-02)\n", "1.4.0 (2026-11-02) [YANKED]\n"),
]  # fmt: skip
MARKED: list[tuple[Markup, str]] = [
    ("markdown", "## [1.4.0] - 2026-11-02 [YANKED]\n"),
    ("markdown", "## 1.4.0 (2026-11-02, yanked)\n"),
    ("markdown", "## ~~1.4.0~~ :yanked:\n"),
    ("markdown", "## 1.4.0 - 2026-11-02 - Yanked, it was broken\n"),
    ("rst", "1.4.0 (YANKED)\n==============\n"),
    ("plain", "1.4.0 (2026-11-02) [yanked]\n"),
]


def around(markup: Markup, heading: str) -> str:
    """The section among others of its kind."""
    plain = "{} (2026-01-0{})\n" if markup == "plain" else "## {} (2026-01-0{})\n"
    if markup == "rst" or (heading[:1].isdigit() and markup == "markdown"):
        marks = [row[0] for row in heading.splitlines() if row[:1] in {"=", "-"}]
        over = "====================\n" * (len(marks) > 1)
        plain = over + "{} (2026-01-0{})\n" + marks[-1] * 20 + "\n"
    newest, oldest = plain.format("1.5.0", 2), plain.format("1.3.0", 1)
    return f"{newest}\n- Newer.\n\n{heading}\n- Broken. 1.4.0\n\n{oldest}\n- Older.\n"


@pytest.mark.parametrize(("markup", "before", "after"), FOUND)
def test_a_heading_is_marked(markup: Markup, before: str, after: str) -> None:
    log = Changelog(path="CHANGES", markup=markup)
    data = around(markup, before).encode()
    marked = log.mark(data, YANKED)
    assert marked == data.replace(before.encode(), after.encode(), 1)
    assert log.mark(marked, YANKED) == marked
    assert log.section(marked, YANKED) == log.section(data, YANKED) == "- Broken. 1.4.0"


@pytest.mark.parametrize(("markup", "heading"), MARKED)
def test_one_that_says_so_in_other_words_is_left_alone(markup: Markup, heading: str) -> None:
    data = around(markup, heading).encode()
    assert Changelog(path="CHANGES", markup=markup).mark(data, YANKED) == data
    title = Text.decode(heading.encode(), markup).headings[0].title
    parsed = parse(title)
    assert parsed
    assert (parsed.number, str(parsed)) == (YANKED, title)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_every_changelog_can_be_marked(path: Path) -> None:
    """All that differs is the heading, and the section says what it said."""
    data = path.read_bytes()
    name = f"CHANGES{path.suffix}"
    found = find([name], {name: data}.get, {}, Version("1.3.0"), name)
    log = found or Changelog(path=name, markup=MARKUPS[path.suffix][0])
    for section in sections(Text.decode(data, log.markup)):
        version = section.title.number
        if version is None or section.is_open:
            continue
        try:
            marked = log.mark(data, version)
        except ReleaseError:
            continue  # there are several sections of it
        assert log.mark(marked, version) == marked
        assert log.section(marked, version) == log.section(data, version)
        after = marked.splitlines(keepends=True)
        heading = section.heading
        rows = data.splitlines(keepends=True)
        assert after[: heading.start] == rows[: heading.start]
        assert after[heading.end :] == rows[heading.end :]
        assert b"[YANKED]" in b"".join(after[heading.start : heading.end])


def test_what_is_not_there_is_not_marked() -> None:
    data = b"# Changelog\n\n## [1.3.0] - 2026-11-02\n"
    assert Changelog(path="CHANGELOG.md", markup="markdown").mark(data, YANKED) == data


def test_of_two_sections_neither_is_marked() -> None:
    data = b"## 1.4.0\n\n- One.\n\n## 1.4.0\n\n- Two.\n"
    with pytest.raises(ReleaseError, match=r"2 sections of 1\.4\.0: lines 1, 5"):
        Changelog(path="CHANGELOG.md", markup="markdown").mark(data, YANKED)


def test_the_next_release_is_not_written_as_a_yanked_one() -> None:
    before = b"# Changelog\n\n## [Unreleased]\n\n- Mended.\n\n## [1.4.0] - 2026-11-02 [YANKED]\n"
    log = Changelog(path="CHANGELOG.md", markup="markdown")
    after = log.edit(before, Version("1.4.1"), date(2026, 11, 22))
    new = b"## [Unreleased]\n\n## [1.4.1] - 2026-11-22\n\n"
    assert after == before.replace(b"## [Unreleased]\n\n", new)
