"""A command imports what it needs: the first answer comes at once."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version

import pytest

LIGHT = {"release.about", "release.arguments"}
# Slow to import, and of no use where nothing is done.
SLOW = {"dataclasses", "inspect", "importlib.metadata", "subprocess", "tempfile", "json", "email"}


def imported(*args: str) -> set[str]:
    """The modules that Python imports for a command, its own start aside."""
    command = [sys.executable, "-X", "importtime", *args]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(re.findall(r"^import time:[ |\d]+\| +(\S+)$", done.stderr, re.MULTILINE))


@pytest.mark.parametrize("verb", [[], ["publish"], ["status"]], ids=" ".join)
def test_help_needs_no_more_than_the_arguments(verb: list[str]) -> None:
    modules = imported("-m", "release", *verb, "--help") - imported("-c", "pass")
    assert {one for one in modules if one.startswith("release.")} == LIGHT
    assert not {one.partition(".")[0] for one in modules} - {*sys.stdlib_module_names, "release"}
    assert not modules & SLOW


def test_the_version_is_that_of_the_distribution() -> None:
    command = [sys.executable, "-m", "release", "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"nox-release {version('nox-release')}\n"
