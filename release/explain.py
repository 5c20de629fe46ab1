"""Where the version was found and why, what a release would edit, and how all else is known.

It only reads, and of the remote only what this clone can't know; no answer is told as such.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from release import ReleaseError
from release.build import DEFAULT_TESTS
from release.checks import questions
from release.configuration import Configuration
from release.project import Project, asking
from release.readiness import Waivable, asked
from release.tags import newest_first, release_tag
from release.version import Bump, next_version
from release.world import TAGS, World, today, upload_source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from packaging.version import Version

    from release.checks import Question
    from release.console import Console
    from release.git import Git
    from release.places import Files, Place

LEVELS = ("patch", "current")  # the example is the first of them that makes a version
ITSELF = "the version itself"
TAKEN_ALONG = (
    "To have one taken along: write the version there and commit it;\n"
    "or name the place in version-files of [tool.nox-release]."
)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that a release goes by, and how it is known."""

    value: str
    source: str = ""

    def __str__(self) -> str:
        """Return it in a line."""
        return f"{self.value}  ({self.source})" if self.source else self.value


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a release does at one place: its lines now and then, and why it is one."""

    path: str
    line: int
    before: str
    after: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All that a release goes by; `changes` are those of a release of `level`."""

    name: str
    level: str
    next: str
    facts: dict[str, Fact]
    changes: tuple[Change, ...]
    by: str  # the command that changes everything instead, if there is one
    stale: tuple[str, ...]
    checks: tuple[str, ...]


# Look


def explain(git: Git, files: Files) -> Explanation:
    """Explain the project that has these files; `ReleaseError` for what prevents any release."""
    project = Project.load(files, ask=asking(git, "HEAD", files.folder))
    config, world = project.config, World.of(git, project.config)
    refs, silence = _ask(world.git, config)
    tags = world.git.tags() or _tags(refs)
    level, version = _example(project, frozenset(project.tagged(tags).values()))
    tests = " ".join(config.test_command or DEFAULT_TESTS)
    facts = {
        "version": Fact(value=str(project.version)),
        "found": Fact(value=" → ".join([*project.trail, _end(project, files)])),
        "calendar": _configured(config, "scheme", config.scheme or "none"),
        "tag": _tag(project, tags, version),
        "commit": _configured(config, "message", project.message(version)),
        "notes": _notes(project),
        "then": _then(project, version),
        "branch": _branch(config, refs.get("HEAD", ""), world.git),
        "remote": _remote(world.git, silence),
        "index": Fact(value=world.index.upload_url, source=upload_source(config)),
        "tests": _configured(config, "test-command", tests),
        "imports": _configured(config, "import-names", _imports(config)),
        "intent": _configured(
            config, "intent-ref", f"{config.intent_ref}, while a release is unfinished"
        ),
    }
    asked_before: list[Question] = [*questions(project, world), *asked(config, world)]
    return Explanation(
        name=project.name,
        level=level,
        next=str(version),
        facts=facts,
        changes=() if config.bump_command else tuple(_changes(project, version)),
        by=shlex.join(config.bump_command),
        stale=project.stale,
        checks=tuple(map(_question, asked_before)),
    )


def _question(check: Question) -> str:
    text = check.ask.__doc__ if isinstance(check, Waivable) else check.__doc__
    return (text or "").partition("?")[0] + "?"


def _end(project: Project, files: Files) -> str:
    """Return where the version is: the end of the trail that leads to it."""
    if project.config.version_command:
        return str(project.version)
    if project.places:
        place = project.places[0]
        return f"{place.path} line {_line(files.read(place.path) or b'', place)}"
    tags = [tag for tag in files.tags if project.tagged([tag]).get(tag) == project.version]
    found = f"the tag {tags[0]}" if tags else "no tag of a release in this history"
    return f"{project.vcs} → {found}"


def _notes(project: Project) -> Fact:
    log, setting = project.changelog, project.config.changelog
    if log is None:
        source = "no changelog is found; `changelog` names one" if setting else "`changelog`"
        return Fact(value="the commits since the release before", source=source)
    if log.tool:
        made = f"made by {log.tool.name} of its fragments, {len(log.tool.fragments)} by now"
        return Fact(value=log.path, source=made)
    is_found = setting is True
    return Fact(value=log.path, source="found; `changelog` sets it" if is_found else "`changelog`")


def _imports(config: Configuration) -> str:
    if config.import_names is None:
        return "all top-level modules of the wheel, to see that they work"
    return ", ".join(config.import_names) or "none"


def _example(project: Project, taken: Collection[Version]) -> tuple[str, Version]:
    """Return a level, and the version that a release of it would have."""
    calendar = project.config.calendar(today())
    *others, last = LEVELS
    for level in others:
        with suppress(ReleaseError):
            return level, next_version(project.version, Bump(target=level), taken, calendar)
    return last, next_version(project.version, Bump(target=last), taken, calendar)


def _configured(config: Configuration, key: str, value: str) -> Fact:
    name = key.replace("-", "_")
    is_default = getattr(config, name) == getattr(Configuration(), name)
    return Fact(value=value, source=f"the default; `{key}` sets it" if is_default else f"`{key}`")


def _tag(project: Project, tags: Collection[str], version: Version) -> Fact:
    style = project.tag_style(tags)
    if project.config.tag:
        return Fact(value=style.write(version), source="`tag`")
    found = ((tag, release_tag(tag, project.name)) for tag in tags)
    alike = [tag for tag, one in found if one and one[0].template == style.template]
    own = style.write(project.version)
    like = own if own in alike else next(iter(alike), "")
    source = f"like {like}" if like else "the usual style; no release is tagged yet"
    return Fact(value=style.write(version), source=source)


def _ask(git: Git, config: Configuration) -> tuple[Mapping[str, str], str]:
    """Return the remote's refs that this clone can't know, or why there is no answer."""
    wanted = ["HEAD"] * (not config.branch) + [f"{TAGS}*"] * (not git.tags())
    try:
        return (git.remote_refs(*wanted) if wanted else {}), ""
    except ReleaseError as error:
        return {}, " ".join(str(error).split())


def _tags(refs: Mapping[str, str]) -> list[str]:
    return newest_first(ref.removeprefix(TAGS) for ref in refs if ref.startswith(TAGS))


def _then(project: Project, version: Version) -> Fact:
    following = project.next_dev(version)
    value = f"{following}, in a commit of its own" if following else "nothing"
    return _configured(project.config, "next-dev", value)


def _remote(git: Git, silence: str) -> Fact:
    try:
        return Fact(value=f"{git.remote}, {git.url()}", source=silence)
    except ReleaseError as error:
        return Fact(value="none", source=str(error))


def _branch(config: Configuration, head: str, git: Git) -> Fact:
    if config.branch:
        return Fact(value=config.branch, source="`branch`")
    if head:
        return Fact(value=head.removeprefix("refs/heads/"), source=f"HEAD of {git.remote}")
    here = git.branch()
    source = f"it is checked out; a release asks {git.remote}" if here else "a guess"
    return Fact(value=here or "main", source=source)


def _changes(project: Project, version: Version) -> Iterator[Change]:
    """Say what the new version changes, place by place, in whole lines."""
    main = () if project.config.version_command else project.places[:1]
    for place in project.places:
        data = project.files.read(place.path) or b""
        first = data.rfind(b"\n", 0, place.start) + 1
        last = data.find(b"\n", place.end) % (len(data) + 1)
        old, new = data[first:last], place.spelled(version).encode()
        new = data[first : place.start] + new + data[place.end : last]
        yield Change(
            path=place.path,
            line=_line(data, place),
            before=old.decode("utf-8", "replace").strip(),
            after=new.decode("utf-8", "replace").strip(),
            why=ITSELF if place in main else place.trail[0],
        )


def _line(data: bytes, place: Place) -> int:
    return data.count(b"\n", 0, place.start) + 1


# Show


def show(explanation: Explanation, console: Console) -> None:
    """Print what a release goes by, what it would change, and what is asked before."""
    console.document.update(asdict(explanation))
    console.say(explanation.name, style="bold")
    console.table({name: str(fact) for name, fact in explanation.facts.items()})
    console.say("Settings, as `scheme`, go into [tool.nox-release] of pyproject.toml.")
    level, version = explanation.level, explanation.next
    words = "and change these lines" if explanation.changes else "and change no file"
    words = f"written by `{explanation.by}`" if explanation.by else words
    end = ":" if explanation.changes else "."
    console.say(f"\n`nox -s publish_release -- {level}` would make {version}, {words}{end}")
    for one in explanation.changes:
        console.say(f"\n  {one.path} line {one.line}: {one.why}")
        before, after = (text.splitlines() for text in (one.before, one.after))
        console.diff("\n".join([*(f"- {row}" for row in before), *(f"+ {row}" for row in after)]))
    if explanation.stale:
        console.say("\nLeft alone:")
    for text in explanation.stale:
        console.say(f"  {text}", style="yellow")
    if explanation.stale:
        console.say(TAKEN_ALONG)
    console.say("\nBefore anything happens, a release asks:")
    for question in explanation.checks:
        console.say(f"  {question}")


def show_asked(asked: Mapping[str, bool], console: Console) -> None:
    """Print which files were looked at, in order, and whether they are there."""
    console.document["looked"] = [*asked]
    console.say("Looked at, in this order:")
    for path, is_there in asked.items():
        mark, words = (console.tick, "") if is_there else (console.cross, ", which isn't there")
        console.say(f"{mark:>3} {path}{words}")
