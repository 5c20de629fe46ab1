"""The headings of a text, in Markdown, reStructuredText or neither; and rows exchanged in it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Markup = Literal["markdown", "rst", "plain"]
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
ROW = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
# https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#sections
ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1+")
SHORTEST = 4  # an adornment of fewer characters must be as long as its title
INSET = 2  # a line this much longer than its title is made to fit; a longer one is a rule
DEFINITION = {
    "markdown": re.compile(r" {0,3}\[(?P<label>[^]]+)\]:\s*<?(?P<url>[^\s<>]*)"),
    "rst": re.compile(r"\.\. _(?P<quote>`?)(?P<label>[^`:]*)(?P=quote):\s*(?P<url>\S*)"),
}


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading on the rows from `start` to before `end`; its title is on `row`.

    Level 1 is the highest; 0 is that of a text without levels, where any line may be a heading.
    """

    title: str
    level: int
    start: int
    row: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a label links to, on the rows from `start` to before `end`."""

    label: str
    url: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Splice:
    """Rows that come, without line ends, in place of those from `start` to before `end`."""

    start: int
    end: int
    rows: list[str]


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text as rows with their line ends, and what they are; `mark` is its byte order mark."""

    mark: str
    rows: tuple[str, ...]
    headings: tuple[Heading, ...]
    definitions: tuple[Definition, ...]

    @classmethod
    def decode(cls, data: bytes, markup: Markup) -> Text:
        """Read bytes of UTF-8; others among them stay what they are."""
        text = data.decode("utf-8", "surrogateescape")
        mark = BOM * text.startswith(BOM)
        rows = ROW.findall(text.removeprefix(mark))
        headings, definitions = READERS[markup]([row.rstrip("\r\n") for row in rows])
        return cls(mark=mark, rows=(*rows,), headings=(*headings,), definitions=(*definitions,))

    def encode(self, splices: Iterable[Splice]) -> bytes:
        """Return the bytes with rows exchanged, and all others as they were."""
        rows = list(self.rows)
        first = self.rows[0] if self.rows else ""
        newline = first[len(first.rstrip("\r\n")) :] or "\n"
        for splice in sorted(splices, key=lambda one: (one.start, one.end), reverse=True):
            last = rows[splice.end - 1] if splice.end > splice.start else newline
            ends = [newline] * (len(splice.rows) - 1) + [last[len(last.rstrip("\r\n")) :]]
            rows[splice.start : splice.end] = map("".join, zip(splice.rows, ends, strict=True))
        return (self.mark + "".join(rows)).encode("utf-8", "surrogateescape")

    def bare(self, start: int, end: int) -> list[str]:
        """Return the rows from `start` to before `end`, without their ends."""
        return [row.rstrip("\r\n") for row in self.rows[start:end]]

    def titled(self, heading: Heading, title: str) -> list[str]:
        """Return a heading with another title; the lines above and below fit it."""
        rows = self.bare(heading.start, heading.end)
        for at, row in enumerate(rows):
            if at + heading.start == heading.row:
                rows[at] = title.join(row.rsplit(heading.title, 1))
            else:
                line = row.strip()
                more = len(line) - _width(heading.title)
                length = _width(title) + (more if 0 < more <= INSET else 0)
                length = max(length, len(line)) if more > INSET else length
                rows[at] = row.replace(line, line[0] * length)
        return rows


Outline = tuple[list[Heading], list[Definition]]


def _markdown(rows: list[str]) -> Outline:
    from markdown_it import MarkdownIt

    found: dict[str, Any] = {}
    # Inline markup says nothing about headings, and takes most of the time.
    tokens = MarkdownIt("commonmark").disable("inline").parse("\n".join(rows), found)
    headings = [
        Heading(title=inside.content, level=int(token.tag[1:]), start=start, row=start, end=end)
        for token, inside in pairwise(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
        for start, end in [token.map]
        if "\n" not in inside.content
    ]
    references = found.get("references", {}).values()
    return headings, _defined("markdown", rows, sorted(tuple(one["map"]) for one in references))


def _rst(rows: list[str]) -> Outline:
    styles: list[tuple[str, bool]] = []
    headings = []
    for row in range(len(rows) - 1):
        title, line = rows[row].strip(), rows[row + 1].rstrip()
        above = rows[row - 1].rstrip() if row else ""
        overlined = above == line
        if not _underlines(line, title) or not (overlined or rows[row][0].strip()):
            continue
        if above and not overlined and not above.startswith(".. "):
            continue  # the last line of a paragraph
        style = (line[0], overlined)
        styles += [style] * (style not in styles)
        level, start = styles.index(style) + 1, row - overlined
        headings.append(Heading(title=title, level=level, start=start, row=row, end=row + 2))
    targets = [(at, at + 1) for at, row in enumerate(rows) if DEFINITION["rst"].match(row)]
    return headings, _defined("rst", rows, targets)


def _underlines(line: str, title: str) -> bool:
    if not title or not ADORNMENT.fullmatch(line) or ADORNMENT.fullmatch(title):
        return False
    return len(line) >= min(SHORTEST, _width(title))


def _plain(rows: list[str]) -> Outline:
    """Take each first line of a paragraph for a heading; whether it is one, its words tell."""
    headings = [
        Heading(title=row.rstrip(), level=0, start=at, row=at, end=at + 1)
        for at, row in enumerate(rows)
        if row[:1].strip() and not (at and rows[at - 1].strip())
    ]
    return headings, []


READERS = {"markdown": _markdown, "rst": _rst, "plain": _plain}


def _defined(markup: str, rows: list[str], ranges: list[tuple[int, int]]) -> list[Definition]:
    return [
        Definition(label=match["label"], url=match["url"], start=start, end=end)
        for start, end in ranges
        if (match := DEFINITION[markup].match(rows[start]))
    ]


def _width(text: str) -> int:
    """Return the columns that a text takes: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in {"W", "F"})
        for one in text
    )
