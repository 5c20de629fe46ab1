"""A canary in every place that credentials come from is never seen, whatever happens."""

from __future__ import annotations

import base64
import subprocess
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from release.rehearsal import USER
from tests.faults import PASS, faulty, serving
from tests.githttp import CREDENTIALS, Fault, git_over_http
from tests.stage import NOXFILE, QUICK, with_backend
from tests.test_resume import FILES

if TYPE_CHECKING:
    from tests.stage import Stage

PUBLISH = ("publish", "minor", "--skip-tests")
PLACES = ["TWINE_PASSWORD", "pypirc", "pypirc-url", "repository-url", "netrc", "keyring"]


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def put(stage: Stage, place: str, url: str, canary: str, patch: pytest.MonkeyPatch) -> list[str]:
    """Let the index's password come from `place` alone; return the options that a command needs."""
    home = stage.clone.parent / "home"
    home.mkdir(exist_ok=True)
    for key in ("HOME", "USERPROFILE"):
        patch.setenv(key, str(home))
    patch.setenv("TWINE_REPOSITORY_URL", url)
    patch.setenv("TWINE_USERNAME", USER)
    patch.setenv("TWINE_PASSWORD", canary)
    with_user = url.replace("://", f"://{USER}:{canary}@")
    if place == "TWINE_PASSWORD":
        return []
    if place == "netrc":
        netrc = home / (".netrc" if sys.platform != "win32" else "_netrc")
        netrc.write_text(f"machine 127.0.0.1 login {USER} password {canary}\n", encoding="utf-8")
        return []
    if place == "repository-url":
        patch.setenv("TWINE_REPOSITORY_URL", with_user)
        return []
    patch.delenv("TWINE_PASSWORD")
    if place == "keyring":
        patch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
        patch.setenv("CANARY", canary)
        patch.setenv("XDG_CONFIG_HOME", str(home))
        (home / "python_keyring").mkdir(exist_ok=True)
        (home / "python_keyring/keyringrc.cfg").write_text(
            f"[backend]\ndefault-keyring=canary.Keyring\nkeyring-path={Path(__file__).parent}\n",
            encoding="utf-8",
        )
        return []
    for key in ("TWINE_REPOSITORY_URL", "TWINE_USERNAME"):
        patch.delenv(key)
    address = with_user if place == "pypirc-url" else url
    (home / ".pypirc").write_text(
        f"[distutils]\nindex-servers = private\n[private]\nrepository = {address}\n"
        f"username = {USER}\npassword = {canary}\n",
        encoding="utf-8",
    )
    return ["--repository", "private"]


def everything(stage: Stage) -> str:
    """What every ref, tag and record says, here and on the remote."""
    texts = [stage.git("log", "--all", "--format=%an %ae %B", at=stage.remote)]
    for at in (stage.clone, stage.remote):
        read = ["git", "cat-file", "--batch", "--batch-all-objects"]
        objects = subprocess.run(read, cwd=at, check=True, capture_output=True).stdout
        texts.append(objects.decode(errors="replace"))  # trees have ids in bytes
    return "\n".join(texts)


def spoken(stage: Stage, *args: str) -> tuple[int | None, str]:
    """What a process says, on both of its streams."""
    process = stage.fork(*args)
    text = "".join(process.communicate(timeout=120))
    return process.returncode, text


@pytest.mark.parametrize(
    ("place", "given"), list(zip(PLACES, [[], ["--json"]] * len(PLACES), strict=False))
)
def test_no_place_of_credentials_shows_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, place: str, given: list[str]
) -> None:
    """Refused, unfinished, finished: each says something, and never that."""
    with faulty(stage.url, [PASS, "403"]) as url:
        given = [*given, *put(stage, place, url, stage.password, monkeypatch)]
        runs = [PUBLISH, ("status",), PUBLISH]
        done = [spoken(stage, *command, *given) for command in runs]
    assert [code for code, _ in done] == [3, 3, 0], done[2]
    with faulty(stage.url, []) as url:
        given = put(stage, place, url, f"{stage.password}x", monkeypatch)
        done.append(spoken(stage, "publish", "9.0", *given))
        assert done[-1][0] == 1
        assert "refuses these credentials" in done[-1][1]
    assert stage.published() == FILES
    encoded = base64.b64encode(f"{USER}:{stage.password}".encode()).decode()
    for text in (everything(stage), *(text for _, text in done)):
        assert stage.password not in text
        assert encoded not in text


@pytest.mark.parametrize("kind", ["", "401", "403", "500", "down", "cut"])
def test_no_credential_of_the_remote_is_shown(stage: Stage, kind: str) -> None:
    """It is in the remote's URL; the remote goes wrong before, and after the intent."""
    canary = CREDENTIALS.partition(":")[2]
    stage.git("config", "http.receivepack", "true", at=stage.remote)
    with git_over_http(stage.remote) as server:
        stage.git("remote", "set-url", "origin", server.url)
        done = []
        for where in ("upload-pack", "receive-pack"):
            server.faults[:] = [Fault(kind=kind, where=where, skip=4)] if kind else []
            done.append(stage.run(*PUBLISH, "--json"))
        server.faults.clear()
        done += [stage.run("status"), stage.run(*PUBLISH)]
        assert done[-1].code == 0, done[-1].err
    for one in done:
        assert canary not in one.out + one.err
    assert canary not in everything(stage)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs the list of processes")
def test_no_credential_is_in_the_list_of_processes_or_reaches_other_programs(stage: Stage) -> None:
    """Neither as an argument, nor in the environment of tests, hooks and builds."""
    dump = "import os, pathlib; pathlib.Path({!r}).write_text(repr(os.environ))"
    files = {name: stage.clone.parent / f"seen-by-{name}" for name in ("hook", "tests", "build")}
    scripts = {name: dump.format(str(path)) for name, path in files.items()}
    backend = f"{scripts['build']}\nfrom flit_core.buildapi import *\n"
    noxfile = NOXFILE.replace('"import acme"', repr(scripts["tests"]))
    stage.commit({**with_backend(backend), "noxfile.py": noxfile})
    stage.hook("pre-commit", f'env > "{files["hook"]}"')
    process, lines = stage.spawn("publish", "minor"), set()
    while process.poll() is None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                lines.add(path.read_bytes())
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert any(b"ls-remote" in line for line in lines)
    assert any(b"build" in line for line in lines)
    texts = [out, err, *(line.decode() for line in lines)]
    texts += [path.read_text(encoding="utf-8") for path in files.values()]
    for text in texts:
        assert stage.password not in text


def test_what_a_program_prints_is_cleaned(stage: Stage) -> None:
    """A hook knows a credential from somewhere, and says it."""
    stage.hook("pre-commit", f"echo 'the password is {stage.password}' >&2; exit 1")
    for form in ([], ["--json"]):
        done = stage.run("publish", "minor", *form)
        assert done.code == 1
        assert "the password is ***" in done.out + done.err
        assert stage.password not in done.out + done.err


class Repeats(BaseHTTPRequestHandler):
    """Knows no project, takes no file, and repeats the credentials beside the status."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        known = base64.b64decode(self.headers["Authorization"].split()[1]).decode()
        self.send_response(503, f"{known} \x1b[2J")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_what_an_index_says_beside_its_status_is_cleaned(stage: Stage) -> None:
    """Twine logs it."""
    stage.commit({"pyproject.toml": QUICK + "patience = 1\n"})
    with serving(Repeats) as url:
        code, text = spoken(stage, *PUBLISH, "--repository", url)
    assert code == 3, text
    assert "503" in text
    assert stage.password not in text
    assert "\x1b" not in text
