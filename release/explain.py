"""Where the version was found and why, what a release would edit, and how all else is known.

It only reads, and of the remote only what this clone can't know; no answer is told as such.
"""

from __future__ import annotations

import posixpath
import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

from release import ReleaseError, readiness
from release.build import DEFAULT_TESTS
from release.changes import left_behind, moved_pins
from release.checks import questions
from release.configuration import Configuration
from release.git import TAGS
from release.packages import together
from release.project import Project, asking, message
from release.snapshot import below
from release.tags import newest_first, release_tag
from release.version import Bump, next_version
from release.world import World, today, upload_source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.version import Version

    from release.console import Console
    from release.git import Git
    from release.packages import Package
    from release.places import Files, Place

TOLD = {  # settings, by facts of their own
    *("branch", "main", "remote", "repository", "index_url", "tag", "scheme", "message"),
    *("test_command", "version_files", "version_command", "bump_command", "changelog", "next_dev"),
    *("import_names", "build_constraints", "artifacts", "intent_ref"),
    *("required_checks", "candidate_branches", "acknowledge"),
}
FILES = "one sdist and at least one wheel"
LEVELS = ("patch", "current")  # the example is the first of them that makes a version
ITSELF = "the version itself"
TAKEN_ALONG = (
    "To have a copy taken along: write the version there and commit it;\n"
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
    folder: str
    level: str
    next: str
    facts: dict[str, Fact]
    changes: tuple[Change, ...]
    by: str  # the command that changes everything instead, if there is one
    stale: tuple[str, ...]  # copies of the version
    unused: tuple[str, ...]  # what else a release leaves alone
    checks: tuple[str, ...]


# Look


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of the repository and its remote, or why that gave no answer."""

    world: World
    refs: Mapping[str, str]
    silence: str
    tags: Collection[str]

    @classmethod
    def of(cls, world: World, config: Configuration) -> Seen:
        """Ask the remote for the refs that this clone can't know."""
        refs, silence = _ask(world.git, config)
        return cls(world=world, refs=refs, silence=silence, tags=world.git.tags() or _tags(refs))


def explain(
    git: Git, files: Files, first: Iterable[Package], known: Mapping[str, Package]
) -> list[Explanation]:
    """Explain all packages that a release of the `first` ones takes along.

    Raises `ReleaseError` for what prevents any release.
    """

    @cache
    def read(folder: str) -> Project:
        return Project.load(below(files, folder), ask=asking(git, "HEAD", folder))

    found = together(first, known, lambda package: read(package.folder).version)
    projects = [read(package.folder) for package in found]
    seen = Seen.of(World.of(git, projects[0].config), projects[0].config)
    examples = [_example(one, frozenset(one.tagged(seen.tags).values())) for one in projects]
    moved = [(one, version) for one, (_, version) in zip(projects, examples, strict=True)]
    others = {package.folder: package for package in known.values() if package not in found}
    return [
        Explanation(
            name=project.name,
            folder=project.folder,
            level=level,
            next=str(version),
            facts=_facts(project, version, message(moved), seen),
            changes=() if project.config.bump_command else tuple(_changes(project, version, moved)),
            by=shlex.join(project.config.bump_command),
            stale=project.stale,
            unused=(*project.unused, *left_behind(project.name, version, others)),
            checks=_asked_before(project, seen.world),
        )
        for project, (level, version) in zip(projects, examples, strict=True)
    ]


def _facts(project: Project, version: Version, said: str, seen: Seen) -> dict[str, Fact]:
    """Return what a release of a project goes by, with `said` in its commit."""
    config, world = project.config, seen.world
    tests = " ".join(config.test_command or DEFAULT_TESTS)
    intent = f"{config.intent_ref}, while a release is unfinished"
    return {
        "version": Fact(value=str(project.version)),
        "found": Fact(value=" → ".join([*project.trail, _end(project, project.files)])),
        "calendar": _configured(config, "scheme", config.scheme or "none"),
        "tag": _tag(project, seen.tags, version),
        "commit": _configured(config, "message", said),
        "notes": _notes(project),
        "then": _then(project, version),
        "branch": _branch(config, seen.refs.get("HEAD", ""), world.git),
        "remote": _remote(world.git, seen.silence),
        "index": Fact(value=world.index.upload_url, source=upload_source(config)),
        "tests": _configured(config, "test-command", tests),
        "files": _configured(config, "artifacts", ", ".join(config.artifacts) or FILES),
        "builds": _builds(project),
        "imports": _configured(config, "import-names", _imports(config)),
        "intent": _configured(config, "intent-ref", intent),
        **_others(config),
    }


def _others(config: Configuration) -> dict[str, Fact]:
    """Return what is set otherwise than by default, and told nowhere else."""
    keys = {one.name.replace("_", "-"): one for one in fields(config) if one.name not in TOLD}
    values = {key: getattr(config, one.name) for key, one in keys.items()}
    return {
        key: Fact(value=", ".join(value) if isinstance(value, tuple) else str(value), source="set")
        for key, value in values.items()
        if value != keys[key].default
    }


def _asked_before(project: Project, world: World) -> tuple[str, ...]:
    """Return the questions that a release has to answer."""
    waivable = [one.ask for one in readiness.asked(project.config, world)]
    texts = [check.__doc__ or "" for check in (*questions(project, world), *waivable)]
    return tuple(text.partition("?")[0] + "?" for text in texts)


def _end(project: Project, files: Files) -> str:
    """Return where the version is: the end of the trail that leads to it."""
    if project.config.version_command:
        return str(project.version)
    if project.places:
        place = project.places[0]
        return f"{place.path} line {_line(files.read(place.path) or b'', place)}"
    own = (tag for tag in files.tags if project.tagged([tag]).get(tag) == project.version)
    tag = next(own, "")
    found = f"the tag {tag}" if tag else "no tag of a release in this history"
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


def _builds(project: Project) -> Fact:
    if path := project.config.build_constraints:
        return Fact(
            value=f"with what {project.from_top(path)} allows", source="`build-constraints`"
        )
    if project.constraints:
        return Fact(value="with what build-constraint-dependencies allow", source="[tool.uv]")
    return _configured(project.config, "build-constraints", "with the newest of what they require")


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
    own = style.write(project.version)
    found = ((tag, release_tag(tag, project.name)) for tag in (*[own] * (own in tags), *tags))
    like = next((tag for tag, one in found if one and one[0].template == style.template), "")
    source = f"like {like}" if like else "the usual style; no release is tagged yet"
    return Fact(value=style.write(version), source=source)


def _ask(git: Git, config: Configuration) -> tuple[Mapping[str, str], str]:
    """Return the remote's refs that this clone can't know, or why there is no answer."""
    wanted = ["HEAD"] * (not config.branch) + [f"{TAGS}*"] * (not git.tags())
    try:
        return (git.remote_refs(*wanted) if wanted else {}), ""
    except ReleaseError as error:
        return {}, " ".join(str(error).split())


def _tags(refs: Mapping[str, str]) -> tuple[str, ...]:
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


def _changes(
    project: Project, version: Version, moved: Iterable[tuple[Project, Version]]
) -> Iterator[Change]:
    """Say what the new versions of packages change in this one, place by place, in whole lines."""
    main = () if project.config.version_command else project.places[:1]
    whys = [(one, version, ITSELF if one in main else one.trail[0]) for one in project.places]
    pinned = moved_pins(project, moved)
    for place, new, why in [*whys, *((one, other, one.what) for one, other in pinned)]:
        data = project.files.read(place.path) or b""
        first = data.rfind(b"\n", 0, place.start) + 1
        last = data.find(b"\n", place.end) % (len(data) + 1)
        after = data[first : place.start] + place.spelled(new).encode() + data[place.end : last]
        yield Change(
            path=place.path,
            line=_line(data, place),
            before=data[first:last].decode("utf-8", "replace").strip(),
            after=after.decode("utf-8", "replace").strip(),
            why=why,
        )


def _line(data: bytes, place: Place) -> int:
    return data.count(b"\n", 0, place.start) + 1


# Show


def show(explanations: Sequence[Explanation], console: Console) -> None:
    """Print what a release goes by, what it would change, and what is asked before."""
    lead, *siblings = explanations
    console.document.update(asdict(lead), siblings=[asdict(one) for one in siblings])
    for one in explanations:
        console.say("\n" * (one is not lead) + one.name, style="bold")
        own = {name: fact for name, fact in one.facts.items() if fact != lead.facts[name]}
        facts = lead.facts if one is lead else {"version": one.facts["version"], **own}
        console.table({name: str(fact) for name, fact in facts.items()})
        if one is lead and siblings:
            names = ", ".join(one.name for one in siblings)
            console.say(f"Released together with {names}, of which only what differs is shown.")
        if one is lead:
            console.say("Settings, as `scheme`, go into [tool.nox-release] of pyproject.toml.")
        _show_changes(one, console)
    copies = [text for one in explanations for text in one.stale]
    if left := [*(text for one in explanations for text in one.unused), *copies]:
        console.say("\nLeft alone:")
    for text in left:
        console.say(f"  {text}", style="yellow")
    if copies:
        console.say(TAKEN_ALONG)
    console.say("\nBefore anything happens, a release asks:")
    for question in dict.fromkeys(text for one in explanations for text in one.checks):
        console.say(f"  {question}")


def _show_changes(explanation: Explanation, console: Console) -> None:
    words = "and change these lines" if explanation.changes else "and change no file"
    words = f"written by `{explanation.by}`" if explanation.by else words
    end = ":" if explanation.changes else "."
    which = f" --package {shlex.quote(explanation.folder)}" if explanation.folder else ""
    command = f"`nox -s publish_release -- {explanation.level}{which}`"
    console.say(f"\n{command} would make {explanation.next}, {words}{end}")
    for one in explanation.changes:
        path = posixpath.normpath(posixpath.join(explanation.folder, one.path))
        console.say(f"\n  {path} line {one.line}: {one.why}")
        before, after = (text.splitlines() for text in (one.before, one.after))
        console.diff("\n".join([*(f"- {row}" for row in before), *(f"+ {row}" for row in after)]))


def show_asked(asked: Mapping[str, bool], console: Console) -> None:
    """Print which files were looked at, in order, and whether they are there."""
    console.document["looked"] = [*asked]
    console.say("Looked at, in this order:")
    for path, is_there in asked.items():
        mark, words = (console.tick, "") if is_there else (console.cross, ", which isn't there")
        console.say(f"{mark:>3} {path}{words}")
