"""What a release changes in one file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A file's bytes before and after; None where there is none: it is new, or removed.

    `mode` is that of a tree, like `100755`; "" keeps the one that the file has.
    """

    path: str
    before: bytes | None
    after: bytes | None
    mode: str = ""

    def diff(self) -> str:
        """Return the change as a unified diff."""
        sides = [self.before, self.after]
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        new = "/dev/null" if self.after is None else f"b/{self.path}"
        before, after = (
            (data or b"").decode("utf-8", "replace").splitlines(keepends=True) for data in sides
        )
        rows = difflib.unified_diff(before, after, old, new, n=1)
        return "\n".join(row.rstrip("\r\n") for row in rows)
