"""Release real projects as they stand, and tell of each what came: nox -s adoption [-- NAME …]."""

from __future__ import annotations

import argparse
import email
import io
import json
import re
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from packaging.version import Version
from rich.console import Console
from rich.table import Table
from rich.text import Text

from release.rehearsal import USER, serve
from tests.adoption.project import Repository, download, environment, load, spells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.adoption.project import Adopted

AT_ONCE = 2
METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")  # of a release whose heading is there already
WIDTH = 300  # characters of a result in the table; all of it is told before
PATIENCE = 600  # seconds for one release, with the downloads of its build


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a release made of a project: how far it came, and what is wrong, if anything."""

    project: Adopted
    seconds: float = 0
    places: tuple[str, ...] = ()
    is_found: bool = False  # the version, and so what comes next
    is_right: bool = False  # the files on the index
    wrong: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Say whether the release, or its plan, is what the maintainers' own would have been."""
        return not self.wrong

    @property
    def is_expected(self) -> bool:
        """Say whether it came as projects.toml says."""
        return self.is_complete == (self.project.expected == "ok")


def adopt(project: Adopted, sdists: Path, home: Path, *, is_dry: bool) -> Outcome:
    """Release one project in a world of its own; whatever goes wrong is in the outcome."""
    started = time.monotonic()
    try:
        with TemporaryDirectory(ignore_cleanup_errors=True) as name:
            env, sdist = environment(home), download(project, sdists)
            outcome = _released(project, sdist, Path(name), env, is_dry=is_dry)
    except Exception as error:  # noqa: BLE001 - the others are to be tried too
        outcome = Outcome(project=project, wrong=(f"{type(error).__name__}: {error}",))
    return replace(outcome, seconds=time.monotonic() - started)


def _released(
    project: Adopted, sdist: Path, folder: Path, env: dict[str, str], *, is_dry: bool
) -> Outcome:
    files = folder / "index"
    files.mkdir()
    repository = Repository.of(project, sdist, folder, env)
    base = repository.git("rev-parse", "HEAD")
    with serve(files) as (url, password):
        twine = {"TWINE_USERNAME": USER, "TWINE_PASSWORD": password, "TWINE_REPOSITORY_URL": url}
        explained = _run(repository, {**env, **twine}, "explain")
        options = [project.level, "--skip-tests", *(["--dry-run"] if is_dry else [])]
        document = _run(repository, {**env, **twine}, "publish", *options)
        plan = document.get("plan", {})
        is_found = Version(plan.get("version", "0")) == Version(project.next)
        diffs = plan.get("edits", {})
        artifacts: list[str] = []
        if code := document["exit_code"]:
            wrong = _refusal(code, document)
        elif is_dry:
            wrong = [*_bad_tag(project, plan["tag"]), *bad_lines(project, diffs)]
        else:
            diffs = repository.diffs(base)
            artifacts = [*_bad_artifacts(project, files, folder, url)]
            wrong = [*artifacts, *_bad_git(repository, base), *bad_lines(project, diffs)]
    return Outcome(
        project=project, is_found=is_found, places=tuple(diffs),
        wrong=(*wrong, *([_explained(explained)] if wrong else [])),
        is_right=not (code or artifacts or is_dry),
    )  # fmt: skip


def _run(repository: Repository, env: dict[str, str], *args: str) -> dict[str, Any]:
    """Run one verb in the project, and return its document; `LookupError` where it prints none."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "release", *args, "--json", *repository.project.options],
        cwd=repository.clone, env=env, stdin=subprocess.DEVNULL,
        capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False,
    )  # fmt: skip
    if not done.stdout:
        raise LookupError(done.stderr[-600:])
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _explained(document: dict[str, Any]) -> str:
    """Say where the version was found and what that would change, or which files were looked at."""
    if "facts" not in document:
        return f"looked at {', '.join(document.get('looked', ()))}"
    places = [f"{one['path']}:{one['line']}" for one in document["changes"]]
    stale = "".join(f"; left alone: {one}" for one in document["stale"])
    where = ", ".join(places) or "no file"
    return f"found: {document['facts']['found']['value']}; changes {where}{stale}"


def _refusal(code: int, document: dict[str, Any]) -> list[str]:
    verb = "refused" if code == 1 else f"exit code {code}"
    return [f"{verb}: {problem['message']}" for problem in document.get("problems", ())]


def _bad_artifacts(project: Adopted, files: Path, folder: Path, url: str) -> Iterator[str]:
    """Say what isn't right about the files on the index, and about what pip installs of them."""
    found = sorted(files.iterdir())
    kinds = sorted(path.suffix for path in found)
    if kinds != [".gz", ".whl"]:
        yield f"the index has {', '.join(path.name for path in found) or 'nothing'}"
    for path in found:
        if Version(version := _metadata(path)["Version"]) != Version(project.next):
            yield f"{path.name} says {version} in its metadata, not {project.next}"
    place = folder / "installed"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-deps",
         "--no-cache-dir", "--target", str(place), "--index-url", f"{url}simple/",
         f"{project.name}=={project.next}"],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        yield f"pip doesn't install it: {done.stderr[-300:]}"
    versions = [one.version for one in distributions(path=[str(place)])]
    if not done.returncode and list(map(Version, versions)) != [Version(project.next)]:
        yield f"pip installs {' and '.join(versions)}"


def _metadata(path: Path) -> email.message.Message:
    """Return the core metadata of a wheel or an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            (name,) = (one for one in wheel.namelist() if METADATA.fullmatch(one))
            return email.message_from_bytes(wheel.read(name))
    with tarfile.open(path) as sdist:
        (top,) = {name.partition("/")[0] for name in sdist.getnames()}
        file = sdist.extractfile(f"{top}/PKG-INFO") or io.BytesIO()
        return email.message_from_bytes(file.read())


def _bad_tag(project: Adopted, tag: str) -> Iterator[str]:
    if tag != (wanted := project.tag_of(project.new)):
        yield f"the tag is {tag}, not {wanted}"


def _bad_git(repository: Repository, base: str) -> Iterator[str]:
    """Say what isn't right about branch, tag and checkout."""
    git, remote = repository.git, repository.remote
    tags = git("tag", "--points-at", "main", at=remote).split()
    yield from _bad_tag(repository.project, " and ".join(tags))
    if any(git("cat-file", "-t", f"refs/tags/{tag}", at=remote) != "tag" for tag in tags):
        yield "the tag isn't annotated"
    if (count := git("rev-list", "--count", f"{base}..main", at=remote)) not in {"0", "1"}:
        yield f"{count} commits"
    if git("rev-parse", "HEAD") != git("rev-parse", "main", at=remote):
        yield "the checkout isn't at the release"
    if left := git("status", "--porcelain"):
        yield f"left behind: {left}"


def bad_lines(project: Adopted, diffs: Mapping[str, str]) -> Iterator[str]:
    """Say which lines the release changes and shouldn't, and which it forgets.

    `diffs` are unified, by the path in the repository.
    """
    old = spells(project.next if project.level == "current" else project.version)
    new = re.compile(re.escape(project.written)) if project.written else spells(project.next)
    changelog = project.path(project.changelog) if project.changelog else ""
    fragments = set(map(project.path, project.fragments))
    expected = {project.path(path): count for path, count in project.lines.items()}
    for path in sorted({*diffs, *expected, *fragments, changelog} - {""}):
        rows = diffs.get(path, "").partition("\n@@")[2].splitlines()
        removed, added = ([row[1:] for row in rows if row[:1] == mark] for mark in "-+")
        if path == changelog:
            if not any(new.search(row) or DAY.search(row) for row in added):
                yield f"{path} doesn't tell of {project.next}, nor a day"
        elif path in fragments:
            if not removed or added:
                yield f"{path} is still there"
        elif path not in expected:
            yield f"{path} changes, and shouldn't: {removed} → {added}"
        elif not len(removed) == len(added) == expected[path]:
            yield f"{path}: {len(removed)} lines change, not {expected[path]}"
        else:
            yield from (f"{path}: {row!r} hasn't the old version"
                        for row in removed if not old.search(row))  # fmt: skip
            yield from (f"{path}: {row!r} hasn't the new version"
                        for row in added if not new.search(row))  # fmt: skip


# The table


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table("project", "kind", "tag", "changed", "result", "s", title="Adoption")
    for one in outcomes:
        result = textwrap.shorten("; ".join(one.wrong), WIDTH) or "ok"
        if not one.is_complete and one.project.expected != "ok":
            result = f"as expected ({one.project.why}): {result}"
        name = one.project.name + (" *" if one.project.settings else "")
        tag, places = one.project.tag_of(one.project.new), "\n".join(one.places)
        table.add_row(
            *map(Text, (name, one.project.kind, tag, places, result, f"{one.seconds:.0f}"))
        )
    return table


def _totals(outcomes: Sequence[Outcome], *, is_dry: bool) -> str:
    def share(what: str, ones: Iterable[bool]) -> str:
        count = sum(ones)
        return f"{what} {count}/{len(outcomes)} ({count / len(outcomes):.0%})"

    totals = {
        "version found": (one.is_found for one in outcomes),
        "right artifacts": (one.is_right for one in outcomes),
        "complete": (one.is_complete for one in outcomes),
        "with configuration": (bool(one.project.settings) for one in outcomes),
    }
    if is_dry:
        del totals["right artifacts"]
    return " · ".join(share(what, ones) for what, ones in totals.items())


def main() -> int:
    """Adopt the projects that the command line names, or all; 1 if one isn't as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="projects; default: all")
    parser.add_argument("--sdists", type=Path, help="keep what was downloaded in this folder")
    parser.add_argument("--dry-run", action="store_true", help="compare the plans; release nothing")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 200)
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as home,
        ProcessPoolExecutor(AT_ONCE) as pool,
    ):
        sdists = options.sdists or Path(home, "sdists")
        sdists.mkdir(parents=True, exist_ok=True)
        projects = load(options.names)
        runs = {
            pool.submit(adopt, one, sdists, Path(home), is_dry=options.dry_run): one.name
            for one in projects
        }
        done = {}
        for run in as_completed(runs):
            done[runs[run]] = outcome = run.result()
            words = " ".join("; ".join(outcome.wrong).split()) or "ok"
            console.print(
                f"{runs[run]}: {words} ({outcome.seconds:.0f} s)", markup=False, soft_wrap=True
            )
    outcomes = [done[one.name] for one in projects]
    console.print(_table(outcomes))
    console.print(_totals(outcomes, is_dry=options.dry_run))
    return 0 if all(one.is_expected for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
