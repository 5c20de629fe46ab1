"""Every command of every workflow is run as GitHub's runner would run it, on a release world.

`nox -s workflows` does that: it takes a minute, and nothing else needs these machines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from release.init import FOLDER, LOCKED, MATRIX
from release.isolation import Environment
from release.locked import LOCK
from release.rehearsal import USER
from tests.acting import Act, program
from tests.builders import HERE, NOXFILE, WINDOWS
from tests.faults import PASS, faulty, serving
from tests.runner import Runner, read
from tests.test_readiness import CHANGELOG
from tests.test_resume import INTENT
from tests.test_workflows import ALPHA, RELEASE, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.github.forge import Forge
    from tests.stage import Stage

    MakeRunner = Callable[..., Runner]
    Adopt = Callable[..., str]

HOOK = "canary-of-slack"
TOKEN = "s3cret-hub"
PROJECT = "https://github.test/acme/acme"
TWO = ("--matrix=os:ubuntu-latest", "--matrix=os:windows-latest")

needs_bash = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("bash"), reason="`run` means bash"
)
needs_act = pytest.mark.skipif(not program(), reason="act is not the one that is known")


class Slack(BaseHTTPRequestHandler):
    """Takes every announcement."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if self.path == f"/{HOOK}" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def slack() -> Iterator[str]:
    with serving(Slack) as url:
        yield url + HOOK


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine that has Nox, and in a cache what its sessions install."""
    top = tmp_path_factory.getbasetemp()
    shared = top.parent if "PYTEST_XDIST_WORKER" in os.environ else top  # by those of one run
    place = shared / "machine"
    here = Environment.at(place / "nox", {**os.environ, "UV_CACHE_DIR": str(place / "uv")})
    with FileLock(shared / "machine.lock"):
        if not place.exists():
            install(here, place)
    return {"PATH": here.programs_env()["PATH"], "UV_CACHE_DIR": here.env["UV_CACHE_DIR"]}


def install(here: Environment, place: Path) -> None:
    """Make the machine's environment, and fill its cache."""
    argv = ["-m", "virtualenv", "--quiet", "--no-periodic-update", str(place / "nox")]
    subprocess.run([sys.executable, *argv], check=True)
    uv = ["uv", "pip", "install", "--quiet", "--python", str(here.python), "--require-hashes"]
    for lock, *where in [(ROOT / LOCKED,), (LOCK, "--target", str(place / "tools"))]:
        subprocess.run([*uv, *where, "--requirements", str(lock)], check=True, env=here.env)
    subprocess.run(
        [*uv[:-1], "--target", str(place / "backend"), "flit_core"], check=True, env=here.env
    )
    # uv links what is compiled in its cache, too: half of a job's time would be spent on that.
    compiling = [str(here.python), "-m", "compileall", "-qq", "-j2", here.env["UV_CACHE_DIR"]]
    subprocess.run(compiling, check=False)


@pytest.fixture
def adopt(
    stage: Stage, hub: Forge, machine: dict[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Adopt:  # fmt: skip
    """A function that lets the sample have what `init` writes, and returns the commit."""

    def adopted(*options: str, **files: str) -> str:
        wheels = tmp_path / "wheels"
        wheels.mkdir()
        write_wheel(wheels)
        monkeypatch.delenv("UV_CONFIG_FILE")
        offline = {"UV_OFFLINE": "1", "HTTPS_PROXY": "http://127.0.0.1:9"}  # nobody is there
        for key, text in {**machine, **offline, "UV_FIND_LINKS": str(wheels)}.items():
            monkeypatch.setenv(key, text)
        (stage.clone / ".github").mkdir()
        for name, text in files.items():
            stage.write(f"{name}.py", text)
        assert stage.run("init", "--yes", *options).code == 0
        sha = stage.commit({".gitignore": ".nox/\n__pycache__/\n", "CHANGELOG.md": CHANGELOG})
        hub.repositories["acme/acme"].check_run("all-green", sha)
        monkeypatch.delenv("GITHUB_TOKEN")
        return sha

    return adopted


@pytest.fixture
def runner(stage: Stage, adopt: Adopt, slack: str, tmp_path: Path) -> MakeRunner:
    """A function that makes a runner of one of the workflows which `init` has written."""
    sha, place = adopt(), tmp_path / "runner"
    place.mkdir()

    def make(name: str, **inputs: Any) -> Runner:  # noqa: ANN401
        github = {
            "sha": sha, "ref_name": "main", "repository": "acme/acme", "actor": "ada",
            "actor_id": 7, "token": TOKEN, "event": {
                "repository": {"default_branch": "main"},
            }, "workflow_ref": f"acme/acme/{FOLDER}/{name}@refs/heads/main",
        }  # fmt: skip
        return Runner(
            workflow=read(stage.clone / FOLDER / name),
            remote=stage.remote.as_uri(),
            folder=place,
            github=github,
            inputs={key.replace("_", "-"): one for key, one in inputs.items()},
            secrets={"SLACK_WEBHOOK_URL": slack},
        )

    return make


@pytest.fixture
def act(stage: Stage, slack: str, tmp_path: Path) -> Act:
    """The runner that others have written, for the stage's HEAD."""
    (place := tmp_path / "act").mkdir()
    variables = {
        "GITHUB_REPOSITORY": "acme/acme",
        "GITHUB_SERVER_URL": "https://github.test",
        "GITHUB_API_URL": os.environ["GITHUB_API_URL"],
    }
    return Act(
        clone=stage.clone,
        remote=stage.remote.as_uri(),
        folder=place,
        variables=variables,
        secrets={"GITHUB_TOKEN": TOKEN, "SLACK_WEBHOOK_URL": slack},
    )


def write_wheel(folder: Path) -> None:
    """Make a wheel of this checkout."""
    version = metadata.version("nox-release")
    info = f"nox_release-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: nox-release\nVersion: {version}\n"
    tag = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        "nox_release.pth": f"{ROOT}\n",
        f"{info}/METADATA": about,
        f"{info}/WHEEL": tag,
    }
    rows = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"nox_release-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": rows}.items():
            wheel.writestr(path, text)


@needs_bash
def test_the_tests_run(runner: MakeRunner) -> None:
    ran = runner("tests.yaml").run("tests")
    assert ran.code == 0, ran.log
    assert "Session tests was successful" in ran.log


@needs_bash
def test_a_run_that_failed_is_continued_by_running_it_again(
    stage: Stage, runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A re-run checks the branch out at the old commit, though it has moved meanwhile."""
    release = runner("release.yaml", level="minor", dry_run=False)
    assert release.run("tests").code == 0
    with faulty(stage.url, [PASS, "403"]) as url:
        monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        first = release.run("publish")
        assert first.code != 0, first.log
        stage.commit({"other.py": ""})
        second = release.run("publish")
    assert second.code == 0, second.log
    tag = stage.git("ls-remote", "origin", "refs/tags/v1.3.0^{}").split()[0]
    wanted = {"version": "1.3.0", "tag": "v1.3.0", "commit": tag}
    listing = {"index-url": f"{url}simple/acme/", "release-url": ""}
    assert first.outputs == {**wanted, **listing, "state": "unfinished"}
    page = f"{PROJECT}/releases/tag/v1.3.0"
    assert second.outputs == {**wanted, **listing, "release-url": page, "state": "published"}
    (error,) = first.annotations
    assert error.startswith("::error title=acme 1.3.0%3A unfinished::")
    assert "the same command continues" in error
    assert "## acme 1.3.0: unfinished" in first.summary
    assert "## acme 1.3.0: published" in second.summary
    assert not second.annotations
    assert "announced in Slack" in second.summary
    stage.git("fetch", "--quiet", "origin")
    assert stage.git("log", "-1", "--format=%an <%ae>", tag) == (
        "ada <7+ada@users.noreply.github.com>"
    )
    assert stage.git("rev-list", "--count", f"origin/main..{tag}") == "0", "merged"
    for ran in (first, second):
        for canary in (TOKEN, HOOK, stage.password):
            assert canary not in ran.log + ran.summary


@needs_bash
def test_a_dry_run_and_one_that_comes_too_late_change_nothing(
    stage: Stage, runner: MakeRunner
) -> None:
    dry = runner("release.yaml", level="minor", dry_run=True)
    before = stage.state()
    ran = dry.run("publish")
    assert ran.code == 0, ran.log
    assert (ran.outputs["state"], ran.outputs["version"]) == ("planned", "1.3.0")
    assert "+version = " in ran.summary
    assert stage.state() == before
    late = runner("release.yaml", level="minor", dry_run=False)
    stage.commit({"other.py": ""})
    before = stage.state()
    ran = late.run("publish")
    assert ran.code != 0, ran.log
    assert ran.outputs["state"] == "refused"
    assert "is behind main on origin" in ran.summary
    assert "is behind main on origin" in "\n".join(ran.annotations)
    assert stage.state() == before


def by_pypirc(stage: Stage) -> None:
    """Let the index of the stage be the one that is called pypi."""
    home = stage.clone.parent / "home"
    home.mkdir()
    (home / ".pypirc").write_text(
        f"[pypi]\nrepository = {stage.url}\nusername = {USER}\npassword = {stage.password}\n",
        encoding="utf-8",
    )
    for key in ("HOME", "USERPROFILE"):
        stage.monkeypatch.setenv(key, str(home))
    for key in ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"):
        stage.monkeypatch.delenv(key)


@needs_bash
def test_a_pre_release_of_a_branch(stage: Stage, runner: MakeRunner) -> None:
    by_pypirc(stage)
    given = {"level": "minor", "suffix": "b", "index": "pypi"}
    ran = [runner("alpha-release.yaml", **given, ref="").run("publish")]
    stage.git("switch", "--quiet", "--create", "feature")
    commit = stage.commit({"feature.py": ""}, push=False)
    stage.git("push", "--quiet", "origin", "feature")
    ran.append(runner("alpha-release.yaml", **given, ref="feature").run("publish"))
    for one, number in zip(ran, (1, 2), strict=True):
        assert one.code == 0, one.log
        assert one.outputs["version"] == f"1.3.0b{number}"
        assert one.outputs["state"] == "published"
    assert ran[1].outputs["commit"] == commit
    assert "acme-1.3.0b2.tar.gz" in stage.published()


# As `act` runs them


@needs_act
def test_a_release_of_many_machines_from_the_button_to_the_index(
    stage: Stage, adopt: Adopt, act: Act, wheelhouse: Path
) -> None:
    adopt("--wheels", noxfile=NOXFILE.format(root=str(ROOT), wheelhouse=str(wheelhouse)))
    press = partial(act.run, f"{FOLDER}/{MATRIX}", *TWO, level="minor")
    dry = press(suffix="none", dry_run=True)
    assert dry.jobs("Job succeeded") == {"Prepare the release"}, dry.log
    candidate = press(suffix="rc", dry_run=False)
    assert candidate.code == 0, candidate.log
    files = [f"acme-1.3.0rc1-{tag}.whl" for tag in (WINDOWS, HERE)] + ["acme-1.3.0rc1.tar.gz"]
    assert stage.published() == files, candidate.log
    with faulty(stage.url, [PASS, "403"]) as url:
        stage.monkeypatch.setenv("TWINE_REPOSITORY_URL", url)
        first = press(suffix="none", dry_run=False)
        assert first.code != 0, first.log
        assert "the same command continues" in first.log
        assert INTENT in stage.remote_refs(), first.log
        stage.commit({"other.py": ""})
        stage.git("reset", "--quiet", "--hard", "HEAD^")  # what a run is of stays
        last = press(suffix="none", dry_run=False)
        assert last.code == 0, last.log
        assert "acme 1.3.0, unfinished" in last.log, "the first job hands it over"
        over = press(suffix="none", dry_run=False)
        assert over.jobs("Job succeeded") == {"Prepare the release"}, over.log
    assert INTENT not in stage.remote_refs()
    released = [one.replace("rc1", "") for one in files]
    assert stage.published() == sorted([*files, *released])
    for canary in (TOKEN, HOOK, stage.password):
        assert canary not in first.log + last.log


@needs_act
def test_a_pre_release_and_a_release_from_the_button_to_the_index(
    stage: Stage, adopt: Adopt, act: Act
) -> None:
    adopt()
    by_pypirc(stage)
    alpha = act.run(f"{FOLDER}/{ALPHA}", level="minor", suffix="a", index="pypi", ref="")
    assert alpha.code == 0, alpha.log
    assert alpha.jobs("Job succeeded") == {"Publish the pre-release"}
    done = act.run(f"{FOLDER}/{RELEASE}", level="minor", waive="", dry_run=False)
    assert done.code == 0, done.log
    assert done.jobs("Job succeeded") == {"Python 3.13", "Publish the release"}
    assert stage.published() == [
        f"acme-{version}{end}"
        for version in ("1.3.0", "1.3.0a1")
        for end in ("-py3-none-any.whl", ".tar.gz")
    ]
    assert "refs/tags/v1.3.0" in stage.remote_refs()
