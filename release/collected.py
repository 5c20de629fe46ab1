"""Files that other machines have built: taken in place of a build, and held to account.

The plan by which they were built is believed no more than an intent: all of it is derived again.
"""

from __future__ import annotations

import filecmp
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import Problem, Refused, ReleaseError, artifacts
from release import build as building
from release.archives import some
from release.build import distribution, fitting
from release.changes import days_of
from release.commands import programs_env
from release.handover import AGAIN, parts, restored
from release.isolation import Environment
from release.plan import Plan, is_of
from release.prerelease import prepare_all
from release.publish import held_to_account, with_tags
from release.steps import named
from release.upload import ATTESTATION
from release.worktree import worktree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.version import Version

    from release.console import Console
    from release.git import Git
    from release.handover import Handover, Part
    from release.intent import Intent
    from release.plan import Distribution, Draft
    from release.prerelease import Built
    from release.project import Project
    from release.version import Bump
    from release.world import Subject, World

# Who builds a wheel could use the rights of a job that runs it: it is tried where there are none.
COLLECT = "Collect and check the files{}"
KINDS = (".whl", ".tar.gz", ".zip")
COLLECTED = "--dist FOLDER is where the files of all builders are, each in a folder below it or not"
ALONE = "let the builders hand over nothing but what they have built"
UNSIGNED = (
    "let the builders sign nothing, and take `id-token: write` from them: who may sign may also "
    "upload; the job that publishes signs what it has held to account"
)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a plan's builders have built, somewhere below a folder."""

    handover: Handover
    folder: Path

    @cached_property
    def files(self) -> dict[str, Path]:
        """Return where each file is; `Refused` for what is none of a package, or has a double.

        Hidden files are nobody's: `uv build` leaves a .gitignore beside what it has built.
        """
        found: dict[str, Path] = {}
        problems = []
        for path in sorted(filter(self.is_meant, self.folder.rglob("*"))):
            other = found.setdefault(path.name, path)
            if other != path and not filecmp.cmp(other, path, shallow=False):
                words = f"two machines have built {path.name}, and not the same bytes"
                problems.append(Problem(words, "let one of them build it"))
        if not found:
            problems.append(Problem(f"there is no file in {self.folder}", COLLECTED))
        if strays := [file for file in found if not self.is_ours(file)]:
            words = f"{some(strays)} in {self.folder}: no wheel or sdist of {self.handover.title}"
            is_signed = any(file.endswith(ATTESTATION) for file in strays)
            problems.append(Problem(words, UNSIGNED if is_signed else ALONE))
        if problems:
            raise Refused(tuple(problems))
        return found

    def is_meant(self, path: Path) -> bool:
        """Say whether it is a file, and neither hidden nor in a hidden folder."""
        parts = path.relative_to(self.folder).parts
        return path.is_file() and not any(part.startswith(".") for part in parts)

    def is_ours(self, file: str) -> bool:
        """Say whether a file is a wheel or an sdist of a package in the plan, by its name."""
        names = (one.name for one in self.handover.packages)
        return file.endswith(KINDS) and any(is_of(file, name) for name in names)

    def insist_on_intent(self, intent: Intent) -> None:
        """Raise `Refused` unless the unfinished release is that of the plan."""
        there, here = intent.plan.commit, self.handover.commit
        if there != here:
            words = f"{intent.plan.title} was begun with the commit {there[:9]}; the plan has "
            raise Refused((Problem(words + here[:9], AGAIN),))

    def accepted(self, drafts: Sequence[Draft], world: World) -> list[Draft]:
        """Return drafts that tell which files go into them.

        `ReleaseError` unless plan and commit are what is decided and made here.
        """
        plan, git, lead = self.handover, world.git, drafts[0]
        wanted = [one for draft in drafts for one in parts(draft)]
        pairs: list[tuple[str, object, object]] = [
            ("base", plan.base, lead.base),
            ("index", plan.repository, lead.repository),
            ("choice", _told(plan.packages, drafts), _told(wanted, drafts)),
        ]
        commit = restored(plan, git)
        if not (plan.bump.pre or commit == plan.base):
            days, said = days_of(commit, git), git.message(commit)
            pairs += [
                ("day", plan.day, plan.day if plan.day in days else days[0]),
                ("message", said, said if lead.is_message(said) else lead.message),
            ]
        found = [f"its {what} is {said}, not {own}" for what, said, own in pairs if said != own]
        if found:
            words = f"the plan of {plan.title} doesn't fit: {'; '.join(found)}"
            raise Refused((Problem(words, AGAIN),))
        told = f"{len(self.files)} files in {self.folder}, built elsewhere"
        return [replace(draft, artifacts=told) for draft in drafts]

    # In place of a build

    def titles(self, drafts: Iterable[Draft]) -> list[str]:
        """Return the titles of the steps that prove drafts here."""
        return [COLLECT.format(named(one.name, one.folder)) for one in drafts]

    def prove(
        self,
        draft: Draft,
        projects: Sequence[Project],
        world: World,
        console: Console,
        dist: Path,
    ) -> Plan:
        """Take the files of a release; its commit was tested when it was made."""
        commit = self.handover.commit
        with worktree(world.git, commit) as here:
            built = [
                self.take(here, project, world, console, dist, version=one.version, tag=one.tag)
                for one, project in zip(draft.all, projects, strict=True)
            ]
            return with_tags(Plan.of(draft, commit, built), here)

    def prepare_all(
        self, bump: Bump, subjects: Sequence[Subject], world: World, *, base: str
    ) -> list[tuple[Draft, ...]]:
        """Decide on the pre-releases of the plan, and check them, published in part or not."""
        versions = [one.version for one in self.handover.packages]
        before = [
            (project, facts.without(version))
            for (project, facts), version in zip(subjects, versions, strict=True)
        ]
        prepared = [found[-1:] for found in prepare_all(bump, before, world, base=base)]
        return [(draft,) for draft in self.accepted([draft for (draft,) in prepared], world)]

    def build_all(
        self,
        prepared: Sequence[tuple[Draft, ...]],
        projects: Sequence[Project],
        world: World,
        console: Console,
        dist: Path,
    ) -> list[Built]:
        """Take the files of pre-releases."""
        with worktree(world.git, self.handover.commit) as here:
            return [
                (one, self.take(here, project, world, console, dist, version=one.version, tag=""))
                for (one,), project in zip(prepared, projects, strict=True)
            ]

    def take(  # noqa: PLR0913
        self,
        here: Git,
        project: Project,
        world: World,
        console: Console,
        dist: Path,
        *,
        version: Version | None,
        tag: str,
    ) -> tuple[Distribution, ...]:
        """Copy the files of one package into `dist`, and hold them to every check."""
        del tag  # they are built
        with console.step(COLLECT.format(named(project.name, project.folder))) as line:
            files = [distribution(path) for path in self.copied(project.name, dist)]
            expected = artifacts.Expected.of(here, project, version, world.index.largest_file)
            expected = replace(expected, is_collected=True)
            line.remark = "; ".join(held_to_account(files, dist, expected))
        return tuple(files)

    def copied(self, name: str, dist: Path) -> list[Path]:
        """Copy the files of a package into `dist`: wheels, and the sdist last."""
        own = [path for file, path in self.files.items() if is_of(file, name)]
        own.sort(key=lambda path: (path.suffix != ".whl", path.name))
        return [Path(shutil.copyfile(path, dist / path.name)) for path in own]


def try_wheels(
    collected: Collected, projects: Iterable[Project], dist: Path, git: Git, console: Console
) -> None:
    """Install the wheels that fit this machine, and import their modules; `dist` is for copies."""
    env = programs_env(git.env)
    found = [(project, fitting(collected.copied(project.name, dist))) for project in projects]
    for project, wheel in found:
        if not wheel:
            words = f"no wheel of {project.name} in {collected.folder} can be installed here"
            raise ReleaseError(words, "what the builders of this platform have made is tried here")
        names = project.config.import_names
        with TemporaryDirectory() as place, console.step(f"Install and import {wheel.name}"):
            here = Environment.fresh(Path(place, "environment"), env)
            building.install_and_import(wheel, str(project.version), names, here)


def _told(packages: Iterable[Part], drafts: Iterable[Draft]) -> str:
    """Tell packages with versions and tags; the one of a pre-release is for its builders alone."""
    tagged = any(draft.tag for draft in drafts)
    return ", ".join(
        " ".join([one.name, str(one.version), one.folder, one.tag * tagged]) for one in packages
    )
