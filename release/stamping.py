"""The unreleased section of a changelog becomes a release, written like the one before it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from release import titles
from release.headings import Splice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from release.headings import Definition, Text
    from release.sections import Section
    from release.titles import Title

COMPARISON = re.compile(r"(?P<base>.*/compare/)(?P<since>.+?)(?P<dots>\.{2,3})(?P<until>.+)")


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What a section is stamped with: the version as spelled here, its day, the release's tag."""

    name: str
    day: date
    tag: str = ""

    def tag_like(self, other: str) -> str:
        """Return the tag; where it isn't known, in the style of another one."""
        return self.tag or re.sub(rf"{titles.VERSION}$", self.name, other, flags=re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Stamping:
    """A section among all sections of a text, and what it is stamped with."""

    text: Text
    sections: list[Section]
    section: Section
    stamp: Stamp

    def apply(self) -> bytes:
        """Return the text's bytes with the section stamped."""
        return self.text.encode([*self._heading(), *self._told(), *self._definitions()])

    @property
    def model(self) -> Section | None:
        """Return the newest release before, if others can be written like it."""
        at = self.sections.index(self.section)
        fit = (one for one in self.sections[at + 1 :] if not one.is_open and one.title.regular)
        return next(fit, None)

    @property
    def samples(self) -> list[str]:
        """Return the dates of all releases."""
        parts = [one for section in self.sections for one in (section.title, section.told) if one]
        return [part.status for part in parts]

    def _heading(self) -> Iterator[Splice]:
        """Put the new title; what has no number stays above it, empty."""
        heading, title = self.section.heading, self.section.title
        rows = self.text.titled(heading, str(self._title()))
        if title.number is None:
            later = replace(title, url=self._moved(title.url))
            rows = [*self.text.titled(heading, str(later)), "", *rows]
            if not self.section.told and self.model and (told := self.model.told):
                rows += ["", str(self._dated(told))]
        yield Splice(start=heading.start, end=heading.end, rows=rows)

    def _title(self) -> Title:
        title, model = self.section.title, self.model.title if self.model else None
        if not self.section.is_open:
            return self._dated(title)
        name = self.stamp.name
        if not title.is_open:
            return replace(title, name=name)
        if model and title.regular:
            like = replace(self._dated(model), mark="")
            return replace(like, name=name, url=self._released(title.url))
        style = next(filter(titles.is_date, self.samples), "")
        status = "" if self.section.told else titles.restyled(style, self.stamp.day, self.samples)
        between = title.between or " - " if status else ""
        url = self._released(title.url)
        return replace(title, name=name, between=between, status=status, url=url)

    def _told(self) -> Iterator[Splice]:
        """Put the day into the line below the title that tells it, like the one before tells it."""
        section, at = self.section, self.section.told_at
        if not section.told:
            return
        model = next((one.told for one in self.sections if one.told and not one.is_open), None)
        told = model if section.is_open and model else section.told
        if told.before == "" and titles.is_placeholder(told.status):
            told = replace(told, before="Released ")
        row = self.text.bare(at, at + 1)[0]
        new = str(self._dated(told)).join(row.split(row.strip(), 1))
        yield Splice(start=at, end=at + 1, rows=[new])

    def _dated(self, title: Title) -> Title:
        if not title.status:
            return title
        return replace(title, status=titles.restyled(title.status, self.stamp.day, self.samples))

    # Links

    def _moved(self, url: str) -> str:
        """Let a comparison with what is unreleased begin at this release."""
        found = COMPARISON.fullmatch(url)
        if not found:
            return url
        return found["base"] + self.stamp.tag_like(found["since"]) + found["dots"] + found["until"]

    def _released(self, url: str) -> str:
        """Let a comparison with what is unreleased end at this release; else follow the model."""
        if found := COMPARISON.fullmatch(url):
            since = found["since"]
            return found["base"] + since + found["dots"] + self.stamp.tag_like(since)
        return self._following(self.model.title, self.model.title.url) if self.model else url

    def _following(self, before: Title, url: str) -> str:
        """Return the link that follows the one of the release before."""
        if found := COMPARISON.fullmatch(url):
            until = found["until"]
            return found["base"] + until + found["dots"] + self.stamp.tag_like(until)
        return url.replace(before.name, self.stamp.name)

    def _definitions(self) -> Iterator[Splice]:
        """Define the new title's link, and move on that of what is unreleased."""
        title, model = self.section.title, self.model
        own, before = self._defined(title), self._defined(model.title) if model else None
        if not self.section.is_open or not (own or before):
            return
        older = self._older()
        if own and COMPARISON.fullmatch(own.url):
            start, end, new = own.start, own.end, self._row(own, self._released(own.url))
            if before and model and _are_plain(before, *older):
                new = self._row(before, self._following(model.title, before.url))
            rows = [new] if title.number else [self._row(own, self._moved(own.url), own.label), new]
            is_upwards = before is not None and before.start < own.start
        elif before and model:
            rows = [self._row(before, self._following(model.title, before.url))]
            is_upwards = any(one.start < before.start for one in older)
            start = end = before.end if is_upwards else before.start
        else:
            return
        yield Splice(start=start, end=end, rows=rows[::-1] if is_upwards else rows)

    def _older(self) -> list[Definition]:
        at = self.sections.index(self.model) + 1 if self.model else len(self.sections)
        found = (self._defined(one.title) for one in self.sections[at:])
        return [one for one in found if one]

    def _defined(self, title: Title) -> Definition | None:
        label = _label(title).lower()
        return next((one for one in self.text.definitions if one.label.lower() == label), None)

    def _row(self, like: Definition, url: str, label: str = "") -> str:
        row = self.text.bare(like.start, like.start + 1)[0]
        row = (label or _label(self._title())).join(row.split(like.label, 1))
        return url.join(row.rsplit(like.url, 1))


def _label(title: Title) -> str:
    """Return what a title has in brackets."""
    return title.before[-1:].strip("[`") + title.name if title.before else title.name


def _are_plain(*definitions: Definition) -> bool:
    """Say whether releases link to pages of their own; the first one has nothing to compare."""
    return len(definitions) > 1 and not any(COMPARISON.fullmatch(one.url) for one in definitions)
