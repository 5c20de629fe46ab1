"""Anyone who can push could have written the intent: what can't be derived is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.test_resume import FILES, INTENT, REFS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stage import Stage

    Record = Callable[[str, object], None]
    Change = Callable[[Stage, Path, dict[str, Any]], None]

OTHER = "0" * 64


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def tamper(stage: Stage, change: Change, *, tag: str | None = None) -> None:
    """Replace the intent by one whose plan was changed, and whose tag has another text."""
    place = stage.other_clone("evil")
    stage.git("fetch", "--quiet", "origin", INTENT, at=place)
    stage.git("checkout", "--quiet", "FETCH_HEAD", at=place)
    parent = stage.git("rev-parse", "FETCH_HEAD^", at=place)
    plan = json.loads((place / "plan.json").read_text(encoding="utf-8"))
    change(stage, place, plan)
    if tag is not None:
        (place / "tag").write_bytes(tag.encode())
        stage.git("hash-object", "-t", "tag", "-w", "tag", at=place)
        plan["tag_object"] = stage.git("hash-object", "-t", "tag", "tag", at=place)
    (place / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    stage.git("checkout", "--quiet", "--orphan", "intent", at=place)
    stage.git("add", "plan.json", "tag", at=place)
    tree = stage.git("write-tree", at=place)
    parent = parent if plan["commit"] == "evil" else plan["commit"]
    forged = stage.git("commit-tree", "-p", parent, "-m", "Forged", tree, at=place)
    stage.git("push", "--quiet", "--force", "origin", f"{forged}:{INTENT}", at=place)


def tag_text(stage: Stage) -> str:
    return stage.git("show", f"{INTENT}:tag", at=stage.remote) + "\n"


def refused(stage: Stage, *words: str) -> None:
    before = stage.state()
    done = stage.run("publish", "--resume")
    assert done.code == 1, done.out
    assert "can't be trusted" in done.err
    assert f"git show {stage.remote_refs()[INTENT]}" in done.err
    for word in words:
        assert word in done.err
    assert stage.state() == before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("version", "its version is 1.9.0, not 1.3.0"),
        ("base", "is not on main"),
        ("tag", "its tag is evil, not v1.3.0"),
        ("name", "its name is evil, not acme"),
        ("branch", "its branch is evil, not main"),
        ("previous", "its previous version is 1.0, not 1.2.3"),
        ("commit", "its commit is"),
        ("bump", "its version is 1.3.0, not 1.2.4"),
        ("message", "its message is evil, not Release 1.3.0"),
        ("distributions", "its files is 0 wheels and 0 sdists"),
        ("tag_object", "its tag object is"),
        ("tests", "its tag message is"),
    ],
)
def test_a_tampered_plan_is_refused_with_the_difference(
    stopped: Stage, key: str, words: str, record_property: Record
) -> None:
    stopped.git("checkout", "--quiet", "--orphan", "strange", at=stopped.clone)
    stopped.git("commit", "--quiet", "--allow-empty", "--message", "Strange", at=stopped.clone)
    stopped.git("push", "--quiet", "origin", "strange", at=stopped.clone)
    strange = stopped.git("rev-parse", "HEAD")
    stopped.git("checkout", "--quiet", "main")
    first = stopped.git("rev-list", "--max-parents=0", "main", at=stopped.remote)
    others: dict[str, object] = {
        "version": "1.9.0", "previous": "1.0", "bump": "patch", "distributions": [], "tests": [],
        "tag_object": stopped.git("rev-parse", "v1.2.3", at=stopped.remote),
        "base": strange, "commit": first,
    }  # fmt: skip

    def change(_stage: Stage, _place: Path, plan: dict[str, Any]) -> None:
        plan[key] = others.get(key, "evil")

    tamper(stopped, change)
    refused(stopped, words)
    record_property("tampered intents refused", 1)


@pytest.mark.parametrize("number", [0, 1])
def test_a_hash_that_the_tag_does_not_tell_is_refused(
    stopped: Stage, number: int, record_property: Record
) -> None:

    def change(_stage: Stage, _place: Path, plan: dict[str, Any]) -> None:
        plan["distributions"][number]["sha256"] = OTHER

    tamper(stopped, change)
    refused(stopped, "its tag message is", f"{OTHER}  {FILES[number]}")
    record_property("tampered intents refused", 1)


def test_a_tag_with_other_words_is_refused(stopped: Stage, record_property: Record) -> None:
    text = tag_text(stopped).replace("Release 1.3.0\n", "Release 1.3.0, now with evil\n")
    tamper(stopped, lambda *_: None, tag=text)
    refused(stopped, "its tag message is Release 1.3.0, now with evil")
    record_property("tampered intents refused", 1)


def retag(stage: Stage, place: Path, plan: dict[str, Any], tag: str, commit: str) -> None:
    """Let plan and tag speak of another commit."""
    stage.git("update-ref", "refs/keep", commit, at=place)
    (place / "tag").write_bytes(tag.replace(plan["commit"], commit).encode())
    plan["commit"] = commit
    plan["tag_object"] = stage.git("hash-object", "-t", "tag", "-w", "tag", at=place)


def test_a_commit_with_another_message_is_refused(stopped: Stage, record_property: Record) -> None:
    text = tag_text(stopped)

    def change(stopped: Stage, place: Path, plan: dict[str, Any]) -> None:
        words = ("-p", plan["base"], "-m", "Release 1.3.0, and evil", f"{plan['commit']}^{{tree}}")
        retag(stopped, place, plan, text, stopped.git("commit-tree", *words, at=place))

    tamper(stopped, change)
    refused(stopped, "its commit's message is Release 1.3.0, and evil, not Release 1.3.0")
    record_property("tampered intents refused", 1)


@pytest.mark.parametrize("path", ["evil.py", "backend.py", "pyproject.toml"])
def test_a_commit_with_more_than_the_version_is_refused_and_never_run(
    stopped: Stage, path: str, record_property: Record
) -> None:
    """Everything about it is consistent, but the tree isn't what the version makes of the base."""
    text = tag_text(stopped)
    forged: list[str] = []

    def change(stopped: Stage, place: Path, plan: dict[str, Any]) -> None:
        stopped.git("checkout", "--quiet", "--force", plan["commit"], at=place)
        mark = place.parent / "was-run"
        (place / path).write_text(f"open({str(mark)!r}, 'w')\n", encoding="utf-8")
        stopped.git("add", "--all", at=place)
        stopped.git("commit", "--quiet", "--amend", "--no-edit", at=place)
        forged.append(stopped.git("rev-parse", "HEAD", at=place))
        retag(stopped, place, plan, text, forged[0])

    tamper(stopped, change)
    refused(stopped, f"its commit is {forged[0]}, not a commit of")
    assert not (stopped.clone.parent / "was-run").exists()
    record_property("tampered intents refused", 1)


def test_a_forged_hash_of_a_file_on_the_index_stops_it(
    stopped: Stage, record_property: Record
) -> None:
    """Tag and plan agree with each other, not with the index."""
    text = tag_text(stopped)
    true = text.split(f"  {FILES[0]}")[0][-64:]

    def change(_stage: Stage, _place: Path, plan: dict[str, Any]) -> None:
        plan["distributions"][0]["sha256"] = OTHER

    tamper(stopped, change, tag=text.replace(true, OTHER))
    before = stopped.state()
    done = stopped.run("publish", "--resume")
    assert done.code == 3
    assert f"has another {FILES[0]}: its sha256 is {true}, that of this release is {OTHER}" in (
        done.err
    )
    assert stopped.state() == before
    record_property("tampered intents refused", 1)


def test_a_forged_hash_of_a_file_that_is_nowhere_is_replaced_by_the_true_one(
    stopped: Stage, record_property: Record
) -> None:
    """It can't be told from a build that isn't reproducible, so it is treated like one."""
    content = (stopped.files / FILES[1]).read_bytes()
    (stopped.files / FILES[1]).unlink()
    text = tag_text(stopped)
    true = text.split(f"  {FILES[1]}")[0][-64:]

    def change(_stage: Stage, _place: Path, plan: dict[str, Any]) -> None:
        plan["distributions"][1]["sha256"] = OTHER

    tamper(stopped, change, tag=text.replace(true, OTHER))
    done = stopped.run("publish", "--resume")
    assert done.code == 0, done.err
    assert f"Record the new sha256 of {FILES[1]}" in done.out
    assert (stopped.files / FILES[1]).read_bytes() == content
    assert sorted(stopped.remote_refs()) == REFS
    assert true in stopped.git("cat-file", "-p", "v1.3.0", at=stopped.remote)
    record_property("tampered intents refused", 1)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"format": 99}', '{"format": 1}', "\x00", '{"format": 1' * 9]
)
def test_an_intent_without_a_plan_is_refused(
    stage: Stage, content: str, record_property: Record
) -> None:
    place = stage.other_clone("evil")
    for name in ("plan.json", "tag"):
        (place / name).write_text(content, encoding="utf-8")
    stage.git("add", "--all", at=place)
    stage.git("commit", "--quiet", "--message", "Forged", at=place)
    stage.git("push", "--quiet", "origin", f"HEAD:{INTENT}", at=place)
    before = stage.state()
    for command in (("publish", "--resume"), ("publish", "minor"), ("publish", "--abandon")):
        done = stage.run(*command)
        assert done.code == 1, done.out
        assert "the record of the unfinished release can't be read" in done.err or (
            "begun by another version of nox-release" in done.err
        )
    assert stage.state() == before
    record_property("tampered intents refused", 1)


@pytest.mark.parametrize("key", ["base", "commit", "tag_object"])
@pytest.mark.parametrize("value", ["--output=.git/config", "HEAD", "", ["0" * 40]])
def test_an_id_that_git_would_take_for_something_else_is_refused(
    stopped: Stage, key: str, value: object, record_property: Record
) -> None:
    """`git show --output=FILE` writes the file."""
    place = stopped.other_clone("evil")
    stopped.git("fetch", "--quiet", "origin", INTENT, at=place)
    stopped.git("checkout", "--quiet", "FETCH_HEAD", at=place)
    plan = json.loads((place / "plan.json").read_text(encoding="utf-8"))
    (place / "plan.json").write_text(json.dumps({**plan, key: value}), encoding="utf-8")
    stopped.git("commit", "--quiet", "--all", "--message", "Forged", at=place)
    stopped.git("push", "--quiet", "origin", f"HEAD:{INTENT}", at=place)
    before = (stopped.state(), (stopped.clone / ".git/config").read_bytes())
    for command in (("status",), ("publish", "--resume"), ("publish", "--abandon")):
        done = stopped.run(*command)
        assert done.code in {1, 3}, done.out
        assert f"{key} is no id: " in done.err
    assert (stopped.state(), (stopped.clone / ".git/config").read_bytes()) == before
    record_property("tampered intents refused", 1)


def test_a_ref_that_is_no_intent_is_refused(stage: Stage, record_property: Record) -> None:
    stage.git("push", "--quiet", "origin", f"HEAD:{INTENT}")
    before = stage.state()
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert f"{INTENT} on origin isn't an intent" in done.err
    assert stage.state() == before
    record_property("tampered intents refused", 1)


def test_what_a_stranger_writes_does_not_command_the_terminal(
    stopped: Stage, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Eve\x1b[2J\x1b]0;evil\x07")
    tamper(stopped, lambda *_: None)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ada")
    done = stopped.run("publish", "--resume", "--dry-run")
    assert "Eve" in done.out
    assert "\x1b" not in done.out + done.err
    record_property("tampered intents refused", 1)


@pytest.mark.parametrize(
    ("key", "value"), [("AUTHOR_NAME", "Eve\u2028x"), ("COMMITTER_DATE", "@999999999999 +0000")]
)
def test_a_strange_author_or_time_is_no_crash(
    stopped: Stage, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(f"GIT_{key}", value)
        tamper(stopped, lambda *_: None)
    assert stopped.run("status").code == 3


@pytest.mark.parametrize("name", ["x;$(touch${IFS}evil)-1.3.0", "other-1.3.0", "vv1.3.0"])
def test_a_tag_in_a_strange_style_is_refused(
    stopped: Stage, name: str, record_property: Record
) -> None:
    text = tag_text(stopped).replace("tag v1.3.0", f"tag {name}")
    tamper(stopped, lambda *args: args[2].update(tag=name), tag=text)
    refused(stopped, f"its tag is {name}, not v1.3.0")
    record_property("tampered intents refused", 1)


def test_a_tag_with_words_behind_its_message_is_refused(
    stopped: Stage, record_property: Record
) -> None:
    text = f"{tag_text(stopped)}-----BEGIN EVIL-----\n{OTHER}  evil.whl\n"
    tamper(stopped, lambda *_: None, tag=text)
    refused(stopped, "its tag message is")
    record_property("tampered intents refused", 1)


@pytest.mark.parametrize(
    ("message", "code"),
    [("Release 1.3.0\n\nSigned-off-by: Ada <ada@example.org>", 0), ("Release 1.3.0, and evil", 1)],
)
def test_the_message_of_the_commit_is_that_of_the_plan(
    stage: Stage, message: str, code: int
) -> None:
    """Trailers may follow; the hook that adds them is heard before anything is published."""
    path = stage.clone.parent / "message"
    path.write_text(message, encoding="utf-8")
    stage.hook("commit-msg", f'cat "{path}" > "$1"')
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == code, done.err
    assert ("a commit hook changed the message" in done.err) is bool(code)
