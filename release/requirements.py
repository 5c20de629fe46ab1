"""What a package declares to require: in pyproject.toml, setup.cfg or setup.py."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from release.layout import setup_cfg
from release.tables import value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.places import Files

QUOTED = re.compile(r"[\"']([^\"'\r\n]+==[^\"'\r\n]+)[\"']")
EXACT = re.compile(r"\s*(?:==)?\s*(\d[\w.!+]*)\s*")  # as Poetry writes it


def required(pyproject: dict[str, Any], files: Files) -> list[Requirement]:
    """Return what a package always requires; of setup.py, what it wants in exactly one version."""
    setup_py = (files.read("setup.py") or b"").decode("utf-8", "replace")
    poetry = value_at(pyproject, "tool", "poetry", "dependencies")
    return [
        *_parsed(value_at(pyproject, "project", "dependencies")),
        *_parsed(_options(files).get("install_requires", "").splitlines()),
        *_parsed(QUOTED.findall(setup_py)),
        *_parsed(_of_poetry(poetry)),
    ]


def optional(pyproject: dict[str, Any], files: Files) -> list[Requirement]:
    """Return what the extras of a package require."""
    extras = value_at(pyproject, "project", "optional-dependencies")
    lists = [*extras.values()] if isinstance(extras, dict) else []
    lists += [text.splitlines() for text in _options(files, ".extras_require").values()]
    return [one for texts in lists for one in _parsed(texts)]


def pinned(requirement: Requirement) -> Version | None:
    """Return the one version that a requirement takes, None where it takes others, too."""
    exact = [one for one in requirement.specifier if one.operator in {"==", "==="}]
    with suppress(InvalidVersion):  # 1.2.*
        return Version(exact[0].version) if exact else None
    return None


def _options(files: Files, more: str = "") -> dict[str, str]:
    with suppress(ValueError, LookupError):  # broken, or there is no such section
        return dict(setup_cfg((files.read("setup.cfg") or b"").decode())[f"options{more}"])
    return {}


def _of_poetry(table: object) -> list[str]:
    """Return Poetry's requirements as the others write them, exact versions with `==`."""
    named = table.items() if isinstance(table, dict) else ()
    told = ((name, EXACT.fullmatch(str(version))) for name, version in named)
    return [f"{name}=={exact[1]}" if exact else str(name) for name, exact in told]


def _parsed(texts: object) -> Iterator[Requirement]:
    for text in texts if isinstance(texts, list) else []:
        with suppress(InvalidRequirement, TypeError):
            yield Requirement(text)
