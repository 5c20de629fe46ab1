"""The pictures in README are what a maintainer really sees; `--draw` draws them anew."""

from __future__ import annotations

import io
import os
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console as Recorder
from rich.text import Text

from release.__main__ import VERBS
from release.arguments import parser
from release.console import Console
from release.world import secret_values
from tests.hub import told
from tests.test_readiness import CHANGELOG

if TYPE_CHECKING:
    import pytest

    from tests.stage import Stage

FOLDER = Path(__file__).parents[1] / ".github/pictures"
WIDTH = 96  # columns
COMMAND = ("publish", "minor")


def seen(stage: Stage, *args: str) -> str:
    """What a command prints, with the colours that a terminal gets."""
    console = Console(secrets=secret_values())
    console.tick, console.cross, console.arrow = "✓", "✗", "→"
    console.terminal = recorder()  # type: ignore[assignment]  # it records
    stage.monkeypatch.chdir(stage.clone)
    options = parser().parse_args([*args])
    options.again = "nox -s publish_release -- minor"
    VERBS[options.verb](options, console)
    text = console.terminal.export_text(styles=True)
    github = os.environ["GITHUB_API_URL"]
    addresses = {stage.url: "http://127.0.0.1:8080/", github: "https://github.com"}
    for address, other in {**addresses, "../remote.git": "git@github.com:acme/acme.git"}.items():
        text = text.replace(address, other)
    return settled(text)


def recorder() -> Recorder:
    return Recorder(
        file=io.StringIO(), record=True, width=WIDTH, highlight=False, color_system="truecolor"
    )


def settled(text: str) -> str:
    """The text without what differs from run to run, and what tests print without a terminal."""
    today = datetime.now(timezone.utc).date().isoformat()
    text = re.sub(r"^(    nox > .*|  Run the tests: .*)\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\b[0-9a-f]{9}\b", "5f0c1de83", text)
    text = re.sub(r"  \d+\.\d s(?=,|\x1b|$)", "", text, flags=re.MULTILINE)
    return text.replace(today, "2026-11-22")


def drawn(text: str, name: str) -> str:
    canvas = recorder()
    canvas.print(Text.from_ansi(text.strip("\n")))
    title = "nox -s publish_release -- minor"
    return canvas.export_svg(title=title, unique_id=name)


def test_the_pictures_are_what_is_seen(stage: Stage, request: pytest.FixtureRequest) -> None:
    with told(stage):
        assert stage.hub
        acme = stage.hub.repositories["acme/acme"]
        acme.check_run("tests", stage.commit({"CHANGELOG.md": CHANGELOG}))
        plan = seen(stage, *COMMAND, "--dry-run")
        whole = seen(stage, *COMMAND)
    end = whole[whole.index("✓") - 8 :]
    for name, text in {"plan": plan, "release": end.lstrip("\x1b[032m ")}.items():
        picture, path = drawn(text, name), FOLDER / f"{name}.svg"
        if request.config.option.draw:
            path.parent.mkdir(exist_ok=True)
            path.write_text(picture, encoding="utf-8", newline="\n")
        assert path.read_text(encoding="utf-8") == picture, "pytest tests/test_pictures.py --draw"
