"""What is released, unfinished and unreleased, and where index, tags and main disagree.

It only reads: objects may be fetched, but no ref, file or worktree changes. Comparing is pure, over
`Record`s: what index and remote have of one version.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from release import Problem, Refused, ReleaseError, Unfinished
from release.plan import recorded, release_tag, tag_template
from release.resume import accept, published
from release.steps import steps
from release.version import line
from release.world import newest_first

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from release.console import Console
    from release.index import IndexFile
    from release.intent import Intent
    from release.project import Project
    from release.steps import Step
    from release.world import Facts, World

TAGS = "refs/tags/"
VERSIONS = 10  # that are compared
SUBJECTS = 10  # that are shown
SDIST = "sdist"
DONE, NEXT, TO_COME = "done", "next", "to come"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A release tag of the remote."""

    name: str
    commit: str
    when: datetime
    text: str  # of the tag object; "" for a lightweight tag
    is_in_main: bool


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the index and the remote have of one version."""

    version: Version
    files: tuple[IndexFile, ...]
    tag: Tag | None

    @property
    def yanked(self) -> str | None:
        """Return why the whole release is yanked ("" where nobody said), None where it isn't."""
        reasons = [file.yanked for file in self.files]
        return next(filter(None, reasons), "") if reasons and None not in reasons else None

    @property
    def kinds(self) -> set[str]:
        """Return the kinds of its files: the sdist, and each tag of a wheel."""
        return {kind for file in self.files for kind in kinds(file.filename)}

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        tag = self.tag
        return {
            "version": str(self.version),
            "tag": tag and tag.name,
            "commit": tag and tag.commit,
            "when": tag and tag.when.isoformat(),
            "in_main": bool(tag and tag.is_in_main),
            "files": [{"filename": one.filename, "sha256": one.sha256} for one in self.files],
            "yanked": self.yanked,
        }


@dataclass(frozen=True, kw_only=True)
class Disagreement(Problem):
    """A problem with one version."""

    version: Version


@dataclass(frozen=True, kw_only=True)
class Pending:
    """The unfinished release; without `intent` it can't be believed, as `problems` say."""

    intent: Intent | None
    steps: tuple[tuple[str, str], ...]  # titles, each done, next or to come
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True)
class Status:
    """All that there is to know; records, commits and disagreements have the newest first."""

    name: str
    branch: str
    pending: Pending | None
    records: tuple[Record, ...]
    disagreements: tuple[Disagreement, ...]
    last: Tag | None  # the newest release in main
    count: int  # of the commits since then
    commits: tuple[tuple[str, str], ...]  # the newest of them: id and subject

    @property
    def unfinished(self) -> Version | None:
        """Return the version of the unfinished release that is believed."""
        return self.pending.intent.plan.version if self.pending and self.pending.intent else None

    @property
    def wrong(self) -> set[Version]:
        """Return the versions that index, tags and main disagree about."""
        return {one.version for one in self.disagreements}

    @property
    def released(self) -> Record | None:
        """Return the newest release that index, tag and main agree on."""
        agreed = (
            one
            for one in self.records
            if one.files and one.tag and one.tag.is_in_main and one.version not in self.wrong
        )
        return next(agreed, None)

    @property
    def state(self) -> str:
        """Return it in a word or two."""
        if self.pending:
            return "unfinished"
        if self.disagreements:
            return "disagreement"
        return "released" if self.released else "never released"

    def verdict(self) -> None:
        """Raise what isn't as it should be: exit code 3 when unfinished, 1 for a disagreement."""
        pending = self.pending.problems if self.pending else ()
        if problems := (*pending, *self.disagreements):
            error = Refused(problems)
            error.exit_code = Unfinished.exit_code if self.pending else Refused.exit_code
            raise error


# Look


def look(project: Project, facts: Facts, world: World) -> Status:
    """Return the status; `facts` have the remote's tags too.

    Raises `ReleaseError` where index or remote don't answer.
    """
    git, branch = world.git, facts.branch
    if facts.problems:
        raise Refused(facts.problems)
    if not facts.tip:
        raise ReleaseError(
            f"there is no {branch} on {git.remote}", f"git push -u {git.remote} {branch}"
        )
    refs = (ref for ref in facts.refs if ref.startswith(TAGS) and not ref.endswith("^{}"))
    tags = newest_first(ref.removeprefix(TAGS) for ref in refs)
    style = project.config.tag or tag_template(tags, project.name, project.version)
    records = gather(tags_by_version(tags, style, project, facts.taken), facts, world)
    pending = look_at_pending(facts, world)
    last = next((one.tag for one in records if one.tag and one.tag.is_in_main), None)
    count, commits = git.since(last.commit if last else None, facts.tip, SUBJECTS)
    status = Status(
        name=project.name,
        branch=branch,
        pending=pending,
        records=records,
        disagreements=(),
        last=last,
        count=count,
        commits=tuple(commits),
    )
    compared = [record for record in records if record.version != status.unfinished]
    return replace(status, disagreements=compare(compared, style, branch, git.remote))


def tags_by_version(
    tags: Iterable[str], style: str, project: Project, listed: Collection[Version]
) -> dict[Version, str]:
    """Return the tags of releases: those in this style, and for `listed` versions in any other.

    A tag like `v4` that moves isn't one: with fewer numbers than the project's version it counts
    only where the index has it, and of several tags for one version the longest does.
    """
    prefix, _, suffix = style.partition("{version}")
    own: dict[Version, str] = {}
    other: dict[Version, str] = {}
    for tag in sorted(tags, key=len):
        text = tag[len(prefix) : len(tag) - len(suffix)]
        if style.replace("{version}", text) == tag and (version := _version(text)):
            if version in listed or len(version.release) >= len(project.version.release):
                own[version] = tag
        elif (found := release_tag(tag, project.name)) and found[1] in listed:
            other[found[1]] = tag
    return {**other, **own}


def _version(text: str) -> Version | None:
    with suppress(ValueError):
        return Version(text)
    return None


def gather(tags: Mapping[Version, str], facts: Facts, world: World) -> tuple[Record, ...]:
    """Return the newest versions; pre-releases have no tag by design, so only those with one."""
    listed = {version for version in facts.taken if not version.is_prerelease}
    versions = sorted({*listed, *tags}, reverse=True)[:VERSIONS]
    names = {version: tags[version] for version in versions if version in tags}
    found = read_tags(list(names.values()), facts, world)
    return tuple(
        Record(
            version=version,
            files=tuple(file for file in facts.files if file.version == version),
            tag=found.get(names.get(version, "")),
        )
        for version in versions
    )


def read_tags(names: Sequence[str], facts: Facts, world: World) -> dict[str, Tag]:
    """Return tags by name, after fetching in one go what this clone lacks of them and of main."""
    git, refs = world.git, facts.refs
    wanted = [f"refs/heads/{facts.branch}", *(TAGS + name for name in names)]
    absent = git.absent(refs[ref] for ref in wanted)
    if git.is_shallow():  # its history doesn't say what main contains
        git.fetch("--unshallow", *wanted)
    elif absent:
        git.fetch(*(ref for ref in wanted if refs[ref] in absent))
    commits = {name: refs.get(f"{TAGS}{name}^{{}}", refs[TAGS + name]) for name in names}
    outside = git.outside(set(commits.values()), facts.tip)
    found = {}
    for name, commit in commits.items():
        when, text = git.tagged(refs[TAGS + name], commit)
        found[name] = Tag(
            name=name,
            commit=commit,
            when=datetime.fromtimestamp(when, timezone.utc),
            text=text,
            is_in_main=commit not in outside,
        )
    return found


def look_at_pending(facts: Facts, world: World) -> Pending | None:
    """Return the unfinished release, if there is one, with the steps as far as they are done."""
    if not facts.intent_id:
        return None
    try:
        intent = accept(facts.intent_id, None, facts, world)
    except ReleaseError as error:
        return Pending(intent=None, steps=(), problems=error.problems)
    hint = f"nox -s publish_release -- --resume{world.again}"
    if not published(intent.plan, facts.files, world):
        hint += f"\nor give it up: nox -s publish_release -- --abandon{world.again}"
    began = f"{intent.author} began it at {at(intent.since)}"
    problem = Problem(f"{intent.plan.title} is unfinished; {began}", hint)
    found, problems = progress(steps(intent, Path(), world))
    return Pending(intent=intent, steps=found, problems=(problem, *problems))


def progress(
    steps: Iterable[Step],
) -> tuple[tuple[tuple[str, str], ...], tuple[Problem, ...]]:
    """Return each step's title and state, and why the next one can't be done, if that is known."""
    found: list[tuple[str, str]] = []
    problems: tuple[Problem, ...] = ()
    state = DONE
    for step in steps:
        if state == DONE:
            try:
                state = DONE if step.done() else NEXT
            except ReleaseError as error:
                state, problems = NEXT, error.problems
        else:
            state = TO_COME
        found.append((step.title, state))
    return tuple(found), problems


# Compare


def compare(
    records: Sequence[Record], style: str, branch: str, remote: str
) -> tuple[Disagreement, ...]:
    """Say where index, tags and main disagree about releases, which have the newest first."""
    in_main = [one.version for one in records if one.tag and one.tag.is_in_main]
    found: list[tuple[Record, Problem | None]] = []
    for number, record in enumerate(records):
        later, earlier = records[:number][::-1], records[number + 1 :]
        found += [
            (record, untagged(record, style, remote)),
            (record, unlisted(record, remote)),
            (record, incomplete(record, earlier, later)),
            (record, altered(record)),
            (record, astray(record, max(in_main, default=None), branch, remote)),
        ]
    return tuple(
        Disagreement(problem.message, problem.hint, version=record.version)
        for record, problem in found
        if problem
    )


def untagged(record: Record, style: str, remote: str) -> Problem | None:
    """Say that it is on the index without a tag."""
    if record.tag:
        return None
    tag = style.replace("{version}", str(record.version))
    return Problem(
        f"{record.version} is on the index, and {remote} has no tag for it",
        f"find the commit that it was built from, then: git tag -a {tag} COMMIT; "
        f"git push {remote} {tag}",
    )


def unlisted(record: Record, remote: str) -> Problem | None:
    """Say that it is tagged but not on the index."""
    if record.files or not record.tag:
        return None
    return Problem(
        f"{record.tag.name} is on {remote}, and the index has no file of {record.version}",
        "nothing uploads an old tag; release a higher version: nox -s publish_release -- patch\n"
        f"only if nobody has seen the tag: git push --delete {remote} {record.tag.name}",
    )


def incomplete(
    record: Record, earlier: Sequence[Record], later: Sequence[Record]
) -> Problem | None:
    """Say which files it lacks of those in its tag, or which kinds that earlier releases have."""
    if not record.files or record.yanked is not None:
        return None
    said = recorded(record.tag.text) if record.tag else {}
    lacking, whose = said.keys() - {file.filename for file in record.files}, "its tag records"
    if not lacking:
        lacking, whose = given_up_by_none(earlier, later) - record.kinds, "earlier releases have"
    if not lacking:
        return None
    return Problem(
        f"{record.version} on the index lacks what {whose}: {', '.join(sorted(lacking))}",
        "build and upload it soon: an index may take no new file for a release after 14 days "
        "(PyPI does so)\notherwise release a patch: nox -s publish_release -- patch",
    )


def given_up_by_none(earlier: Sequence[Record], later: Sequence[Record]) -> set[str]:
    """Return the kinds of files that a release between these, the nearest first, should have.

    That is an sdist, if one had it before, and the wheels of the release before. A wheel that the
    next release lacks as well was given up. Yanked releases don't count.
    """
    before, after = (
        [one.kinds for one in side if one.files and one.yanked is None] for side in (earlier, later)
    )
    wheels = before[0].intersection(*after[:1]) - {SDIST} if before else set()
    return wheels | {SDIST}.intersection(set().union(*before))


def altered(record: Record) -> Problem | None:
    """Say which files differ from those in its tag, where the index lists their sha256."""
    hashes = recorded(record.tag.text) if record.tag else {}
    if not hashes or not record.tag:
        return None
    differences = [
        f"{file.filename} has the sha256 {file.sha256}, recorded is "
        + hashes.get(file.filename, "no such file")
        for file in record.files
        if file.sha256 and hashes.get(file.filename) != file.sha256
    ]
    if not differences:
        return None
    return Problem(
        f"the index has other files than {record.tag.name} records: {'; '.join(differences)}",
        f"find out who uploaded them; if nobody of yours, yank {record.version} on the index and "
        "release a patch: nox -s publish_release -- patch",
    )


def astray(record: Record, newest: Version | None, branch: str, remote: str) -> Problem | None:
    """Say that main lacks its tag's commit; lines behind the `newest` there may live elsewhere."""
    tag = record.tag
    if not tag or tag.is_in_main or (newest and line(record.version) < line(newest)):
        return None
    return Problem(
        f"{tag.name} ({tag.commit[:9]}) is not in {branch} on {remote}",
        f"git fetch --tags {remote}; git switch {branch}; git merge {tag.name}; "
        f"git push {remote} {branch}",
    )


def kinds(filename: str) -> set[str]:
    """Return the kinds of a file: `sdist`, or the tags of a wheel, without the system's version.

    manylinux_2_28_x86_64 after manylinux2014_x86_64, or macosx_11_0 after macosx_10_9: no change.
    """
    if filename.endswith((".tar.gz", ".zip")):
        return {SDIST}
    try:
        tags = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return set()
    pattern = re.compile(r"(?<=manylinux|musllinux)(\d+|_\d+_\d+)(?=_)|(?<=macosx)_\d+_\d+(?=_)")
    return {f"wheel {pattern.sub('', str(tag))}" for tag in tags}


# Show


def show(status: Status, console: Console) -> None:
    """Print what is released, unfinished and unreleased, and the versions that were compared."""
    console.document.update(document(status))
    console.say(status.name, style="bold")
    console.table(
        {
            "released": describe(status.released),
            "unfinished": describe_pending(status.pending),
            "unreleased": describe_commits(status),
        }
    )
    marks = {DONE: console.tick, NEXT: console.arrow, TO_COME: ""}
    blocks = [
        [f"{marks[state]:>3} {title}" for title, state in status.pending.steps]
        if status.pending
        else [],
        [f"  {id_[:9]}  {subject}" for id_, subject in status.commits],
        list(versions(status, console)),
    ]
    for block in filter(None, blocks):
        console.say()
        for row in block:
            console.say(row)


def versions(status: Status, console: Console) -> Iterator[str]:
    """Return a row for each version that was compared."""
    width = max((len(str(one.version)) for one in status.records), default=0)
    names = max((len(one.tag.name) for one in status.records if one.tag), default=0)
    for one in status.records:
        mark = console.cross if one.version in status.wrong else console.tick
        mark = console.arrow if one.version == status.unfinished else mark
        tag = one.tag.name if one.tag else "no tag"
        files = f"{len(one.files)} on the index" if one.files else "not on the index"
        yanked = "" if one.yanked is None else f", yanked: {one.yanked or 'no reason given'}"
        yield f"{mark:>3} {one.version!s:<{width}}  {tag:<{max(names, 6)}}  {files}{yanked}"


def describe(released: Record | None) -> str:
    """Return the released version with its tag, in a line."""
    if not released or not released.tag:
        return "nothing that index, tags and main agree on"
    yanked = "" if released.yanked is None else ", yanked"
    return f"{released.version}, {released.tag.name} of {at(released.tag.when)}{yanked}"


def describe_pending(pending: Pending | None) -> str:
    """Return the unfinished release, in a line."""
    if not pending:
        return "nothing"
    if not pending.intent:
        return "an intent that isn't believed"
    began = f"since {at(pending.intent.since)}, by {pending.intent.author}"
    return f"{pending.intent.plan.title}, {began}"


def describe_commits(status: Status) -> str:
    """Return how much is unreleased, in a line."""
    commits = f"{status.count} commit{'s' * (status.count != 1)}" if status.count else "nothing"
    return f"{commits} on {status.branch}" + (f" since {status.last.name}" if status.last else "")


def at(when: datetime) -> str:
    """Return a time as people read it."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def document(status: Status) -> dict[str, Any]:
    """Return the status as JSON values."""
    intent = status.pending.intent if status.pending else None
    commits = [{"id": id_, "subject": subject} for id_, subject in status.commits]
    return {
        "state": status.state,
        "name": status.name,
        "branch": status.branch,
        "released": status.released and status.released.to_dict(),
        "unfinished": status.pending
        and {
            "plan": intent and intent.plan.to_dict(),
            "since": intent and intent.since.isoformat(),
            "author": intent and intent.author,
            "steps": [{"title": title, "state": state} for title, state in status.pending.steps],
        },
        "unreleased": {
            "since": status.last and status.last.name,
            "count": status.count,
            "commits": commits,
        },
        "versions": [record.to_dict() for record in status.records],
        "disagreements": [
            {"version": str(one.version), "message": one.message, "hint": one.hint}
            for one in status.disagreements
        ],
    }
