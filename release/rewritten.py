"""Files that a build rewrites in the sdist, and whether they mean the same as before."""

from __future__ import annotations

import configparser
import posixpath
import re
from typing import TYPE_CHECKING, Any

from release.tables import parse, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

QUOTES = ("", '"', "'")
WORD = re.compile(r"""(["']?)[\w.+!-]*\1""")
EGG_INFO = {"egg_info": {"tag_build": "", "tag_date": "0"}}  # what setuptools adds to setup.cfg


def means_the_same(path: str, before: bytes, after: bytes, version: str) -> bool:
    """Say whether a file of an sdist of `version` differs in form from that in git, or in that."""
    same = SAME.get(posixpath.basename(path))
    try:
        return (same and same(before, after)) or _is_stamped(before, after, version)
    except (ValueError, configparser.Error):
        return False


def _is_stamped(before: bytes, after: bytes, version: str) -> bool:
    """Say whether the version was put in place of a word or number, and nothing else changed."""
    old, new = (data.decode().splitlines() for data in (before, after))
    rows = [pair for pair in zip(old, new, strict=False) if pair[0] != pair[1]]
    return len(old) == len(new) and all(_is_stamped_row(*pair, version) for pair in rows)


def _is_stamped_row(one: str, other: str, version: str) -> bool:
    spelled = "|".join(re.escape(f"{quote}{version}{quote}") for quote in reversed(QUOTES))
    for found in re.finditer(spelled, other):
        start, end = other[: found.start()], other[found.end() :]
        word = one.removeprefix(start).removesuffix(end)
        if WORD.fullmatch(word) and one == start + word + end:
            return True
    return False


def _same_pyproject(before: bytes, after: bytes) -> bool:
    """Compare two pyproject.toml: uv_build sorts them, pdm fills in what is dynamic."""
    old, new = parse(before), parse(after)
    told = value_at(old, "project", "dynamic")
    free = {"dynamic", *(told if isinstance(told, list) else ())}
    moved = [("tool", "maturin", "manifest-path")]  # where the crate isn't beside it
    keys = [*(("project", key) for key in free), *moved]
    return _without(old, keys) == _without(new, keys)


def _same_cargo(before: bytes, after: bytes) -> bool:
    """Compare two Cargo.toml: maturin leaves out members of the workspace that aren't packed."""
    keys = [("workspace", "members"), ("workspace", "default-members"), ("package", "readme")]
    return _without(parse(before), keys) == _without(parse(after), keys)


def _same_setup_cfg(before: bytes, after: bytes) -> bool:
    """Compare two setup.cfg: setuptools adds a section of its own."""
    old, new = _sections(before), _sections(after)
    return new in ({**EGG_INFO, **old}, old)


def _sections(data: bytes) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read_string(data.decode())
    return {name: dict(section) for name, section in parser.items() if section}


def _without(table: dict[str, Any], keys: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Return a table without what is at some keys, and without tables that are empty then."""
    kept: dict[str, Any] = {}
    for name, value in table.items():
        if (name,) in keys:
            continue
        below = [path[1:] for path in keys if path[0] == name]
        kept[name] = _without(value, below) if isinstance(value, dict) and below else value
    return kept


SAME: dict[str, Callable[[bytes, bytes], bool]] = {
    "pyproject.toml": _same_pyproject,
    "Cargo.toml": _same_cargo,
    "setup.cfg": _same_setup_cfg,
}
