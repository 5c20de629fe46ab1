"""The lock of what releases run with: exact versions, and the hashes of their files.

Run as a program, which needs nothing but Python, it prints the path of the lock for an installer;
nothing where all is there as it says.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

LOCK = Path(__file__).with_name("requirements.txt")
RECORD = "nox-release.locked"  # in an environment: what it had when that was looked at


def main() -> None:
    """Print the path of the lock unless this environment has what it says.

    That takes as long as an installer of its own; where it was so, it is recorded, for as long as
    the same packages are there.
    """
    lock, there = LOCK.read_text(encoding="utf-8"), installed(sys.path)
    record, now = Path(sys.prefix, RECORD), "\n".join([*there, lock])
    with suppress(OSError):
        if record.read_text(encoding="utf-8") == now:
            return
    if not is_met(lock, there):
        print(LOCK)  # noqa: T201
        return
    with suppress(OSError):
        record.write_text(now, encoding="utf-8")


def installed(folders: list[str]) -> list[str]:
    """Return the names of what tells of an installed package: NAME-VERSION.dist-info."""
    return sorted(path.name for one in folders for path in Path(one).glob("*.dist-info"))


def is_met(lock: str, there: list[str]) -> bool:
    """Say whether what is there is just what a lock says for this Python and this system."""
    try:
        from packaging.utils import canonicalize_name
    except ImportError:  # the lock has it
        return False
    names = (name.removesuffix(".dist-info").rpartition("-") for name in there)
    found = {(canonicalize_name(name), version) for name, _, version in names}
    return all(
        (pin.name, str(pin.specifier).removeprefix("==")) in found
        for pin in pins(lock)
        if not pin.marker or pin.marker.evaluate()
    )


def pins(lock: str) -> list[Requirement]:
    """Return the requirements of a lock, without their hashes."""
    import re

    from packaging.requirements import Requirement

    return [Requirement(text) for text in re.findall(r"^(\w[^\\\n]*?) *\\?$", lock, re.MULTILINE)]


if __name__ == "__main__":
    main()
