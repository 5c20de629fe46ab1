"""Packages below the top of a repository, released alone or together."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.builders import HERE, WINDOWS, Builders
from tests.faults import HELD, PASS, UPLOAD, faulty, hostile
from tests.stage import NOXFILE
from tests.test_resume import INTENT

if TYPE_CHECKING:
    from tests.stage import Result, Stage

PACKAGE = """\
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "acme-{name}"
version = "{version}"
description = "A part."
readme = "README.md"
requires-python = ">=3.10"
dependencies = {dependencies}

[tool.flit.module]
name = "acme_{name}"
"""
LOCK = """\
[[package]]
name = "acme-cli"
version = "{cli}"

[[package]]
name = "acme-core"
version = "{core}"
"""


def package(name: str, version: str, *dependencies: str) -> dict[str, str | bytes]:
    text = PACKAGE.format(name=name, version=version, dependencies=json.dumps(dependencies))
    code = f'"""A part."""\n__version__ = "{version}"\n'
    return {
        f"libs/{name}/pyproject.toml": text,
        f"libs/{name}/README.md": f"# acme-{name}\n",
        f"libs/{name}/acme_{name}.py": code,
    }


NOTHING_AT_THE_TOP = 'import nox\n@nox.session(venv_backend="none")\ndef tests(session): pass\n'
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- A part is new.\n\n## [1.2.3]\n\n- The first.\n"


@pytest.fixture
def apart(stage: Stage) -> Stage:
    """Two packages that don't know each other."""
    for path in ("pyproject.toml", "acme.py"):
        (stage.clone / path).unlink()
    top = {
        "noxfile.py": NOTHING_AT_THE_TOP,
        "uv.lock": LOCK.format(core="1.2.3", cli="0.5.0"),
        "libs/core/CHANGELOG.md": CHANGELOG,
    }
    stage.commit({**top, **package("core", "1.2.3"), **package("cli", "0.5.0")})
    stage.git("tag", "--annotate", "--message", "core", "acme-core-v1.2.3")
    stage.git("push", "--quiet", "--tags", "origin")
    return stage


@pytest.fixture
def lockstep(apart: Stage) -> Stage:
    """Two packages of one version, of which one requires exactly that of the other."""
    files = package("cli", "1.2.3", "acme-core[x]==1.2.3")
    apart.commit({"uv.lock": LOCK.format(core="1.2.3", cli="1.2.3"), **files})
    return apart


def stopped_at_the_tags(stage: Stage) -> Result:
    stage.hook("update", 'case "$1" in refs/tags/*) exit 1;; esac', stage.remote)
    done = stage.run("publish", "minor", "--skip-tests", "--package", "libs/cli")
    assert done.code == 3, done.err
    (stage.remote / "hooks/update").unlink()
    return done


def text(stage: Stage, path: str, revision: str = "main") -> str:
    return stage.git("show", f"{revision}:{path}", at=stage.remote)


def names(*versions: tuple[str, str]) -> list[str]:
    ends = ("-py3-none-any.whl", ".tar.gz")
    return sorted(f"acme_{name}-{version}{end}" for name, version in versions for end in ends)


def test_one_package_is_released_alone(apart: Stage) -> None:
    done = apart.run("publish", "minor", "--package", "libs/core")
    assert done.code == 0, done.err
    assert apart.published() == names(("core", "1.3.0"))
    assert "refs/tags/acme-core-v1.3.0" in apart.remote_refs()
    assert INTENT not in apart.remote_refs()
    changed = apart.git("show", "--format=%s", "--name-only", "main", at=apart.remote).split("\n")
    folder = "libs/core"
    assert changed == [
        "Release acme-core 1.3.0",
        "",
        f"{folder}/CHANGELOG.md",
        f"{folder}/acme_core.py",
        f"{folder}/pyproject.toml",
        "uv.lock",
    ]
    assert text(apart, "uv.lock") + "\n" == LOCK.format(core="1.3.0", cli="0.5.0")
    assert "## [1.3.0]" in text(apart, "libs/core/CHANGELOG.md")
    assert apart.git("status", "--porcelain") == ""
    before = apart.state()
    again = apart.run("publish", "minor", "--package", "acme_core")
    assert again.code == 0
    assert "acme-core-v1.3.0 was released from this commit already" in again.out
    assert apart.state() == before


def test_what_is_meant_must_be_said(apart: Stage) -> None:
    done = apart.run("publish", "minor")
    assert done.code == 2
    assert "say which package is meant" in done.err
    assert "--package libs/cli: acme-cli" in done.err
    assert apart.run("publish", "minor", "--dry-run", at=apart.clone / "libs/core").code == 0


def test_several_that_need_nothing_of_each_other(apart: Stage) -> None:
    folders = ("--package", "libs/core", "--package", "libs/cli")
    done = apart.run("publish", "minor", "--skip-tests", *folders)
    assert done.code == 0, done.err
    assert apart.published() == names(("core", "1.3.0"), ("cli", "0.6.0"))
    subject = apart.git("show", "--no-patch", "--format=%s", "main", at=apart.remote)
    assert subject == "Release acme-cli 0.6.0, acme-core 1.3.0"
    tags = {ref for ref in apart.remote_refs() if ref.endswith(("1.3.0", "0.6.0"))}
    assert tags == {"refs/tags/acme-cli-v0.6.0", "refs/tags/acme-core-v1.3.0"}
    commits = {apart.git("rev-parse", f"{tag}^{{commit}}", at=apart.remote) for tag in tags}
    assert commits == {apart.git("rev-parse", "main", at=apart.remote)}
    before = apart.state()
    assert "already" in apart.run("publish", "minor", *folders).out
    assert apart.state() == before


def test_siblings_in_lockstep_move_together(lockstep: Stage) -> None:
    done = lockstep.run("publish", "minor", "--package", "libs/core")
    assert done.code == 0, done.err
    assert lockstep.published() == names(("core", "1.3.0"), ("cli", "1.3.0"))
    assert '"acme-core[x]==1.3.0"' in text(lockstep, "libs/cli/pyproject.toml")
    assert text(lockstep, "uv.lock") + "\n" == LOCK.format(core="1.3.0", cli="1.3.0")
    steps = [row for row in done.out.splitlines() if "✓" in row]
    seen = [row for row in steps if "See every file of" in row]
    assert ["acme-core on" in row for row in seen] == [True, False]
    assert "  5. Build sdist and wheel of acme-cli\n" in done.out
    titles = [row for row in steps if "Upload" in row]
    assert ["core" in row for row in titles] == [True, True, False, False]


def test_it_is_finished_from_another_clone(lockstep: Stage) -> None:
    assert "--resume" in stopped_at_the_tags(lockstep).err
    other = lockstep.run("publish", "patch", "--package", "libs/core")
    assert other.code == 1
    assert "acme-core 1.3.0, acme-cli 1.3.0 is unfinished" in other.err
    done = lockstep.run("publish", "--resume", at=lockstep.other_clone())
    assert done.code == 0, done.err
    assert {"refs/tags/acme-core-v1.3.0", "refs/tags/acme-cli-v1.3.0"} < {*lockstep.remote_refs()}
    assert INTENT not in lockstep.remote_refs()


def test_it_is_abandoned(lockstep: Stage) -> None:
    before = lockstep.remote_refs()
    stopped_at_the_tags(lockstep)
    done = lockstep.run("publish", "--abandon")
    assert done.code == 1
    assert "acme-core 1.3.0, acme-cli 1.3.0 can't be abandoned: acme_core-1.3.0" in done.err
    assert 'nox -s yank -- 1.3.0 --reason "…" --package libs/cli' in done.err
    for path in lockstep.files.iterdir():
        path.unlink()
    done = lockstep.run("publish", "--abandon")
    assert done.code == 0, done.err
    assert lockstep.remote_refs() == before


def test_a_forged_sibling_is_refused(lockstep: Stage) -> None:
    stopped_at_the_tags(lockstep)
    plan = json.loads(lockstep.git("show", f"{INTENT}:plan.json", at=lockstep.remote))
    rows = lockstep.git("ls-tree", INTENT, at=lockstep.remote).splitlines()
    parent = lockstep.git("rev-parse", f"{INTENT}^", at=lockstep.remote)
    for changes, words in (
        ({"version": "1.4.0"}, "its version is 1.4.0, not 1.3.0"),
        ({"folder": "libs/core"}, "its name is acme-cli, not acme-core"),
        ({"commit": plan["base"]}, "its commit is"),
        ({"folder": "libs/cli/."}, "its choice of packages is"),
    ):
        forged = {**plan, "siblings": [{**plan["siblings"][0], **changes}]}
        (lockstep.clone.parent / "plan.json").write_text(json.dumps(forged), encoding="utf-8")
        blob = lockstep.git("hash-object", "-w", str(lockstep.clone.parent / "plan.json"))
        kept = [row for row in rows if not row.endswith("plan.json")]
        tree = tree_of(lockstep, [f"100644 blob {blob}\tplan.json", *kept])
        commit = lockstep.git("commit-tree", tree, "-p", parent, "-m", "forged")
        lockstep.git("push", "--quiet", "--force", "origin", f"{commit}:{INTENT}")
        done = lockstep.run("publish", "--resume")
        assert done.code == 1, done.err
        assert words in done.err


def tree_of(stage: Stage, rows: list[str]) -> str:
    listed = stage.clone.parent / "rows"
    listed.write_text("\n".join(rows) + "\n", encoding="utf-8")
    stage.git("fetch", "--quiet", "origin", INTENT)
    with listed.open(encoding="utf-8") as source:
        done = subprocess.run(
            ["git", "mktree"], cwd=stage.clone, stdin=source, capture_output=True, check=True
        )
    return done.stdout.decode().strip()


def test_candidates_require_each_other(lockstep: Stage) -> None:
    before = lockstep.state()[1:]
    done = lockstep.run("publish-rc", "minor", "--package", "libs/core")
    assert done.code == 0, done.err
    assert lockstep.published() == names(("core", "1.3.0rc1"), ("cli", "1.3.0rc1"))
    assert "  3. Build sdist and wheel of acme-cli\n" in done.out
    assert "  8. See every file of acme-cli on the index\n" in done.out
    assert lockstep.state()[1:] == before
    (wheel,) = [
        path
        for path in lockstep.files.iterdir()
        if path.name.endswith("cli-1.3.0rc1-py3-none-any.whl")
    ]

    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read("acme_cli-1.3.0rc1.dist-info/METADATA").decode()
    assert "acme-core[x]==1.3.0rc1" in metadata.replace(" ", "")


def test_the_configuration_at_the_top_counts_for_all(apart: Stage) -> None:
    apart.commit(
        {"pyproject.toml": '[tool.nox-release]\nmessage = "v{version}"\ntag = "x{version}"\n'}
    )
    apart.commit({"libs/core/noxfile.py": NOXFILE.replace("import acme", "import acme_core")})
    done = apart.run("publish", "minor", "--package", "libs/core")
    assert done.code == 0, done.err
    subject = apart.git("show", "--no-patch", "--format=%s", "main", at=apart.remote)
    assert subject == "vacme-core 1.3.0"
    assert "refs/tags/acme-core-v1.3.0" in apart.remote_refs(), "a tag is each package's own"


def test_one_package_is_looked_at(lockstep: Stage) -> None:
    done = lockstep.run("status", "--package", "acme_cli")
    assert "acme-cli" in done.out.splitlines()[0]
    assert lockstep.run("status", "--package", "acme-cli", "--package", "acme-core").code == 2
    done = lockstep.run("yank", "1.2.3", "--reason", "bad", "--package", "libs/cli", "--dry-run")
    assert "acme-cli 1.2.3 isn't on" in done.err


@pytest.mark.parametrize("verb", ["status", "build", "explain"])
def test_what_only_looks_takes_a_package_too(apart: Stage, verb: str) -> None:
    done = apart.run(verb, "--package", "libs/core")
    assert "acme-core" in done.out or "acme_core-1.2.3" in done.out
    assert done.code in {0, 1}
    assert apart.run(verb).code == 2


def test_both_are_rehearsed(lockstep: Stage) -> None:
    done = lockstep.run("rehearse", "minor", "--package", "libs/core", "--skip-tests")
    assert done.code == 0, done.err
    end = done.out.partition("acme-core 1.3.0, acme-cli 1.3.0 are rehearsed; nothing left")[2]
    assert "pip installed  acme-core 1.3.0, acme-cli 1.3.0\n" in end
    assert "tag            acme-core-v1.3.0, acme-cli-v1.3.0\n" in end
    assert end.count("diff --git a/uv.lock") == 1, "the commit is shown once"
    assert lockstep.published() == []


BOTH = ("--package", "libs/core", "--package", "libs/cli")
FIRST = "acme-cli 0.6.0rc1 is published, acme-core 1.3.0rc1 isn't, or not all of it; "
GOES_ON = f"{FIRST}the same command makes the next pre-release of all"


def test_all_candidates_are_built_before_the_first_is_uploaded(apart: Stage) -> None:
    (apart.clone / "libs/core/README.md").unlink()
    apart.commit({})
    done = apart.run("publish-rc", "minor", *BOTH)
    assert done.code == 1, done.err
    assert apart.published() == []


def test_a_candidate_that_comes_from_elsewhere_meanwhile_stops_all(apart: Stage) -> None:
    """Another machine's candidate of the first package arrives while the second one is built."""
    file = apart.files / names(("cli", "0.6.0rc1"))[0]
    backend = "import pathlib\nfrom flit_core.buildapi import *\nimport flit_core.buildapi\n"
    backend += "def build_wheel(*args):\n"
    backend += f"    pathlib.Path({str(file)!r}).write_bytes(b'another')\n"
    backend += "    return flit_core.buildapi.build_wheel(*args)\n"
    path = "libs/core/pyproject.toml"
    own = (apart.clone / path).read_text(encoding="utf-8")
    own = own.replace('"flit_core.buildapi"', '"backend"\nbackend-path = ["."]')
    own += '\n[tool.flit.sdist]\ninclude = ["backend.py"]\n'
    apart.commit({path: own, "libs/core/backend.py": backend})
    done = apart.run("publish-rc", "minor", *BOTH)
    assert done.code == 1, done.out
    assert "acme-cli 0.6.0rc1 came to the index meanwhile" in done.err
    assert apart.published() == [file.name]


def test_candidates_that_stop_in_between_are_unfinished(apart: Stage) -> None:
    with faulty(apart.url, [PASS, PASS, "400"]) as url:
        done = apart.run("publish-rc", "minor", *BOTH, "--repository", url)
    assert apart.published() == names(("cli", "0.6.0rc1"))
    assert done.code == 3, done.err
    assert GOES_ON in done.err
    assert apart.run("publish-rc", "minor", *BOTH).code == 0
    assert [*apart.published()] == names(
        ("cli", "0.6.0rc1"), ("cli", "0.6.0rc2"), ("core", "1.3.0rc1")
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches no single process there")
@pytest.mark.parametrize(("accepted", "words"), [(0, "the same command continues"), (2, GOES_ON)])
def test_ctrl_c_between_candidates_says_what_is_published(
    apart: Stage, accepted: int, words: str
) -> None:
    with hostile(apart.url) as proxy:
        proxy.faults[UPLOAD] = iter([*[PASS] * accepted, HELD])
        process = apart.fork("publish-rc", "minor", *BOTH, "--repository", proxy.url)
        while len(proxy.sent()) <= accepted and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        proxy.gate.set()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"interrupted; {words}" in errors.splitlines()[-1]


def test_a_release_tells_who_requires_another_version(lockstep: Stage) -> None:
    files = package("cli", "1.2.4", "acme-core==1.2.3") | package("gui", "2.0", "acme-core<1.3,>=1")
    lockstep.commit({**files, **package("new", "2.0", "acme-core>=1.2")})
    done = lockstep.run("publish", "minor", "--package", "libs/core", "--dry-run")
    assert done.code == 0, done.err
    told = [row for row in done.out.splitlines() if "left alone" in row]
    assert told == [
        "  left alone: libs/cli: acme-cli requires acme-core==1.2.3, which isn't 1.3.0",
        "  left alone: libs/gui: acme-gui requires acme-core<1.3,>=1, which isn't 1.3.0",
    ]
    more = lockstep.run("publish", "minor", *BOTH, "--dry-run")
    assert "acme-cli requires" not in more.out, "it is moved along"
    patch = lockstep.run("publish", "patch", "--package", "libs/core", "--dry-run")
    assert "acme-gui requires" not in patch.out
    candidate = lockstep.run("publish-rc", "minor", "--package", "libs/core", "--dry-run")
    assert "requires" not in candidate.out.partition("index")[2], "nothing is changed by it"


BUMP = """\
import pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "bumped.txt").open("a") as log:
    log.write(f"{sys.argv[2]} to {sys.argv[1]}\\n")
for path in here.glob("libs/*/*"):
    path.write_text(path.read_text().replace(sys.argv[2], sys.argv[1]))
"""


def test_a_bump_command_that_siblings_share_runs_once(lockstep: Stage) -> None:
    command = ["python", "../../bump.py", "{version}", "{previous}"]
    own = f"\n[tool.nox-release]\nbump-command = {json.dumps(command)}\n"
    paths = [f"libs/{name}/pyproject.toml" for name in ("core", "cli")]
    texts = {path: (lockstep.clone / path).read_text(encoding="utf-8") for path in paths}
    lockstep.commit({"bump.py": BUMP, **{path: text + own for path, text in texts.items()}})
    done = lockstep.run("publish", "minor", "--package", "libs/core")
    assert done.code == 0, done.err
    assert text(lockstep, "bumped.txt") == "1.2.3 to 1.3.0"
    assert '"acme-core[x]==1.3.0"' in text(lockstep, "libs/cli/pyproject.toml")


def test_a_bump_command_of_each_package_runs_in_each(lockstep: Stage) -> None:
    own = '\n[tool.nox-release]\nbump-command = ["python", "bump.py", "{version}", "{previous}"]\n'
    script = BUMP.replace('here.glob("libs/*/*")', "here.iterdir()")
    files: dict[str, str | bytes] = {}
    for name in ("core", "cli"):
        path = f"libs/{name}/pyproject.toml"
        files |= {path: (lockstep.clone / path).read_text(encoding="utf-8") + own}
        files |= {f"libs/{name}/bump.py": script}
    lockstep.commit(files)
    done = lockstep.run("publish", "minor", "--package", "libs/core", "--dry-run", "--json")
    assert done.code == 0, done.err
    assert {"libs/core/bumped.txt", "libs/cli/bumped.txt"} < {*done.document["plan"]["edits"]}


def test_explain_shows_all_that_a_release_takes_along(lockstep: Stage) -> None:
    for which in ("libs/core", "acme-cli"):
        told = lockstep.run("explain", "--package", which).out
        assert told.startswith("acme-core\n")
        assert "Released together with acme-cli, of which only what differs is shown." in told
        assert "commit    Release acme-core 1.2.4, acme-cli 1.2.4" in told
        assert "`nox -s publish_release -- patch --package libs/cli` would make 1.2.4" in told
        assert "libs/cli/pyproject.toml line 11: requirement of acme-core\n" in told
        assert told.count("branch    ") == told.count("Before anything happens") == 1
    lockstep.commit(package("gui", "2.0", "acme-core<1.2.4"))
    told = lockstep.run("explain", "--package", "libs/core").out
    assert "libs/gui: acme-gui requires acme-core<1.2.4, which isn't 1.2.4\n" in told
    assert "acme-cli requires" not in told
    document = lockstep.run("explain", "--package", "libs/cli", "--json").document
    assert (document["name"], document["siblings"][0]["name"]) == ("acme-core", "acme-cli")


def test_the_only_package_below_the_top_is_shown_with_its_folder(apart: Stage) -> None:
    """A top without a build system is no package, also if it has a name, as for uv."""
    apart.git("rm", "--quiet", "-r", "libs/cli")
    apart.commit({"pyproject.toml": '[project]\nname = "all"\nversion = "0"\n'})
    done = apart.run("publish", "minor", "--dry-run")
    assert done.code == 0, done.err
    assert done.out.startswith("acme-core 1.3.0\n  folder     libs/core\n  version    1.2.3 ")


def test_two_packages_of_one_name_are_told_apart_by_folder(apart: Stage) -> None:
    other = package("core", "1.2.3")["libs/core/pyproject.toml"]
    apart.commit({"old/core/pyproject.toml": str(other).replace("acme-core", "Acme.Core")})
    for args in (("acme_core",), ("libs/core", "--package", "old/core")):
        done = apart.run("publish", "minor", "--dry-run", "--package", *args)
        assert done.code == 2, done.out
        assert "two packages have the name acme-core: that in libs/core and that in old" in done.err
        assert "--package libs/core, or --package old/core" in done.err
    assert apart.run("publish", "minor", "--dry-run", "--package", "libs/core").code == 0


@pytest.mark.parametrize("key", ["repository", "next-dev"])
def test_packages_that_go_different_ways_are_not_released_together(
    lockstep: Stage, key: str
) -> None:
    value = json.dumps({"next-dev": True}.get(key, "https://private.invalid/"))
    own = f"\n[tool.nox-release]\n{key} = {value}\n"
    path = lockstep.clone / "libs/cli/pyproject.toml"
    lockstep.commit({"libs/cli/pyproject.toml": path.read_text(encoding="utf-8") + own})
    done = lockstep.run("publish", "minor", "--package", "libs/core", "--dry-run")
    assert done.code == 2, done.out
    assert f"acme-cli goes with acme-core, and their {key} differs" in done.err
    assert "say it once" in done.err


@pytest.mark.parametrize("key", ["branch", "main", "remote", "intent-ref"])
def test_what_counts_for_the_repository_is_said_at_its_top(apart: Stage, key: str) -> None:
    path = apart.clone / "libs/cli/pyproject.toml"
    own = f'\n[tool.nox-release]\n{key} = "refs/x"\n'
    apart.commit({"libs/cli/pyproject.toml": path.read_text(encoding="utf-8") + own})
    done = apart.run("publish", "minor", "--package", "libs/cli", "--dry-run")
    assert done.code == 2, done.out
    assert f"libs/cli: [tool.nox-release] {key} counts for the whole repository" in done.err


@pytest.mark.parametrize(("pre", "verb"), [((), "publish"), (("--pre", "rc"), "publish-rc")])
def test_siblings_are_built_on_many_machines(
    lockstep: Stage, builders: Builders, pre: tuple[str, ...], verb: str
) -> None:
    done = builders.prepare("minor", "--package", "libs/core", *pre)
    assert done.code == 0, done.err
    built = [
        path
        for name in ("core", "cli")
        for path in builders.build(HERE, WINDOWS, at=f"libs/{name}")
    ]
    done = builders.publish(verb=verb)
    assert done.code == 0, done.err
    assert lockstep.published() == sorted(path.name for path in built)
    assert len(built) == 6
