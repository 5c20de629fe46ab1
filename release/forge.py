"""What GitHub has, as frozen data: test runs, pull requests and release pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from github.GitRelease import GitRelease

GREEN = {"success", "neutral", "skipped"}  # conclusions of check runs, and states of statuses
UNTAGGED = "untagged-"  # how the tag of a draft begins for which nobody has chosen one


@dataclass(frozen=True, kw_only=True)
class TestRun:
    """A check run or a commit status; `state` is what GitHub calls conclusion or state.

    `""` = it hasn't ended. Of the runs of one name in one workflow, this is the newest.
    """

    name: str
    state: str
    url: str

    @property
    def is_pending(self) -> bool:
        """Say whether it hasn't ended."""
        return self.state in {"", "pending"}

    @property
    def is_green(self) -> bool:
        """Say whether it ended well."""
        return self.state in GREEN


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """An open one; `milestone` is that one's title, "" where there is none."""

    number: int
    title: str
    url: str
    labels: frozenset[str]
    milestone: str


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file of a release page; `sha256` is "" where GitHub doesn't say it."""

    id: int
    name: str
    size: int
    sha256: str
    is_complete: bool


@dataclass(frozen=True, kw_only=True)
class Page:
    """A release on GitHub: the page that tells users of a tag."""

    id: int
    tag: str
    title: str
    body: str
    url: str
    is_draft: bool
    is_prerelease: bool
    is_immutable: bool
    assets: tuple[Asset, ...]

    @classmethod
    def of(cls, one: GitRelease) -> Page:
        """Read what PyGithub has."""
        return cls(
            id=one.id,
            tag=one.tag_name,
            title=one.name or "",
            body=one.body or "",
            url=one.html_url,
            is_draft=one.draft,
            is_prerelease=one.prerelease,
            is_immutable=bool(one.immutable),
            assets=tuple(
                Asset(
                    id=asset.id,
                    name=asset.name,
                    size=asset.size,
                    sha256=(asset.digest or "").removeprefix("sha256:"),
                    is_complete=asset.state == "uploaded",
                )
                for asset in one.assets
            ),
        )

    def asset(self, name: str) -> Asset | None:
        """Return the file of this name, None where there is none."""
        return next((one for one in self.assets if one.name == name), None)

    def is_of(self, tag: str, *titles: str) -> bool:
        """Say whether it is the page of a tag, or a draft that is called by it or a title.

        One that names another tag is another release's.
        """
        is_free = self.tag.startswith(UNTAGGED) or self.tag in {"", *titles}
        return self.tag == tag or (is_free and self.title in {tag, *titles})
