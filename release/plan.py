"""What is going to happen, decided purely: the `Draft`, and when it is proven the `Plan`."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin, get_type_hints

from packaging.utils import canonicalize_name
from packaging.version import Version

from release import ReleaseError
from release.notes import Notes
from release.version import next_version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from typing_extensions import Self

    from release.edits import Edit
    from release.project import Project
    from release.tags import TagStyle
    from release.version import Bump

FORMAT = 3  # of plan.json
READERS: dict[Any, Callable[[str], Any]] = {Version: Version, date: date.fromisoformat}
UNTOLD = Notes()
IDS = ("base", "commit", "tag_object", "sha256")  # fields that are hexadecimal


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A built file; its identity is `sha256` (64 hexadecimal digits), `size` is in bytes."""

    filename: str
    sha256: str
    size: int
    earlier: tuple[Distribution, ...] = ()  # other builds of it that were recorded before

    @property
    def builds(self) -> dict[str, Distribution]:
        """Return every build by the sha256 under which it may have been uploaded."""
        alone = dataclasses.replace(self, earlier=())
        return {one.sha256: one for one in (*self.earlier, alone)}

    def as_built(self, build: Distribution) -> Distribution:
        """Return the file as another build made it, which doesn't forget the ones before."""
        others = [one for sha256, one in self.builds.items() if sha256 != build.sha256]
        return dataclasses.replace(
            self, sha256=build.sha256, size=build.size, earlier=tuple(others)
        )

    @property
    def is_wheel(self) -> bool:
        """Say whether it is a wheel; the other kind is the sdist."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the maintainer says of a release besides its level."""

    skip_tests: bool = False
    waived: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()
    day: date | None = None  # None: today


@dataclass(frozen=True, kw_only=True)
class Release:
    """Which version of what, from which commit to where."""

    folder: str  # of the package in the repository, "" for the top
    name: str
    previous: Version
    version: Version
    bump: str  # as typed: `minor`, `1.4.0`, `minor --pre rc`
    base: str  # the commit it is made from
    branch: str
    tag: str
    message: str  # of the release commit
    day: date  # of the release, UTC, as the changelog says it
    next_dev: Version | None  # of the commit that follows it on the branch
    repository: str  # upload URL, without credentials
    tests: tuple[str, ...]  # the command; empty = skipped
    waived: tuple[str, ...] = ()  # questions that a person has set aside, by name
    acknowledged: tuple[str, ...] = ()  # what somebody said before it, and who
    siblings: tuple[Release, ...] = ()  # what is released with it, in one commit and one push

    @property
    def all(self) -> tuple[Self, ...]:
        """Return the releases of all packages, each behind those that it needs."""
        return (self, *cast("tuple[Self, ...]", self.siblings))

    @property
    def title(self) -> str:
        """Return the names and versions that people say."""
        return ", ".join(f"{one.name} {one.version}" for one in self.all)

    @property
    def tags(self) -> tuple[str, ...]:
        """Return all tags; packages that say their versions alike share one."""
        return tuple(dict.fromkeys(one.tag for one in self.all))

    def is_message(self, text: str) -> bool:
        """Say whether a commit's message is that of the release; hooks may add trailers to it."""
        trailers = text.removeprefix(self.message).strip().splitlines()
        is_trailed = all(re.match(r"[A-Za-z][A-Za-z-]*: ", row) for row in trailers)
        return text.startswith(self.message) and is_trailed

    def tag_message(self, distributions: Iterable[Distribution]) -> str:
        """Return the tag's message: the release and the sha256 of every file of it."""
        told = [""] * bool(self.exceptions) + self.exceptions
        rows = [f"{one.sha256}  {one.filename}" for one in distributions]
        return "\n".join([self.message, *told, "", *rows, ""])

    @property
    def exceptions(self) -> list[str]:
        """Return what was done otherwise, and what somebody vouched for: a line each."""
        return [
            *["Released with --skip-tests."] * (not self.tests),
            *(f"Waived: {name}." for name in self.waived),
            *(f"Acknowledged: {text}" for text in self.acknowledged),
        ]


@dataclass(frozen=True, kw_only=True)
class Draft(Release):
    """A decision. Nothing is built yet."""

    stale: tuple[str, ...]  # what might be expected to move along, and is left alone
    remote: str  # its URL
    edits: tuple[Edit, ...] = ()  # of all packages
    notes: Notes = UNTOLD
    attestations: str = "none"  # by whom, or why there are none
    tries: bool = True  # the wheel, installed and imported
    artifacts: str = "one sdist, and the wheel built from it"

    def to_dict(self) -> dict[str, Any]:
        """Return the draft as JSON values, with a diff for each file."""
        siblings = [one.to_dict() for one in self.all[1:]]
        edits = {edit.path: edit.diff() for edit in self.edits}
        told = {"edits": edits, "notes": vars(self.notes), "siblings": siblings}
        return {**vars(self), **_as_text(self), **told}


@dataclass(frozen=True, kw_only=True)
class Plan(Release):
    """A proven release, complete: what the remote and the index will agree on."""

    commit: str
    tag_object: str
    distributions: tuple[Distribution, ...]
    siblings: tuple[Plan, ...] = ()

    @property
    def tag_objects(self) -> dict[str, str]:
        """Return the tag objects by tag."""
        return {one.tag: one.tag_object for one in self.all}

    @property
    def files(self) -> tuple[Distribution, ...]:
        """Return the files of all packages."""
        return tuple(file for one in self.all for file in one.distributions)

    def files_of(self, tag: str) -> list[Distribution]:
        """Return the files that a tag tells."""
        return [file for one in self.all if one.tag == tag for file in one.distributions]

    @classmethod
    def of(cls, draft: Draft, commit: str, files: Iterable[tuple[Distribution, ...]]) -> Plan:
        """Complete a draft with what was made of each package; the tags come later."""
        lead, *siblings = (
            cls(
                **{key: getattr(one, key) for key in SHARED},
                commit=commit,
                tag_object="",
                distributions=own,
            )
            for one, own in zip(draft.all, files, strict=True)
        )
        return dataclasses.replace(lead, siblings=tuple(siblings))

    def each(self, **changes: Iterable[object]) -> Plan:
        """Return the plan with other values of fields, one for each package."""
        rows = zip(*changes.values(), strict=True)
        lead, *siblings = (
            dataclasses.replace(one, siblings=(), **dict(zip(changes, row, strict=True)))
            for one, row in zip(self.all, rows, strict=True)
        )
        return dataclasses.replace(lead, siblings=tuple(siblings))

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return {"format": FORMAT, **self._values()}

    def _values(self) -> dict[str, Any]:
        siblings = [one._values() for one in self.siblings]  # noqa: SLF001 - its own kind
        return {**dataclasses.asdict(self), **_as_text(self), "siblings": siblings}

    def to_json(self) -> str:
        """Return the plan as the text of plan.json."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """Read plan.json; `ReleaseError` for anything but a plan of this format."""
        try:
            raw = json.loads(text)
            if raw.pop("format") == FORMAT:
                plan: Plan = read_as(cls, raw)
                return plan
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ReleaseError(
                f"the record of the unfinished release can't be read: {error!r}",
                "look at it: git ls-remote; if nothing of it is on the index, delete the ref",
            ) from error
        raise ReleaseError(
            "the unfinished release was begun by another version of nox-release",
            "continue with the version that began it",
        )


SHARED = {one.name for one in dataclasses.fields(Release)} - {"siblings"}


def read_as(kind: Any, value: Any) -> Any:  # noqa: ANN401 - JSON in, data of that kind out
    """Turn JSON into data of exactly this kind; `TypeError` where it isn't."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        kinds = get_type_hints(kind)
        if value.keys() != kinds.keys():
            raise TypeError(f"not the fields of a {kind.__name__}: {', '.join(value)}")
        for name in kinds.keys() & {*IDS}:  # git would take other text for an option, or a ref
            if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", str(value[name])):
                raise TypeError(f"{name} is no id: {value[name]!r}")
        return kind(**{name: read_as(kinds[name], value[name]) for name in kinds})
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(read_as(get_args(kind)[0], one) for one in value)
    if value is None and type(None) in get_args(kind):
        return None
    for one in READERS.keys() & {kind, *get_args(kind)}:
        if isinstance(value, str):
            return READERS[one](value)
    if type(value) is not kind:
        raise TypeError(f"not a {kind}: {value!r}")
    return value


def _as_text(release: Release) -> dict[str, str]:
    """Return versions and day as the strings that JSON takes."""
    kinds = (Version, date)
    return {key: str(value) for key, value in vars(release).items() if isinstance(value, kinds)}


def decide(  # noqa: PLR0913 - a decision needs all of its facts
    project: Project,
    bump: Bump,
    *,
    taken: Collection[Version],
    day: date,
    tags: Iterable[str],
    base: str,
    branch: str,
    repository: str,
    remote: str,
    tests: tuple[str, ...],
    said: Said,
) -> Draft:
    """Decide on a release of `day`; `ReleaseError` where the tag can't tell the version."""
    version = next_version(project.version, bump, taken, project.config.calendar(day))
    return Draft(
        folder=project.folder,
        name=project.name,
        previous=project.version,
        version=version,
        bump=str(bump),
        base=base,
        branch=branch,
        tag=_telling(version, project.tag_style(tags)),
        message=project.message(version),
        day=day,
        stale=(*project.stale, *project.unused),
        next_dev=project.next_dev(version),
        repository=repository,
        remote=remote,
        tests=tests,
        waived=said.waived,
        acknowledged=said.acknowledged,
        tries=project.config.install_check,
    )


def _telling(version: Version, style: TagStyle) -> str:
    tag = style.write(version)
    if style.read(tag) != version:
        raise ReleaseError(
            f"the tag {tag} would not tell the version {version}",
            "let `tag` in [tool.nox-release] contain {version}",
        )
    return tag


def joined(drafts: Sequence[Draft], message: str) -> Draft:
    """Return the one decision about all packages, whose commit has this message."""
    lead, *siblings = (dataclasses.replace(draft, message=message) for draft in drafts)
    return dataclasses.replace(lead, siblings=tuple(siblings))


def recorded(message: str) -> dict[str, str]:
    """Return the sha256 of every file that a tag's message tells, by filename."""
    rows = re.findall(r"^([0-9a-f]{64})  (\S+)$", message, re.MULTILINE)
    return {filename: sha256 for sha256, filename in rows}


def is_of(filename: str, name: str) -> bool:
    """Say whether a file is one of project `name`: a wheel or an sdist (PEP 427, 625)."""
    own = r"[-_.]+".join(map(re.escape, canonicalize_name(name).split("-")))
    return bool(re.match(rf"{own}-\d", filename, re.IGNORECASE))
