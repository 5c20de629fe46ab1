"""Core metadata as files carry them: valid, one meaning to every reader, the same in each file.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from email.policy import compat32
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from email.message import Message

# What some readers take for the end of a line, or of a text.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]|\r(?!\n)")
# All others are one line each.
LONG = {"author", "description", "keywords", "license", "maintainer"}
REQUIRES = "requires-dist"
LICENSES = "license-file"  # setuptools wrote it long before 2.4, the version that brings it
DYNAMIC = Version("2.2")  # from which on all else in an sdist holds for its wheels (PEP 643)
WITH_LICENSES = Version("2.4")  # from which on license files are where they say (PEP 639)
OWN = {"metadata-version", "dynamic"}  # what each file says of itself
SHORT = 60  # characters of a value that is shown
LOOK = "look at what the project's own build code adds to the metadata"


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The fields by their names in lower case, sorted; the text below them is `description`."""

    fields: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...]

    @classmethod
    def read(cls, data: bytes) -> Metadata:
        """Read METADATA or PKG-INFO, whatever is wrong with it."""
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        message = email.message_from_string(text, policy=compat32)
        fields = {name.lower(): [*message.get_all(name, [])] for name in message}
        if body := message.get_payload():
            fields.setdefault("description", []).append(str(body).strip())
        if REQUIRES in fields:  # some tools change their spelling, and nothing else
            fields[REQUIRES] = [_normal(value) for value in fields[REQUIRES]]
        return cls(
            fields={name: tuple(sorted(map(str, values))) for name, values in fields.items()},
            problems=tuple(_problems(data, text, message)),
        )

    @property
    def names(self) -> tuple[str, Version] | None:
        """Return name (normalised) and version; None where they can't be told."""
        try:
            ((name,), (version,)) = self.fields["name"], self.fields["version"]
            return canonicalize_name(name), Version(version)
        except (KeyError, ValueError):
            return None

    @property
    def standard(self) -> Version:
        """Return the version of the standard that it follows."""
        try:
            return Version(*self.fields.get("metadata-version", ("0",)))
        except (InvalidVersion, TypeError):
            return Version("0")

    @property
    def licenses(self) -> tuple[str, ...]:
        """Return the paths of the license files that must be there."""
        return self.fields.get(LICENSES, ()) if self.standard >= WITH_LICENSES else ()

    @property
    def dynamic(self) -> set[str] | None:
        """Return the fields of an sdist that may change in its wheels; None: any may."""
        if self.standard < DYNAMIC:
            return None
        return {name.lower() for name in self.fields.get("dynamic", ())}


def differences(one: Metadata, other: Metadata, but: Collection[str] = ()) -> Iterator[str]:
    """Say which fields differ, except those that each file has for itself, and `but` others."""
    for name in sorted((one.fields.keys() | other.fields.keys()) - {*OWN, *but}):
        here, there = (set(each.fields.get(name, ())) for each in (one, other))
        if one.fields.get(name) != other.fields.get(name):
            yield f"{_spelled(name)} ({_shown(here - there)} / {_shown(there - here)})"


def _spelled(name: str) -> str:
    return "-".join(map(str.capitalize, name.split("-")))


def _normal(requirement: str) -> str:
    try:
        read = Requirement(requirement)
    except InvalidRequirement:
        return requirement
    read.name = canonicalize_name(read.name)
    return str(read)


def _shown(values: Collection[str]) -> str:
    text = "; ".join(" ".join(value.split()) for value in sorted(values)) or "nothing more"
    return text if len(text) <= SHORT else text[:SHORT] + "…"


def _problems(data: bytes, text: str, message: Message) -> Iterator[Problem]:
    """Say what is wrong, in terms of the file itself first."""
    head = text.partition("\n\n")[0]
    for found in dict.fromkeys(row for row in head.split("\n") if CONTROL.search(row)):
        yield Problem(f"its metadata has control characters in {found!r}", LOOK)
    if message.defects:
        kinds = ", ".join(type(defect).__name__ for defect in message.defects)
        yield Problem(f"its metadata ends in the middle of the fields ({kinds})", LOOK)
    for name, value in message.items():
        if name.lower() not in LONG and "\n" in str(value):
            yield Problem(f"its metadata has a field of several lines: {name}: {value!r}", LOOK)
    if text.encode() != data.replace(b"\r\n", b"\n"):
        yield Problem("its metadata isn't UTF-8", LOOK)
    else:
        yield from _against_the_standard(data)


def _against_the_standard(data: bytes) -> Iterator[Problem]:
    from packaging import metadata as standard

    raw, unparsed = standard.parse_email(data)
    is_early = raw.get("metadata_version", "") < str(WITH_LICENSES)
    if is_early:
        raw.pop("license_files", None)
        unparsed.pop(LICENSES, None)
    for name, values in sorted(unparsed.items()):
        times, unknown = f"{_spelled(name)} {len(values)} times", f"an unknown field {name}"
        said = times if len(values) > 1 else unknown
        yield Problem(f"its metadata has {said}: {_shown(values)}", LOOK)
    try:
        standard.Metadata.from_raw(raw)
    except standard.ExceptionGroup as group:
        for error in sorted(group.exceptions, key=str):
            if getattr(error, "field", "") not in unparsed:
                yield Problem(f"its metadata isn't valid: {error}", LOOK)
