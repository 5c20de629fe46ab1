"""The JSON Schema of `[tool.nox-release]`, for editors and for validate-pyproject.

https://validate-pyproject.readthedocs.io/en/latest/dev-guide.html
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def tool_schema(_: str) -> dict[str, Any]:
    """Return the JSON Schema of nox-release's own table in pyproject.toml."""
    file = resources.files("release") / "templates" / "nox-release.schema.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema
