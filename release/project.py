"""A project as its repository says: name, version, configuration, and what a new version edits."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from release import ReleaseError, UsageError, calver, changelog, copies, locations, tags
from release.commands import printed
from release.configuration import TABLE, Configuration, inherited, insist_on_the_top
from release.constraints import constraints
from release.edits import Edit
from release.layout import layout
from release.places import Place
from release.plugins import vcs_plugin
from release.setup_py import setup_name
from release.snapshot import Snapshot, below
from release.tables import BOM, table_at, text_at, tomllib
from release.tags import TagStyle
from release.version import next_development
from release.worktree import worktree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from packaging.version import Version

    from release.changelog import Changelog
    from release.git import Git
    from release.places import Files, Read


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project at one commit."""

    name: str
    version: Version
    config: Configuration
    places: tuple[Place, ...]
    files: Files = field(repr=False, compare=False)
    pyproject: dict[str, Any] = field(repr=False, compare=False)
    vcs: str = ""  # the plugin that takes the version from git tags: then no file has it
    trail: tuple[str, ...] = ()  # what led to the version, the first thing first
    stale: tuple[str, ...] = ()  # copies that say something else, and are left alone

    @classmethod
    def at(
        cls, git: Git, revision: str, folder: str = "", before: Version | None = None
    ) -> Project:
        """Read the project in a folder of a commit, `before` that version was released of it."""
        files = below(Snapshot(git=git, commit=revision), folder)
        try:
            return cls.load(files, before, asking(git, revision, folder))
        except ReleaseError as error:
            if folder:  # which no other sentence says
                raise type(error)(f"{folder}: {error}", "\n".join(error.hints)) from error
            raise

    @classmethod
    def load(
        cls,
        files: Files,
        before: Version | None = None,
        ask: Callable[[Sequence[str]], str] | None = None,
    ) -> Project:
        """Read a project from its files; where tags tell the version, from those `before` another.

        `ask` runs the command that prints the version, where the project has one. Raises
        `ReleaseError` where pyproject.toml is absent or broken, or the version isn't in exactly one
        place, and `UsageError` for configuration that can't be meant.
        """
        pyproject = _pyproject(files.read)
        own = table_at(pyproject, "tool", "nox-release")
        insist_on_the_top(own, files.folder)
        config = Configuration.load({**inherited(files, own), **own})
        project = partial(cls, config=config, files=files, pyproject=pyproject)
        if config.version_command:
            told = _told(config.version_command, ask)
            named = [locations.named(one, told.text, files.read) for one in config.version_files]
            name, places = _name(pyproject, files.read), _apart(named, files)
            return project(name=name, version=told.version, places=places, trail=told.trail)
        if plugin := vcs_plugin(pyproject, files):
            if config.next_dev:
                words = f"has no meaning here: {plugin.name} counts on its own"
                raise UsageError(f"{TABLE} next-dev {words}")
            name = _name(pyproject, files.read)
            version, trail = tags.newest(files.tags, name, config.tag, before), (plugin.rule,)
            return project(name=name, version=version, places=(), vcs=plugin.name, trail=trail)
        place = _bare(locations.find(pyproject, files))
        version, name = place.version, _name(pyproject, files.read)
        named = [locations.named(one, place.text, files.read) for one in config.version_files]
        others = copies.find(name, layout(pyproject, files), place, files)
        found = _apart([place, *map(_bare, named), *map(_bare, others.places)], files)
        return project(
            name=name,
            version=version,
            places=tuple(_padded(one, config.scheme) for one in found),
            trail=place.trail,
            stale=() if config.bump_command else others.stale,
        )

    @cached_property
    def constraints(self) -> str:
        """Return what constrains the builds of it, a line each; `ReleaseError` for a broken one."""
        return constraints(self.config.build_constraints, self.pyproject, self.files)

    @property
    def folder(self) -> str:
        """Return where in the repository the project is, "" for its top."""
        return self.files.folder

    @property
    def tested_in(self) -> str:
        """Return the folder in which its tests run: its own if it has a noxfile, else the top."""
        own = table_at(self.pyproject, "tool", "nox-release")
        is_own = "test-command" in own or self.files.read("noxfile.py") is not None
        return self.folder if is_own else ""

    def from_top(self, path: str) -> str:
        """Return the path that a file of the project, behind symbolic links, has from the top."""
        return posixpath.normpath(posixpath.join(self.folder, self.files.real(path)))

    @cached_property
    def changelog(self) -> Changelog | None:
        """Return the file that tells the releases, None where no release changes one."""
        wanted = self.config.changelog
        if not wanted:
            return None
        path = wanted if isinstance(wanted, str) else ""
        return changelog.find(self.files.paths, self.files.read, self.pyproject, self.version, path)

    @property
    def unused(self) -> tuple[str, ...]:
        """Return what lies beside the fragments of the changelog, and goes into no release."""
        return self.changelog.tool.unused if self.changelog and self.changelog.tool else ()

    def spelled(self, version: Version) -> str:
        """Return a version in the project's own spelling."""
        first = next((place for place in self.places if not place.says), None)
        return first.spelled(version) if first else str(version)

    def alone(self) -> Project:
        """Return the project as it is where only this machine builds, not all that is declared."""
        return replace(self, config=replace(self.config, artifacts=()))

    def without_bump_command(self) -> Project:
        """Return the project as it is where that command has been run already."""
        return replace(self, config=replace(self.config, bump_command=()))

    def message(self, version: Version) -> str:
        """Return the message of the release commit."""
        return message([(self, version)])

    def next_dev(self, version: Version) -> Version | None:
        """Return what the branch says after the release of `version`, None where that stays."""
        return next_development(version, self.version) if self.config.next_dev else None

    def tag_style(self, names: Iterable[str]) -> TagStyle:
        """Return how a tag is written, given the names of those there are, the newest first.

        Zeros pad its numbers as the scheme says, else as they do where the version lives.
        """
        config, style = self.config, TagStyle(template=self.config.tag)
        if not config.tag:
            find = tags.package_style if self.folder else tags.tag_style
            style = find(names, self.name, self.version)
        if not config.scheme and not self.places:
            return style
        scheme = [calver.widths(config.scheme)] if "0" in config.scheme else []
        found = [*scheme, *(tags.widths(place.text) for place in self.places)]
        return replace(style, widths=next(filter(None, found), ()))

    def tagged(self, names: Iterable[str]) -> Mapping[str, Version]:
        """Return the versions that are tagged, by tag."""
        names = list(names)
        return tags.tagged(names, self.tag_style(names), self.name, self.version)

    def edits(self, version: Version) -> tuple[Edit, ...]:
        """Return the edits that put `version` in every place; none where it is there already."""
        return self.edits_at([(place, version) for place in self.places])

    def edits_at(self, wanted: Collection[tuple[Place, Version]]) -> tuple[Edit, ...]:
        """Return the edits that put versions in places of its files."""
        contents = {place.path: self.files.read(place.path) or b"" for place, _ in wanted}
        after = dict(contents)
        for place, version in sorted(wanted, key=lambda one: one[0].start, reverse=True):
            if place.version != version:
                data = after[place.path]
                new = place.spelled(version).encode()
                after[place.path] = data[: place.start] + new + data[place.end :]
        return tuple(
            Edit(path=self.from_top(path), before=contents[path], after=data)
            for path, data in after.items()
            if data != contents[path]
        )


def message(releases: Sequence[tuple[Project, Version]]) -> str:
    """Return the message of the commit that releases these versions of projects."""
    lead, versions = releases[0][0], {version for _, version in releases}
    is_plain = not lead.folder and len(versions) == 1
    names = ", ".join(f"{project.name} {version}" for project, version in releases)
    return lead.config.message.replace("{version}", str(*versions) if is_plain else names)


def _told(command: tuple[str, ...], ask: Callable[[Sequence[str]], str] | None) -> Place:
    """Return the version that a command prints, as a place that is in no file."""
    what, text = f"{TABLE} version-command", ask(command) if ask else ""
    return Place(path="", what=what, start=0, text=text, trail=(f"{what}: {shlex.join(command)}",))


def asking(git: Git, revision: str, folder: str = "") -> Callable[[Sequence[str]], str]:
    """Return what runs a command in a worktree of a commit, for what it prints."""

    def ask(command: Sequence[str]) -> str:
        with worktree(git, revision) as here:
            return printed(command, here, folder)

    return ask


def _pyproject(read: Read) -> dict[str, Any]:
    data = read("pyproject.toml")
    if data is None and setup_name(read):
        return {}  # setuptools is the default (PEP 517)
    if data is None:
        raise ReleaseError(
            "there is no pyproject.toml at the top of the repository, as committed",
            "git add pyproject.toml && git commit; or say where it is: --package FOLDER",
        )
    try:
        pyproject = tomllib.loads(data.removeprefix(BOM).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"pyproject.toml is broken: {error}", "mend and commit it") from error
    for key in ("build-system", "project", "tool"):
        table_at(pyproject, key)
    return pyproject


def _name(pyproject: dict[str, Any], read: Read) -> str:
    flit = ("tool", "flit", "metadata")
    name = (
        text_at(pyproject, "project", "name")
        or text_at(pyproject, "tool", "poetry", "name")
        or text_at(pyproject, *flit, "dist-name")
        or text_at(pyproject, *flit, "module")
        or setup_name(read)
    )
    if not name:
        raise ReleaseError("pyproject.toml doesn't name the project", 'add name = "…" to [project]')
    return name


def _bare(place: Place) -> Place:
    """Leave a `v` before the version, and space around it, where they are."""
    if place.says:
        return place
    text = place.text.strip()
    skip = place.text.index(text) + (text[:1] in {"v", "V"})
    start = place.start + len(place.text[:skip].encode())
    return replace(place, start=start, text=place.text[skip:].rstrip())


def _padded(place: Place, scheme: str) -> Place:
    """Let zeros pad the numbers as the scheme says, where that is how they are written.

    What is written differently stays so; and locks have the normal form.
    """
    write = TagStyle(template="{version}", widths=calver.widths(scheme)).write if scheme else None
    is_own = not (place.write or place.path.endswith(".lock"))
    if write and is_own and place.text == write(place.version):
        return replace(place, write=write)
    return place


def _apart(places: list[Place], files: Files) -> tuple[Place, ...]:
    """Return the places in the files behind symbolic links, none that overlaps an earlier one."""
    apart: list[Place] = []
    for place in places:
        real = replace(place, path=files.real(place.path))
        others = (one for one in apart if one.path == real.path)
        if all(real.end <= one.start or one.end <= real.start for one in others):
            apart.append(real)
    return tuple(apart)
