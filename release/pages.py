"""The release page of a tag on GitHub: drafted, filled with the files, then published.

It speaks of what is on the index and on the remote, so it comes after both. What somebody has
drafted there stays, and what is there already isn't done again.
"""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from release import ReleaseError
from release.archives import sha256_of
from release.changes import notes
from release.notes import Notes, escaped
from release.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from release.forge import Page
    from release.github import GitHub
    from release.plan import Distribution, Draft, Plan, Release
    from release.world import World

SUMS = "SHA256SUMS"  # as sha256sum --check reads it
LAG = 20  # seconds that GitHub may take to list a draft
LONGEST = 125_000  # characters of a body that GitHub takes
BEGIN, END = "<!-- installing -->", "<!-- end of installing -->"


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is told of one tag of a plan, and where."""

    plan: Plan
    tag: str
    world: World
    github: GitHub

    @property
    def releases(self) -> list[Plan]:
        """Return the packages that have this tag."""
        return [one for one in self.plan.all if one.tag == self.tag]

    @property
    def page(self) -> Page | None:
        """Look for the page."""
        return page_of(self.tag, self.plan, self.github)

    def insist_on(self, page: Page | None) -> Page:
        """Return the page, which has been drafted."""
        if page:
            return page
        raise ReleaseError(f"{self.github.url} doesn't show the draft of {self.tag} yet")


def stories(plan: Plan, world: World) -> list[Story]:
    """Return what is to be told on GitHub: one page a tag; nothing without a token."""
    github = world.github
    tags = told(plan, world)
    return [Story(plan=plan, tag=tag, world=world, github=github) for tag in tags if github]


def told(release: Release, world: World) -> tuple[str, ...]:
    """Return the tags that get a page."""
    return release.tags if world.github and world.github.token else ()


def names(release: Release) -> list[str]:
    """Return what a draft may be called that doesn't have the tag yet."""
    version = str(release.version)
    return [f"{release.name} {version}", *[version] * (not release.folder)]


def drafts(github: GitHub) -> list[Page]:
    """Return all pages that are drafted."""
    return [*github.drafts()]


def drafts_of(tag: str, release: Release, world: World) -> list[Page]:
    """Return what people have drafted for a tag that is to be made, as it was when first asked."""
    pages = world.ahead.answer(drafts, world.github) if world.github else []
    own = [name for one in release.all if one.tag == tag for name in names(one)]
    return [page for page in pages if page.is_of(tag, *own)]


def page_of(tag: str, release: Release, github: GitHub) -> Page | None:
    """Look for the page of a tag of the release, which may be a draft called by its version."""
    own = (one for one in release.all if one.tag == tag)
    return github.page(tag, *(name for one in own for name in names(one)))


def with_drafts(draft: Draft, world: World) -> Draft:
    """Return the draft of a release with the notes that people have drafted on GitHub.

    They are only shown: where GitHub doesn't answer, the release finds them when it gets there.
    """
    if not (world.github and told(draft, world)):
        return draft
    lead, *siblings = draft.all
    with suppress(ReleaseError):
        pages = {tag: drafts_of(tag, draft, world) for tag in draft.tags}
        lead, *siblings = (replace(one, notes=_kept(one, pages[one.tag])) for one in draft.all)
    return replace(lead, siblings=tuple(siblings))


def _kept(draft: Draft, pages: Sequence[Page]) -> Notes:
    for page in pages[:1]:
        if own := _own(page.body):
            return Notes(source=f"those at {page.url}", text=own)
    return draft.notes


def titles(tag: str) -> tuple[str, str, str]:
    """Return what is done for the page of a tag, in the words of the plan and of the steps."""
    return (
        f"Draft the release notes of {tag} on GitHub",
        f"Attach the files of {tag} and their sha256",
        f"Publish the release notes of {tag}",
    )


def whats_next(release: Release, world: World) -> dict[str, str]:
    """Return what users may do after a release, where it is told, and what is left to people."""
    names = (f"{one.name}=={one.version}" for one in release.all)
    rows = {"install": world.index.pip_install(*names)}
    if not release.tag:
        return rows
    rows["tag"] = ", ".join(release.tags)
    github = world.github
    if github and github.token:
        return {**rows, "notes": ", ".join(map(github.page_url, release.tags))}
    words = "publish the release notes"
    if github:  # which shows drafts to nobody without a token
        urls = ", ".join(f"{github.url}/releases/new?tag={tag}" for tag in release.tags)
        words += f": {urls} (or the draft, if there is one: {github.url}/releases)"
    return {**rows, "by hand": words}


# Draft


def drafted(story: Story, page: Page | None) -> bool:
    """Say whether the page tells how this very release is installed."""
    return page is not None and installing(story) in _unix(page.body)


def draft(story: Story, page: Page | None) -> None:
    """Draft the page; where there is one, its words stay, and what is missing is added."""
    if page:
        own = page.body if page.body.strip() else words(story)
        story.github.write(page, title=page.title or story.tag, body=body(own, story))
        return
    text = body(words(story), story)
    story.github.draft(story.tag, story.tag, text, is_prerelease=is_prerelease(story))
    for _ in range(LAG):
        if story.page:
            return
        time.sleep(1)


def words(story: Story) -> str:
    """Return the release notes, each package's below its name where there are several."""
    git, parts = story.world.git, []
    for one in story.releases:
        project = Project.at(git, one.base, one.folder, before=one.version)
        text = notes(one, project, git).text
        parts.append(f"## {one.title}\n\n{text}" if len(story.releases) > 1 else text)
    text, room = "\n\n".join(parts), LONGEST - len(installing(story)) - 10
    return text if len(text) <= room else f"{text[:room]}\n\n…"


def body(text: str, story: Story) -> str:
    """Return the page's text with what we tell of this release at its end, once."""
    return f"{_own(text)}\n\n{installing(story)}\n".lstrip()


def _own(text: str) -> str:
    """Return what people have written of a page's text."""
    return re.sub(rf"{BEGIN}.*?{END}", "", _unix(text), flags=re.DOTALL).rstrip()


def installing(story: Story) -> str:
    """Return how a release is installed, the sha256 of its files, and what was set aside."""
    names = [f"{one.name}=={one.version}" for one in story.releases]
    rows = [f"| {one.filename} | `{one.sha256}` |" for one in files(story)]
    exceptions = [f"\n{escaped(text)}" for text in story.plan.exceptions]
    return "\n".join(
        [
            BEGIN,
            f"```sh\n{story.world.index.pip_install(*names)}\n```",
            "",
            "| file | sha256 |",
            "|---|---|",
            *rows,
            *exceptions,
            END,
        ]
    )


def files(story: Story) -> list[Distribution]:
    """Return the files that the tag tells."""
    return story.plan.files_of(story.tag)


def is_prerelease(story: Story) -> bool:
    """Say whether no package has a final version."""
    return all(one.version.is_prerelease for one in story.releases)


# Fill


def filled(story: Story, page: Page | None) -> bool:
    """Say whether the page has every file; one that nobody can change any more has what it has."""
    return page is not None and (page.is_immutable or not [*_absent(story, page)])


def fill(story: Story, page: Page | None, dist: Path) -> None:
    """Attach what is missing, from `dist` or else from the index."""
    page = story.insist_on(page)
    sources = {
        one.filename: (release.name, one)
        for release in story.releases
        for one in release.distributions
    }
    for name in _absent(story, page):
        path = dist / name
        if name == SUMS:
            path.write_text(sums(files(story)), encoding="utf-8", newline="\n")
        elif not is_built(path, sources[name][1]):
            story.world.index.download(*sources[name], path)
        story.github.attach(page, path)


def is_built(path: Path, one: Distribution) -> bool:
    """Say whether `path` is that very file; building it again may have made other bytes."""
    return path.exists() and sha256_of(path) == one.sha256


def _absent(story: Story, page: Page) -> Iterator[str]:
    wanted = {one.filename: (one.size, one.sha256) for one in files(story)}
    content = sums(files(story)).encode()
    wanted[SUMS] = (len(content), hashlib.sha256(content).hexdigest())
    for name, (size, sha256) in wanted.items():
        # GitHub gives names with special characters, like `1!2.0`, others.
        same = (one for one in page.assets if one.sha256 == sha256 or one.name == name)
        if not any(
            one.is_complete and (one.size, one.sha256 or sha256) == (size, sha256) for one in same
        ):
            yield name


def sums(distributions: Sequence[Distribution]) -> str:
    """Return the sha256 of files as a text for `sha256sum --check`."""
    return "".join(f"{one.sha256}  {one.filename}\n" for one in distributions)


# Publish


def published(_story: Story, page: Page | None) -> bool:
    """Say whether everybody sees the page."""
    return page is not None and not page.is_draft


def publish(story: Story, page: Page | None) -> None:
    """Let everybody see the page; it is the latest where no higher final version is out."""
    story.github.publish(
        story.insist_on(page),
        story.tag,
        is_prerelease=is_prerelease(story),
        is_latest=is_latest(story),
    )


def is_latest(story: Story) -> bool:
    """Say whether users get this version of what the repository is about: no backport, no yank."""
    lead = story.plan
    if story.tag != lead.tag or lead.version.is_prerelease:
        return False
    files = story.world.index.files(lead.name)
    finals = [
        file.version
        for file in files
        if file.version and not file.version.is_prerelease and file.yanked is None
    ]
    is_yanked = any(file.version == lead.version and file.yanked is not None for file in files)
    return not is_yanked and lead.version >= max(finals, default=lead.version)


_unix = partial(re.sub, r"\r\n?", "\n")  # GitHub's own editor writes CRLF
