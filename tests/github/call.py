"""A valid request to the stand-in, and what it may be answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.github.forge import Forge, Release, Repository, Token

T = TypeVar("T")
DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status and a JSON value; None for no content."""

    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An error that the API describes."""

    def __init__(self, status: int, message: str, /, **error: str) -> None:
        super().__init__(message)
        code = {"errors": [error]} if error else {}
        content = {"message": message, "documentation_url": DOCUMENTATION, **code}
        more = {} if status == 422 else {"status": str(status)}
        self.answer = Answer(status=status, content=content | more)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came; not whole when the connection ended within its content."""

    method: str
    path: str
    query: dict[str, str]
    content: bytes
    content_type: str
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class Call:
    """A valid request: what it says in its path, its query and its JSON, and who asks."""

    forge: Forge
    base: str
    request: Request
    token: Token | None
    arguments: dict[str, Any]
    body: dict[str, Any]

    @property
    def full_name(self) -> str:
        return f"{self.arguments['owner']}/{self.arguments['repo']}"

    @property
    def may_push(self) -> bool:
        return bool(self.token and self.full_name in self.token.pushes)

    @property
    def login(self) -> str:
        return self.token.login if self.token else ""

    @property
    def repo(self) -> Repository:
        found = self.forge.repositories.get(self.full_name)
        may_read = self.token and self.full_name in self.token.reads
        if not found or (found.private and not may_read):
            raise Refusal(404, "Not Found")
        return found

    @property
    def writable(self) -> Repository:
        repo = self.repo
        if not self.token:
            raise Refusal(401, "Requires authentication")
        if not self.may_push:
            raise Refusal(403, "Resource not accessible by integration")
        return repo

    @property
    def release(self) -> Release:
        """Return the release in the path; only who may push sees drafts."""
        return only([one for one in self.visible if one.id == self.arguments["release_id"]])

    @property
    def visible(self) -> list[Release]:
        return [one for one in self.repo.releases if self.may_push or not one.draft]

    def page(self, found: Sequence[T]) -> tuple[Sequence[T], dict[str, str]]:
        """Return the page that is asked for, and the header that tells of the others."""
        size, page = max(1, min(self.arguments["per_page"], 100)), max(1, self.arguments["page"])
        last = ceil(len(found) / size)
        pages = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        near = {"prev", "first"} if page > 1 else set()
        near |= {"next", "last"} if page < last else set()
        address = self.base + self.request.path
        links = [
            f'<{address}?{urlencode(self.request.query | {"page": number})}>; rel="{name}"'
            for name, number in pages.items()
            if name in near
        ]
        headers = {"Link": ", ".join(links)} if links else {}
        return found[(page - 1) * size : page * size], headers


def only(found: Sequence[T]) -> T:
    """Return what was found."""
    if not found:
        raise Refusal(404, "Not Found")
    return found[0]
