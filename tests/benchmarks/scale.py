"""Large repositories: what ours adds to what git itself needs, as files, tags and commits grow."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release.rehearsal import USER, serve
from tests.benchmarks.turns import Measured, Run, Turns, timed
from tests.stage import BACKEND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SIZES = {  # files, tags, commits
    "small": (10, 1, 2),
    "10,000 files": (10_000, 1, 2),
    "50,000 files": (50_000, 1, 2),
    "4,000 tags": (10, 4_000, 4_000),
    "20,000 tags": (10, 20_000, 20_000),
    "20,000 commits": (10, 1, 20_000),
    "100,000 commits": (10, 1, 100_000),
    "all of it": (50_000, 20_000, 100_000),
}
QUICK = {"small": (10, 1, 2)}
HEAD = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
PYPROJECT = HEAD + '\n[project]\nname = "acme"\nversion = "1.{minor}.0"\n'
DRY, WHOLE, LOOK, GIT = "publish --dry-run", "publish", "status", "git's own work"
# What a release asks of git in any case, each once: is the tree clean, what is there, may it be
# pushed; a tree to build in, with commit and tag; the intent, the push, this checkout, the end.
WORK = (
    "status --porcelain",
    "ls-remote origin",
    "push -q --dry-run --atomic origin HEAD:refs/heads/main HEAD:refs/release/intent",
    "worktree add -q --detach ../tree",
    "-C ../tree commit -q --allow-empty -m Release",
    "-C ../tree tag -a -m Release made",
    "worktree remove --force ../tree",
    "push -q origin made^{}:refs/release/intent",
    "push -q --atomic origin made^{}:refs/heads/main made",
    "merge -q --ff-only made",
    "push -q origin :refs/release/intent",
)
UNDO = ("push -q origin :made", "tag --delete made")


def measure(_cache: Path, turns: Turns) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    for title, sizes in (QUICK if turns.is_quick else SIZES).items():
        if turns.only and not any(one in title for one in turns.only):
            continue
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            place = Path(folder)
            (place / "index").mkdir()
            make(place, *sizes)
            with serve(place / "index") as (url, password):
                env = environ(url, password)
                verbs = {DRY: [WHOLE, "patch", DRY.split()[1]], LOOK: [LOOK]}
                things: dict[str, Callable[[], object]] = {
                    f"{title}: **{name}**": partial(call, argv, place / "acme", env)
                    for name, argv in verbs.items()
                }
                things[f"{title}: **{WHOLE}**"] = partial(release, place, env)
                things[f"{title}: {GIT}"] = partial(work, place / "acme", env)
                found |= turns.take(things)
    return found


def make(place: Path, files: int, tags: int, commits: int) -> None:
    """Make a repository with so many files, tags and commits, and clone it."""
    remote, clone = place / "remote.git", place / "acme"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", remote], check=True)
    stream = "".join(imported(files, tags, commits)).encode()
    subprocess.run(
        ["git", "fast-import", "--quiet", "--done"], cwd=remote, input=stream, check=True
    )
    for words in ("pack-refs --all", "commit-graph write --reachable"):
        subprocess.run(["git", *words.split()], cwd=remote, check=True, capture_output=True)
    subprocess.run(["git", "clone", "-q", remote, clone], check=True)
    for words in ("config user.name Ada", "config user.email ada@example.org"):
        subprocess.run(["git", *words.split()], cwd=clone, check=True)


def imported(files: int, tags: int, commits: int) -> Iterator[str]:
    """What git fast-import reads: all files at first, then commits, a tag now and then."""
    who = "Ada <ada@example.org>"
    for number in range(commits):
        when, minor = 1_600_000_000 + 60 * number, number * tags // commits
        yield f"commit refs/heads/main\nmark :{number + 1}\ncommitter {who} {when} +0000\n"
        yield data(f"Change {number}") + (f"from :{number}\n" if number else "")
        for at in range(0 if number else files):
            yield f"M 100644 inline data/d{at % 200}/f{at}.txt\n" + data(f"file {at}")
        if not number:
            yield "M 100644 inline backend.py\n" + data(BACKEND)
            yield "M 100644 inline acme.py\n" + data("")
            yield "M 100644 inline .gitignore\n" + data("__pycache__/\n")
        yield "M 100644 inline pyproject.toml\n" + data(PYPROJECT.format(minor=minor))
        if (number + 1) * tags // commits != minor:
            yield f"tag v1.{minor}.0\nfrom :{number + 1}\ntagger {who} {when} +0000\n"
            yield data(f"acme 1.{minor}.0")
    yield "done\n"


def data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def environ(url: str, password: str) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    own = {"TWINE_REPOSITORY_URL": url, "TWINE_USERNAME": USER, "TWINE_PASSWORD": password}
    return {**env, **own, "NO_PROXY": "127.0.0.1"}


def call(argv: Sequence[str], at: Path, env: Mapping[str, str]) -> None:
    own = [sys.executable, "-I", "-m", "release"]
    done = subprocess.run(
        [*own, *argv], cwd=at, env=env, check=False, capture_output=True, text=True
    )
    if done.returncode and argv != [LOOK]:  # which tells of tags that the index has nothing of
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout}\n{done.stderr}")


def release(place: Path, env: Mapping[str, str]) -> Run:
    """Release a change that is new: what was released before isn't released again."""
    clone = place / "acme"
    git(clone, env, "commit -q --allow-empty -m Change", "push -q origin main")
    argv = [WHOLE, "patch", "--yes", "--skip-tests"]
    _, run = timed(partial(call, argv, clone, env))
    return run


def work(clone: Path, env: Mapping[str, str]) -> Run:
    """Let git do its part of a release."""
    _, run = timed(partial(git, clone, env, *WORK))
    git(clone, env, *UNDO)
    return run


def git(clone: Path, env: Mapping[str, str], *commands: str) -> None:
    for words in commands:
        subprocess.run(["git", *words.split()], cwd=clone, env=env, check=True, capture_output=True)


def show(measured: Mapping[str, Measured]) -> str:
    heads = f"|  | {GIT} s | {DRY} s | {LOOK} s | {WHOLE} s | more than git's own s |"
    rows = [heads, "| --- " * 6 + "|"]
    for title in dict.fromkeys(name.partition(": ")[0] for name in measured):
        git = measured[f"{title}: {GIT}"].wall
        dry, look, whole = (measured[f"{title}: **{name}**"].wall for name in (DRY, LOOK, WHOLE))
        cells = [f"{seconds:.2f}" for seconds in (git, dry, look, whole, whole - git)]
        rows.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(rows)
