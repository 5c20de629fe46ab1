"""The JSON Schema of `[tool.nox-release]` says what the code and README say."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from importlib.metadata import EntryPoint
from typing import Any, get_type_hints

import pytest
from validate_pyproject.api import Validator
from validate_pyproject.errors import ValidationError
from validate_pyproject.plugins import PluginWrapper

from release import UsageError
from release.configuration import Configuration
from release.schema import tool_schema
from release.tables import parse
from tests.test_documents import ROOT, rows

SCHEMA = tool_schema("nox-release")
PROPERTIES: dict[str, dict[str, Any]] = SCHEMA["properties"]
FIELDS = {field.name.replace("_", "-"): field for field in fields(Configuration)}
TEXTS = {"type": "array", "items": {"type": "string"}}
KINDS: dict[object, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    int | None: {"type": "integer"},
    str: {"type": "string"},
    str | bool: {"type": ["string", "boolean"]},
    tuple[str, ...]: TEXTS,
    tuple[str, ...] | None: TEXTS,
}
ACCEPTED: list[dict[str, Any]] = [
    {},
    {"branch": "trunk", "remote": "upstream", "repository": "testpypi", "intent-ref": "refs/x"},
    {"branch": "", "index-url": ""},
    {"main": "push"},
    {"main": "pull-request"},
    {"tag": "{version}"},
    {"tag": "v{version}"},
    {"tag": "{version}/{version}"},
    {"tag": "rel_{major}_{minor}_{patch}"},
    {"tag": "{major}{{x}}{minor}-{patch}"},
    {"tag": "{{{version}}}"},
    {"scheme": "YYYY.MM.DD"},
    {"scheme": "YYYY.0M.0D.MICRO"},
    {"scheme": "YY.WW"},
    {"scheme": "0Y.0W.MAJOR.MINOR.MICRO"},
    {"scheme": "YY.MINOR", "next-dev": False},
    {"message": "Release {version}"},
    {"message": "Release\n\n{version}: {tag}"},
    {"test-command": ["tox", "-e", "py"]},
    {"version-files": ["docs/conf.py", "README.md:acme=={version}"]},
    {"version-command": ["python", "version.py"]},
    {"bump-command": ["make", "VERSION={version}", "{previous}"]},
    {"changelog": False},
    {"changelog": True},
    {"changelog": "docs/news.md"},
    {"next-dev": True},
    {"import-names": []},
    {"import-names": ["acme"]},
    {"install-check": False},
    {"sbom": True},
    {"build-environment": "kept"},
    {"build-environment": "fresh"},
    *({"reproducible": one} for one in ("auto", "required", "never")),
    {"build-constraints": "build.txt"},
    {"artifacts": []},
    {"artifacts": ["*.tar.gz", "*-win_amd64.whl"]},
    {"generated": ["acme/_*.py"]},
    {"max-file-size": 500},
    {"attestations": "auto"},
    {"attestations": "required"},
    {"attestations": "never"},
    {"sigstore-trust-config": "trust.json"},
    {"required-checks": []},
    {"required-checks": ["all-green"]},
    {"candidate-branches": "rc/*"},
    {"acknowledge": ["Docs are ready"]},
    {"patience": 1},
    {"uploads": 1},
]
REFUSED: list[dict[str, Any]] = [
    {"colour": "blue"},
    {"version_files": []},
    {"main": "merge"},
    {"main": ""},
    {"build-environment": "shared"},
    {"attestations": "always"},
    {"reproducible": True},
    {"tag": ""},
    {"tag": "v1.2.3"},
    {"tag": "{{version}}"},
    {"tag": "{version}{"},
    {"tag": "{version}}"},
    {"tag": "{version!r}"},
    {"tag": "{version:x}"},
    {"tag": "{version}{tag}"},
    {"tag": "{major}.{minor}"},
    {"tag": "-{version}"},
    {"scheme": ""},
    {"scheme": "MM.DD"},
    {"scheme": "YYYY.DD"},
    {"scheme": "YYYY.WW.DD"},
    {"scheme": "YYYY.MICRO.MINOR"},
    {"scheme": "YYYY-MM"},
    {"scheme": "YYYY", "next-dev": True},
    {"message": "Release"},
    {"message": "-m {version}"},
    *({f"{kind}-command": []} for kind in ("test", "version", "bump")),
    {"intent-ref": "release"},
    *({key: "-x"} for key in ("branch", "remote", "repository", "index-url", "intent-ref")),
    *({key: 1} for key, field in FIELDS.items() if "int" not in field.type.split(" | ")),
    *({key: [1]} for key in FIELDS),
    *({key: {"a": "b"}} for key in FIELDS),
    *({key: "x"} for key, field in FIELDS.items() if "str" not in field.type.split(" | ")),
    {"bump-command": []},
    {"bump-command": ["make", "bump", "{previous}"]},
    {"bump-command": ["{ver", "sion}"]},
    {"changelog": "-x"},
    {"branch": True},
    {"max-file-size": 0},
    {"patience": 0},
    {"uploads": 0},
    {"patience": True},
    {"patience": 1.5},
]


def is_accepted_by_the_code(table: dict[str, Any]) -> bool:
    try:
        Configuration.load(table)
    except UsageError:
        return False
    return True


@pytest.fixture(scope="module")
def validate() -> Validator:
    """validate-pyproject as it is with our entry point, and no other."""
    group = "validate_pyproject.tool_schema"
    pyproject = parse((ROOT / "pyproject.toml").read_bytes())
    ((name, value),) = pyproject["project"]["entry-points"][group].items()
    entry = EntryPoint(name=name, value=value, group=group)
    return Validator(plugins=[PluginWrapper(entry.name, entry.load())])


@pytest.mark.parametrize("table", ACCEPTED, ids=json.dumps)
def test_a_good_table_passes(validate: Validator, table: dict[str, Any]) -> None:
    assert is_accepted_by_the_code(table)
    validate({"tool": {"nox-release": table}})


@pytest.mark.parametrize("table", REFUSED, ids=json.dumps)
def test_what_the_code_refuses_the_schema_refuses(
    validate: Validator, table: dict[str, Any]
) -> None:
    assert not is_accepted_by_the_code(table)
    with pytest.raises(ValidationError, match=r"tool\.nox-release"):
        validate({"tool": {"nox-release": table}})


def test_every_key_has_a_good_and_a_bad_value_here() -> None:
    for tables in (ACCEPTED, REFUSED):
        assert {key for table in tables for key in table} >= FIELDS.keys()


def test_keys_and_types_are_those_of_the_code() -> None:
    assert PROPERTIES.keys() == FIELDS.keys()
    kinds = get_type_hints(Configuration)
    for key, field in FIELDS.items():
        kind = KINDS[kinds[field.name]]
        assert {name: PROPERTIES[key].get(name) for name in kind} == kind, key


def test_defaults_and_descriptions_are_those_of_readme() -> None:
    documented = {row[0].strip("`"): row[1:] for row in rows("Configuration")}
    assert documented.keys() == PROPERTIES.keys()
    for key, (default, sentence) in documented.items():
        told: dict[str, object] = {"description": re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", sentence)}
        if (value := as_json(default)) is not None:
            told["default"] = value
            own = FIELDS[key].default
            assert value == (list(own) if isinstance(own, tuple) else own), key
        kept = {name: PROPERTIES[key][name] for name in ("description", "default")
                if name in PROPERTIES[key]}  # fmt: skip
        assert kept == told, key


def as_json(cell: str) -> object:
    """The value that a cell of README holds as code, None for words."""
    try:
        return json.loads(cell.removeprefix("`").removesuffix("`"))
    except ValueError:
        return None


def test_the_schema_says_which_it_is() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert SCHEMA["$id"].endswith("/partial-nox-release.json")
    assert SCHEMA["title"]
