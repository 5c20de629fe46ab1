"""Workflows as they are written: thin, and with few rights; test_whole_workflows.py runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from release.init import FOLDER, LOCKED, MATRIX, TESTS, WORKFLOWS, blocks, proposals, template
from tests.runner import read
from tests.test_documents import rows

ROOT = Path(__file__).parent.parent
ALL = [*(ROOT / FOLDER).glob("*.yaml"), *(ROOT / "release/templates").glob("*.yaml")]
ALPHA, RELEASE = WORKFLOWS
PUBLISHING = [path for path in ALL if path.name in WORKFLOWS]


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def test_this_repository_has_what_init_writes() -> None:
    def committed(path: str) -> bytes | None:
        return None if path.startswith(FOLDER) else (ROOT / path).read_bytes()

    proposed = proposals(committed, is_on_github=True)
    edits = {edit.path: (edit.after or b"").decode() for edit in proposed}
    for name in WORKFLOWS:
        path = f"{FOLDER}/{name}"
        assert (ROOT / path).read_text(encoding="utf-8") == edits[path]
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == {*WORKFLOWS, TESTS}


@pytest.mark.parametrize("path", ALL, ids=name)
def test_workflows_are_thin_and_may_do_little(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        rights = job["permissions"]
        writes = {key for key, right in rights.items() if right == "write"}
        is_production = name == "publish" and path.name in {RELEASE, MATRIX}
        is_publishing = name.startswith("publish")
        assert writes == {*["contents"] * is_production, *["id-token"] * is_publishing}
        assert job["timeout-minutes"]
        installs = {step["run"] for step in job["steps"] if "pip" in step.get("run", "")}
        if writes or path.name == MATRIX:
            assert installs == {f"pip install --require-hashes -r {LOCKED}"}
        for step in job["steps"]:
            if uses := step.get("uses"):
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", uses)
            else:
                assert re.match(r"(pip install|nox -s) ", step["run"])
                assert "${{" not in step["run"]


def test_every_session_is_there() -> None:
    own = {block.name for block in blocks((ROOT / "noxfile.py").read_text(encoding="utf-8"))}
    brought = (template("noxfile.py"), template("wheels.py"))
    given = {block.name for text in brought for block in blocks(text)}
    for path in ALL:
        called = set(re.findall(r"nox -s (\w+)", path.read_text(encoding="utf-8")))
        assert called <= (given | {"tests"} if "templates" in path.parts else own)


def test_what_the_tests_leave_out_runs_beside_them() -> None:
    for path in (f"{FOLDER}/{TESTS}", ".ci/run"):
        called = re.findall(r"nox -s (\w+)", (ROOT / path).read_text(encoding="utf-8"))
        assert {"tests", "workflows"} <= set(called)


def test_outputs_are_documented() -> None:
    for name in WORKFLOWS:
        outputs = read(ROOT / FOLDER / name)["jobs"]["publish"]["outputs"]
        assert {key: f"${{{{ steps.publish.outputs.{key} }}}}" for key in outputs} == outputs
    assert list(outputs.keys() - {row[0].strip("`") for row in rows("What a run shows")}) == []
    assert len(outputs) == len(rows("What a run shows"))


def test_secrets_are_seen_by_the_publishing_step_alone() -> None:
    for path in ALL:
        for job in read(path)["jobs"].values():
            for step in job["steps"]:
                command, env = step.get("run", ""), step.get("env", {})
                is_it = "publish_release" in command
                assert ("SLACK_WEBHOOK_URL" in env) == is_it
                assert ("GITHUB_TOKEN" in env) == (is_it or "nox -s prepare" in command)
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(r"secrets\.|github\.token", text)) in {0, 2, 3}


def test_publishing_waits_for_publishing_and_is_never_cancelled() -> None:
    assert len(PUBLISHING) == 4
    for path in PUBLISHING:
        concurrency = read(path)["concurrency"]
        assert concurrency == {"group": "publish", "cancel-in-progress": False}


@pytest.mark.parametrize("path", [path for path in ALL if path.name == TESTS], ids=name)
def test_one_check_stands_for_all(path: Path) -> None:
    jobs = read(path)["jobs"]
    check = jobs.pop("all-green")
    assert set(check["needs"]) == set(jobs)
    assert check["if"] == "always()"


@pytest.mark.parametrize(
    ("workflow", "is_written"),
    [
        ("on: push\n", False),
        ("name: x\n'on':\n  pull_request:\n    branches: [main]\n", False),
        ("on: [workflow_dispatch, push]\n", False),
        ("on: workflow_dispatch\njobs:\n  push:\n    steps: []\n", True),
        ("", True),
    ],
)
def test_tests_are_written_where_none_run(workflow: str, is_written: bool) -> None:  # noqa: FBT001
    edits = proposals(lambda _: None, is_on_github=True, workflows=[workflow])
    assert (f"{FOLDER}/{TESTS}" in [edit.path for edit in edits]) == is_written
