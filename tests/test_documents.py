"""What README and noxfile promise is what the code does."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

import release
from release import ReleaseError
from release.configuration import Configuration
from release.init import template
from release.version import PARTS, Bump, next_version

if TYPE_CHECKING:
    from tests.stage import Stage

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return re.split(r"\n##+ ", README.split(f"# {title}\n", 1)[1])[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's tables, without heads and rules."""
    found = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in found]
    rules = [number for number, row in enumerate(cells) if set(row[0]) == {"-"}]
    heads = {number - 1 for number in rules} | set(rules)
    return [row for number, row in enumerate(cells) if number not in heads]


def test_every_configuration_key_is_documented() -> None:
    keys = {
        field.name.replace("_", "-"): field.default for field in dataclasses.fields(Configuration)
    }
    documented = {row[0].strip("`"): row[1] for row in rows("Configuration")}
    assert documented.keys() == keys.keys()
    for key, default in keys.items():
        if default:
            assert documented[key] == f"`{json.dumps(default)}`"


def test_every_option_is_documented() -> None:
    documented = {
        (verb.strip("` "), row[0].strip("`").split()[0])
        for row in rows("Sessions and options")
        if row[0].startswith("`--")
        for verb in ("all" if row[1] == "all" else row[1]).split(",")
    }
    for verb in (
        "publish",
        "publish-rc",
        "status",
        "yank",
        "build",
        "rehearse",
        "init",
        "explain",
        "prepare",
        "checkout",
        "try",
        "sbom",
    ):
        text = subprocess.run(
            [sys.executable, "-m", "release", verb, "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        options = set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE))
        wanted = {option for of, option in documented if of in {verb, "all"}}
        assert options == wanted, verb


def test_the_table_of_levels_is_computed() -> None:
    for currents, *results in rows("Levels"):
        for current in currents.split(", "):
            for level, said in zip(("patch", "minor", "major", "current"), results, strict=True):
                bump = Bump(target=level)
                if "refused" in said:
                    with pytest.raises(ReleaseError):
                        next_version(Version(current), bump, ())
                else:
                    assert str(next_version(Version(current), bump, ())) == said, (current, level)
    assert PARTS == ("major", "minor", "patch")


def test_a_bare_nox_publishes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nox", "--list", "--json", "--noxfile", str(ROOT / "noxfile.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    sessions = {one["session"] for one in json.loads(done.stdout)}
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "--list", "--noxfile", str(ROOT / "noxfile.py")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    by_default = set(re.findall(r"^\* (\w+)", listed, re.MULTILINE))
    assert sessions >= by_default == {"tests", "lint"}
    offered = set(re.findall(r"^- (\w+)", listed, re.MULTILINE))
    publishing = {"rehearse", "publish_rc", "publish_release", "status", "yank"}
    own = {"adoption", "benchmark", "torture", "workflows", "build", "lock"}
    assert offered == {*own, *publishing}


def test_sessions_do_not_run_a_module_of_the_project() -> None:
    for text in (README, (ROOT / "noxfile.py").read_text(encoding="utf-8")):
        assert '"python", "-I", "-m", "release"' in text


def test_the_sessions_to_adopt_are_those_that_init_writes() -> None:
    assert template("noxfile.py") in README


def test_what_explain_tells_is_documented(stage: Stage) -> None:
    pyproject = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme"
dynamic = ["version"]

[tool.hatch.version]
path = "src/acme/__about__.py"
"""
    stage.commit(
        {
            "pyproject.toml": pyproject,
            "src/acme/__about__.py": '"""Acme."""\n\n__version__ = "1.2.3"\n',
            "docs/conf.py": 'release = "1.2.2"\n',
            "uv.lock": '[[package]]\nname = "acme"\nversion = "1.2.3"\n',
        }
    )
    stage.git("remote", "set-url", "--push", "origin", "git@example.org:acme/acme.git")
    told = stage.run("explain").out.replace(stage.url, "http://127.0.0.1:8080/")
    assert f"```text\n{told}```\n" in README


def test_the_exit_codes_are_documented() -> None:
    assert [row[0] for row in rows("Exit codes")] == ["0", "1", "2", "3", "130"]


def test_the_tour_is_complete_and_each_room_imports_from_those_below_it() -> None:
    tour = re.findall(r"^`(\w+)` ", release.__doc__ or "", re.MULTILINE)
    rooms = {path.stem: path for path in (ROOT / "release").glob("*.py")}
    del rooms["__init__"]
    assert sorted(tour) == sorted(rooms)
    for place, room in enumerate(tour):
        above = {*tour[: place + 1]}
        for node in ast.walk(ast.parse(rooms[room].read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "release":
                assert not above & {alias.name for alias in node.names}, room
            elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("release."):
                assert str(node.module).split(".")[1] not in above, f"{room} from {node.module}"


def test_every_line_about_security_names_tests_that_are_there() -> None:
    text = (ROOT / ".github/SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    lines = [line for line in rows if not line.endswith("| shown by |")]
    assert len(lines) > 30
    for line in lines:
        named = re.findall(r"`(tests/\w+\.py)::(\w+)`", line.rpartition(" | ")[2])
        assert named, line
        for path, name in named:
            assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name
