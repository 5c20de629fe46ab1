"""The files of a commit, also behind symbolic links."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from release.edits import Edit
from release.git import Git
from release.project import Project
from release.snapshot import Folder, Snapshot
from release.worktree import tree_with

if TYPE_CHECKING:
    from pathlib import Path

    Commit = dict[str, bytes]

FILE, LINK = "100644", "120000"
PYPROJECT = b"""\
[project]
name = "acme"
dynamic = ["version"]
[tool.setuptools.dynamic]
version = {file = "VERSION"}
"""


def snapshot(folder: Path, files: dict[str, bytes], links: dict[str, str]) -> Snapshot:
    """Commit files and links without a working tree, as not every system can make links."""
    git = Git(root=folder, env=os.environ)
    git("init", "--quiet")
    every = [(FILE, path, data) for path, data in files.items()]
    every += [(LINK, path, target.encode()) for path, target in links.items()]
    rows = [
        f"{mode} {git('hash-object', '-w', '--stdin', stdin=data)}\t{path}\0"
        for mode, path, data in every
    ]
    git("update-index", "-z", "--index-info", stdin="".join(rows).encode())
    who = {
        f"GIT_{one}_{key}": "a@b" for one in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
    }
    commit = git("commit-tree", git("write-tree"), "-m", "Begin", env=who)
    return Snapshot(git=git, commit=commit)


@pytest.mark.parametrize(
    "links",
    [
        {"VERSION": "acme/_version.txt"},
        {"VERSION": "./acme/../acme/_version.txt"},
        {"VERSION": "other", "other": "acme/_version.txt"},
        {"VERSION": "there/_version.txt", "there": "acme"},
        {"VERSION": "docs/VERSION", "docs/VERSION": "../acme/_version.txt"},
    ],
)
def test_a_version_behind_a_link_is_edited_in_its_file(
    tmp_path: Path, links: dict[str, str]
) -> None:
    files = {"pyproject.toml": PYPROJECT, "acme/_version.txt": b"26.10.00\n"}
    project = Project.load(snapshot(tmp_path, files, links))
    (edit,) = project.edits(Version("26.12.0"))
    assert (edit.path, edit.before, edit.after) == (
        "acme/_version.txt", b"26.10.00\n", b"26.12.00\n"
    )  # fmt: skip


@pytest.mark.parametrize("target", ["gone", "../outside", "/etc/hostname", "VERSION", "."])
def test_a_link_to_no_file_of_the_commit_has_no_text(tmp_path: Path, target: str) -> None:
    files = snapshot(tmp_path, {"pyproject.toml": PYPROJECT}, {"VERSION": target})
    assert files.read("VERSION") is None


def test_the_paths_are_those_of_files_and_links(tmp_path: Path) -> None:
    files = snapshot(tmp_path, {"a é.txt": b"", "b/c": b""}, {"d": "b"})
    assert sorted(files.paths) == ["a é.txt", "b/c", "d"]
    assert files.read("d/c") == b""


def test_a_folder_is_seen_from_there(tmp_path: Path) -> None:
    lock = b'[[package]]\nname = "acme-core"\nversion = "1.2.3"\n'
    pyproject = b'[project]\nname = "acme-core"\nversion = "1.2.3"\n'
    files = {"libs/core/pyproject.toml": pyproject, "libs/core/a/b.py": b"", "uv.lock": lock}
    top = snapshot(tmp_path, files, {"libs/core/VERSION": "../../uv.lock"})
    core = Folder(files=top, folder="libs/core")
    assert sorted(core.paths) == ["VERSION", "a/b.py", "pyproject.toml"]
    assert core.real("VERSION") == "../../uv.lock"
    assert core.read("VERSION") == core.read("../../uv.lock") == lock
    assert core.read("../core/a/b.py") == b""
    assert core.read("uv.lock") is None


def test_a_file_may_take_the_place_of_a_folder_and_back(tmp_path: Path) -> None:
    here = snapshot(tmp_path, {"a/b": b"old", "c": b"kept"}, {})
    edits = [
        Edit(path="a/b", before=b"old", after=None),
        Edit(path="a", before=None, after=b"new"),
        Edit(path="c", before=b"kept", after=None),
        Edit(path="c/d/e", before=None, after=b"deep"),
    ]
    after = Snapshot(git=here.git, commit=tree_with(here.git, here.commit, edits))
    assert {path: after.read(path) for path in after.paths} == {"a": b"new", "c/d/e": b"deep"}


def test_what_a_name_stands_for_is_asked_each_time(tmp_path: Path) -> None:
    """Only of objects, known by their ids, an answer is kept."""
    here = snapshot(tmp_path, {"a": b"one"}, {})
    here.git("update-ref", "refs/heads/it", here.commit)
    assert here.git.tree("refs/heads/it") == here.git.tree(here.commit)
    other = here.git.commit_tree(tree_with(here.git, here.commit, [EDIT]), "Go on", [here.commit])
    here.git("update-ref", "refs/heads/it", other)
    assert here.git.tree("refs/heads/it") != here.git.tree(here.commit)
    assert here.git.blob("refs/heads/it", "a") == b"two"


EDIT = Edit(path="a", before=b"one", after=b"two")
