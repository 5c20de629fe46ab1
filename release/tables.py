"""TOML that others wrote: a value of the right kind at its keys, or an error that says where."""

from __future__ import annotations

import sys
from typing import Any

from release import ReleaseError

if sys.version_info >= (3, 11):
    import tomllib as tomllib  # noqa: PLC0414 - for others too
else:
    import tomli as tomllib

BOM = b"\xef\xbb\xbf"


def parse(data: bytes) -> dict[str, Any]:
    """Parse TOML; `ValueError` where it is broken, or isn't UTF-8."""
    return tomllib.loads(data.removeprefix(BOM).decode())


def table_at(data: Any, *keys: str) -> dict[str, Any]:  # noqa: ANN401 - TOML
    """Return the table at `keys`, empty where there is none; another kind is a `ReleaseError`."""
    for depth in range(len(keys) + 1):
        if not isinstance(data, dict):
            at = ".".join(keys[:depth])
            raise ReleaseError(f"pyproject.toml is broken: {at} must be a table")
        data = data.get(keys[depth], {}) if depth < len(keys) else data
    table: dict[str, Any] = data
    return table


def text_at(data: Any, *keys: str) -> str:  # noqa: ANN401 - TOML
    """Return the string at `keys`, empty where there is none; another kind is a `ReleaseError`."""
    value = table_at(data, *keys[:-1]).get(keys[-1], "")
    if not isinstance(value, str):
        at = ".".join(keys)
        raise ReleaseError(f"pyproject.toml is broken: {at} must be a string, not {value!r}")
    return value


def texts_at(data: Any, *keys: str) -> list[str]:  # noqa: ANN401 - TOML
    """Return the list of strings at `keys`, empty where there is none; else `ReleaseError`."""
    value = table_at(data, *keys[:-1]).get(keys[-1], [])
    if not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise ReleaseError(f"pyproject.toml is broken: {'.'.join(keys)} must be a list of strings")
    return value


def value_at(data: Any, *keys: str) -> Any:  # noqa: ANN401 - TOML, JSON
    """Return whatever is at `keys`, None where there is nothing."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
