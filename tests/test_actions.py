"""What GitHub Actions shows of a release, and what nobody can make it do by what a release says."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from release.actions import Actions, annotation, outputs, state, summary
from release.console import Console
from tests.faults import faulty
from tests.runner import assigned
from tests.stage import QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.github.forge import Forge
    from tests.stage import Result, Stage

EVIL = "::set-output name=tag::evil"
TOKEN = "pypi-AgEIcHlwaS5vcmc" + "x" * 60
PROJECT = "https://github.test/acme/acme"
PUBLISH = ("publish", "minor", "--skip-tests", "--waive", "test-run", "--waive", "notes")
PACKAGE = {"name": "acme", "previous": "1.2.3", "version": "1.3.0", "tag": "v1.3.0", "commit": "5f"}


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def step(hub: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which this process has the files of a step."""
    for key in ("STEP_SUMMARY", "OUTPUT"):
        monkeypatch.setenv(f"GITHUB_{key}", str(tmp_path / key))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.test")
    assert hub.repositories.keys() == {"acme/acme"}
    return tmp_path


def told(step: Path) -> tuple[str, dict[str, str]]:
    """What the step has said since it was asked last: its summary, and its outputs."""
    texts = []
    for key in ("STEP_SUMMARY", "OUTPUT"):
        texts.append((step / key).read_text(encoding="utf-8"))
        (step / key).unlink()
    return texts[0], assigned(texts[1])


def commands(done: Result) -> list[str]:
    """The lines that a runner would obey."""
    rows = (done.out + done.err).splitlines()
    return [row for row in rows if row.lstrip().startswith("::") or "##[" in row]


def test_published_and_asked_for_again(stage: Stage, step: Path) -> None:
    for number in range(2):
        done = stage.run(*PUBLISH)
        assert done.code == 0, done.err
        assert not commands(done)
        text, said = told(step)
        assert said == {
            "state": "published",
            "version": "1.3.0",
            "tag": "v1.3.0",
            "commit": stage.git("rev-parse", "v1.3.0^{commit}"),
            "index-url": f"{stage.url}simple/acme/",
            "release-url": f"{PROJECT}/releases/tag/v1.3.0",
        }
        assert "## acme 1.3.0: published\n" in text
        if number == 0:
            assert "| `acme` | `1.2.3 → 1.3.0` | [`v1.3.0`](" in text
            for one in stage.index.files("acme"):
                assert f"| `{one.filename}` | " in text
                assert f" | `{one.sha256}` |" in text
            assert "- tests: `skipped`\n- waived: `test-run`\n- waived: `notes`\n" in text
            assert "✓ Upload acme-1.3.0.tar.gz" in text
            assert "1. `Commit`\n" in text
            assert '-version = "1.2.3"' in text


def test_unfinished_abandoned_and_refused(stage: Stage, step: Path) -> None:
    with faulty(stage.url, ["503 3600"]) as url:
        done = stage.run(*PUBLISH, "--repository", url)
        assert done.code == 3
        text, said = told(step)
        assert "## acme 1.3.0: unfinished" in text
        assert "✗ Upload acme-1.3.0-py3-none-any.whl" in text
        assert (said["state"], said["tag"]) == ("unfinished", "v1.3.0")
        assert "release-url" not in said
        (error,) = commands(done)
        assert error.startswith("::error title=acme 1.3.0%3A unfinished::http")
        assert "--resume" in error
        assert stage.run("publish", "--abandon", "--repository", url).code == 0
        assert told(step)[1]["state"] == "abandoned"
    stage.write("acme.py", "work in progress\n")
    stage.monkeypatch.setenv("TWINE_PASSWORD", "wrong")
    done = stage.run(*PUBLISH, "--json")
    assert done.document["exit_code"] == 1
    text, said = told(step)
    assert said == {"state": "refused"}
    assert text.startswith(
        "## Release: refused\n\n```text\nthe working tree is not clean: acme.py\n"
    )
    assert "What to do:\n\n```text\ncommit it, or git stash -u\n```\n" in text
    tree, index = commands(done)
    assert tree == (
        "::error title=Release%3A refused::the working tree is not clean: acme.py"
        "%0Acommit it, or git stash -u"
    )
    assert "refuses these credentials" in index
    assert stage.run("status").code == 1
    assert "## acme: disagreement\n" in told(step)[0]
    assert stage.run("build").code == 0
    assert not (step / "OUTPUT").exists(), "it publishes nothing"


def test_no_runner_to_tell_is_no_failure(stage: Stage, step: Path) -> None:
    stage.monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step / "nowhere/file"))
    stage.monkeypatch.setenv("GITHUB_OUTPUT", "")
    assert stage.run("publish-rc", "minor", "--dry-run").code == 0


def test_commits_and_programs_give_the_runner_no_commands(stage: Stage, step: Path) -> None:
    """A subject, a changelog and a hook say what a runner would obey, in the log and as JSON."""
    changelog = f"# Changelog\n\n## Unreleased\n\n{EVIL}\n##[add-mask]acme\n"
    stage.commit({"CHANGELOG.md": changelog})
    stage.hook("pre-commit", f"echo '  {EVIL}'; echo '##[error]evil'; exit 1")
    for form in ([], ["--json"]):
        done = stage.run(*PUBLISH, *form)
        assert done.code == 1
        (error,) = commands(done)
        assert error.startswith("::error title=acme 1.3.0%3A refused::the release commit was")
        assert "set-output name=tag" in error
        assert told(step)[1]["tag"] == "v1.3.0"
    assert "\n##[add-mask]acme" in done.document["plan"]["notes"]["text"], "JSON is what it was"
    assert EVIL in done.document["plan"]["notes"]["text"]


@pytest.mark.parametrize(
    "text", [EVIL, f"one\n \t{EVIL}", f"\x1b[0m{EVIL}", "a ##[debug]b", "\u3000::x"]
)
def test_no_text_begins_a_command(text: str) -> None:
    console = Console()
    rows = console.clean(text).splitlines()
    assert not any(row.strip().startswith("::") or "##[" in row for row in rows)
    assert console.clean("a::b ## [1.0]") == "a::b ## [1.0]"


@pytest.mark.parametrize("form", ["it is {}", "Basic {}"])
def test_a_token_of_an_index_is_known_by_its_look(form: str) -> None:
    """One that is minted is known to twine alone."""
    basic = base64.b64encode(f"__token__:{TOKEN}".encode()).decode()
    assert Console().clean(form.format(TOKEN)) == form.format("***")
    assert Console().clean(form.format(basic)) == form.format("***")
    assert Console().clean("pypi-attestations 1.0") == "pypi-attestations 1.0"


def test_escapes_are_those_of_the_toolkit() -> None:
    assert annotation("a: b, 100%\n", "a: b, 100%\r\n::x") == (
        "::error title=a%3A b%2C 100%25%0A::a: b, 100%25%0D%0A::x"
    )


def test_markdown_cannot_be_broken_out_of() -> None:
    evil = "| `x` <img src=y>\n\n# no"
    document: dict[str, Any] = {
        "packages": {"acme": {**PACKAGE, "tag": evil, "files": []}},
        "plan": {"tests": [evil], "stale": [evil], "steps": [evil], "edits": {"a": "+```\n+# no"}},
        "problems": [{"message": f"````\n{evil}", "hint": evil}],
        "steps": [{"title": evil, "state": "failed", "seconds": 1.0, "remark": None}],
    }
    text = "\n".join(summary(document, "refused", PROJECT))
    outside = outside_of_code(text)
    assert "img" not in outside
    assert outside.count("# no") == 0
    head, row = (one for one in text.splitlines() if one.startswith(("| package", "| `acme")))
    assert row.replace("\\|", "").count("|") == head.count("|"), "no cell more"


def test_what_is_taken_out_of_a_text_breaks_no_code(step: Path) -> None:
    console = Console(secrets=["s3cret-s3cret"])
    message = "``\x00`\n<b>bold</b> s3cret-s3cret"
    console.document["problems"] = [{"message": message, "hint": ""}]
    actions = Actions(summary_file=str(step / "STEP_SUMMARY"), output_file="", repository_url="")
    actions.tell("publish", 1, console)
    assert "\n````text\n```\n<b>bold</b> ***\n````\n" in (step / "STEP_SUMMARY").read_text()


def outside_of_code(text: str) -> str:
    """Markdown's text, by CommonMark."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    return "\n".join(one.content for one in inline if one.type != "code_inline") + "\n".join(
        token.content for token in tokens if token.type == "html_block"
    )


def test_several_packages_are_lines_in_one_order() -> None:
    packages = {"acme": PACKAGE, "b": {**PACKAGE, "name": "b", "version": "2.0", "tag": "b/v2"}}
    index = {"upload": "", "simple": "http://127.0.0.1/simple/"}
    said = outputs({"packages": packages, "index": index}, "published", PROJECT)
    assert said["version"] == "1.3.0\n2.0"
    assert said["tag"] == "v1.3.0\nb/v2"
    assert said["index-url"] == "http://127.0.0.1/simple/acme/\nhttp://127.0.0.1/simple/b/"
    assert said["release-url"].endswith("/tag/v1.3.0\n" + f"{PROJECT}/releases/tag/b%2Fv2")


def test_the_page_of_a_version_is_that_for_people_where_there_is_one() -> None:
    from twine.repository import TEST_WAREHOUSE
    from twine.utils import TEST_REPOSITORY

    index = {"upload": TEST_REPOSITORY, "simple": "https://mirror.test/simple/"}
    said = outputs({"packages": {"acme": PACKAGE}, "index": index}, "published", PROJECT)
    assert said["index-url"] == f"{TEST_WAREHOUSE}project/acme/1.3.0/"


@pytest.mark.parametrize(
    ("document", "code", "wanted"),
    [
        ({"state": "published"}, 0, "published"),
        ({"state": "released before"}, 0, "published"),
        ({}, 0, "planned"),
        ({}, 1, "refused"),
        ({}, 2, "refused"),
        ({"state": "published"}, 3, "unfinished"),
        ({"state": "not yanked"}, 3, "unfinished"),
        ({"state": "disagreement"}, 1, "disagreement"),
        ({"is_begun": False}, 130, "refused"),
        ({"is_begun": True}, 130, "unfinished"),
    ],
)
def test_one_word_says_what_became_of_it(document: dict[str, Any], code: int, wanted: str) -> None:
    assert state(document, code) == wanted


def test_outside_of_a_workflow() -> None:
    assert Actions.of({}) is None


def test_programs_of_the_project_get_none_of_it(stage: Stage, step: Path) -> None:
    stage.monkeypatch.setenv("SLACK_WEBHOOK_URL", "no address")
    script = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
    command = json.dumps(["python", "-c", script, str(step / "seen")])
    stage.commit({"pyproject.toml": f"{QUICK}test-command = {command}\n"})
    assert stage.run(*(one for one in PUBLISH if one != "--skip-tests")).code == 0
    seen = json.loads((step / "seen").read_text(encoding="utf-8"))
    assert seen["GITHUB_ACTIONS"] == "true"
    hidden = {"GITHUB_TOKEN", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "SLACK_WEBHOOK_URL"}
    assert not hidden & seen.keys()
