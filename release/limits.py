"""What is tried again at GitHub, and how long its rate limits are waited for."""

from __future__ import annotations

from typing import Any

from github import RateLimitExceededException
from github.GithubRetry import GithubRetry

READING = frozenset({"GET", "HEAD"})
REFUSED = {403, 429}  # how GitHub says that a limit is reached: nothing has been done


class Again(GithubRetry):
    """Reads are tried again; what writes only after a rate limit, as nothing was done then.

    A limit that asks for more than `longest` seconds ends it.
    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    """

    def __init__(self, longest: float, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own
        self.longest = longest
        own = {"allowed_methods": READING, "max_rate_limit_wait": longest}
        # Where the connection breaks below HTTP, urllib3 itself would send anything again.
        super().__init__(**{"total": 4, "other": 0, "backoff_factor": 0.5, **kwargs, **own})

    def new(self, **kwargs: Any) -> Again:  # noqa: ANN401
        """Return the same with what is left of it."""
        return super().new(longest=self.longest, **kwargs)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:  # noqa: FBT001, FBT002
        """Say whether an answer is worth another try."""
        return status_code in REFUSED or super().is_retry(method, status_code, has_retry_after)

    def increment(self, *args: Any, **options: Any) -> Again:  # noqa: ANN401
        """Count a failure; the exception that this raises ends it."""
        answer = options.get("response")
        pause = self.get_retry_after(answer) if answer is not None else None
        if answer is not None and pause and pause > self.longest:
            words = {"message": f"a rate limit is reached; it ends in {pause:.0f} s"}
            raise RateLimitExceededException(answer.status, words, dict(answer.headers))
        again: Again = super().increment(*args, **options)  # type: ignore[assignment]
        return again
