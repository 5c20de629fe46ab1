"""What `explain` tells: where the version is and why, what would change, how the rest is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from release.project import Project
from tests.stage import NOXFILE, PYPROJECT, Sources
from tests.test_changes import MD, NEWS, computed

if TYPE_CHECKING:
    from tests.stage import Result, Stage

NAMED = "[project]\nname = 'acme'\ndynamic = ['version']\n[build-system]\nrequires = []\n"
DYNAMIC = 'dynamic = ["version"] in [project]'
HATCH = f"{NAMED}build-backend = 'hatchling.build'\n[tool.hatch.version]\n"
PDM = f"{NAMED}build-backend = 'pdm.backend'\n[tool.pdm.version]\nsource = 'file'\n"
SETUPTOOLS = f"{NAMED}build-backend = 'setuptools.build_meta'\n"
INIT = "__version__ = '1.2.3'\n"
TRAILS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "project": (
        {"pyproject.toml": "[project]\nname = 'acme'\nversion = '1.2.3'\n"},
        ("[project] version",),
    ),
    "poetry": (
        {"pyproject.toml": "[tool.poetry]\nname = 'acme'\nversion = '1.2.3'\n"},
        ("[tool.poetry] version",),
    ),
    "hatch": (
        {"pyproject.toml": f"{HATCH}path = 'acme/about.py'", "acme/about.py": INIT},
        (DYNAMIC, '[tool.hatch.version] path = "acme/about.py"'),
    ),
    "hatch-code-imports": (
        {
            "pyproject.toml": f"{HATCH}path = 'acme/__init__.py'\nsource = 'code'",
            "acme/__init__.py": "from acme.about import __version__\n",
            "acme/about.py": INIT,
        },
        (
            DYNAMIC,
            '[tool.hatch.version] path = "acme/__init__.py", __version__',
            "acme/__init__.py imports __version__",
        ),
    ),
    "nodejs": (
        {"pyproject.toml": f"{HATCH}source = 'nodejs'", "package.json": '{"version": "1.2.3"}'},
        (DYNAMIC, '[tool.hatch.version] source = "nodejs"'),
    ),
    "flit": (
        {"pyproject.toml": f"{NAMED}build-backend = 'flit_core.buildapi'", "acme.py": INIT},
        (DYNAMIC, "flit takes __version__ of the module acme"),
    ),
    "pdm": (
        {"pyproject.toml": f"{PDM}path = 'acme.py'", "acme.py": INIT},
        (DYNAMIC, '[tool.pdm.version] path = "acme.py"'),
    ),
    "setuptools-attr": (
        {
            "pyproject.toml": f"{SETUPTOOLS}[tool.setuptools.dynamic]\n"
            "version = {attr = 'acme.__version__'}",
            "acme.py": INIT,
        },
        (DYNAMIC, "[tool.setuptools.dynamic] version = {attr = 'acme.__version__'}"),
    ),
    "setuptools-file": (
        {
            "pyproject.toml": f"{SETUPTOOLS}[tool.setuptools.dynamic]\nversion = {{file = 'V'}}",
            "V": "1.2.3\n",
        },
        (DYNAMIC, "[tool.setuptools.dynamic] version = {file = 'V'}"),
    ),
    "setup-cfg": (
        {"setup.py": "setup()", "setup.cfg": "[metadata]\nname = acme\nversion = 1.2.3\n"},
        ("[metadata] version",),
    ),
    "setup-cfg-file": (
        {
            "setup.py": "setup()",
            "setup.cfg": "[metadata]\nname = acme\nversion = file: V\n",
            "V": "1.2.3",
        },
        ("[metadata] version in setup.cfg: file: V",),
    ),
    "setup-py": (
        {"setup.py": "setup(\n    name='acme', version='1.2.3')\n"},
        ("setup.py line 2: version='1.2.3'",),
    ),
    "setup-py-reads": (
        {"setup.py": "setup(name='acme', version=open('V').read())\n", "V": "1.2.3"},
        ("setup.py line 1: version=open('V').read()", "setup.py names the file"),
    ),
    "setup-py-of-unknown-ways": (
        {"setup.py": "setup(name='acme', version=find())\n", "acme/__init__.py": INIT},
        ("setup.py line 1: version=find()", "the modules were searched for __version__"),
    ),
    "maturin": (
        {
            "pyproject.toml": f"{NAMED}build-backend = 'maturin'",
            "Cargo.toml": "[package]\nname = 'acme'\nversion = '1.2.3'\n",
        },
        (DYNAMIC, "maturin takes the crate's version"),
    ),
    "meson": (
        {
            "pyproject.toml": f"{NAMED}build-backend = 'mesonpy'",
            "meson.build": "project('acme', version: '1.2.3')\n",
        },
        (DYNAMIC, "meson-python takes that of the Meson project"),
    ),
    "scikit-build": (
        {
            "pyproject.toml": f"{NAMED}build-backend = 'scikit_build_core.build'\n"
            "[tool.scikit-build.metadata.version]\ninput = 'acme.py'\n"
            "provider = 'scikit_build_core.metadata.regex'\n",
            "acme.py": INIT,
        },
        (DYNAMIC, '[tool.scikit-build.metadata.version] input = "acme.py"'),
    ),
    "hatch-vcs": (
        {"pyproject.toml": f"{HATCH}source = 'vcs'"},
        ('[tool.hatch.version] source = "vcs"',),
    ),
    "setuptools-scm": (
        {"pyproject.toml": f"{SETUPTOOLS}[tool.setuptools_scm]\n"},
        ("[tool.setuptools_scm]",),
    ),
    "setup-py-scm": (
        {"setup.py": "setup(name='acme', use_scm_version=True)"},
        ("setup.py: use_scm_version=True",),
    ),
}


def explain(stage: Stage, *args: str) -> Result:
    """Ask, and insist that it has changed nothing."""
    before = stage.state()
    done = stage.run("explain", *args)
    assert stage.state() == before
    return done


def row(done: Result, name: str) -> str:
    (found,) = (line for line in done.out.splitlines() if line.startswith(f"  {name} "))
    return found.removeprefix(f"  {name}").strip()


@pytest.mark.parametrize(("files", "trail"), TRAILS.values(), ids=TRAILS)
def test_what_led_to_the_version(files: dict[str, str], trail: tuple[str, ...]) -> None:
    sources = Sources({path: text.encode() for path, text in files.items()})
    sources.tags = ("v1.2.3",)
    project = Project.load(sources)
    assert (str(project.version), project.trail) == ("1.2.3", trail)


COPIES = {
    "docs/conf.py": (b"release = '1.2.3'\n", "a copy in a well-known place"),
    "uv.lock": (
        b'[[package]]\nname = "acme"\nversion = "1.2.3"\n',
        "the project's own entry in a lock",
    ),
    "Cargo.toml": (
        b"[package]\nname = 'acme'\nversion = '1.2.3'\n",
        "the crate beside the package",
    ),
    "tbump.toml": (
        b"[version]\ncurrent = '1.2.3'\n[[file]]\nsrc = 'x.txt'\n",
        "another tool's record of the version",
    ),
    "x.txt": (b"Acme 1.2.3\n", "another tool is configured to edit it"),
    "acme/__init__.py": (b"__version__ = '1.2.3'\n", "a copy in the project's own module"),
    "y.txt": (b"Acme 1.2.3\n", "version-files in [tool.nox-release]"),
}


def test_why_each_place_is_one() -> None:
    text = (
        "[project]\nname = 'acme'\nversion = '1.2.3'\n[tool.nox-release]\nversion-files=['y.txt']"
    )
    files = {path: data for path, (data, _) in COPIES.items()}
    project = Project.load(Sources({"pyproject.toml": text.encode(), **files}))
    found = {place.path: place.trail for place in project.places[1:]}
    assert found == {path: (why,) for path, (_, why) in COPIES.items()}


def test_everything_by_default(stage: Stage) -> None:
    done = explain(stage)
    assert done.code == 0, done.err
    assert row(done, "found") == "[project] version → pyproject.toml line 7"
    assert row(done, "tag") == "v1.2.4  (like v1.2.3)"
    assert row(done, "branch") == "main  (HEAD of origin)"
    assert row(done, "index") == f"{stage.url}  (TWINE_REPOSITORY_URL)"
    assert row(done, "tests") == "nox -s tests  (the default; `test-command` sets it)"
    assert '  - version = "1.2.3"  # kept by the release\n' in done.out
    assert '  + version = "1.2.4"  # kept by the release\n' in done.out
    assert "Is everything committed?" in done.out
    assert "Where tags are the version" not in done.out
    assert "Is the name free that the branch to be merged" not in done.out


def test_everything_configured(stage: Stage) -> None:
    settings = (
        '\n[tool.nox-release]\nbranch = "trunk"\ntag = "on/{version}"\nscheme = "YYYY.MINOR"\n'
        'message = "Out: {version}"\ntest-command = ["tox", "-q"]\nintent-ref = "refs/heads/x"\n'
        f'repository = "{stage.url}"\nmain = "pull-request"\nimport-names = ["acme", "more"]\n'
    )
    stage.commit({"pyproject.toml": PYPROJECT + settings})
    stage.git("remote", "set-url", "origin", "nowhere.git")
    done = explain(stage)
    assert done.code == 0, done.err
    assert row(done, "branch") == "trunk  (`branch`)"
    assert row(done, "remote") == "origin, nowhere.git", "it isn't asked for what is known here"
    assert row(done, "calendar") == "YYYY.MINOR  (`scheme`)"
    assert row(done, "tag").startswith("on/20")
    assert row(done, "tag").endswith(".0  (`tag`)")
    assert row(done, "commit").startswith("Out: 20")
    assert row(done, "index") == f"{stage.url}  (`repository`)"
    assert row(done, "tests") == "tox -q  (`test-command`)"
    assert row(done, "imports") == "acme, more  (`import-names`)"
    assert row(done, "intent") == "refs/heads/x, while a release is unfinished  (`intent-ref`)"
    assert "nox -s publish_release -- current" in done.out
    assert "Is the name free that the branch to be merged will have" in done.out


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"CHANGELOG.md": MD}, "CHANGELOG.md  (found; `changelog` sets it)"),
        (NEWS, "CHANGES.md  (made by towncrier of its fragments, 1 by now)"),
        (
            {"pyproject.toml": PYPROJECT + "\n[tool.nox-release]\nchangelog = 'N'\n", "N": MD},
            "N  (`changelog`)",
        ),
        (
            {"pyproject.toml": PYPROJECT + "\n[tool.nox-release]\nchangelog = false\n"},
            "the commits since the release before  (`changelog`)",
        ),
    ],
)
def test_what_the_notes_are(stage: Stage, files: dict[str, str | bytes], expected: str) -> None:
    stage.commit(files)
    assert row(explain(stage), "notes") == expected


def test_a_computed_version(stage: Stage) -> None:
    stage.commit(computed())
    done = explain(stage)
    assert done.code == 0, done.err
    command = "[tool.nox-release] version-command: python version.py"
    assert row(done, "found") == f"{command} → 1.2.3"
    by = "`python version.py '{version}' '{previous}'`"
    assert f"`nox -s publish_release -- patch` would make 1.2.4, written by {by}.\n" in done.out


def test_what_else_is_set(stage: Stage) -> None:
    settings = '\n[tool.nox-release]\nsbom = true\nuploads = 4\ngenerated = ["a", "b"]\n'
    more = 'patience = 600\nreproducible = "required"\n'
    stage.commit({"pyproject.toml": PYPROJECT + settings + more})
    done = explain(stage)
    told = {"sbom": "True", "uploads": "4", "generated": "a, b", "reproducible": "required"}
    for key, value in told.items():
        assert row(done, key) == f"{value}  (set)"
    assert "patience" not in done.out, "that is the default"


def test_nothing_is_imported_and_development_goes_on(stage: Stage) -> None:
    settings = "\n[tool.nox-release]\nimport-names = []\nnext-dev = true\n"
    stage.commit({"pyproject.toml": PYPROJECT + settings})
    done = explain(stage)
    assert row(done, "imports") == "none  (`import-names`)"
    assert row(done, "then") == "1.2.5.dev0, in a commit of its own  (`next-dev`)"


def test_where_the_index_is_known_from(stage: Stage) -> None:
    stage.monkeypatch.delenv("TWINE_REPOSITORY_URL")
    assert "the default; `repository` or TWINE_REPOSITORY sets it" in row(explain(stage), "index")
    stage.monkeypatch.setenv("TWINE_REPOSITORY", "testpypi")
    assert "(TWINE_REPOSITORY=testpypi)" in row(explain(stage), "index")


def test_the_tag_that_the_style_is_taken_from(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT.replace("1.2.3", "1.2.4")})
    stage.git("tag", "1.2.9.1")  # its versions have more numbers
    assert row(explain(stage), "tag") == "v1.2.5  (like v1.2.3)"


def test_a_copy_of_a_version_that_is_computed(stage: Stage) -> None:
    files = computed()
    files["pyproject.toml"] = (
        "\n".join(
            row for row in str(files["pyproject.toml"]).splitlines() if "bump-command" not in row
        )
        + "\nversion-files = ['x.txt']\n"
    )
    stage.commit({**files, "x.txt": "1.2.3\n"})
    done = explain(stage)
    assert "x.txt line 1: version-files in [tool.nox-release]" in done.out


def test_no_answer_and_no_remote(stage: Stage) -> None:
    stage.git("remote", "set-url", "origin", "nowhere.git")
    done = explain(stage)
    assert done.code == 0, done.err
    assert "origin, nowhere.git  (the remote origin can't be read: " in done.out
    assert row(done, "branch") == "main  (it is checked out; a release asks origin)"
    stage.git("remote", "remove", "origin")
    assert row(explain(stage), "remote") == "none  (there is no git remote 'origin')"


def test_tags_that_only_the_remote_has(stage: Stage) -> None:
    stage.git("tag", "--delete", "v1.2.3")
    assert row(explain(stage), "tag") == "v1.2.4  (like v1.2.3)"
    stage.git("tag", "--delete", "v1.2.3", at=stage.remote)
    assert row(explain(stage), "tag") == "v1.2.4  (the usual style; no release is tagged yet)"


def test_copies_that_are_left_alone(stage: Stage) -> None:
    stage.commit({"docs/conf.py": 'release = "1.2.2"\n'})
    done = explain(stage)
    assert "Left alone:\n  docs/conf.py:1: release is 1.2.2, not 1.2.3\n" in done.out
    assert "To have a copy taken along: " in done.out
    stage.commit({"docs/conf.py": 'release = "1.2.3"\n'})
    done = explain(stage)
    assert "Left alone" not in done.out
    assert "docs/conf.py line 1: a copy in a well-known place" in done.out


def test_tags_that_are_the_version(stage: Stage) -> None:
    stage.commit({"pyproject.toml": f"{HATCH}source = 'vcs'\n"})
    done = explain(stage)
    assert done.code == 0, done.err
    rule = '[tool.hatch.version] source = "vcs"'
    assert row(done, "found") == f"{rule} → hatch-vcs → the tag v1.2.3"
    assert "would make 1.2.4, and change no file." in done.out
    stage.git("tag", "--delete", "v1.2.3")
    assert row(explain(stage), "found").endswith("hatch-vcs → no tag of a release in this history")
    assert "Where tags are the version: does the commit have none yet?" in done.out


def test_a_version_that_leads_to_a_release(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT.replace("1.2.3", "1.3.0.dev0")})
    done = explain(stage)
    assert "`nox -s publish_release -- current` would make 1.3.0, and change" in done.out


def test_a_version_that_is_nowhere(stage: Stage) -> None:
    stage.commit({"pyproject.toml": f"{SETUPTOOLS}", "setup.py": "setup()\n"})
    done = explain(stage)
    assert done.code == 1
    looked = "Looked at, in this order:\n  ✓ pyproject.toml\n"
    assert done.out.startswith(looked)
    assert "  ✓ setup.py\n" in done.out
    assert "  ✗ setup.cfg, which isn't there\n" in done.out
    assert "✗ pyproject.toml says nowhere what the version is" in done.err
    assert "→ write it down: " in done.err
    document = explain(stage, "--json").document
    assert document["looked"][0] == "pyproject.toml"
    assert document["problems"][0]["hint"]


def test_the_same_as_json(stage: Stage) -> None:
    stage.commit({"uv.lock": '[[package]]\nname = "acme"\nversion = "1.2.3"\n'})
    document = explain(stage, "--json").document
    assert document["facts"]["version"] == {"value": "1.2.3", "source": ""}
    assert document["changes"][1] == {
        "path": "uv.lock",
        "line": 3,
        "before": 'version = "1.2.3"',
        "after": 'version = "1.2.4"',
        "why": "the project's own entry in a lock",
    }
    assert document["next"] == "1.2.4"
    assert document["stale"] == []
    assert document["exit_code"] == 0


def test_what_is_not_committed_does_not_count(stage: Stage) -> None:
    stage.write("pyproject.toml", PYPROJECT.replace("1.2.3", "9.9.9"))
    stage.write("noxfile.py", NOXFILE)
    assert row(explain(stage), "version") == "1.2.3"
