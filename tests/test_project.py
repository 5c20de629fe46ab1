"""What the repository says about a project, and the plan that is kept of its release."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release import ReleaseError, UsageError
from release.configuration import Configuration
from release.plan import FORMAT, Distribution, Plan
from release.project import Project
from tests.stage import Sources

# Configuration


def test_a_project_without_configuration_has_the_defaults() -> None:
    assert Configuration.load({}) == Configuration()


def test_every_key_is_the_name_of_its_field_with_dashes() -> None:
    assert Configuration.load(
        {
            "branch": "trunk",
            "remote": "upstream",
            "repository": "testpypi",
            "index-url": "https://index.example.org/simple/",
            "tag": "acme-{version}",
            "message": "Publish {version}",
            "test-command": ["tox", "-e", "py"],
            "version-files": ["docs/conf.py"],
            "version-command": ["python", "version.py"],
            "bump-command": ["python", "version.py", "{version}"],
            "changelog": "docs/news.md",
            "import-names": ["acme"],
            "intent-ref": "refs/x",
        }
    ) == Configuration(
        branch="trunk",
        remote="upstream",
        repository="testpypi",
        index_url="https://index.example.org/simple/",
        tag="acme-{version}",
        message="Publish {version}",
        test_command=("tox", "-e", "py"),
        version_files=("docs/conf.py",),
        version_command=("python", "version.py"),
        bump_command=("python", "version.py", "{version}"),
        changelog="docs/news.md",
        import_names=("acme",),
        intent_ref="refs/x",
    )


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("version-file", "did you mean version-files?"),
        ("version_files", "did you mean version-files?"),
        ("branche", "did you mean branch?"),
        ("tags", "did you mean tag?"),
        ("tests-command", "did you mean test-command?"),
        ("index_url", "did you mean index-url?"),
    ],
)
def test_an_unknown_key_names_the_nearest(key: str, hint: str) -> None:
    with pytest.raises(UsageError, match=rf"\[tool\.nox-release\] has .* '{key}'") as wrong:
        Configuration.load({key: "x"})
    assert wrong.value.hints == [hint]


def test_a_key_like_no_other_is_told_all_of_them() -> None:
    with pytest.raises(UsageError, match="'colour'") as wrong:
        Configuration.load({"colour": "blue"})
    (hint,) = wrong.value.hints
    assert hint.startswith("its keys are branch, main, remote, repository, index-url, tag, ")


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("branch", 1, "a string, not 1"),
        ("branch", ["main"], r"a string, not \['main'\]"),
        ("tag", True, "a string, not True"),
        ("message", {"a": "b"}, "a string, not {'a': 'b'}"),
        ("intent-ref", 1.5, "a string, not 1.5"),
        ("patience", "600", "a whole number above 0, not '600'"),
        ("patience", 0, "a whole number above 0, not 0"),
        ("patience", True, "a whole number above 0, not True"),
        ("patience", 1.5, "a whole number above 0, not 1.5"),
        ("test-command", "nox -s tests", "a list of strings, not 'nox -s tests'"),
        ("bump-command", "make {version}", "a list of strings, not 'make {version}'"),
        ("version-command", ["make", 1], r"a list of strings, not \['make', 1\]"),
        ("changelog", 1, "a path, or true or false, not 1"),
        ("changelog", ["CHANGES"], r"a path, or true or false, not \['CHANGES'\]"),
        ("version-files", {"a": "b"}, "a list of strings, not {'a': 'b'}"),
        ("version-files", ["a", 1], r"a list of strings, not \['a', 1\]"),
        ("reproducible", True, '"auto" or "required" or "never", not True'),
        ("import-names", [["a"]], r"a list of strings, not \[\['a'\]\]"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(key: str, value: object, wanted: str) -> None:
    with pytest.raises(UsageError, match=rf"\[tool\.nox-release\] {key} must be {wanted}"):
        Configuration.load({key: value})


@pytest.mark.parametrize("key", ["tag", "message"])
@pytest.mark.parametrize("value", ["", "v1.2.3", "{tag}", "{ version }", "v{Version}"])
def test_a_tag_and_a_message_contain_the_version(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=rf"{key} must contain {{version}}"):
        Configuration.load({key: value})


@pytest.mark.parametrize("value", [["make", "bump"], ["make", "{previous}"]])
def test_the_command_that_writes_the_version_is_told_it(value: list[str]) -> None:
    with pytest.raises(UsageError, match=r"bump-command must contain {version}"):
        Configuration.load({"bump-command": value})


# Project


def load(pyproject: str | bytes, **others: str) -> Project:
    texts = {"pyproject.toml": pyproject, **others}
    files = {path: one if isinstance(one, bytes) else one.encode() for path, one in texts.items()}
    return Project.load(Sources(files))


def test_a_project_has_a_name_a_version_and_its_configuration() -> None:
    project = load(
        '[project]\nname = "Acme.Tools"\nversion = "1.2.0"\n[tool.nox-release]\nbranch = "trunk"\n'
    )
    assert project.name == "Acme.Tools"
    assert str(project.version) == "1.2.0"
    assert project.config == Configuration(branch="trunk")


@pytest.mark.parametrize(
    "pyproject",
    [
        "[tool.poetry]\nname = 'acme'\nversion = '1.2'\n",
        "[project]\nname = 'acme'\nversion = '1.2'\n[tool.poetry]\nname = 'other'\n",
        "[tool.poetry]\nversion = '1.2'\n[tool.flit.metadata]\nmodule = 'acme'\n",
        "[tool.poetry]\nversion = '1.2'\n[tool.flit.metadata]\nmodule = 'x'\ndist-name = 'acme'\n",
    ],
    ids=["poetry", "project-before-poetry", "flit-module", "flit-dist-name"],
)
def test_the_name_is_where_the_backend_has_it(pyproject: str) -> None:
    assert load(pyproject).name == "acme"


def test_a_repository_without_pyproject_is_refused() -> None:
    files: dict[str, bytes] = {"setup.py": b""}
    with pytest.raises(ReleaseError, match=r"no pyproject\.toml") as refused:
        Project.load(Sources(files))
    assert "git add pyproject.toml" in refused.value.hints[0]


@pytest.mark.parametrize(
    ("pyproject", "evidence"),
    [
        ("[project]\nname = acme\n", "line 2, column 8"),
        ("[project]\r\nname = 'acme'\r\nversion = 1.2.3\r\n", "line 3, column 14"),
        ("\ufeff[project\n", "line 1, column 9"),
        ("[project]\nname = 'a'\nname = 'b'\n", "line 3, column 11"),
        (b"[project]\nname = '\xe9'\n", "0xe9"),
        ("project = 'acme'\n", "project must be a table"),
        ("[[project]]\nname = 'acme'\n", "project must be a table"),
        ("tool = 3\n[project]\nname = 'acme'\nversion = '1.2'\n", "tool must be a table"),
        ("build-system = []\n[project]\nversion = '1.2'\n", "build-system must be a table"),
    ],
)
def test_a_broken_pyproject_is_refused_with_the_place(
    pyproject: str | bytes, evidence: str
) -> None:
    with pytest.raises(ReleaseError, match=r"pyproject\.toml is broken") as refused:
        load(pyproject)
    assert evidence in str(refused.value)


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("tool.nox-release = 3", ""),
        ("tool.nox-release = []", ""),
        ("tool.poetry = 3", ""),
        ("tool.poetry = 'version'", ""),
        ("tool.flit = 3", ""),
        ("tool.flit = 3", "flit_core.buildapi"),
        ("tool.flit.module = 'acme'", "flit_core.buildapi"),
        ("tool.flit.module.name = 3", "flit_core.buildapi"),
        ("tool.hatch = 3", "hatchling.build"),
        ("tool.hatch.version = 'x.py'", "hatchling.build"),
        ("tool.hatch.version.path = 3", "hatchling.build"),
        ("tool.hatch.version = {path = 'x.py', pattern = 3}", "hatchling.build"),
        ("tool.pdm = 3", "pdm.backend"),
        ("tool.pdm.version = 'x.py'", "pdm.backend"),
        ("tool.pdm.version = {source = 'file', path = 3}", "pdm.backend"),
        ("tool.setuptools = 3", "setuptools.build_meta"),
        ("tool.setuptools.dynamic = ['version']", "setuptools.build_meta"),
        ("tool.setuptools.dynamic.version = 'acme.v'", "setuptools.build_meta"),
        ("tool.setuptools.dynamic.version.attr = 3", "setuptools.build_meta"),
        ("tool.setuptools = {dynamic.version.attr = 'x.v', package-dir = 'a'}", "setuptools"),
        ("tool.setuptools = {dynamic.version.attr = 'x.v', packages.find = 3}", "setuptools"),
        ("tool.setuptools = {dynamic.version.attr = 'x.v', packages.find.where = 3}", "setuptools"),
        ("build-system.build-backend = 3", ""),
        ("project.dynamic = 3", ""),
    ],
)
def test_a_value_of_the_wrong_shape_is_refused(key: str, more: str) -> None:
    rows = [key]
    if "project." not in key:
        rows.append("project = {name = 'acme', dynamic = ['version']}")
    if more:
        rows.append(f"build-system.build-backend = '{more}'")
    with pytest.raises(ReleaseError):
        load("\n".join(rows), **{"x.py": "v = '1.2'"})


def test_a_project_without_a_name_is_refused() -> None:
    with pytest.raises(ReleaseError, match="doesn't name the project") as refused:
        load("[project]\nversion = '1.2'\n")
    assert "[project]" in refused.value.hints[0]


def test_configuration_that_cannot_be_meant_is_refused_with_the_project() -> None:
    with pytest.raises(UsageError, match="'brunch'") as wrong:
        load("[project]\nname = 'a'\nversion = '1'\n[tool.nox-release]\nbrunch = 'x'\n")
    assert wrong.value.hints == ["did you mean branch?"]


def test_an_edit_is_shown_as_a_diff_of_its_rows() -> None:
    text = "[project]\r\nname = 'a'\r\nversion = '1.9'  # é\r\n\r\n[tool.x]"
    (edit,) = load(text).edits(Version("1.10"))
    assert edit.diff().splitlines() == [
        "--- a/pyproject.toml",
        "+++ b/pyproject.toml",
        "@@ -2,3 +2,3 @@",
        " name = 'a'",
        "-version = '1.9'  # é",
        "+version = '1.10'  # é",
        " ",
    ]


# Plan

any_version = st.sampled_from(["1", "1.2.0", "1!1.2.3rc4", "1.2.post1", "2.0.dev1"]).map(Version)
any_digest = st.text("0123456789abcdef", min_size=64, max_size=64)
any_id = any_digest | st.text("0123456789abcdef", min_size=40, max_size=40)
plans = st.builds(
    Plan,
    folder=st.text(),
    name=st.text(),
    previous=any_version,
    version=any_version,
    bump=st.text(),
    base=any_id,
    branch=st.text(),
    tag=st.text(),
    message=st.text(),
    next_dev=st.none() | any_version,
    repository=st.text(),
    tests=st.lists(st.text()).map(tuple),
    commit=any_id,
    tag_object=any_id,
    distributions=st.lists(
        st.builds(Distribution, filename=st.text(), sha256=any_digest, size=st.integers(0)),
        max_size=3,
    ).map(tuple),
)
PLAN = Plan(
    folder="",
    name="acme",
    previous=Version("1.2.3"),
    version=Version("1.3.0"),
    bump="minor",
    base="a" * 40,
    branch="main",
    tag="v1.3.0",
    message="Release 1.3.0",
    day=date(2026, 11, 22),
    next_dev=Version("1.3.1.dev0"),
    repository="https://index.example.org/legacy/",
    tests=("nox", "-s", "tests"),
    commit="b" * 40,
    tag_object="c" * 40,
    distributions=(Distribution(filename="acme-1.3.0.tar.gz", sha256="d" * 64, size=9),),
)


@settings(deadline=None)
@given(plans)
def test_a_plan_that_is_written_reads_the_same(plan: Plan) -> None:
    text = plan.to_json()
    again = Plan.from_json(text)
    assert again == plan
    assert again == Plan.from_json(text.encode())
    assert again.to_json() == text


def test_a_plan_is_written_as_a_document_of_a_known_format() -> None:
    document = json.loads(PLAN.to_json())
    assert document["format"] == FORMAT
    assert (document["previous"], document["version"]) == ("1.2.3", "1.3.0")
    assert document["tests"] == ["nox", "-s", "tests"]
    (file,) = document["distributions"]
    assert file | {"filename": "acme-1.3.0.tar.gz", "sha256": "d" * 64, "size": 9} == file


def changed(**values: object) -> str:
    document: dict[str, Any] = json.loads(PLAN.to_json())
    return json.dumps(document | values)


def of_one(**values: object) -> str:
    """Return a plan of one distribution, that is changed."""
    return changed(distributions=[json.loads(PLAN.to_json())["distributions"][0] | values])


def without(key: str) -> str:
    """Return a plan of one distribution, that lacks a key."""
    document = json.loads(PLAN.to_json())
    del document["distributions"][0][key]
    return json.dumps(document)


KEYS = sorted(json.loads(PLAN.to_json()))
OPTIONAL = {"format", "next_dev"}
BROKEN: dict[str, str | bytes] = {
    "nothing": "",
    "half-an-object": "{",
    "cut-off": PLAN.to_json()[:-9],
    "null": "null",
    "number": "3",
    "list": "[]",
    "text": '"format"',
    "empty": "{}",
    "format-only": json.dumps({"format": FORMAT}),
    "no-utf-8": b"\xff\xfe\xfd",
    "deep": "[" * 100_000,
    "version-is-none": changed(version="1.x"),
    "previous-is-none": changed(previous=""),
    "another-key": changed(colour="blue"),
    "distribution-without-filename": without("filename"),
    "distribution-without-sha256": without("sha256"),
    "distribution-without-size": without("size"),
    "distribution-with-another-key": of_one(colour="blue"),
    "distribution-filename-is-a-number": of_one(filename=1),
    "distribution-sha256-is-null": of_one(sha256=None),
    "distribution-size-is-text": of_one(size="1"),
    "distribution-is-text": changed(distributions=["acme"]),
    "distributions-are-an-object": changed(distributions={"a": 1}),
    "tests-are-text": changed(tests="nox -s tests"),
    "tests-are-numbers": changed(tests=[1]),
    **{f"{key}-is-null": changed(**{key: None}) for key in KEYS if key not in OPTIONAL},
    **{f"{key}-is-a-number": changed(**{key: 7}) for key in KEYS if key != "format"},
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_is_no_plan_is_refused(text: str | bytes) -> None:
    with pytest.raises(ReleaseError, match="can't be read") as refused:
        Plan.from_json(text)
    assert "git ls-remote" in refused.value.hints[0]


@pytest.mark.parametrize("key", KEYS)
def test_a_plan_without_one_of_its_keys_is_refused(key: str) -> None:
    document = json.loads(PLAN.to_json())
    del document[key]
    with pytest.raises(ReleaseError, match="can't be read"):
        Plan.from_json(json.dumps(document))


@pytest.mark.parametrize("other", [0, FORMAT + 1, "1", None])
def test_a_plan_of_another_format_is_left_to_the_version_that_wrote_it(other: object) -> None:
    with pytest.raises(ReleaseError, match="another version of nox-release") as refused:
        Plan.from_json(changed(format=other, colour="blue"))
    assert refused.value.hints == ["continue with the version that began it"]
