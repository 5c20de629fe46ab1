"""The sections of a changelog, one for each release: where they are, and what they say."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release import titles

if TYPE_CHECKING:
    from release.headings import Definition, Heading, Text
    from release.titles import Title

SAYS_NOTHING = re.compile(
    r"[\W_]*(?:nothing(?: has)?(?: changed)?|no(?: significant)? changes|none|n/a|to ?do|tb[ad])?"
    r"(?: (?:yet|here|so far))*[\W_]*|\W*\\\[.*\\\]\W*",  # and what a template says in brackets
    re.IGNORECASE,
)
COMMENT = re.compile(r"<!--.*?-->|^\.\. .*?$", re.DOTALL | re.MULTILINE)
# What stands before the next heading and belongs to it: an anchor, a line across the page.
TRAILING = re.compile(r"\s*(?:<a (?:id|name)=[^>]*>\s*(?:</a>)?|\.\. _[^:]*:.*|[-*_=]{3,})?\s*")


@dataclass(frozen=True, kw_only=True)
class Section:
    """A release in a changelog: its heading, and the rows below from `start` to before `end`.

    `told` is the line at row `told_at` that has its date, where there is one below the title.
    """

    heading: Heading
    title: Title
    start: int
    end: int
    told: Title | None
    told_at: int

    @property
    def is_open(self) -> bool:
        """Say whether the release is still to come."""
        is_told_open = self.told is not None and titles.is_placeholder(self.told.status)
        return self.title.is_open or is_told_open


def sections(text: Text) -> list[Section]:
    """Return the releases that the headings tell, in the file's order.

    They are on the level that most of them are on; on others, only what can't be anything else.
    """
    parsed = [(heading, titles.parse(heading.title)) for heading in text.headings]
    found = [(heading, title) for heading, title in parsed if title]
    levels = Counter(heading.level for heading, _ in found)
    level = min(levels, key=lambda one: (-levels[one], one), default=0)
    kept = [
        (heading, title)
        for heading, title in found
        if title.is_sure or heading.level == level > 0 or (level == 0 and title.number is None)
    ]
    starts = {heading.start for heading, _ in kept}
    return [_section(text, heading, title, starts) for heading, title in kept]


def _section(text: Text, heading: Heading, title: Title, starts: set[int]) -> Section:
    ends = (
        other.start
        for other in text.headings
        if other.start >= heading.end
        and (other.start in starts or 0 < other.level <= heading.level)
    )
    end = next(ends, len(text.rows))
    first = next((at for at in range(heading.end, end) if text.rows[at].strip()), end)
    told = titles.line(text.rows[first].strip()) if first < end else None
    return Section(
        heading=heading, title=title, start=heading.end, end=end, told=told, told_at=first
    )


def body(text: Text, section: Section) -> str:
    """Return what a section says, without its date and the definitions of links.

    The definitions that it uses come behind it, from wherever they are.
    """
    defined = {row for one in text.definitions for row in range(one.start, one.end)}
    rows = [row for at, row in _said(text, section) if at not in defined]
    while rows and TRAILING.fullmatch(rows[-1]):
        rows.pop()
    said = "\n".join(rows).strip("\n")
    used = [one for one in text.definitions if _is_used(one, said)]
    links = [row for one in used for row in text.bare(one.start, one.end)]
    return _readable("\n".join([said, "", *links] if links else [said]))


def says_something(text: Text, section: Section) -> bool:
    """Say whether there is more to read than headings, comments and «nothing yet»."""
    headings = (one for one in text.headings if one.level)  # others are any lines
    titled = {row for one in headings for row in range(one.start, one.end)}
    rows = [row for at, row in _said(text, section) if at not in titled]
    return not all(map(SAYS_NOTHING.fullmatch, COMMENT.sub("", "\n".join(rows)).splitlines()))


def _said(text: Text, section: Section) -> list[tuple[int, str]]:
    rows = enumerate(text.bare(section.start, section.end), section.start)
    return [(at, row) for at, row in rows if not (section.told and at == section.told_at)]


def _readable(said: str) -> str:
    """Read bytes that aren't UTF-8 as Latin-1, the encoding before it."""
    data = said.encode("utf-8", "surrogateescape")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _is_used(definition: Definition, said: str) -> bool:
    label = re.escape(definition.label)
    return bool(re.search(rf"\[{label}\]|`{label}`_|(?<!\w){label}_(?!\w)", said, re.IGNORECASE))
