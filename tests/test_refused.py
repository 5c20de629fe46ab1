"""Bad input: the thing and the next command in a sentence, exit 1 or 2, nothing changed."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from tests.faults import serving
from tests.stage import PYPROJECT, Stage, with_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATIC = 'version = "1.2.3"  # kept by the release'


def refused(stage: Stage, *args: str, code: int = 1, words: tuple[str, ...]) -> None:
    before = stage.state()
    done = stage.run(*args)
    assert done.code == code, done.out + done.err
    for word in words:
        assert word in done.err
    assert "release/__main__.py" not in done.err  # a traceback of ours
    is_told = code == 1 and args[0].startswith("publish")
    assert done.err.endswith("\nNothing has changed.\n") == is_told
    assert stage.state() == before


@pytest.mark.parametrize(
    ("pyproject", "code", "words"),
    [
        pytest.param(None, 1, ("no pyproject.toml",), id="no pyproject.toml"),
        pytest.param("[project\n", 1, ("pyproject.toml is broken", "line 1, column"), id="broken"),
        pytest.param(
            PYPROJECT.replace(STATIC, 'dynamic = ["version"]').replace("flit_core.b", "other.b"),
            1,
            ("says nowhere what the version is", "other.buildapi", "version ="),
            id="no place",
        ),
        pytest.param(
            PYPROJECT + '\n[tool.poetry]\nversion = "1.2.3"\n',
            1,
            ("2 places", "[project] version", "[tool.poetry] version", "keep one"),
            id="two places",
        ),
        pytest.param(
            PYPROJECT.replace("1.2.3", "one.two"),
            1,
            ("[project] version is 'one.two'", "PEP 440"),
            id="not PEP 440",
        ),
        pytest.param(
            PYPROJECT + '\n[tool.nox-release]\nbranhc = "main"\n',
            2,
            ("unknown key 'branhc'", "did you mean branch?"),
            id="unknown key",
        ),
        pytest.param(
            PYPROJECT + '\n[tool.nox-release]\nmain = "merge"\n',
            2,
            ('main must be "push" or "pull-request", not \'merge\'',),
            id="unknown way to main",
        ),
    ],
)
def test_a_project_that_cannot_be_read(
    stage: Stage, pyproject: str | None, code: int, words: tuple[str, ...]
) -> None:
    if pyproject is None:
        stage.git("rm", "--quiet", "pyproject.toml")
        stage.commit({})
    else:
        stage.commit({"pyproject.toml": pyproject})
    for verb in ("publish", "publish-rc", "rehearse"):
        refused(stage, verb, "minor", code=code, words=words)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("publish", "minro"), ("'minro' is neither a level", "did you mean minor?")),
        (("publish", "1.3.x"), ("'1.3.x' is neither", "levels are major")),
        (("publish", "1.3.0+mine"), ("local label", "use 1.3.0")),
        (("publish-rc", "minor", "--pre", "beta"), ("'beta'", "rc, a, b, dev")),
        (("publish-rc", "1.3.0rc2"), ("comes from the index", "1.3.0 --pre rc")),
        (("publish",), ("say what comes after 1.2.3", "minor: 1.3.0", "patch: 1.2.4")),
        (("publish", "minor", "--repository", "nowhere"), ("no index 'nowhere'", "testpypi")),
        (("publish", "--resume", "--abandon"), ("not allowed with",)),
        (("publish", "minor", "--resume"), ("take no level: minor",)),
        (("publsih", "minor"), ("invalid choice",)),
        (
            ("publish", "minor", "--dryrun"),
            ("publish doesn't know --dryrun", "see nox -s publish_release -- --help"),
        ),
    ],
)
def test_a_command_that_makes_no_sense(
    stage: Stage, args: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(stage, *args, code=2, words=words)


def test_there_is_no_repository(stage: Stage, tmp_path: Path) -> None:
    place = tmp_path / "nowhere"
    place.mkdir()
    done = stage.run("publish", "minor", at=place)
    assert done.code == 1
    assert "not in a git repository" in done.err
    assert "git init" in done.err


def test_there_is_no_commit(stage: Stage, tmp_path: Path) -> None:
    place = tmp_path / "empty"
    place.mkdir()
    stage.git("init", "--quiet", at=place)
    done = stage.run("publish", "minor", at=place)
    assert done.code == 1
    assert "no commit 'HEAD'" in done.err


def test_there_is_no_remote(stage: Stage) -> None:
    stage.git("remote", "remove", "origin")
    refused(stage, "publish", "minor", words=("no git remote 'origin'", "git remote add origin"))
    assert stage.run("publish", "minor").err.count("no git remote") == 1


def test_the_remote_cannot_be_read(stage: Stage) -> None:
    stage.git("remote", "set-url", "origin", "../gone.git")
    refused(stage, "publish", "minor", words=("origin can't be read", "gone.git", "git ls-remote"))


def test_head_is_detached(stage: Stage) -> None:
    stage.git("checkout", "--quiet", "--detach")
    refused(stage, "publish", "minor", words=("HEAD is detached", "git switch main"))


def test_another_branch_is_checked_out(stage: Stage) -> None:
    stage.git("switch", "--quiet", "--create", "feature")
    refused(stage, "publish", "minor", words=("feature is checked out", "git switch main"))


def test_the_tree_is_dirty(stage: Stage) -> None:
    stage.write("acme.py", "changed = True\n")
    stage.write("untracked.txt", "")
    for verb in ("publish", "publish-rc"):
        refused(stage, verb, "minor", words=("not clean: acme.py, untracked.txt", "git stash"))


def test_the_clone_is_behind_the_remote(stage: Stage) -> None:
    stage.commit({"new.py": "new = 1\n"})
    stage.git("reset", "--quiet", "--hard", "HEAD^")
    refused(stage, "publish", "minor", words=("is behind main on origin", "git pull --ff-only"))


def test_the_clone_is_ahead_of_the_remote(stage: Stage) -> None:
    stage.commit({"new.py": "new = 1\n"}, push=False)
    refused(stage, "publish", "minor", words=("is ahead of main on origin", "git push origin main"))


def test_the_branch_is_not_on_the_remote(stage: Stage) -> None:
    stage.git("branch", "--move", "main", "trunk")
    table = '\n[tool.nox-release]\nbranch = "trunk"\n'
    stage.commit({"pyproject.toml": PYPROJECT + table}, push=False)
    refused(stage, "publish", "minor", words=("no trunk on origin", "git push -u origin trunk"))


def test_the_tag_is_on_the_remote(stage: Stage) -> None:
    stage.git("tag", "v1.3.0", at=stage.remote)
    refused(stage, "publish", "minor", words=("tag v1.3.0 is on origin already", "another version"))


def test_the_tag_is_in_this_clone_only(stage: Stage) -> None:
    stage.git("tag", "v1.3.0")
    refused(stage, "publish", "minor", words=("v1.3.0 exists in this clone only", "tag --delete"))


@pytest.mark.parametrize("tag", ["1.3.0", "acme-1.3.0", "rel_1_3_0"])
def test_the_version_is_tagged_in_another_style(stage: Stage, tag: str) -> None:
    stage.git("tag", tag, at=stage.remote)
    words = (f"the tag {tag} is on origin already", "means 1.3.0 like v1.3.0", "another version")
    refused(stage, "publish", "minor", words=words)
    stage.git("tag", "--delete", tag, at=stage.remote)
    stage.git("tag", tag)
    words = (f"{tag} exists in this clone only", "means 1.3.0 like v1.3.0", f"tag --delete {tag}")
    refused(stage, "publish", "minor", words=words)


def test_a_higher_version_of_the_line_is_tagged_on_a_branch(stage: Stage) -> None:
    stage.git("switch", "--quiet", "--create", "1.2.x")
    commit = stage.git("commit-tree", "-p", "HEAD", "-m", "Elsewhere", "HEAD^{tree}")
    stage.git("push", "--quiet", "origin", f"{commit}:refs/tags/v1.2.5")
    stage.git("switch", "--quiet", "main")
    words = ("would be lower than 1.2.5, which is tagged v1.2.5", "highest of its line")
    for verb, version in (("publish", "1.2.4"), ("publish-rc", "1.2.4rc1")):
        refused(stage, verb, "patch", words=(version, *words))
    assert stage.run("publish", "minor", "--dry-run").code == 0


def test_development_comes_after_a_version_that_is_tagged(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT.replace("1.2.3", "1.2.3+dev")})
    words = ("1.2.3+dev comes after 1.2.3, which is taken", "for 1.3.0: nox -s publish_release")
    refused(stage, "publish", "current", words=words)
    assert "v1.3.0" in stage.run("publish", "minor", "--dry-run").out


def test_the_configured_tag_would_not_tell_the_version(stage: Stage) -> None:
    table = "[tool.nox-release]\ntag = 'rel_{major}_{minor}_{patch}'\n"
    stage.commit({"pyproject.toml": PYPROJECT + table})
    words = ("the tag rel_1_3_0 would not tell the version 1.3.0.1", "{version}")
    refused(stage, "publish", "1.3.0.1", words=words)
    assert "rel_1_3_0" in stage.run("publish", "minor", "--dry-run").out


def test_a_level_is_not_of_the_scheme(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + "[tool.nox-release]\nscheme = 'YYYY.0M.0D'\n"})
    words = ("versions like YYYY.0M.0D have no minor", "use current, or say the version")
    refused(stage, "publish", "minor", words=words)
    refused(stage, "publish", "1.3.0", words=("1.3.0 is no version of the scheme",))
    assert "v2026.08.07" in stage.run("publish", "2026.8.7", "--dry-run").out


@pytest.mark.parametrize(
    ("published", "bump", "words"),
    [
        ("acme-1.3.0.tar.gz", "minor", "1.3.0 is on the index already"),
        ("acme-1.3.1.tar.gz", "minor", "1.3.0 would be lower than 1.3.1"),
        ("acme-1.2.4rc1-py3-none-any.whl", "current", "1.2.3 would be lower than 1.2.4rc1"),
        ("other-1.0.tar.gz", "1.2.2", "1.2.2 is lower than the current version 1.2.3"),
    ],
)
def test_the_version_cannot_follow(stage: Stage, published: str, bump: str, words: str) -> None:
    (stage.files / published).write_bytes(b"")
    refused(stage, "publish", bump, words=(words,))


def test_the_level_is_ambiguous(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT.replace("1.2.3", "1.3.0rc1")})
    refused(
        stage,
        "publish",
        "minor",
        words=(
            "from 1.3.0rc1, minor can mean 1.3.0 or 1.4.0",
            "for 1.3.0: nox -s publish_release -- current",
            "for 1.4.0: nox -s publish_release -- 1.4.0",
        ),
    )


def test_there_are_no_credentials(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWINE_USERNAME")
    monkeypatch.delenv("TWINE_PASSWORD")
    refused(stage, "publish", "minor", words=("no credentials for http://127", "TWINE_PASSWORD"))


def test_the_credentials_are_wrong(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINE_PASSWORD", "canary-password")
    for verb in ("publish", "publish-rc"):
        refused(stage, verb, "minor", words=("refuses these credentials: 403", "~/.pypirc"))
    assert "canary-password" not in stage.run("publish", "minor").err


def test_git_does_not_know_who_commits(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    stage.git("config", "user.useConfigOnly", "true")
    refused(stage, "publish", "minor", words=("who you are", "git config user.name"))


def test_a_push_is_not_permitted(stage: Stage) -> None:
    # What `--receive-pack` names runs on the remote's side: one that refuses all comers.
    stage.git("config", "remote.origin.receivepack", "false")
    refused(stage, "publish", "minor", words=("a push to origin is refused", "git push --dry-run"))


def test_all_problems_are_shown_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.git("tag", "v1.3.0")
    stage.git("switch", "--quiet", "--create", "feature")
    stage.write("acme.py", "changed = True\n")
    monkeypatch.setenv("TWINE_PASSWORD", "wrong-password")
    words = ("not clean", "feature is checked out", "v1.3.0 exists", "refuses these credentials")
    refused(stage, "publish", "minor", words=words)


@contextmanager
def answering(status: int, content_type: str, body: str) -> Iterator[str]:
    """Serve one answer to everybody, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(Handler) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "content_type", "body", "words"),
    [
        (403, "text/html", "", "403"),
        (500, "text/html", "", "500"),
        (200, "text/html", "<title>Please log in</title>", "a page that lists no files"),
        (200, "application/vnd.pypi.simple.v1+json", "<html>", "can't be read"),
        (200, "application/vnd.pypi.simple.v1+json", "{}", "can't be read"),
        (200, "application/pdf", "", "can't be read"),
    ],
)
def test_the_index_cannot_be_read(
    stage: Stage, status: int, content_type: str, body: str, words: str
) -> None:
    with answering(status, content_type, body) as url:
        for verb in ("publish", "publish-rc"):
            refused(stage, verb, "minor", "--repository", url, words=(words, "index-url"))


def test_the_index_cannot_be_reached(stage: Stage) -> None:
    with answering(200, "", "") as url:
        pass
    words = ("can't be read", "can't be reached")
    refused(stage, "publish", "minor", "--repository", url, words=words)


def test_the_tests_fail(stage: Stage) -> None:
    stage.commit({"acme.py": '"""A sample."""\nraise RuntimeError("the sky falls")\n'})
    before = stage.state()
    done = stage.run("publish", "minor")
    assert done.code == 1
    assert "the sky falls" in done.err
    assert stage.state() == before
    skipping = stage.run("publish", "minor", "--skip-tests", "--dry-run")
    assert "tests      skipped" in skipping.out


def test_the_tests_were_skipped(stage: Stage) -> None:
    noxfile = (
        "import nox\n@nox.session(venv_backend='none')\ndef tests(session):\n    session.skip()\n"
    )
    stage.commit({"noxfile.py": noxfile})
    refused(stage, "publish", "minor", words=("the tests did not run: tests", "--skip-tests"))


def test_an_interpreter_is_missing(stage: Stage) -> None:
    noxfile = "import nox\n@nox.session(python='3.1')\ndef tests(session):\n    pass\n"
    stage.commit({"noxfile.py": noxfile})
    refused(stage, "publish", "minor", words=("3.1 not found",))


def test_there_are_no_tests(stage: Stage) -> None:
    stage.commit({"noxfile.py": "import nox\n"})
    refused(stage, "publish", "minor", words=("No sessions found",))


def test_the_build_fails(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT.replace("README.md", "GONE.md")})
    for verb in ("publish", "publish-rc"):
        refused(stage, verb, "minor", words=("building the sdist failed:", "GONE.md"))


BACKEND = """\
from flit_core.buildapi import *
import flit_core.buildapi, pathlib

def build_wheel(folder, *args):
    path = pathlib.Path("pyproject.toml")
    path.write_text(path.read_text().replace("1.3.0", "9.9.9"))
    return flit_core.buildapi.build_wheel(folder, *args)
"""


def test_the_build_makes_another_version(stage: Stage) -> None:
    stage.commit(with_backend(BACKEND))
    words = ("acme-9.9.9-py3-none-any.whl: its name says acme 9.9.9, the plan acme 1.3.0",)
    refused(stage, "publish", "minor", words=words)


def test_the_description_would_not_render(stage: Stage) -> None:
    readme = "readme = {text = '`broken', content-type = 'text/x-rst'}"
    stage.commit({"pyproject.toml": PYPROJECT.replace('readme = "README.md"', readme)})
    refused(stage, "publish", "minor", words=("`twine check` refuses", "syntax errors in markup"))


def test_a_module_does_not_import_once_installed(stage: Stage) -> None:
    stage.commit({"acme.py": '"""A sample."""\nimport gone\n', "noxfile.py": "import nox\n"})
    refused(stage, "publish", "minor", "--skip-tests", words=("No module named 'gone'",))


def test_a_module_still_says_the_old_version(stage: Stage) -> None:
    stage.commit({"acme.py": '"""A sample."""\n__version__ = "1.2.3".strip()\n'})
    refused(stage, "publish", "minor", words=("acme.__version__ is still 1.2.3",))


def test_a_commit_hook_rejects(stage: Stage) -> None:
    stage.hook("pre-commit", "echo 'no releases on a Friday' >&2; exit 1")
    words = ("the release commit was refused", "no releases on a Friday", "type the command again")
    refused(stage, "publish", "minor", words=words)


def test_a_commit_hook_rewrites_the_version_away(stage: Stage) -> None:
    for script, path in (
        ("echo '# 1.2.9' >> pyproject.toml; git add pyproject.toml", "pyproject.toml"),
        ("echo more >> README.md; git add README.md", "README.md"),
    ):
        stage.hook("pre-commit", script)
        words = ("a commit hook changed the release commit", path)
        refused(stage, "publish", "minor", words=words)


def test_a_push_hook_rejects_before_anything_is_published(stage: Stage) -> None:
    stage.hook(
        "pre-push", "grep -q refs/tags/v1.3.0 && { echo 'tags are frozen' >&2; exit 1; } || true"
    )
    refused(stage, "publish", "minor", words=("tags are frozen",))


def test_signing_fails_before_anything_is_published(stage: Stage) -> None:
    stage.git("config", "tag.gpgSign", "true")
    stage.git("config", "gpg.format", "ssh")
    stage.git("config", "user.signingKey", "/nowhere/key")
    refused(stage, "publish", "minor", words=("couldn't sign the tag v1.3.0", "user.signingKey"))


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_the_disk_is_full(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    before = stage.state()
    monkeypatch.setenv("TMPDIR", str(disk))
    try:
        child = stage.fork("publish", "minor")
        _, err = child.communicate(timeout=120)
        assert child.returncode == 1
        assert "No space left on device" in err
        assert stage.state() == before
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)
