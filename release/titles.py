"""What a release is called in a changelog: version, link and date, or that it is unreleased."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
MONTH = rf"(?:{'|'.join(month[:3] for month in MONTHS)})[a-z]*\.?"
DAY = r"\d{1,2}(?:st|nd|rd|th)?"
DATE = (
    rf"(?<!\w)(?:\d{{4}}[-/.](?:\d{{1,2}}|{MONTH})[-/.]\d{{1,2}}"
    rf"|\d{{1,2}}[-/.](?:\d{{1,2}}|{MONTH})[-/.]\d{{4}}"
    rf"|{MONTH}\s+{DAY},?\s+\d{{4}}|{DAY}\s+(?:of\s+)?{MONTH},?\s+\d{{4}}"
    rf"|{MONTH},?\s+\d{{4}})(?!\w)"
)
UNKNOWN = r"(?:x+|\?+|y+|m+|d+|\d+)"
PLACEHOLDER = (
    r"(?<!\w)(?:unreleased|(?:not yet|to be|not) released|(?:in|under) (?:development|progress)"
    r"|development|dev|upcoming|tb[acd]|to be (?:announced|determined|defined)|unknown|pending"
    r"|soon|wip|draft|(?:release[- ])?date|\?+"
    rf"|(?!\d+[-/.]\d+[-/.]\d){UNKNOWN}[-/.]{UNKNOWN}[-/.]{UNKNOWN})(?!\w)"
)
VERSION = (
    r"(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:alpha|beta|preview|pre|post|dev|rc|a|b|c)[-_.]?\d*)*"
    r"(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?(?![^\W_]|\.\w)"
)
UNRELEASED = (
    r"(?:unreleased|upcoming|next|in development|development version|master|main|head|trunk|dev"
    r"|tbd|latest changes)(?: (?:changes|features|release|version|branch))?(?![^\W_])"
)
CLOSE = r"(?P<close>[\]`*_)]*)(?:\((?P<url>[^()\s]+://[^()\s]+)\))?"
BETWEEN = r"[^\w?]*(?:\b(?:released?|release[ -]date|date|dated|on)\b[^\w?]*)*"
STATUS = rf"(?P<between>{BETWEEN})(?P<status>{DATE}|{PLACEHOLDER})"
NAMED = r"[^\w\s]*\s*(?:[^\W\d][^\s/@=-]*[\s/@=-]+){0,6}[^\w\s]*v?"  # «What's New in Acme v»
CALLED = r"[^\w\s]*\s*(?:(?:version|release|rel)[\s_-]*)?[^\w\s]*v?"
NUMBERED = rf"(?P<before>{CALLED})(?P<name>(?P<number>{VERSION})){CLOSE}"
SHAPES = tuple(
    rf"{shape}(?P<tail>\W*)"
    for shape in (
        rf"(?P<before>[^\w\s]*\s*)(?P<name>{UNRELEASED}){CLOSE}(?:{STATUS})?",
        rf"(?P<before>[^\w\s]*\s*)(?P<name>{UNRELEASED}[^\w]*v?(?P<number>{VERSION})){CLOSE}",
        rf"(?P<before>{NAMED})(?P<name>(?P<number>{VERSION})){CLOSE}(?:{STATUS})?",
        rf"{NUMBERED}(?P<between>.*?[^\w\s]\s*)(?P<status>{DATE}|{PLACEHOLDER})",
        rf"{NUMBERED}(?P<between>(?=\W).*?)",
    )
)
LONGEST = 300  # longer lines are no titles
REGULAR = 3  # the first so many; the others have words of their own between version and date
# https://keepachangelog.com/en/1.1.0/#yanked; an anchor or a colon may come behind it.
MARK = re.compile(r"\s+[\[(*_:`~]+yanked[^\w\s{}]+(?:\s*\{[^{}]*\})?\s*", re.IGNORECASE)
BEHIND = re.compile(r"(?=\s*(?:\{[^{}]*\}|:)?\s*$)")
LINE = (  # «TBD» alone may stand for anything
    r"(?P<before>\W*(?P<word>(?:released?|release[ -]date|date|status)\b\W*(?:\bon\b\W*)?)?)"
    rf"(?P<status>(?(word)(?:{DATE}|{PLACEHOLDER})|(?:{DATE}|unreleased)))(?P<tail>\W*)"
)


@dataclass(frozen=True, kw_only=True)
class Title:
    """A release's title; `str` of it is the text. `number` is the version, None where it has none.

    `[1.2.3](https://…) - 2024-05-01 [YANKED]` is before, name, close, url, between, status and
    mark. A title is `regular` where others can be written like it, without the mark.
    """

    before: str
    name: str
    close: str
    url: str
    between: str
    status: str
    tail: str
    number: Version | None
    regular: bool = True
    mark: str = ""

    def __str__(self) -> str:
        """Return the text."""
        url = f"({self.url})" if self.url else ""
        parts = (self.before, self.name, self.close, url, self.between, self.status, self.tail)
        return "".join(parts) + self.mark

    @property
    def is_open(self) -> bool:
        """Say whether it tells that the release is still to come."""
        number = self.number
        if number is None or not self.name[0].isdigit() or is_placeholder(self.status):
            return True
        return number.is_devrelease or (number.local or "").startswith("dev")

    @property
    def is_sure(self) -> bool:
        """Say whether it is a release's title for certain, wherever it stands."""
        is_called = self.number is None or re.fullmatch(CALLED, self.before, re.IGNORECASE)
        return bool(self.regular and is_called and (self.status or self.url))


def parse(text: str) -> Title | None:
    """Read a title; None where it isn't that of a release."""
    if len(text) <= LONGEST and (match := MARK.search(text)) and match.end() == len(text):
        title = parse(text[: match.start()])
        return title and replace(title, mark=match[0])
    for place, shape in enumerate(SHAPES if len(text) <= LONGEST else ()):
        if match := re.fullmatch(shape, text, re.IGNORECASE):
            try:
                title = _title(match.groupdict(""), regular=place < REGULAR)
            except InvalidVersion:
                return None
            is_long = "." in title.name or title.status or title.before[-1:] in {"[", "v", "V"}
            return title if title.number is None or is_long else None
    return None


def is_marked(text: str) -> bool:
    """Say whether a title tells that the release is yanked."""
    return bool(re.search(r"\byanked\b", text, re.IGNORECASE))


def marked(text: str) -> str:
    """Return a title that tells that the release is yanked."""
    return text if is_marked(text) else BEHIND.sub(" [YANKED]", text, count=1)


def line(text: str) -> Title | None:
    """Read a line of its own that tells the date, below a title: `Released 2024-05-01`."""
    match = re.fullmatch(LINE, text, re.IGNORECASE) if len(text) <= LONGEST else None
    return _title(match.groupdict()) if match else None


def _title(parts: dict[str, str], *, regular: bool = True) -> Title:
    names = ("before", "name", "close", "url", "between", "status", "tail")
    number = Version(parts["number"]) if parts.get("number") else None
    return Title(**{name: parts.get(name, "") for name in names}, number=number, regular=regular)


def is_placeholder(status: str) -> bool:
    """Say whether this stands where a date will be: `unreleased`, `TBD`, `2026-XX-XX`."""
    return bool(status) and not is_date(status)


def restyled(style: str, day: date, samples: Collection[str] = ()) -> str:
    """Write a day like the date `style`; ISO 8601 where that is none.

    `samples` are other dates of the same hand, which show what one alone doesn't: whether May is
    short for itself, whether a day below ten gets a zero, whether 05/11 is in May.
    """
    if not is_date(style):
        return day.isoformat()
    dates = [style, *(one for one in samples if _shape(one) == _shape(style))]
    month = MONTHS[day.month - 1][: None if _is_long(dates) else 3]
    width = 2 if _is_padded(dates) else 1
    has_name = re.search(MONTH, style, re.IGNORECASE)
    numbers = [f"{number:0{width}}" for number in (day.month, day.day)][bool(has_name) :]
    if _is_day_first(style, dates):
        numbers.reverse()

    def part(match: re.Match[str]) -> str:
        text = match[0]
        if text.isdigit() and len(text) == len("2026"):
            return f"{day.year:04}"
        if text[0].isdigit():
            return numbers.pop(0) + ("" if text.isdigit() else _ordinal(day.day))
        return text if text == "of" else _cased(month, text)

    return re.sub(rf"\d{{4}}|{DAY}|[A-Za-z]+", part, style)


def is_date(text: str) -> bool:
    """Say whether this is a day: `2026-05-01`, `May 1, 2026`."""
    return bool(re.fullmatch(DATE, text, re.IGNORECASE)) and not re.search(r"[-/.]0?0(?!\d)", text)


def _shape(text: str) -> str:
    return re.sub(r"[A-Za-z]+", "a", re.sub(r"\d+", "0", text))


def _is_long(dates: Collection[str]) -> bool:
    """Tell November from Nov; who shortens, still writes May, June and July."""
    months = [month.lower() for one in dates for month in re.findall(r"[A-Za-z]{3,}", one)]
    telling = [month for month in months if month not in {"may", "june", "july"}]
    return not telling or telling[0].capitalize() in MONTHS


def _is_padded(dates: Collection[str]) -> bool:
    """Tell 2026-05-01 from 2026-5-1, and May 01 from May 1; only digits alone have zeros anyway."""
    shows = [re.search(r"(?<!\d)(0?)\d(?!\d)", one) for one in dates]
    zeros = [bool(show[1]) for show in shows if show]
    return any(zeros) or not (zeros or any(re.search("[A-Za-z]", one) for one in dates))


def _is_day_first(style: str, dates: Collection[str]) -> bool:
    """Tell 22/11/2026 from 11/22/2026; with dots and dashes the day is first."""
    if not re.match(r"\d{1,2}[-/.]\d", style):
        return False
    firsts = [int(one.split("/")[0]) for one in dates if re.match(r"\d{1,2}/", one)]
    return "/" not in style or any(first > len(MONTHS) for first in firsts)


def _cased(name: str, like: str) -> str:
    return name.upper() if like.isupper() else name.lower() if like.islower() else name


def _ordinal(day: int) -> str:
    return "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
