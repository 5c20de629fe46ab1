"""What a build may install: the constraints that a project has, as pip and uv read them."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement

from release import ReleaseError
from release.tables import parse, texts_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from release.places import Files

KEY = "build-constraints"
OF_UV = ("tool", "uv", "build-constraint-dependencies")
HASH = "--hash="


# Read


def constraints(path: str, pyproject: dict[str, Any], files: Files) -> str:
    """Return what build requirements are held to, a line each; "" for nothing.

    That is what is in the file at `path`, unless this is "", and what uv is told in `pyproject` and
    that at the top. Raises `ReleaseError` for a file that isn't there, and for broken lines.
    """
    rows = [*_of_file(path, files)] if path else []
    top = f"{posixpath.relpath('.', files.folder)}/pyproject.toml" if files.folder else ""
    for data in (pyproject, parse(files.read(top) or b"") if top else {}):
        rows += _checked(texts_at(data, *OF_UV), "pyproject.toml")
    return "".join(f"{row}\n" for row in dict.fromkeys(rows))


def _of_file(path: str, files: Files) -> Iterator[str]:
    data = files.read(path)
    if data is None:
        raise ReleaseError(
            f"there is no {path} as committed, which {KEY} names",
            f"git add and commit it, or mend {KEY} in [tool.nox-release]",
        )
    try:
        text = data.decode("utf-8-sig").replace("\\\n", " ").replace("\\\r\n", " ")
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{path} is not UTF-8: {error}", "mend and commit it") from error
    bare = (re.sub(r"(^|\s)#.*", "", row).strip() for row in text.splitlines())
    return _checked(filter(None, bare), path)


def _checked(rows: Iterable[str], path: str) -> Iterator[str]:
    """Yield constraints as they are; neither pip nor uv takes others everywhere."""
    for row in rows:
        first, *hashes = row.split()[:1] if row.startswith("-") else re.split(r"\s+(?=--)", row)
        try:
            one = Requirement(first)
        except InvalidRequirement as error:
            raise _broken(path, row, "that is no requirement") from error
        if one.extras or one.url:
            raise _broken(path, row, "a constraint has a name and versions, no extras and no URL")
        if not all(re.fullmatch(rf"{HASH}\w+:[0-9a-f]+", hash_) for hash_ in hashes):
            raise _broken(path, row, f"behind a constraint there are hashes: {HASH}sha256:…")
        yield " ".join([first, *hashes])


def _broken(path: str, row: str, why: str) -> ReleaseError:
    return ReleaseError(f"{path} has no constraint in {row!r}: {why}", "mend and commit it")


# Obey


def held(env: Mapping[str, str], text: str, folder: Path) -> Mapping[str, str]:
    """Return the environment of installers that are held to constraints, which are in `folder`.

    So are the builds of what they install. Where the constraints have hashes, no other file is
    installed. What an installer is told of builds in its own variables counts too.
    """
    own = []
    if text:
        (path := folder / "constraints.txt").write_text(text, encoding="utf-8")
        own = [path.as_uri()]  # a list of paths can't have one with a space
    told = dict(env)
    for tool in ("PIP", "UV"):
        if builds := [*own, *env.get(f"{tool}_BUILD_CONSTRAINT", "").split()]:
            told[f"{tool}_BUILD_CONSTRAINT"] = " ".join(builds)
            others = env.get(f"{tool}_CONSTRAINT", "").split()
            told[f"{tool}_CONSTRAINT"] = " ".join([*builds, *others])
        if HASH in text:
            told[f"{tool}_REQUIRE_HASHES"] = "1"
    return told
