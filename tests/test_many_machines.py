"""A release whose files come from many machines: prepared, built elsewhere, then published."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from release.collected import Collected
from release.handover import Handover
from tests.builders import HERE, MAC, WINDOWS, flit
from tests.faults import PASS, faulty
from tests.stage import PYPROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Builders
    from tests.stage import Stage

DECLARED = """
[tool.nox-release]
artifacts = ["*.tar.gz", "*-win_amd64.whl", "*-manylinux*.whl", "*-macosx_*.whl"]
"""

# What is forged in a plan, and what is said then.
FORGED: list[tuple[dict[str, object], str]] = [
    ({"typed": "major"}, "its choice is acme 1.3.0  v1.3.0, not acme 2.0.0  v2.0.0"),
    ({"repository": "https://index.test/legacy/"}, "its index is https://index.test/legacy/"),
    ({"day": "2020-02-02"}, "its day is 2020-02-02, not"),
    ({"text": "tree {tree}\n"}, "isn't what is made of"),
    ({"text": "nothing"}, "isn't what is made of"),
    ({"text": "\ud800"}, "isn't what is made of"),
    ({"commit": "0" * 40}, "isn't what is made of"),
    ({"commit": "v1.2.3"}, "commit is no id"),
    ({"base": "0" * 40}, "is the plan one of this repository?"),
    ({"format": 0}, "a plan of another version of nox-release"),
    ({"waived": ["notes"]}, "is no plan of a release"),
]


# Prepare, and check out


def test_preparing_changes_nothing_and_every_machine_gets_the_commit(
    stage: Stage, builders: Builders
) -> None:
    before = stage.state()
    done = builders.prepare("minor")
    assert done.code == 0, done.err
    assert stage.state() == before
    plan = json.loads(builders.plan.read_bytes())
    for name, options in {"one": (), "other": ("--depth=1",)}.items():
        place = builders.check_out(name, *options)
        assert stage.git("rev-parse", "HEAD", at=place) == plan["commit"]
        assert stage.git("status", "--porcelain", at=place) == ""
        assert 'version = "1.3.0"  # kept' in (place / "pyproject.toml").read_text("utf-8")
    assert stage.state() == before


def test_from_prepare_to_the_index(stage: Stage, builders: Builders) -> None:
    assert stage.run("prepare", "minor", "--out", str(builders.plan)).code == 0
    built = builders.build(HERE, WINDOWS, MAC)
    (builders.dist / "sdist/.gitignore").write_text("*", encoding="utf-8")  # as `uv build` does
    done = builders.publish()
    assert done.code == 0, done.err
    assert stage.published() == sorted(path.name for path in built)
    plan = json.loads(builders.plan.read_bytes())
    assert stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote) == plan["commit"]
    assert stage.git("rev-parse", "main", at=stage.remote) == plan["commit"]
    assert "refs/release/intent" not in stage.remote_refs()
    again = builders.publish()
    assert again.code == 0, again.err
    assert "was released from this commit already" in again.out
    assert "was released from this commit already" in builders.prepare("minor").out


def test_a_candidate_comes_from_many_machines_too(stage: Stage, builders: Builders) -> None:
    before = stage.remote_refs(), stage.git("for-each-ref")
    done = builders.prepare("minor", "--pre", "rc")
    assert done.code == 0, done.err
    built = builders.build(HERE, WINDOWS)
    done = builders.publish(verb="publish-rc")
    assert done.code == 0, done.err
    assert stage.published() == sorted(path.name for path in built)
    assert (stage.remote_refs(), stage.git("for-each-ref")) == before
    again = builders.publish(verb="publish-rc")
    assert again.code == 0, again.err
    assert stage.published() == sorted(path.name for path in built)
    builders.prepare("minor", "--pre", "rc")
    assert json.loads(builders.plan.read_bytes())["packages"][0]["version"] == "1.3.0rc2"


def test_a_signed_commit_with_the_words_of_a_hook_is_made_again(
    stage: Stage, builders: Builders, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    settings = {"gpg.format": "ssh", "user.signingKey": str(key), "commit.gpgSign": "true"}
    for name, value in settings.items():
        stage.git("config", name, value)
    stage.hook("commit-msg", 'printf "\\nChange-Id: I1\\n" >> "$1"')
    assert builders.prepare("minor").code == 0
    plan = json.loads(builders.plan.read_bytes())
    assert "-----BEGIN SSH SIGNATURE-----" in plan["text"]
    place = builders.check_out("builder")
    assert stage.git("rev-parse", "HEAD", at=place) == plan["commit"]
    assert stage.git("log", "-1", "--format=%B", at=place) == "Release 1.3.0\n\nChange-Id: I1"
    builders.build(HERE)
    assert builders.publish().code == 0
    assert stage.git("rev-parse", "main", at=stage.remote) == plan["commit"]


def test_what_fits_a_machine_is_tried(stage: Stage, builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    builders.build(HERE, WINDOWS)
    done = stage.run("try", str(builders.plan), "--dist", str(builders.dist))
    assert done.code == 0, done.err
    assert f"Install and import acme-1.3.0-{HERE}.whl" in done.out
    shutil.rmtree(builders.dist / HERE)
    done = stage.run("try", str(builders.plan), "--dist", str(builders.dist))
    assert done.code == 1
    assert "no wheel of acme in" in done.err
    done = builders.publish()
    assert done.code == 0, done.err


def test_what_others_have_built_is_not_run_where_it_is_published(
    stage: Stage, builders: Builders, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    assert builders.prepare("minor").code == 0
    builders.build(HERE, WINDOWS, more=f"open({str(mark)!r}, 'w').close()\n")
    done = builders.publish()
    assert done.code == 0, done.err
    assert not mark.exists()
    assert stage.run("try", str(builders.plan), "--dist", str(builders.dist)).code == 0
    assert mark.exists()


def test_the_steps_that_follow_build_with_the_time_of_the_commit(
    stage: Stage, builders: Builders, tmp_path: Path
) -> None:
    assert builders.prepare("minor").code == 0
    stage.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    stage.monkeypatch.setenv("GITHUB_ENV", str(tmp_path / "env"))
    place = builders.check_out("builder")
    time = stage.git("log", "-1", "--format=%ct", at=place)
    told = (tmp_path / "env").read_text(encoding="utf-8")
    assert re.fullmatch(rf"SOURCE_DATE_EPOCH<<(\w+)\n{time}\n\1\n", told)


# A plan is believed no more than an intent is


def test_an_sdist_with_what_git_does_not_have_is_refused(
    stage: Stage, builders: Builders, wheelhouse: Path
) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + '[tool.flit.sdist]\ninclude = ["*.txt"]\n'})
    assert builders.prepare("minor").code == 0
    builders.build(HERE)
    place = builders.check_out("dirty")
    (place / "mine.txt").write_text("mine", encoding="utf-8")
    flit("sdist", wheelhouse, place, builders.dist / "sdist")
    before = stage.state()
    done = builders.publish()
    assert done.code == 1
    assert "mine.txt, which git doesn't track at this commit" in done.err
    assert stage.state() == before


def test_what_is_not_as_planned_is_refused(stage: Stage, builders: Builders) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + DECLARED})
    assert builders.prepare("minor").code == 0
    builders.build("cp311-cp311-win_amd64")
    before = stage.state()

    def refused(words: str) -> None:
        done = builders.publish()
        assert done.code == 1, done.out
        assert words in done.err
        assert stage.state() == before

    refused("no file of acme is *-macosx_*.whl, *-manylinux*.whl, which `artifacts` declares")
    (builders.dist / "notes.txt").write_text("mine", encoding="utf-8")
    refused(f"notes.txt in {builders.dist}: no wheel or sdist of acme 1.3.0")
    (builders.dist / "notes.txt").unlink()
    (double,) = (builders.dist / WINDOWS).iterdir()
    (builders.dist / "other").mkdir()
    (builders.dist / "other" / double.name).write_bytes(double.read_bytes() + b"\n")
    refused(f"two machines have built {double.name}, and not the same bytes")


def test_what_a_builder_has_attested_is_refused(stage: Stage, builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    sdist, _ = builders.build(HERE)
    sdist.with_name(f"{sdist.name}.publish.attestation").write_text("{}", encoding="utf-8")
    before = stage.state()
    done = builders.publish()
    assert done.code == 1
    assert f"{sdist.name}.publish.attestation in {builders.dist}: no wheel or sdist" in done.err
    assert "who may sign may also upload" in done.err
    assert stage.state() == before


def test_a_forged_plan_is_refused(stage: Stage, builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    builders.build(HERE)
    before = stage.state()
    plan = json.loads(builders.plan.read_bytes())
    for change, words in FORGED:
        builders.plan.write_text(json.dumps(plan | change), encoding="utf-8")
        done = builders.publish()
        assert done.code == 1, (change, done.out)
        assert words in done.err, change
        assert stage.state() == before, change


def test_a_plan_with_another_tree_or_message_is_refused(stage: Stage, builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    plan = json.loads(builders.plan.read_bytes())
    tree, own = plan["text"].partition("\n")[0].split()[1], stage.git("rev-parse", "HEAD^{tree}")
    forged = {
        f"with the tree {tree}": (tree, own),
        "its message is Mine": ("Release 1.3.0", "Mine"),
    }
    for words, (old, new) in forged.items():
        text = plan["text"].replace(old, new)
        commit = subprocess.run(
            ["git", "hash-object", "-t", "commit", "--stdin"],
            cwd=stage.clone, input=text.encode(), capture_output=True, check=True,
        ).stdout.decode().strip()  # fmt: skip
        builders.plan.write_text(
            json.dumps({**plan, "text": text, "commit": commit}), encoding="utf-8"
        )
        done = builders.publish()
        assert done.code == 1, done.out
        assert words in done.err


def test_what_was_waived_is_asked_again(stage: Stage, builders: Builders) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + '[tool.nox-release]\nacknowledge = ["Docs"]\n'})
    done = builders.prepare("minor", "--waive", "stakeholders")
    assert done.code == 0, done.err
    builders.build(HERE)
    done = builders.publish()
    assert done.code == 1
    assert "--waive stakeholders" in done.err
    assert builders.publish("--waive", "stakeholders").code == 0
    assert "Waived: stakeholders." in stage.git("cat-file", "-p", "v1.3.0", at=stage.remote)


def test_a_plan_that_main_has_left_behind_is_refused(stage: Stage, builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    builders.build(HERE)
    stage.commit({"other.py": ""})
    before = stage.state()
    assert "its base is" in builders.publish().err
    assert stage.state() == before
    stage.git("reset", "--quiet", "--hard", "HEAD^")
    before = stage.state()
    assert "is behind main on origin" in builders.publish().err
    assert stage.state() == before


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("publish", "minor", "--plan", "p", "--dist", "d"), "--plan goes without minor"),
        (("publish", "--plan", "p"), "--plan and --dist go together"),
        (("publish", "--resume", "--plan", "p", "--dist", "d"), "--plan goes without --resume"),
        (("prepare", "minor", "--ref", "HEAD", "--out", "p"), "a release is made from HEAD"),
        (("prepare", "minor", "--out", "."), ". is a folder"),
    ],
)
def test_what_makes_no_sense_is_said(stage: Stage, args: tuple[str, ...], words: str) -> None:
    done = stage.run(*args)
    assert done.code == 2
    assert words in done.err


def test_copies_of_read_only_files_can_be_removed(builders: Builders, tmp_path: Path) -> None:
    """Windows removes no file that can't be written to."""
    assert builders.prepare("minor").code == 0
    for path in builders.build(HERE):
        path.chmod(0o444)
    collected = Collected(handover=Handover.read(builders.plan), folder=builders.dist)
    copies = collected.copied("acme", tmp_path)
    assert len(copies) == 2
    assert all(path.stat().st_mode & 0o200 for path in copies)


def test_what_is_not_there_is_said(stage: Stage, builders: Builders) -> None:
    done = stage.run("checkout", "nowhere.json")
    assert done.code == 1
    assert "the plan nowhere.json can't be read: No such file" in done.err
    assert "prepare LEVEL --out nowhere.json writes one" in done.err
    assert builders.prepare("minor").code == 0
    for done in (builders.publish(), stage.run("try", str(builders.plan), "--dist", "nowhere")):
        assert done.code == 1
        assert "there is no file in" in done.err
        assert "--dist FOLDER is where" in done.err
        assert "Collect and check" not in done.out


def test_a_plan_is_for_its_own_verb(builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    done = builders.publish(verb="publish-rc")
    assert done.code == 2
    assert "nox -s publish_release" in done.err


def test_a_clone_with_something_in_it_is_not_built(stage: Stage, builders: Builders) -> None:
    assert builders.prepare("minor").code == 0
    place = builders.check_out("builder")
    (place / "other.py").write_text("", encoding="utf-8")
    done = stage.run("checkout", str(builders.plan), at=place)
    assert done.code == 1
    assert "other.py would go into what is built" in done.err


# Continue


def test_all_jobs_again_continue_what_was_begun(stage: Stage, builders: Builders) -> None:
    """What the index has stays; what it lacks may come out otherwise."""
    with faulty(stage.url, [PASS, "403"]) as url:
        stage.monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        assert builders.prepare("minor").code == 0
        plan = builders.plan.read_bytes()
        first = builders.build(HERE, WINDOWS, MAC)
        done = builders.publish()
        assert done.code == 3, done.out
        there = {path.name: path.read_bytes() for path in stage.files.iterdir()}
        assert 0 < len(there) < len(first)
        again = builders.prepare("minor")
        assert again.code == 0, again.err
        assert "acme 1.3.0, unfinished" in again.out
        assert builders.plan.read_bytes() == plan
        assert "is unfinished" in builders.prepare("major").err
        built = {path.name: path for path in builders.build(HERE, WINDOWS, MAC, more="# 2\n")}
        done = builders.publish()
        assert done.code == 0, done.err
    assert "the build isn't reproducible" in done.out
    published = {path.name: path.read_bytes() for path in stage.files.iterdir()}
    assert published == {name: path.read_bytes() for name, path in built.items()} | there


def test_one_machine_alone_does_not_continue_it(stage: Stage, builders: Builders) -> None:
    with faulty(stage.url, [PASS, "403"]) as url:
        stage.monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        assert builders.prepare("minor").code == 0
        _, _, windows, mac = builders.build(HERE, WINDOWS, MAC)
        assert builders.publish().code == 3
        done = stage.run("publish", "--resume", at=stage.other_clone())
        assert done.code == 3, done.out
        assert f"with other files than are made here: {mac.name}, {windows.name}\n" in done.err
        assert "publish with its --plan and --dist" in done.err
        assert builders.publish().code == 0


def test_another_plan_does_not_continue_it(stage: Stage, builders: Builders) -> None:
    with faulty(stage.url, [PASS, "403"]) as url:
        stage.monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        assert builders.prepare("minor").code == 0
        builders.build(HERE)
        other = json.loads(builders.plan.read_bytes())
        other["commit"] = other["base"]
        assert builders.publish().code == 3
        builders.plan.write_text(json.dumps(other), encoding="utf-8")
        before = stage.state()
        done = builders.publish()
        assert done.code == 1
        assert "was begun with the commit" in done.err
        assert stage.state() == before


def test_a_candidate_that_is_half_published_is_finished_with_the_same_files(
    stage: Stage, builders: Builders
) -> None:
    with faulty(stage.url, [PASS, "403"]) as url:
        stage.monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        assert builders.prepare("minor", "--pre", "b").code == 0
        built = builders.build(HERE, WINDOWS)
        assert builders.publish(verb="publish-rc").code == 3
        assert builders.publish(verb="publish-rc").code == 0
    assert stage.published() == sorted(path.name for path in built)
