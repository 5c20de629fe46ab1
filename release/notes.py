"""What a release tells its users; of commit subjects, where no changelog says what is new."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.titles import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

MERGE = re.compile(
    r"merge (?:pull request|branch|branches|remote-tracking|tag|commit)\b", re.IGNORECASE
)
# https://www.conventionalcommits.org
AROUND = re.compile(
    r"^\w+(?:\([^)]*\))?!?:\s+|(?:\s*(?:\(#\d+\)|\[skip ci\]|\[ci skip\]|[.!]))+$", re.IGNORECASE
)
NUMBER = re.compile(rf"(?:[\w.-]*?[/@=_-]+)?v?{VERSION}", re.IGNORECASE)
ROUTINE = {
    *("release", "releases", "releasing", "version", "number", "development", "dev", "cycle"),
    *(
        "bump",
        "prepare",
        "preparing",
        "prep",
        "set",
        "update",
        "increment",
        "tag",
        "publish",
        "cut",
    ),
    *("start", "begin", "back", "finalize", "post-release", "pre-release", "changelog"),
    *("a", "the", "new", "next", "to", "for", "from", "of", "and", "→", "->", "=>"),
}
GO_ON = "Go on with"  # the commit that begins the next development version
TELLING = {"release", "version", "development", "post-release"}
# https://spec.commonmark.org/0.31.2/#backslash-escapes; and $ for GitHub's formulas
SPECIAL = re.compile(r"[\\`*_\[\]<>&~|$]")


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Release notes, in the markup of their source; "" where there is nothing to tell."""

    source: str = ""
    text: str = ""


def from_commits(subjects: Iterable[str]) -> str:
    """Return the subjects as a Markdown list, without merges and the commits that releases make.

    A subject reads as it was written: nothing in it is markup, and nobody is notified by it.
    """
    told = (" ".join(subject.split()) for subject in subjects)
    return "\n".join(f"- {escaped(one)}" for one in told if one and not is_routine(one))


def is_routine(subject: str) -> bool:
    """Say whether a commit is a merge, or only made for a release."""
    if MERGE.match(subject) or re.fullmatch(rf"{GO_ON} {VERSION}", subject):
        return True
    words = [word.strip(":,") for word in AROUND.sub("", subject).lower().split()]
    others = [word for word in words if word not in ROUTINE]
    named = [word for word in others if not NUMBER.fullmatch(word)]
    if named:  # Release nox-release 1.2.3
        return words[0] == "release" and words[1:-1] == named and words[-1] in others
    return bool(others or TELLING & {*words})


def escaped(subject: str) -> str:
    """Return a line of text as Markdown that reads as it was written, and notifies nobody."""
    text = SPECIAL.sub(r"\\\g<0>", subject)
    if start := re.match(r"[-+#=]|\d+(?=[.)])", text):
        at = 0 if not start[0].isdigit() else start.end()
        text = f"{text[:at]}\\{text[at:]}"
    return text.replace("@", "@&#8203;")
