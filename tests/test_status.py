"""What `status` tells: released, unfinished, unreleased, and every disagreement there is."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from release.agreement import kinds
from tests.faults import faulty, hostile, yanking
from tests.stage import QUICK, stopped_at_the_push
from tests.test_resume import FILES, INTENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Result, Stage

BOTH = ("{}-py3-none-any.whl", "{}.tar.gz")


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def publish(stage: Stage, version: str, *, at: str = "main", forms: tuple[str, ...] = BOTH) -> None:
    """Make a release by hand: an annotated tag that only the remote has, and files."""
    if at:
        stage.git("tag", "--annotate", "--message", version, f"v{version}", at, at=stage.remote)
    put(stage, version, *forms)


def put(stage: Stage, version: str, *forms: str) -> None:
    for form in forms or BOTH:
        name = form.format(f"acme-{version}")
        (stage.files / name).write_text(name, encoding="utf-8")


def status(stage: Stage, *args: str, at: Path | None = None) -> Result:
    """Ask, and insist that it has changed nothing."""
    before = stage.state()
    done = stage.run("status", *args, at=at)
    assert stage.state() == before
    return done


def disagreements(stage: Stage) -> list[tuple[str, str]]:
    """Versions and messages; an exit code that says the same."""
    done = status(stage, "--json")
    found = [(one["version"], one["message"]) for one in done.document["disagreements"]]
    assert done.document["state"] == ("disagreement" if found else "released"), done.err
    assert done.code == done.document["exit_code"] == (1 if found else 0)
    assert all(one["hint"] for one in done.document["disagreements"])
    return found


def move_main(stage: Stage, *subjects: str) -> str:
    """Commit to the main branch on the remote only."""
    for subject in subjects:
        commit = stage.git("commit-tree", "main^{tree}", "-p", "main", "-m", subject,
                           at=stage.remote)  # fmt: skip
        stage.git("update-ref", "refs/heads/main", commit, at=stage.remote)
    return stage.git("rev-parse", "main", at=stage.remote)


# Released and unreleased


def test_a_release_that_all_agree_on(stage: Stage) -> None:
    put(stage, "1.2.3")
    done = status(stage)
    assert done.code == 0, done.err
    assert "released    1.2.3, v1.2.3 of 20" in done.out
    assert "unfinished  nothing" in done.out
    assert "unreleased  1 commit on main since v1.2.3" in done.out
    assert "  Add something\n" in done.out
    assert "✓ 1.2.3  v1.2.3  2 files on the index" in done.out
    assert done.err == ""


def test_what_only_the_remote_has_counts_and_no_ref_moves(stage: Stage) -> None:
    put(stage, "1.2.3")
    publish(stage, "1.3.0")
    move_main(stage, *(f"Step {number}" for number in range(12)))
    done = status(stage)
    assert done.code == 0, done.err
    assert "released    1.3.0" in done.out
    assert "unreleased  12 commits on main since v1.3.0" in done.out
    assert [row[13:] for row in done.out.splitlines() if "Step" in row] == [
        f"Step {number}" for number in range(11, 1, -1)
    ]


def test_nothing_is_unreleased(stage: Stage) -> None:
    put(stage, "1.2.3")
    publish(stage, "1.3.0")
    assert "unreleased  nothing on main since v1.3.0\n" in status(stage).out


def test_a_project_that_never_released(stage: Stage) -> None:
    for place in (stage.clone, stage.remote):
        stage.git("tag", "--delete", "v1.2.3", at=place)
    done = status(stage)
    assert done.code == 0, done.err
    assert "released    nothing" in done.out
    assert "unreleased  2 commits on main\n" in done.out
    document = status(stage, "--json").document
    assert document["state"] == "never released"
    assert document["released"] is document["unreleased"]["since"] is None


def test_pre_releases_have_no_tag_and_take_no_place(stage: Stage) -> None:
    put(stage, "1.2.3")
    for number in range(12):
        put(stage, f"1.3.0rc{number}", BOTH[0])
        put(stage, f"1.4.0.dev{number}", BOTH[1])
    done = status(stage)
    assert done.code == 0, done.err
    assert "released    1.2.3" in done.out


def test_the_index_is_asked_once_and_the_remote_for_refs_and_objects(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(stage, "1.2.3")
    for number in range(12):
        publish(stage, f"1.3.{number}")
    asked: list[str] = []
    for trips in ([" ls-remote ", " fetch "], [" ls-remote "]):
        trace = tmp_path / f"trace-{len(trips)}"
        monkeypatch.setenv("GIT_TRACE", str(trace))
        with hostile(stage.url) as proxy:
            assert status(stage, "--repository", proxy.url).code == 0
            asked += [request.path for request in proxy.requests]
        monkeypatch.delenv("GIT_TRACE")
        rows = [row for row in trace.read_text(encoding="utf-8").splitlines() if "built-in" in row]
        found = [word for row in rows for word in (" ls-remote ", " fetch ") if word in row]
        assert found == trips
        assert not any("refs/heads/main" in row for row in rows if " fetch " in row), "it is here"
    assert asked == ["/simple/acme/"] * 2
    for tag, is_there in (("v1.3.2", True), ("v1.3.1", False)):
        id_ = stage.git("rev-parse", tag, at=stage.remote)
        row = stage.git("cat-file", "--batch-all-objects", "--batch-check")
        assert (id_ in row) is is_there, "the newest ten tags are fetched, and no other"


def test_very_many_tags(stage: Stage) -> None:
    put(stage, "1.2.3")
    head = stage.git("rev-parse", "main", at=stage.remote)
    rows = [f"{head} refs/tags/v0.{minor}.{patch}" for minor in range(20) for patch in range(1000)]
    rows += [f"{head} refs/tags/nightly-{number}" for number in range(1000)]
    refs = stage.git("show-ref", at=stage.remote).splitlines()
    for ref in ("refs/heads/main", "refs/tags/v1.2.3"):
        (stage.remote / ref).unlink()
    text = "\n".join(sorted([*refs, *rows], key=lambda row: row.split()[1])) + "\n"
    (stage.remote / "packed-refs").write_text("# pack-refs with: sorted \n" + text)
    began = time.monotonic()
    done = stage.run("status", "--json")
    assert time.monotonic() - began < 20
    assert [one["version"] for one in done.document["versions"]] == [
        "1.2.3", *(f"0.19.{patch}" for patch in range(999, 990, -1))
    ]  # fmt: skip
    assert stage.git("tag") == "v1.2.3"


def test_a_shallow_clone_is_told_the_same(stage: Stage) -> None:
    put(stage, "1.2.3")
    publish(stage, "1.2.4", at="main~1")
    place = stage.clone.parent / "shallow"
    stage.git("clone", "--quiet", "--depth=1", stage.remote.as_uri(), str(place))
    move_main(stage, "Moved")
    before = stage.git("for-each-ref", at=place)
    done = status(stage, at=place)
    assert done.code == 0, done.err
    assert "unreleased  2 commits on main since v1.2.4" in done.out
    assert stage.git("for-each-ref", at=place) == before


def test_submodules_are_left_alone(stage: Stage) -> None:
    put(stage, "1.2.3")
    source = stage.other_clone("source")
    stage.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(source), "sub")
    stage.commit({})
    place = stage.other_clone()
    stage.git("commit", "--quiet", "--allow-empty", "--message", "Inside", at=source)
    inside = stage.git("rev-parse", "HEAD", at=source)
    stage.git("update-index", "--cacheinfo", f"160000,{inside},sub", at=place)
    stage.git("commit", "--quiet", "--message", "Take it", at=place)
    stage.git("push", "--quiet", at=place)
    before = stage.git("for-each-ref", at=stage.clone / "sub")
    done = status(stage)
    assert done.code == 0, done.err
    assert "  Take it\n" in done.out
    assert stage.git("for-each-ref", at=stage.clone / "sub") == before


def test_a_tag_of_something_else_than_a_commit(stage: Stage) -> None:
    put(stage, "1.2.3")
    for tag, target in (("v1.2.4", "main^{tree}"), ("v1.2.5", "main:README.md")):
        stage.git("tag", tag, target, at=stage.remote)
    stage.git("tag", "-a", "-m", "tree", "v1.2.6", "main^{tree}", at=stage.remote)
    assert disagreements(stage) == []
    put(stage, "1.2.4")
    message = "1.2.4 is on the index, and origin has no tag for it"
    assert disagreements(stage) == [("1.2.4", message)]


# Disagreements


def test_on_the_index_without_a_tag(stage: Stage) -> None:
    put(stage, "1.2.3")
    put(stage, "1.3.0")
    assert disagreements(stage) == [
        ("1.3.0", "1.3.0 is on the index, and origin has no tag for it")
    ]
    done = status(stage)
    assert "released    1.2.3" in done.out
    assert "✗ 1.3.0  no tag  2 files on the index" in done.out
    assert "git tag -a v1.3.0 COMMIT; git push origin v1.3.0" in done.err


def test_tagged_but_not_on_the_index(stage: Stage) -> None:
    assert disagreements(stage) == [
        ("1.2.3", "v1.2.3 is on origin, and the index has no file of 1.2.3")
    ]
    done = status(stage)
    assert "nox -s publish_release -- patch" in done.err
    assert "git push --delete origin v1.2.3" in done.err
    done = status(stage, "--repository", stage.url)
    assert f"nox -s publish_release -- patch --repository {stage.url}\n" in done.err


@pytest.mark.parametrize(
    ("forms", "lacking"),
    [
        (BOTH[:1], "sdist"),
        (BOTH[1:], "wheel py3-none-any"),
    ],
)
def test_fewer_kinds_of_files_than_before(
    stage: Stage, forms: tuple[str, ...], lacking: str
) -> None:
    put(stage, "1.2.3")
    publish(stage, "1.3.0", forms=forms)
    message = f"1.3.0 on the index lacks what earlier releases have: {lacking}"
    assert disagreements(stage) == [("1.3.0", message)]
    done = status(stage)
    assert "released    1.2.3" in done.out
    assert "build it from v1.3.0 and upload it with twine, soon" in done.err
    done = status(stage, "--repository", stage.url)
    assert (
        f"else release a patch: nox -s publish_release -- patch --repository {stage.url}\n"
        in done.err
    )


def test_a_platform_that_is_missing_now_and_one_that_was_given_up(stage: Stage) -> None:
    linux = "{}-cp312-cp312-manylinux_2_28_x86_64.whl"
    old = "{}-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    windows, mac = "{}-cp312-cp312-win_amd64.whl", "{}-cp312-cp312-macosx_11_0_arm64.whl"
    put(stage, "1.2.3", BOTH[1], old, windows, mac)
    publish(stage, "1.2.4", forms=(BOTH[1], linux, mac))  # without windows from here on
    publish(stage, "1.2.5", forms=(BOTH[1], linux))  # mac is forgotten
    publish(stage, "1.2.6", forms=(linux, mac))  # the sdist as well
    publish(stage, "1.2.7", forms=(linux,))
    words = "on the index lacks what earlier releases have:"
    assert disagreements(stage) == [
        ("1.2.7", f"1.2.7 {words} sdist, wheel cp312-cp312-macosx_arm64"),
        ("1.2.6", f"1.2.6 {words} sdist"),
        ("1.2.5", f"1.2.5 {words} wheel cp312-cp312-macosx_arm64"),
    ]
    put(stage, "1.2.5", mac)
    put(stage, "1.2.7", BOTH[1], mac)
    publish(stage, "1.2.8", forms=(BOTH[1], linux, mac))
    assert disagreements(stage) == [("1.2.6", f"1.2.6 {words} sdist")]
    (stage.files / mac.format("acme-1.2.7")).unlink()
    assert disagreements(stage)[0] == ("1.2.7", f"1.2.7 {words} wheel cp312-cp312-macosx_arm64")


def test_files_that_are_missing_or_different_from_what_the_tag_records(stage: Stage) -> None:
    put(stage, "1.2.3")
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    assert disagreements(stage) == []
    sdist = stage.files / FILES[1]
    content = sdist.read_bytes()
    sdist.unlink()
    put(stage, "1.2.3", BOTH[0])
    message = "1.3.0 on the index lacks what its tag records: acme-1.3.0.tar.gz"
    assert disagreements(stage) == [("1.3.0", message)]
    sdist.write_bytes(b"other bytes")
    ((version, message),) = disagreements(stage)
    assert version == "1.3.0"
    assert message.startswith("the index has other files than v1.3.0 records: acme-1.3.0.tar.gz")
    sdist.write_bytes(content)
    put(stage, "1.3.0", "{}-py2-none-any.whl")
    assert disagreements(stage)[0][1].endswith("recorded is no such file")
    yank = f'nox -s yank -- 1.3.0 --reason "…" --repository {stage.url}'
    assert yank in status(stage, "--repository", stage.url).err


def test_a_tag_whose_commit_is_not_in_main(stage: Stage) -> None:
    put(stage, "1.2.3")
    tip = move_main(stage, "Lost")
    publish(stage, "1.2.4")
    stage.git("update-ref", "refs/heads/main", "main~1", at=stage.remote)
    assert disagreements(stage) == [("1.2.4", f"v1.2.4 ({tip[:9]}) is not in main on origin")]
    done = status(stage)
    assert "released    1.2.3" in done.out
    assert "unreleased  1 commit on main since v1.2.3" in done.out
    assert "git merge v1.2.4; git push origin main" in done.err
    publish(stage, "1.3.0")
    assert disagreements(stage) == [], "1.2.4 may come from a branch of its own"
    (stage.files / "acme-1.3.0.tar.gz").unlink()
    assert "released    1.2.3" in status(stage).out


def test_what_is_in_main_is_not_missed_on_a_maintenance_branch(stage: Stage) -> None:
    settings = 'branch = "1.2.x"\n'
    put(stage, "1.2.3")
    stage.git("switch", "--quiet", "--create", "1.2.x")
    stage.commit({"pyproject.toml": QUICK + settings}, push=False)
    stage.git("push", "--quiet", "origin", "1.2.x")
    move_main(stage, "Go on")
    stage.git("commit", "--quiet", "--allow-empty", "--message", "Mend")
    stage.git("push", "--quiet", "origin", "1.2.x:elsewhere")
    publish(stage, "1.3.0")
    publish(stage, "1.3.1", at="elsewhere")
    assert [version for version, _ in disagreements(stage)] == ["1.3.1"]
    publish(stage, "2.0.0")
    assert disagreements(stage) == [], "1.3.1 may come from a branch of its own"
    assert "released    1.2.3" in status(stage).out


def test_a_yanked_release_is_shown_and_is_not_compared(stage: Stage) -> None:
    put(stage, "1.2.3")
    publish(stage, "1.3.0", forms=(BOTH[0], "{}-cp312-cp312-win_amd64.whl"))
    publish(stage, "1.3.1")
    assert [version for version, _ in disagreements(stage)] == ["1.3.1", "1.3.0"]
    with yanking(stage.url, "acme-1.3.0-cp312-cp312-win_amd64.whl", "no sdist") as url:
        assert status(stage, "--repository", url).code == 1, "one file isn't the release"
    with yanking(stage.url, "acme-1.3.0-", "no sdist") as url:
        done = status(stage, "--repository", url)
        assert done.code == 0, done.err
        assert "✓ 1.3.0  v1.3.0  2 files on the index, yanked: no sdist" in done.out
        document = status(stage, "--repository", url, "--json").document
        assert [one["yanked"] for one in document["versions"]] == [None, "no sdist", None]


@pytest.mark.parametrize("tag", ["1.3.0", "acme-1.3.0", "release/v1.3.0"])
def test_a_tag_in_another_style_will_do_for_what_is_on_the_index(stage: Stage, tag: str) -> None:
    put(stage, "1.2.3")
    put(stage, "1.3.0")
    stage.git("tag", tag, "main", at=stage.remote)
    for noise in ("v1", "v1.3", "1.4.0", "other-1.5.0", "w1.6.0", "nightly"):
        stage.git("tag", noise, "main", at=stage.remote)
    assert disagreements(stage) == []


def test_a_tag_that_moves_is_not_that_of_a_release(stage: Stage) -> None:
    put(stage, "1.2.3")
    put(stage, "2.0", "{}.tar.gz", BOTH[0])
    publish(stage, "1.3.0")
    for tag in ("v1", "v1.3", "v2.0"):
        stage.git("tag", tag, "main", at=stage.remote)
    done = status(stage)
    assert done.code == 0, done.err
    assert "✓ 2.0    v2.0    2 files" in done.out
    assert "✓ 1.3.0  v1.3.0  2 files" in done.out


def test_a_style_that_is_configured(stage: Stage) -> None:
    style = 'tag = "on/{version}/pypi"\n'
    stage.commit({"pyproject.toml": QUICK + style})
    put(stage, "1.2.3")
    stage.git("tag", "on/1.3.0/pypi", "main", at=stage.remote)
    stage.git("tag", "on/pypi", "main", at=stage.remote)
    assert [version for version, _ in disagreements(stage)] == ["1.3.0"]


def test_the_kinds_of_files() -> None:
    assert kinds("acme-1.0.zip") == {"sdist"}
    assert kinds("acme-1.0-py2.py3-none-any.whl") == {"wheel py2-none-any", "wheel py3-none-any"}
    assert kinds("acme-1.0-cp310-abi3-musllinux_1_2_aarch64.whl") == {
        "wheel cp310-abi3-musllinux_aarch64"
    }
    for system in ("manylinux1", "manylinux2014", "manylinux_2_28"):
        assert kinds(f"acme-1.0-py3-none-{system}_x86_64.whl") == {
            "wheel py3-none-manylinux_x86_64"
        }
    assert kinds("acme-1.0-py3.10.egg") == kinds("acme.whl") == set()


# Unfinished


def steps(stage: Stage, at: Path | None = None) -> list[str]:
    """The steps with their marks, of an unfinished release."""
    done = status(stage, at=at)
    assert done.code == 3, done.out + done.err
    assert "unfinished  acme 1.3.0, since 20" in done.out
    assert ", by Ada <ada@example.org>\n" in done.out
    assert "acme 1.3.0 is unfinished; Ada <ada@example.org> began it at 20" in done.err
    assert "nox -s publish_release -- --resume\n" in done.err
    rows = [row.strip() for row in done.out.splitlines()]
    return rows[rows.index("") + 1 :][:6]


def test_the_steps_of_an_unfinished_release(stage: Stage) -> None:
    put(stage, "1.2.3")
    stopped_at_the_push(stage, "--skip-tests")
    titles = [
        f"Upload {FILES[0]}", f"Upload {FILES[1]}", "See every file on the index",
        "Push main and v1.3.0 to origin", "Bring this checkout to v1.3.0",
        f"Clear the intent {INTENT}",
    ]  # fmt: skip

    def marked(done: int) -> list[str]:
        marks = ["✓ "] * done + ["→ "] + [""] * 5
        return [mark + title for mark, title in zip(marks, titles, strict=False)]

    assert steps(stage) == marked(3)
    assert "--abandon" not in status(stage).err
    contents = {name: (stage.files / name).read_bytes() for name in FILES}
    (stage.files / FILES[1]).unlink()
    assert steps(stage) == marked(1)
    (stage.files / FILES[0]).unlink()
    assert steps(stage) == marked(0)
    assert "or give it up: nox -s publish_release -- --abandon\n" in status(stage).err
    (stage.files / FILES[0]).write_bytes(b"other bytes")
    assert steps(stage) == marked(0)
    assert f"has another {FILES[0]}: its sha256 is" in status(stage).err
    for name, content in contents.items():
        (stage.files / name).write_bytes(content)
    plan = json.loads(stage.git("show", f"{INTENT}:plan.json", at=stage.remote))
    stage.git("update-ref", "refs/heads/main", plan["commit"], at=stage.remote)
    stage.git("fetch", "--quiet", "origin", INTENT)
    stage.git("push", "--quiet", "origin", f"{plan['tag_object']}:refs/tags/v1.3.0")
    assert steps(stage) == marked(4)
    assert steps(stage, at=stage.other_clone()) == marked(5)
    document = status(stage, "--json").document
    assert document["state"] == "unfinished"
    assert document["exit_code"] == 3
    assert document["unfinished"]["plan"]["version"] == "1.3.0"
    assert [one["state"] for one in document["unfinished"]["steps"]] == [
        *["done"] * 4, "next", "to come"
    ]  # fmt: skip


def test_an_unfinished_release_is_no_disagreement_and_hides_none(stopped: Stage) -> None:
    document = status(stopped, "--json").document
    assert [one["version"] for one in document["disagreements"]] == ["1.2.3"]
    assert document["state"] == "unfinished"
    assert len(document["problems"]) == 2
    assert "→ 1.3.0  no tag  2 files on the index" in status(stopped).out


def test_an_intent_that_is_not_believed(stage: Stage) -> None:
    put(stage, "1.2.3")
    stage.git("update-ref", INTENT, "main", at=stage.remote)
    done = status(stage)
    assert done.code == 3
    assert "unfinished  an intent that isn't believed\n" in done.out
    assert f"{INTENT} on origin isn't an intent" in done.err
    document = status(stage, "--json").document
    assert document["state"] == "unfinished"
    assert document["unfinished"] == {"plan": None, "since": None, "author": None, "steps": []}


def test_an_intent_that_does_not_follow_from_its_base(stage: Stage) -> None:
    put(stage, "1.2.3")
    stopped_at_the_push(stage, "--skip-tests")
    stage.git("update-ref", "refs/heads/main", "main~1", at=stage.remote)
    done = status(stage)
    assert done.code == 3
    assert "can't be trusted: its base" in done.err
    assert "✗ 1.3.0  no tag" in done.out, "nor does it hide anything"


def test_an_unfinished_release_on_another_index(stage: Stage) -> None:
    put(stage, "1.2.3")
    with faulty(stage.url, ["pass", "400"]) as url:
        assert stage.run("publish", "minor", "--skip-tests", "--repository", url).code == 3
        done = status(stage)
        assert done.code == 3
        assert f"was begun on another index: {url}" in done.err
        done = status(stage, "--repository", url)
    assert f"✓ Upload {FILES[0]}\n  → Upload {FILES[1]}\n" in done.out
    assert f"nox -s publish_release -- --resume --repository {url}\n" in done.err


# No answer


def test_wrong_input(stage: Stage) -> None:
    for args in (("minor",), ("--yes",), ("--repository", "nonsense")):
        assert status(stage, *args).code == 2


def test_no_remote(stage: Stage) -> None:
    stage.git("remote", "remove", "origin")
    done = status(stage)
    assert done.code == 1
    assert "there is no git remote 'origin'" in done.err
    assert done.out == ""


def test_no_main_branch_on_the_remote(stage: Stage) -> None:
    stage.git("update-ref", "-d", "refs/heads/main", at=stage.remote)
    done = status(stage)
    assert done.code == 1
    assert "there is no main on origin" in done.err


def test_an_index_that_is_down(stage: Stage) -> None:
    with faulty(stage.url, []) as url:
        pass
    done = status(stage, "--repository", url, "--json")
    assert done.code == done.document["exit_code"] == 1
    assert "can't be read" in done.document["problems"][0]["message"]
    assert "state" not in done.document, "an index that can't be read isn't an empty one"
