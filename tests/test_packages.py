"""Which packages a repository has, which go together, and which comes first."""

from __future__ import annotations

import pytest
from packaging.version import Version

from release import UsageError
from release.packages import Package, chosen, in_order, packages, pins, together
from release.project import Project
from release.snapshot import below
from tests.stage import Sources

BUILT = "[build-system]\nrequires = ['flit_core']\n"


def package(name: str, *requirements: str, more: str = BUILT) -> bytes:
    return f"{more}[project]\nname = '{name}'\ndependencies = {[*requirements]}\n".encode()


WORKSPACE = Sources(
    {
        "pyproject.toml": b"[project]\nname = 'everything'\nversion = '0.0.0'\n",
        "libs/core/pyproject.toml": package("Acme.Core"),
        "libs/cli/pyproject.toml": package("acme-cli", "click", "acme_core[fast] == 1.2.3"),
        "libs/extra/pyproject.toml": package("acme-extra", "acme-cli>=1"),
        "libs/old/setup.py": b"from setuptools import setup\nsetup(name='acme-old')\n",
        "docs/pyproject.toml": package("docs"),
        "tests/data/pyproject.toml": package("sample"),
        "libs/core/tests/pyproject.toml": package("sample"),
    }
)
NAMES = {
    "libs/cli": "acme-cli",
    "libs/core": "acme-core",
    "libs/extra": "acme-extra",
    "libs/old": "acme-old",
}


def test_packages_are_found_by_what_can_be_built() -> None:
    found = packages(WORKSPACE)
    assert {folder: one.name for folder, one in found.items()} == NAMES
    assert found["libs/cli"].needs == {"click", "acme-core"}
    assert found["libs/cli"].pins == {"acme-core": Version("1.2.3")}
    assert found["libs/extra"].pins == {}


@pytest.mark.parametrize(
    "pyproject",
    [
        package("all", more=BUILT + "[tool.uv]\npackage = false\n"),
        package("all", more=BUILT + "[tool.poetry]\npackage-mode = false\n"),
        b"[project]\nname = 'all'\n",
        b"",
        b"[broken",
    ],
)
def test_a_top_that_only_holds_others_is_no_package(pyproject: bytes) -> None:
    files = Sources({"pyproject.toml": pyproject, "core/pyproject.toml": package("core")})
    assert [*packages(files)] == ["core"]


def test_a_top_that_is_alone_is_the_package_whatever_it_lacks() -> None:
    for files in ({}, {"pyproject.toml": b"[project]\nname = 'all'\n"}, {"a.py": b""}):
        assert [*packages(Sources(files))] == [""]


@pytest.mark.parametrize(
    ("wanted", "here", "folders"),
    [
        (["libs/core"], "", ["libs/core"]),
        (["./libs/core/"], "", ["libs/core"]),
        (["libs\\core"], "", ["libs/core"]),
        (["acme_core", "libs/core"], "", ["libs/core"]),
        (["acme-cli", "acme-core"], "", ["libs/cli", "libs/core"]),
        ([], "libs/core", ["libs/core"]),
        ([], "libs/core/src/acme", ["libs/core"]),
    ],
)
def test_a_package_is_meant_by_folder_name_or_where_one_is(
    wanted: list[str], here: str, folders: list[str]
) -> None:
    assert [one.folder for one in chosen(wanted, packages(WORKSPACE), here)] == folders


def test_the_only_package_is_meant() -> None:
    for folder in ("", "backend"):
        files = Sources({f"{folder}/pyproject.toml".lstrip("/"): package("acme")})
        assert [one.folder for one in chosen([], packages(files), "docs")] == [folder]


def test_the_top_is_meant_where_it_is_one() -> None:
    files = Sources({**WORKSPACE, "pyproject.toml": package("acme")})
    assert [one.folder for one in chosen([], packages(files), "docs")] == [""]
    assert [one.folder for one in chosen(["."], packages(files))] == [""]


@pytest.mark.parametrize("wanted", [[], ["libs/cor"], ["acme-colour"], ["."], ["../elsewhere"]])
def test_what_is_not_there_is_refused_with_what_is(wanted: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        chosen(wanted, packages(WORKSPACE), "libs")
    assert "libs/core" in refused.value.hints[0] or "acme-core" in refused.value.hints[0]


ONE, TWO = Version("1.2.3"), Version("2.0")


@pytest.mark.parametrize(
    ("first", "versions", "folders"),
    [
        ("libs/core", {}, ["libs/core", "libs/cli"]),
        ("libs/cli", {}, ["libs/core", "libs/cli"]),
        ("libs/extra", {}, ["libs/extra"]),
        ("libs/core", {"libs/cli": TWO}, ["libs/core"]),
        ("libs/cli", {"libs/core": TWO}, ["libs/cli"]),
        ("libs/core", {"libs/core": TWO, "libs/cli": TWO}, ["libs/core"]),
    ],
)
def test_siblings_in_lockstep_go_together(
    first: str, versions: dict[str, Version], folders: list[str]
) -> None:
    known = packages(WORKSPACE)
    found = together([known[first]], known, lambda one: versions.get(one.folder, ONE))
    assert [one.folder for one in found] == folders


def test_only_versions_that_matter_are_asked_for() -> None:
    known, asked = packages(WORKSPACE), set[str]()

    def version_of(package: Package) -> Version:
        asked.add(package.folder)
        return ONE

    for folder, wanted in (("libs/old", set()), ("libs/core", {"libs/core", "libs/cli"})):
        together([known[folder]], known, version_of)
        assert asked == wanted


def test_each_comes_behind_what_it_needs() -> None:
    known = packages(WORKSPACE)
    order = [one.name for one in in_order(known.values())]
    assert order.index("acme-core") < order.index("acme-cli") < order.index("acme-extra")


def test_those_that_need_each_other_come_by_folder() -> None:
    files = {"b/pyproject.toml": package("one", "two"), "a/pyproject.toml": package("two", "one")}
    assert [one.folder for one in in_order(packages(Sources(files)).values())] == ["a", "b"]


def test_the_order_is_the_same_in_every_process() -> None:
    names = [f"p{number}" for number in range(9)]
    files = {f"{name}/pyproject.toml": package(name) for name in names}
    files["all/pyproject.toml"] = package("all", *names)
    order = [one.name for one in in_order(packages(Sources(files)).values())]
    assert order == [*names, "all"]


@pytest.mark.parametrize("broken", ["print 'two'\n", "{% if a %}\n"])
def test_a_setup_py_that_nobody_can_read_is_in_nobodys_way(broken: str) -> None:
    files = {"pyproject.toml": package("acme"), "old/setup.py": broken.encode()}
    assert [*packages(Sources(files))] == [""]


def test_what_flit_names_by_its_module_is_a_package() -> None:
    flit = BUILT.encode() + b"[tool.flit.metadata]\nmodule = 'acme'\n"
    files = {"pyproject.toml": flit, "plugin/pyproject.toml": package("plugin")}
    assert [*packages(Sources(files))] == ["", "plugin"]


def test_exact_requirements_of_a_sibling_are_places() -> None:
    text = """\
dependencies = ["acme-core==1.2.3", 'ACME_core[fast, x] == 1.2.3 ; python_version > "3"',
  "acme-core==1.2.4", "acme-core>=1.2.3", "acme-core-more==1.2.3", "not-acme-core==1.2.3"]
x = ["acme.core===1.2.3"]
"""
    places = pins("acme-core", ONE, Sources({"pyproject.toml": text.encode()}))
    assert [text[: place.start].count("\n") for place in places] == [0, 0, 2]
    assert {place.text for place in places} == {"1.2.3"}
    config = b"[options]\ninstall_requires =\n  acme-core==1.2.3\n"
    assert len(pins("acme-core", ONE, Sources({"setup.cfg": config}))) == 1


def test_another_index_is_not_read_where_that_of_the_top_is() -> None:
    own = {"core": "", "cli": "\n[tool.nox-release]\nrepository = 'https://other.invalid/'\n"}
    top = b"[tool.nox-release]\nrepository = 'https://a.invalid/'\nindex-url = 'https://b.invalid/'"
    files = Sources({"pyproject.toml": top})
    for name, more in own.items():
        versioned = package(name).replace(b"[project]", b"[project]\nversion = '1.0'")
        files[f"{name}/pyproject.toml"] = versioned + more.encode()
    found = {name: Project.load(below(files, name)).config.index_url for name in own}
    assert found == {"core": "https://b.invalid/", "cli": ""}


SETUP_CFG = """\
[options]
install_requires =
  acme-core==1.2.3; python_version > "3"
  click>=8
[options.extras_require]
more = acme-extra==1.2.3
"""


@pytest.mark.parametrize(
    ("files", "needs", "wanted"),
    [
        ({"setup.cfg": SETUP_CFG}, {"acme-core", "click"}, {"acme-core", "acme-extra"}),
        ({"setup.py": "setup(install_requires=['acme.core==1.2.3', \"x\"])"}, {"acme-core"}, None),
        (
            {"pyproject.toml": '[tool.poetry.dependencies]\nacme_core = "1.2.3"\nx = "^1"\n'},
            {"acme-core", "x"},
            {"acme-core"},
        ),
    ],
)
def test_requirements_are_read_wherever_they_are_declared(
    files: dict[str, str], needs: set[str], wanted: set[str] | None
) -> None:
    built = {"setup.py": "", "pyproject.toml": BUILT + "[project]\nname = 'acme'\n", **files}
    built["pyproject.toml"] = "[project]\nname = 'acme'\n" + files.get("pyproject.toml", "") + BUILT
    found = packages(Sources({path: text.encode() for path, text in built.items()}))[""]
    assert found.needs == needs
    assert found.pins.keys() == (wanted or needs)


def test_a_cycle_through_an_extra_is_none() -> None:
    extra = "optional-dependencies = { all = ['two==1'] }\n"
    files = {
        "a/pyproject.toml": package("one") + extra.encode(),
        "b/pyproject.toml": package("two", "one"),
    }
    assert [one.name for one in in_order(packages(Sources(files)).values())] == ["one", "two"]


def test_a_folder_that_is_said_counts_wherever_it_is() -> None:
    assert "docs" not in packages(WORKSPACE)
    assert packages(WORKSPACE, ["./docs/"])["docs"].name == "docs"
