"""What is released, unfinished and unreleased, and where index, tags and main disagree.

It only reads: objects may be fetched, but no ref and no file changes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from release import Problem, Refused, ReleaseError, Unfinished
from release.abandon import published
from release.agreement import Disagreement, Record, Tag, compare
from release.git import TAGS, peeled
from release.landing import Watch
from release.notes import GO_ON
from release.plan import is_of, recorded
from release.steps import steps
from release.tags import release_tag
from release.trust import accept

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.version import Version

    from release.console import Console
    from release.git import Git
    from release.intent import Intent
    from release.project import Project
    from release.steps import Step
    from release.tags import TagStyle
    from release.world import Facts, World

VERSIONS = 10  # that are compared
SUBJECTS = 10  # that are shown
WIDTH = 66  # of a subject: a row fits a terminal of 80 columns
DONE, NEXT, TO_COME = "done", "next", "to come"


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
    count: int  # of the commits since then, without that of the next development version
    commits: tuple[tuple[str, str], ...]  # the newest of them: id and subject
    unmarked: frozenset[Version]  # that are yanked, and told as if they weren't in the changelog

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
        if problems := (*pending, *(one.problem for one in self.disagreements)):
            error = Refused(problems)
            error.exit_code = Unfinished.exit_code if self.pending else Refused.exit_code
            raise error


# Look


def look(project: Project, facts: Facts, world: World) -> Status:
    """Return the status; `ReleaseError` where index or remote don't answer."""
    git, branch = world.git, facts.branch
    if facts.problems:
        raise Refused(facts.problems)
    if not facts.tip:
        raise ReleaseError(
            f"there is no {branch} on {git.remote}", f"git push -u {git.remote} {branch}"
        )
    style = project.tag_style(facts.tags)
    records = gather(tags_by_version(facts.tags, style, project, facts.taken), facts, world)
    pending = look_at_pending(facts, world)
    last = next((one.tag for one in records if one.tag and one.tag.is_in_main), None)
    ours = rf"^{GO_ON} [0-9][^ ]*$" if project.config.next_dev else ""
    since = last.commit if last else None
    status = Status(
        name=project.name,
        branch=branch,
        pending=pending,
        records=records,
        disagreements=(),
        last=last,
        count=git.count_since(since, facts.tip, ours),
        commits=tuple(git.since(since, facts.tip, SUBJECTS, ours)),
        unmarked=frozenset(unmarked(records, project, facts.tip, git)),
    )
    compared = [record for record in records if record.version != status.unfinished]
    return replace(status, disagreements=compare(compared, style, branch, git.remote, world.again))


def unmarked(records: Iterable[Record], project: Project, tip: str, git: Git) -> Iterator[Version]:
    """Return the yanked versions that the changelog of `tip` tells without a mark."""
    yanked = [one.version for one in records if one.yanked is not None]
    log = project.changelog if yanked else None
    data = git.blob(tip, project.from_top(log.path)) if log else None
    if not (log and data):
        return
    for version in yanked:
        with suppress(ReleaseError):  # several sections tell it
            if log.mark(data, version) != data:
                yield version


def tags_by_version(
    tags: Iterable[str], style: TagStyle, project: Project, listed: Collection[Version]
) -> dict[Version, str]:
    """Return the tags of releases: those in this style, and for `listed` versions in any other.

    A tag like `v4` that moves isn't one: with fewer numbers than the project's version it counts
    only where the index has it, and of several tags for one version the longest does.
    """
    own: dict[Version, str] = {}
    other: dict[Version, str] = {}
    for tag in sorted(tags, key=len):
        if version := style.read(tag):
            if version in listed or len(version.release) >= len(project.version.release):
                own[version] = tag
        elif (found := release_tag(tag, project.name)) and found[1] in listed:
            other[found[1]] = tag
    return {**other, **own}


def gather(tags: Mapping[Version, str], facts: Facts, world: World) -> tuple[Record, ...]:
    """Return the newest versions; pre-releases have no tag by design, so only those with one."""
    listed = {version for version in facts.taken if not version.is_prerelease}
    versions = sorted({*listed, *tags}, reverse=True)[:VERSIONS]
    names = {version: tags[version] for version in versions if version in tags}
    found = read_tags(list(names.values()), facts, world)
    records = (
        Record(
            version=version,
            files=tuple(file for file in facts.files if file.version == version),
            tag=found.get(names.get(version, "")),
        )
        for version in versions
    )
    return tuple(record for record in records if record.files or record.tag)


def read_tags(names: Sequence[str], facts: Facts, world: World) -> dict[str, Tag]:
    """Return tags by name, after fetching in one go what this clone lacks of them and of main.

    A tag of something else than a commit isn't one of a release.
    """
    git, refs = world.git, facts.refs
    main = f"refs/heads/{facts.branch}"
    home = refs.get("HEAD", "") if refs.get("HEAD", "") in refs else main
    wanted = [*{main: None, home: None}, *(TAGS + name for name in names)]
    types = git.types(refs[ref] for ref in wanted)
    if git.is_shallow():  # its history doesn't say what main contains
        git.fetch("--unshallow", *wanted)
    elif absent := [ref for ref in wanted if types[refs[ref]] == "missing"]:
        git.fetch(*absent)
    commits = {name: id_ for name in names if (id_ := peeled(refs, TAGS + name))}
    types = git.types(commits.values())
    commits = {name: id_ for name, id_ in commits.items() if types[id_] == "commit"}
    outside = git.outside(commits.values(), facts.tip)
    astray = git.outside(outside, facts.tip, refs[home])
    found = {}
    for name, commit in commits.items():
        when, text = git.tagged(refs[TAGS + name], commit)
        files = recorded(text)
        own = {one: sha256 for one, sha256 in files.items() if is_of(one, facts.name)}
        if files and not own:  # of another package
            continue
        found[name] = Tag(
            name=name,
            commit=commit,
            when=datetime.fromtimestamp(when, timezone.utc),
            files=own,
            is_in_main=commit not in outside,
            is_at_home=commit not in astray,
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
    found, problems = progress(steps(Watch(intent=intent, world=world), Path()))
    return Pending(intent=intent, steps=found, problems=(problem, *problems))


def progress(
    steps: Iterable[Step[Any]],
) -> tuple[tuple[tuple[str, str], ...], tuple[Problem, ...]]:
    """Return each step's title and state, and why the next one can't be done, if that is known."""
    found: list[tuple[str, str]] = []
    problems: tuple[Problem, ...] = ()
    state = DONE
    for step in steps:
        if state == DONE:
            try:
                state = DONE if step.is_done() else NEXT
            except ReleaseError as error:
                state, problems = NEXT, error.problems
        else:
            state = TO_COME
        found.append((step.title, state))
    return tuple(found), problems


# Show


def show(status: Status, console: Console) -> None:
    """Print what is released, unfinished and unreleased, and the versions that were compared."""
    console.document.update(document(status))
    console.say(status.name, style="bold")
    console.table(
        {
            "released": describe(status.released) if status.records else "nothing",
            "unfinished": describe_pending(status.pending),
            "unreleased": describe_commits(status),
        }
    )
    marks = {DONE: console.tick, NEXT: console.arrow, TO_COME: ""}
    steps = status.pending.steps if status.pending else ()
    commits = ((id_[:9], shorten(text, WIDTH, placeholder=" ...")) for id_, text in status.commits)
    blocks = [
        [f"{marks[state]:>3} {title}" for title, state in steps],
        [f"  {id_}  {subject}" for id_, subject in commits],
        list(versions(status, console)),
    ]
    for block in filter(None, blocks):
        console.say("\n" + "\n".join(block))


def versions(status: Status, console: Console) -> Iterator[str]:
    """Return a row for each version that was compared."""
    width = max((len(str(one.version)) for one in status.records), default=0)
    names = max((len(one.tag.name) for one in status.records if one.tag), default=0)
    for one in status.records:
        mark = console.cross if one.version in status.wrong else console.tick
        mark = console.arrow if one.version == status.unfinished else mark
        tag = one.tag.name if one.tag else "no tag"
        files = f"{plural(len(one.files), 'file') or 'not'} on the index"
        yanked = "" if one.yanked is None else f", yanked: {one.yanked or 'no reason given'}"
        yanked += " (the changelog doesn't say so)" * (one.version in status.unmarked)
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
    return f"{plural(status.count, 'commit') or 'nothing'} on {status.branch}" + (
        f" since {status.last.name}" if status.last else ""
    )


def plural(count: int, noun: str) -> str:
    """Return how many there are, "" for none."""
    return f"{count} {noun}{'s' * (count > 1)}" if count else ""


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
        "unmarked": sorted(map(str, status.unmarked)),
        "disagreements": [
            {"version": str(one.version), **one.problem._asdict()} for one in status.disagreements
        ],
    }
