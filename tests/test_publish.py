"""A release from beginning to end, and continued after it stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.stage import NOXFILE, PYPROJECT, QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stage import Stage

FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def real(stage: Stage) -> Stage:
    """The sample as flit builds it, installed to try it."""
    stage.commit({"pyproject.toml": PYPROJECT})
    return stage


def test_a_release_is_on_the_index_and_on_the_remote(real: Stage) -> None:
    base = real.git("rev-parse", "HEAD")
    done = real.run("publish", "minor")
    assert done.code == 0, done.err + done.out
    assert real.published() == FILES
    refs = real.remote_refs()
    assert sorted(refs) == ["refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"]
    commit = real.git("rev-parse", "v1.3.0^{commit}", at=real.remote)
    assert refs["refs/heads/main"] == commit == real.git("rev-parse", "HEAD")
    assert real.git("rev-parse", f"{commit}^") == base
    assert real.git("diff", "--stat", base, commit).splitlines()[-1].strip() == (
        "1 file changed, 1 insertion(+), 1 deletion(-)"
    )
    assert 'version = "1.3.0"  # kept by the release' in (real.clone / "pyproject.toml").read_text()
    message = real.git("cat-file", "tag", "v1.3.0")
    for name in FILES:
        assert hashlib.sha256((real.files / name).read_bytes()).hexdigest() in message
    assert real.git("status", "--porcelain") == ""
    assert real.install("1.3.0") == "1.3.0"


def test_the_plan_comes_before_anything_happens(stage: Stage) -> None:
    before = stage.state()
    done = stage.run("publish", "minor", "--dry-run")
    assert done.code == 0
    assert stage.state() == before
    for words in (
        "1.2.3 → 1.3.0 (minor)",
        "v1.3.0",
        '-version = "1.2.3"  # kept by the release',
        '+version = "1.3.0"  # kept by the release',
        stage.url,
        "nox -s tests",
        "Record the intent in refs/release/intent",
    ):
        assert words in done.out
    assert "\x1b" not in done.out


def test_json_is_one_document_and_nothing_else(stage: Stage) -> None:
    child = stage.fork("publish", "minor", "--skip-tests", "--json")
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    document = json.loads(out)
    assert document["state"] == "published"
    assert document["exit_code"] == 0
    assert document["plan"]["version"] == "1.3.0"
    assert document["plan"]["commit"] == stage.git("rev-parse", "v1.3.0^{commit}")
    assert [one["filename"] for one in document["plan"]["distributions"]] == FILES
    assert {step["state"] for step in document["steps"]} == {"done"}
    stage.git("fetch", "--quiet")
    refusal = stage.run("publish", "1.2.9", "--json")
    assert refusal.code == refusal.document["exit_code"] == 1
    message = refusal.document["problems"][0]["message"]
    assert message == "1.2.9 is lower than the current version 1.3.0"


def test_the_checkout_stays_as_it_is_when_it_cannot_follow(stage: Stage) -> None:
    """The tests run for minutes; what the maintainer does meanwhile is left alone."""
    noxfile = NOXFILE.replace(
        '"import acme"', f"\"open({str(stage.clone / 'meanwhile.py')!r}, 'w')\""
    )
    base = stage.commit({"noxfile.py": noxfile})
    done = stage.run("publish", "minor")
    assert done.code == 0, done.err
    assert "left alone: meanwhile.py changed meanwhile" in done.out
    assert stage.git("rev-parse", "HEAD") == base
    assert stage.git("status", "--porcelain") == "?? meanwhile.py"
    assert stage.remote_refs()["refs/heads/main"] != base


def test_what_is_committed_is_released_not_what_lies_around(real: Stage) -> None:
    real.write(".git/info/exclude", "ignored.py\nbuild\n")
    real.write("ignored.py", "secret = 1\n")
    real.write("build/lib/acme.py", "old = 1\n")
    assert real.run("publish", "minor", "--skip-tests").code == 0
    with tarfile.open(real.files / FILES[1]) as sdist:
        names = sdist.getnames()
    assert not [name for name in names if "ignored" in name or "build" in name]


def test_hooks_and_signing_are_the_users_own(stage: Stage, tmp_path: Path) -> None:
    key = tmp_path / "key"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen")
    subprocess.run(make, check=True)
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": f"{key}.pub",
        "commit.gpgSign": "true",
        "tag.gpgSign": "true",
    }.items():
        stage.git("config", name, value)
    stage.hook("commit-msg", 'echo "\nChecked-by: a hook" >> "$1"')
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    assert "Checked-by: a hook" in stage.git("log", "-1", "--format=%B")
    signers = tmp_path / "signers"
    signers.write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}", encoding="utf-8")
    verify = ("-c", f"gpg.ssh.allowedSignersFile={signers}")
    stage.git(*verify, "verify-commit", "HEAD")
    stage.git(*verify, "verify-tag", "v1.3.0")
    assert stage.git("cat-file", "-t", "v1.3.0", at=stage.remote) == "tag"


def test_a_version_that_main_says_already_needs_no_commit(stage: Stage) -> None:
    base = stage.commit({"pyproject.toml": QUICK.replace("1.2.3", "1.3.0")})
    assert stage.run("publish", "current", "--skip-tests").code == 0
    assert stage.published() == FILES
    assert stage.remote_refs()["refs/heads/main"] == base
    assert stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote) == base


def test_current_finishes_a_development_version(stage: Stage) -> None:
    stage.commit({"pyproject.toml": QUICK.replace("1.2.3", "1.3.0.dev0")})
    assert stage.run("publish", "current", "--skip-tests").code == 0
    assert stage.published() == FILES
    assert stage.git("show", "HEAD:pyproject.toml") == QUICK.replace("1.2.3", "1.3.0").strip()


def test_the_tests_are_a_configured_command(stage: Stage) -> None:
    table = 'test-command = ["python", "-c", "raise SystemExit(7)"]\n'
    stage.commit({"pyproject.toml": QUICK + table})
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert "failed (exit code 7)" in done.err
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    assert "Released with --skip-tests." in stage.git("cat-file", "tag", "v1.3.0")


def test_modules_of_the_project_are_not_taken_for_tools(real: Stage) -> None:
    own = 'raise SystemExit("this is the project\'s own")\n'
    names = ("release.py", "build.py", "twine.py", "virtualenv.py", "pip.py")
    real.commit(dict.fromkeys(names, own))
    child = real.spawn("publish", "minor")
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err


def test_tests_and_builds_get_no_credentials(stage: Stage) -> None:
    noxfile = NOXFILE.replace(
        '"import acme"', "\"import os, sys; sys.exit('TWINE_PASSWORD' in os.environ)\""
    )
    stage.commit({"noxfile.py": noxfile})
    assert stage.run("publish", "minor").code == 0


def test_a_project_of_another_name_and_remote_is_configured(stage: Stage) -> None:
    table = """\
remote = "upstream"
tag = "acme/{version}"
message = "chore: acme {version}"
version-files = ["README.md:now at {version}."]
intent-ref = "refs/heads/release-intent"
import-names = ["acme"]
"""
    readme = "# acme\n\nA sample, now at 1.2.3.\n"
    stage.commit({"pyproject.toml": QUICK + table, "README.md": readme})
    stage.git("remote", "rename", "origin", "upstream")
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    assert stage.git("log", "-1", "--format=%s") == "chore: acme 1.3.0"
    assert "now at 1.3.0." in stage.git("show", "HEAD:README.md")
    assert sorted(stage.remote_refs()) == [
        "refs/heads/main",
        "refs/tags/acme/1.3.0",
        "refs/tags/v1.2.3",
    ]


def test_a_module_that_imports_what_is_not_declared(real: Stage) -> None:
    real.commit({"acme.py": '"""A sample."""\nimport undeclared\n'})
    refused = real.run("publish", "minor", "--skip-tests")
    assert refused.code == 1
    assert "No module named 'undeclared'" in refused.err
    assert "import-names = [] imports none" in refused.err
    table = "\n[tool.nox-release]\nimport-names = []\n"
    real.commit({"pyproject.toml": PYPROJECT + table})
    assert real.run("publish", "minor", "--skip-tests").code == 0


def test_a_shallow_clone_is_deepened(stage: Stage) -> None:
    place = stage.clone.parent / "shallow"
    url = stage.remote.as_uri()
    stage.git(
        "clone", "--quiet", "--depth=1", "--no-single-branch", url, str(place), at=stage.remote
    )
    done = stage.run("publish", "minor", "--skip-tests", at=place)
    assert done.code == 0, done.err
    assert stage.git("rev-parse", "--is-shallow-repository", at=place) == "false"


def test_a_clone_that_has_all_objects_learns_where_the_remote_is(stage: Stage) -> None:
    """As one that finished what another machine had pushed: git must not call it ahead."""
    place = stage.other_clone()
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    quietly = ("fetch", "--quiet", "--no-tags", "--refmap=", "origin")
    stage.git(*quietly, "refs/heads/main", "refs/tags/v1.3.0:refs/kept/tag", at=place)
    done = stage.run("publish", "minor", "--skip-tests", at=place)
    assert done.code == 0, done.err
    assert stage.git("status", "--short", "--branch", at=place) == "## main...origin/main"


def test_the_command_typed_again_at_the_very_end_makes_no_other_release(stage: Stage) -> None:
    base = stage.git("rev-parse", "HEAD")
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    before = stage.state()
    again = stage.run("publish", "minor", "--skip-tests")
    assert again.code == 0
    assert "v1.3.0 was released from this commit" in again.out
    assert stage.state() == before
    stage.git("reset", "--quiet", "--hard", base)  # as in a job that is run again
    again = stage.run("publish", "minor", "--skip-tests")
    assert again.code == 0
    assert "v1.3.0 was released from this commit" in again.out
    assert stage.published() == FILES
    stage.git("pull", "--quiet", "--ff-only", "origin", "main")
    place = stage.clone.parent / "shallow"
    stage.git("clone", "--quiet", "--depth=1", stage.remote.as_uri(), str(place), at=stage.remote)
    assert (
        "released from this commit" in stage.run("publish", "minor", "--skip-tests", at=place).out
    )
    assert stage.run("publish", "patch", "--skip-tests").code == 0
    assert stage.published()[2:] == ["acme-1.3.1-py3-none-any.whl", "acme-1.3.1.tar.gz"]


def test_a_release_with_other_files_on_the_index_was_not_released_before(stage: Stage) -> None:
    assert stage.run("publish", "minor", "--skip-tests").code == 0
    (stage.files / FILES[1]).unlink()
    done = stage.run("publish", "minor", "--dry-run")
    assert "was released from this commit" not in done.out


def test_a_checkout_that_was_half_brought_forward_follows_a_release_done_elsewhere(
    stage: Stage,
) -> None:
    assert stage.run("publish", "minor", "--skip-tests", at=stage.other_clone()).code == 0
    stage.git("fetch", "--quiet", "origin", "main")
    stage.git("update-index", "-q", "--refresh")
    stage.git("read-tree", "-u", "-m", "HEAD", "FETCH_HEAD")  # as a merge that was killed leaves it
    assert stage.git("status", "--porcelain") == "M  pyproject.toml"
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert "Bring this checkout to v1.3.0" in done.out
    assert stage.git("status", "--porcelain") == ""
    assert stage.git("rev-parse", "HEAD") == stage.git("rev-parse", "main", at=stage.remote)
