"""What a maintainer sees on a terminal, and what others see instead."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from release import Problem, Refused
from release.console import Console
from tests.faults import hostile, yanked
from tests.test_status import put
from tests.test_uploads import sink, wheel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.stage import Stage

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on Windows")


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def on_a_terminal(stage: Stage, answer: str, *args: str) -> tuple[int, str]:
    """Run the command line on a terminal, answer its one question, and return what was shown."""
    return shown_on_a_terminal(["-m", "release", *args], stage.clone, {"[y/n]": answer})


def shown_on_a_terminal(
    args: list[str], cwd: Path, answers: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, *args],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        start_new_session=True,
    )
    os.close(theirs)
    shown, left = "", dict(answers)
    while True:
        try:
            shown += os.read(ours, 1 << 16).decode("utf-8", "replace")
        except OSError:  # Linux says «input/output error» at the end
            break
        for question in [one for one in left if one in shown]:
            os.write(ours, f"{left.pop(question)}\n".encode())
    os.close(ours)
    return child.wait(timeout=60), shown


def test_it_asks_once_and_takes_no_for_an_answer(stage: Stage) -> None:
    before = stage.state()
    code, shown = on_a_terminal(stage, "n", "publish", "minor")
    assert code == 1
    assert "Publish acme 1.3.0 to" in shown
    assert "not confirmed; nothing has changed" in shown
    assert stage.state() == before


def test_it_asks_once_and_goes_on(stage: Stage) -> None:
    code, shown = on_a_terminal(stage, "y", "publish", "minor")
    assert code == 0, shown
    assert shown.count("[y/n]") == 1
    assert "\x1b[" in shown, "colours and live lines"
    assert "acme-1.3.0.tar.gz" in shown
    assert len(stage.published()) == 2


def test_a_password_is_asked_for_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWINE_PASSWORD")
    args = ["-m", "release", "publish", "minor", "--skip-tests"]
    answers = {"Enter your password": stage.password, "[y/n]": "y"}
    code, shown = shown_on_a_terminal(args, stage.clone, answers)
    assert code == 0, shown
    assert shown.count("Enter your password") == 1
    assert len(stage.published()) == 2


def test_yes_means_that_it_does_not_ask(stage: Stage) -> None:
    code, shown = on_a_terminal(stage, "", "publish-rc", "minor", "--yes")
    assert code == 0, shown
    assert "[y/n]" not in shown


SEND = """
import pathlib, sys
from tests.test_uploads import send
send(sys.argv[1], sorted(pathlib.Path(sys.argv[2]).iterdir()), 2)
"""


def test_many_uploads_are_one_bar(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for number in range(20):
        wheel(tmp_path, number)
    with sink() as server:
        args = ["-c", SEND, server.url, str(tmp_path)]
        code, shown = shown_on_a_terminal(args, request.config.rootpath)
    assert code == 0, shown
    counts = [int(count) for count in re.findall(r"Upload 19 wheels  (\d+) of 19 sent", shown)]
    assert counts
    assert counts == sorted(counts)
    assert re.search(r"━.*\d/\d.* kB", shown), "one bar of all bytes"
    up = "\x1b[1A\x1b[2K"  # clears a row; at the end of a step, all that there were
    assert up * 2 in shown
    assert up * 3 not in shown


def test_the_page_to_yank_on_is_opened_on_a_terminal_only(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stage, "1.3.0")
    opened = tmp_path / "opened"
    browser = tmp_path / "browser.py"
    browser.write_text(
        f"import pathlib, sys; pathlib.Path({str(opened)!r}).write_text(sys.argv[1])",
        encoding="utf-8",
    )
    monkeypatch.setenv("BROWSER", f"{sys.executable} {browser} %s")
    with hostile(stage.url) as proxy:
        proxy.headers["X-PyPI-Last-Serial"] = "7"
        proxy.rewrite = lambda page: yanked("acme-", "bad", page) if opened.exists() else page
        command = ["yank", "1.3.0", "--reason", "bad", "--repository", proxy.url]
        code, _ = on_a_terminal(stage, "", *command, "--dry-run")
        assert (code, opened.exists()) == (0, False)
        child = stage.spawn(*command)
        assert child.stdout
        assert any("waiting until" in row for row in child.stdout)
        child.kill()
        child.communicate()
        assert not opened.exists()
        code, shown = on_a_terminal(stage, "", *command)
        assert code == 0, shown
        page = f"{proxy.url}manage/project/acme/release/1.3.0/"
        assert page in shown
        assert opened.read_text(encoding="utf-8") == page


def test_no_colour_is_no_colour(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _, shown = on_a_terminal(stage, "", "publish", "minor", "--dry-run")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown)


def test_long_lines_are_not_broken_without_a_terminal(stage: Stage) -> None:
    message = "Release {version} " + "x" * 200
    pyproject = (stage.clone / "pyproject.toml").read_text(encoding="utf-8")
    table = f'message = "{message}"\n'
    stage.commit({"pyproject.toml": pyproject + table})
    assert "x" * 200 in stage.run("publish", "minor", "--dry-run").out


def test_no_secret_and_no_credentials_in_a_url_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = Console(as_json=True, secrets=['pypi-"canary'])
    console.say('token pypi-"canary at https://user:canary@example.org/')
    with console.step("Push to https://canary@example.org/"):
        pass
    console.problems(Refused((Problem('no pypi-"canary', "git push https://u:canary@x/"),)))
    console.close(1)
    captured = capsys.readouterr()
    assert "canary" not in captured.out + captured.err
    assert "https://***@example.org/" in captured.err


def test_a_terminal_without_unicode_gets_plain_marks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    done = subprocess.run(
        [sys.executable, "-m", "release", "build"],
        cwd=stage.clone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^ *ok Build", done.stdout, re.MULTILINE), done.stderr


def test_nobody_has_to_read_to_the_end(stage: Stage) -> None:
    with stage.spawn("publish", "minor", "--dry-run", "--skip-tests") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == 0
    assert said == ""
