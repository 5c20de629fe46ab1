"""Wheels get an SBOM where the project asks for one, and nothing else in them changes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from release import ReleaseError, wheels
from release.configuration import inherited
from release.sbom import FILE, Sources, add
from tests import forged
from tests.builders import HERE, WINDOWS
from tests.stage import PYPROJECT, QUICK, with_backend
from tests.stage import Sources as Tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Builders
    from tests.stage import Stage

ASKED = "\n[tool.nox-release]\nsbom = true\n"
WHEEL = "acme-1.3.0-py3-none-any.whl"
MINE = f"acme-1.0.dist-info/sboms/{FILE}"
COMMIT = "c" * 40
SOURCES = Sources(commit=COMMIT, time=1_700_000_000, remote="https://forge.example/acme/acme.git")
TOLD = """\
Metadata-Version: 2.4
Name: Acme
Version: 1.0
Summary: A “sample”.
License-Expression: MIT OR Apache-2.0
Home-Page: https://acme.example/old
Project-URL: What's New?, https://acme.example/new
Project-URL: Bug Tracker, https://acme.example/issues
Project-URL: Chat, https://acme.example/a room
Project-URL: Two, https://acme.example/#one#two
Project-URL: Odd, https://acme.example/%zz|\\é𐀀
Project-URL: Empty
Requires-Dist: six>=1
Requires-Dist: tomli>=2; python_version < "3.11"

Acme.
"""


def sbom(wheel: Path) -> dict[str, Any]:
    """The one that we have added to a wheel, which is valid."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(f".dist-info/sboms/{FILE}"))
        text = archive.read(name).decode()
    # Takes two seconds to import, which are none of the other tests'.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document: dict[str, Any] = json.loads(text)
    references = [document["metadata"]["component"], *document.get("components", ())]
    references += document["metadata"]["tools"]["components"]
    references += document["formulation"][0].get("components", ())
    names = [one["bom-ref"] for one in references]
    assert len(set(names)) == len(names)
    return document


def described(folder: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - of forged wheels
    path = forged.wheel(folder, **options)
    assert add(path, SOURCES)
    assert wheels.examine(path).problems == ()
    return sbom(path)


# The document


def test_the_package_is_what_its_metadata_and_the_commit_say(tmp_path: Path) -> None:
    metadata = described(tmp_path, metadata=TOLD)["metadata"]
    assert metadata["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert [one["name"] for one in metadata["tools"]["components"]] == ["nox-release"]
    package = metadata["component"]
    assert package["purl"] == "pkg:pypi/acme@1.0"
    assert package["description"] == "A “sample”."
    assert package["licenses"] == [
        {"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}
    ]
    assert {(one["type"], one["url"]) for one in package["externalReferences"]} == {
        ("website", "https://acme.example/old"),
        ("release-notes", "https://acme.example/new"),
        ("issue-tracker", "https://acme.example/issues"),
        ("other", "https://acme.example/a%20room"),
        ("other", "https://acme.example/%25zz%7C%5C%C3%A9%F0%90%80%80"),
        ("vcs", f"git+https://forge.example/acme/acme.git@{COMMIT}"),
    }


def test_what_is_required_is_no_component_and_told_as_it_is_declared(tmp_path: Path) -> None:
    document = described(tmp_path, metadata=TOLD)
    assert "components" not in document
    assert document["metadata"]["component"]["properties"] == [
        {"name": "nox-release:requires-dist", "value": "six>=1"},
        {"name": "nox-release:requires-dist", "value": 'tomli>=2; python_version < "3.11"'},
    ]
    (composition,) = document["compositions"]
    assert composition["aggregate"] == "unknown"
    assert composition["dependencies"] == ["pkg:pypi/acme@1.0"]


def test_what_came_along_is_a_component_with_its_place(tmp_path: Path) -> None:
    whole, place = b"whole", "acme/pip-25.0-py3-none-any.whl"
    six = "acme/_vendor/six-1.17.dist-info"
    files = {
        "acme/__init__.py": b"",
        f"{six}/METADATA": b"Name: six\n",
        f"acme/other/{six}/METADATA": b"Name: six\n",
        "acme/-.dist-info/METADATA": b"",
        place: whole,
        "acme/no.whl": b"",
    }
    document = described(tmp_path, files=files)
    found = [
        (one["purl"], one["evidence"]["occurrences"][0]["location"])
        for one in document["components"]
    ]
    assert sorted(found) == [
        ("pkg:pypi/pip@25.0", place),
        ("pkg:pypi/six@1.17", six),
        ("pkg:pypi/six@1.17", f"acme/other/{six}"),
    ]
    (pip,) = (one for one in document["components"] if one["name"] == "pip")
    assert pip["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(whole).hexdigest()}]
    (package,) = (one for one in document["dependencies"] if "dependsOn" in one)
    assert len(package["dependsOn"]) == 3


def test_a_package_may_be_built_by_itself(tmp_path: Path) -> None:
    path = forged.wheel(tmp_path)
    assert add(path, SOURCES, {"acme==1.0": "", "nox-release==1.0": "ab" * 32})
    acme, release = sbom(path)["formulation"][0]["components"]
    assert (acme["purl"], release["purl"]) == ("pkg:pypi/acme@1.0", "pkg:pypi/nox-release@1.0")
    assert "hashes" not in acme
    assert release["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]


@pytest.mark.parametrize(
    ("remote", "url"),
    {
        "https://forge.example/a/b.git": "git+https://forge.example/a/b.git@C",
        "git@forge.example:a/b.git": "git+ssh://git@forge.example/a/b.git@C",
        "forge.example:/a/b": "git+ssh://forge.example/a/b@C",
        "ssh://git@forge.example:2222/a/b": "git+ssh://git@forge.example:2222/a/b@C",
        "https://token@forge.example/a/b": "",
        "https://user:password@forge.example/a/b": "",
        "ssh://user:password@forge.example/a/b": "",
        "https://forge.example/a/b?token=x": "",
        "../remote.git": "",
        "/srv/remote.git": "",
        "file:///srv/remote.git": "",
        "C:/remote.git": "",
        "": "",
    }.items(),
)
def test_a_remote_is_told_where_others_find_it(remote: str, url: str) -> None:
    assert Sources(commit="C", time=0, remote=remote).url == url
    below = Sources(commit="C", time=0, remote=remote, folder="packages/a").url
    assert below == (f"{url}#subdirectory=packages/a" if url else "")


# The wheel


def attributes(info: zipfile.ZipInfo) -> tuple[object, ...]:
    return (
        *(info.filename, info.date_time, info.external_attr, info.internal_attr),
        *(info.compress_type, info.create_system, info.extra, info.comment),
    )


def members(path: Path) -> list[tuple[object, ...]]:
    """All that an archive has, in its order, but RECORD's contents and the SBOM."""
    with zipfile.ZipFile(path) as archive:
        return [
            (*attributes(info), archive.read(info) if info.filename.endswith(".py") else b"")
            for info in archive.infolist()
            if info.filename != MINE
        ]


def test_nothing_else_in_a_wheel_changes(tmp_path: Path) -> None:
    path, folder, script = forged.wheel(tmp_path), zipfile.ZipInfo("acme/"), zipfile.ZipInfo("a.py")
    folder.external_attr = 0o40755 << 16
    script.date_time, script.external_attr = (1999, 12, 31, 23, 58, 58), 0o100755 << 16
    script.comment = b"comment"
    with zipfile.ZipFile(path) as archive:
        record = archive.read("acme-1.0.dist-info/RECORD").decode()
    plain = zipfile.ZipInfo("b.py")
    path = forged.wheel(tmp_path, last=[(folder, b""), (script, b"a"), (plain, b"b")])
    with zipfile.ZipFile(path, "a") as archive:
        archive.getinfo("b.py").external_attr = 0
        archive.writestr("c.py", b"c" * 999)
    before = members(path)
    assert add(path, SOURCES)
    assert members(path) == before
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        row, *rest = archive.read("acme-1.0.dist-info/RECORD").decode().splitlines()
        data = archive.read(MINE)
    assert names.index(MINE) + 1 == names.index("acme-1.0.dist-info/RECORD")
    assert rest == record.splitlines()
    assert row == f"{MINE},{forged.hashed(data)},{len(data)}"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_one_that_is_there_stays(tmp_path: Path) -> None:
    other = "acme-1.0.dist-info/sboms/auditwheel.cdx.json"
    path = forged.wheel(tmp_path, files={**forged.FILES, other: b"{}"})
    assert add(path, SOURCES)
    before = path.read_bytes()
    assert not add(path, SOURCES)
    assert path.read_bytes() == before
    with zipfile.ZipFile(path) as archive:
        assert archive.read(other) == b"{}"


def test_what_no_release_takes_is_left_to_the_checks(tmp_path: Path) -> None:
    two = [("acme-2.0.dist-info/METADATA", b"")]
    assert not add(forged.wheel(tmp_path, last=two), SOURCES)
    with pytest.raises(ReleaseError, match=r"acme-1.0-py3-none-any.whl can't be read"):
        add(forged.truncated(forged.wheel(tmp_path)), SOURCES)


# A release


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def test_a_release_has_one_in_the_wheel_that_the_index_serves(
    stage: Stage, wheelhouse: Path, tmp_path: Path
) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + ASKED})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    document = sbom(stage.files / WHEEL)
    (formula,) = document["formulation"]
    (flit,) = wheelhouse.glob("*.whl")
    name, version = flit.name.split("-")[:2]
    digest = hashlib.sha256(flit.read_bytes()).hexdigest()
    ((purl, hashes),) = [(one["purl"], one["hashes"]) for one in formula["components"]]
    assert purl == f"pkg:pypi/flit-core@{version}"
    assert hashes == [{"alg": "SHA-256", "content": digest}]
    assert formula["properties"][0]["value"] == f"flit {version}"
    assert name == "flit_core"
    assert stage.install("1.3.0") == "1.3.0"  # by pip
    place = tmp_path / "uv"
    stage.monkeypatch.delenv("UV_CONFIG_FILE")
    argv = ["uv", "pip", "install", "--quiet", "--no-config", "--no-deps", "--target", str(place)]
    subprocess.run([*argv, "--default-index", f"{stage.url}simple/", "acme==1.3.0"], check=True)
    for folder in (place, stage.clone.parent / "installed-1.3.0"):
        installed = folder / f"acme-1.3.0.dist-info/sboms/{FILE}"
        assert json.loads(installed.read_bytes()) == document


def test_it_is_the_same_when_it_is_built_again(stage: Stage) -> None:
    stage.commit({"pyproject.toml": f'{PYPROJECT}{ASKED}reproducible = "required"\n'})
    done = stage.run("publish", "minor", "--skip-tests")
    assert done.code == 0, done.err
    assert "built twice, the same bytes" in done.out
    done = stage.run("verify", "1.3.0")
    assert done.code == 0, done.err
    assert done.out.count("the same bytes") == 2


def test_the_same_commit_and_environment_give_the_same_bytes(stage: Stage) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + ASKED})
    for folder in ("one", "two"):
        assert stage.run("build", "--out", folder).code == 0
    stage.monkeypatch.setenv("NOX_RELEASE_CACHE", str(stage.clone.parent / "cache"))
    assert stage.run("build", "--out", "three").code == 0
    (first, *others) = [stage.clone / one for one in ("one", "two", "three")]
    for path in first.iterdir():
        assert [path.read_bytes()] * 2 == [(one / path.name).read_bytes() for one in others]


def test_the_commit_of_a_remote_that_others_know_is_told(stage: Stage) -> None:
    commit = stage.commit({"pyproject.toml": PYPROJECT + ASKED})
    stage.git("remote", "set-url", "origin", "git@forge.example:acme/acme.git")
    assert stage.run("build").code == 0
    (vcs,) = sbom(stage.clone / "dist/acme-1.2.3-py3-none-any.whl")["metadata"]["component"][
        "externalReferences"
    ]
    assert vcs["url"] == f"git+ssh://git@forge.example/acme/acme.git@{commit}"


HIDING = """\
import pathlib, shutil
import flit_core
from flit_core.buildapi import *

for one in pathlib.Path(flit_core.__file__).parent.parent.glob("*.dist-info"):
    shutil.rmtree(one)
"""


@pytest.mark.parametrize("setting", ["kept", "fresh"])
def test_what_a_build_dependency_does_to_the_environment_does_not_hide_it(
    setting: str, stage: Stage
) -> None:
    files = with_backend(HIDING)
    text = f'{ASKED}build-environment = "{setting}"\n'
    stage.commit({**files, "pyproject.toml": f"{files['pyproject.toml']!s}{text}"})
    assert stage.run("build").code == 0
    document = sbom(stage.clone / "dist/acme-1.2.3-py3-none-any.whl")
    (flit,) = document["formulation"][0]["components"]
    assert flit["name"] == "flit-core"
    assert flit["hashes"]


SIGNED = """\
from flit_core.buildapi import *
import flit_core.buildapi, zipfile

def build_wheel(folder, *args):
    name = flit_core.buildapi.build_wheel(folder, *args)
    with zipfile.ZipFile(f"{folder}/{name}", "a") as wheel:
        wheel.writestr("acme-1.2.3.dist-info/RECORD.jws", "of RECORD as it is")
    return name
"""


def test_a_signature_of_a_wheel_is_not_made_wrong(stage: Stage) -> None:
    files = with_backend(SIGNED)
    stage.commit({**files, "pyproject.toml": f"{files['pyproject.toml']!s}{ASKED}"})
    done = stage.run("build")
    assert done.code == 1
    assert "has RECORD.jws, which an SBOM would make wrong" in done.err


@pytest.mark.parametrize("verb", ["publish", "publish-rc", "build"])
def test_without_the_extra_nothing_begins(verb: str, stage: Stage) -> None:
    stage.commit({"pyproject.toml": QUICK + "sbom = true\n"})
    stage.monkeypatch.setitem(sys.modules, "cyclonedx", None)
    before = stage.state()
    done = stage.run(verb, *["minor"] * (verb != "build"))
    assert done.code == 1
    assert "wheels can't get an SBOM: nox-release[sbom] isn't installed" in done.err
    assert "pip install 'nox-release[sbom]'" in done.err
    assert "Build sdist and wheel" not in done.out or verb == "build"
    assert stage.state() == before
    stage.commit({"pyproject.toml": QUICK})
    assert stage.run("build").code == 0


def test_a_wheel_of_another_machine_without_any_is_refused(
    stage: Stage, builders: Builders
) -> None:
    stage.commit({"pyproject.toml": PYPROJECT + ASKED})
    assert builders.prepare("minor").code == 0
    builders.build(HERE, WINDOWS)
    (place,) = builders.dist.parent.glob("builder-*")
    assert stage.run("sbom", str(builders.dist / HERE), at=place).code == 0
    done = builders.publish()
    assert done.code == 1
    windows = WHEEL.replace(HERE, WINDOWS)
    assert f"{windows}: it has no SBOM, as sbom = true asks for" in done.err
    assert f"{WHEEL}: it has" not in done.err
    assert "python -m release sbom FOLDER" in done.err
    done = stage.run("sbom", str(builders.dist / WINDOWS), at=place)
    assert f"{windows} has an SBOM now" in done.out
    done = stage.run("sbom", str(builders.dist / WINDOWS), at=place)
    assert done.out.endswith("-win_amd64.whl stays as it is\n")
    for folder in (stage.clone, stage.clone / "nowhere", stage.clone / "README.md"):
        done = stage.run("sbom", str(folder), at=place)
        assert done.code == 2
        assert f"✗ there is no wheel of acme in {folder}" in done.err
    (wheel,) = (builders.dist / WINDOWS).glob("*.whl")
    old = wheel.rename(wheel.with_name(wheel.name.replace("1.3.0", "1.2.9")))
    done = stage.run("sbom", str(builders.dist / WINDOWS), at=place)
    assert done.code == 2
    assert "wasn't built of HEAD, which is acme 1.3.0" in done.err
    old.rename(wheel)
    done = builders.publish()
    assert done.code == 0, done.err
    for name in (WHEEL, windows):
        assert "components" not in sbom(stage.files / name)["formulation"][0]
    numbers = {sbom(stage.files / name)["serialNumber"] for name in (WHEEL, windows)}
    assert len(numbers) == 2


def test_packages_below_the_top_share_it() -> None:
    files = Tree({"../../pyproject.toml": ASKED.encode()})
    files.folder = "packages/a"
    assert inherited(files) == {"sbom": True}
