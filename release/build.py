"""Prove a release commit: run the tests on it, build it, and check what came out."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, TypeAlias

from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from release import ReleaseError, sbom
from release.archives import sha256_of
from release.backend import run_backend, unpacked
from release.clone import Clone
from release.commands import located
from release.environments import Environments
from release.isolation import ISOLATED, Environment
from release.normal import normalise
from release.plan import Distribution
from release.process import ProgramFailed, capture, stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from release.backend import OnLine

Trial: TypeAlias = "Future[Environment]"  # in which a wheel is tried
DEFAULT_TESTS = ("nox", "-s", "tests")
STALE = 4  # the exit code of this script when a module tells the old version
# Imports the modules named on the command line, and prints those that tell another version.
SMOKE = """
import importlib, sys
old, *names = sys.argv[1:]
for name in names:
    module = importlib.import_module(name)
    if old and str(getattr(module, "__version__", "")) == old:
        print(f"{name}.__version__ is still {old}")
        sys.exit(STALE)
"""


def run_tests(
    command: tuple[str, ...], tree: Path, env: Mapping[str, str], on_line: OnLine
) -> None:
    """Run the tests in `tree`; `ReleaseError` unless all of them ran and passed.

    Nox says «success» about a session that was skipped, so its report is read as well.
    """
    try:
        sessions = _run_tests(command, tree, env, on_line)
    except ProgramFailed as error:
        raise ReleaseError(
            f"the tests failed (exit code {error.returncode}):\n{error.output}",
            "mend that, commit and push it, and type the command again; "
            "or see `test-command` and --skip-tests",
        ) from error
    idle = [session["name"] for session in sessions if session["result"] != "success"]
    if idle or not sessions:
        raise ReleaseError(
            f"the tests did not run: {', '.join(idle) or 'no session'} was skipped",
            "make `nox -s tests` run them, or say --skip-tests",
        )


def _run_tests(
    command: tuple[str, ...], tree: Path, env: Mapping[str, str], on_line: OnLine
) -> list[dict[str, str]]:
    """Run the command, and return what Nox reports of its sessions; another command has one."""
    if command != DEFAULT_TESTS:
        stream(located(command, env), cwd=tree, env=env, on_line=on_line)
        return [{"name": command[0], "result": "success"}]
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        options = ["--error-on-missing-interpreters", "--report", str(report)]
        argv = [sys.executable, *ISOLATED, *command, *options]
        stream(argv, cwd=tree, env=env, on_line=on_line)
        sessions: list[dict[str, str]] = json.loads(report.read_text(encoding="utf-8"))["sessions"]
        return sessions


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a build finds around its tree."""

    epoch: int  # SOURCE_DATE_EPOCH, seconds
    env: Mapping[str, str]
    kept: Path | None = None  # where this project's build environments are kept; None: fresh ones
    constraints: str = ""  # of what is installed there, a line each
    umask: int = -1  # -1: our own
    sources: sbom.Sources | None = None  # which the wheel's SBOM tells; None: it gets none


def build(
    tree: Path, out: Path, around: Surroundings, on_line: OnLine = print
) -> tuple[Distribution, ...]:
    """Build sdist and wheel of `tree` into the folder `out`, and bring them into a normal form.

    Wheels come first in the result, the sdist last; what they are isn't looked at. Raises
    `ReleaseError` when the build fails.
    """
    env = {**around.env, "SOURCE_DATE_EPOCH": str(around.epoch)}
    if around.sources:
        sbom.insist_on_library()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, ThreadPoolExecutor() as pool:
        pool.submit(import_module, "twine.commands.check")  # needed then; takes as long as a hook
        environments = Environments(
            here=Path(folder),
            env=env,
            pool=pool,
            constraints=around.constraints,
            kept=around.kept,
            umask=around.umask,
            is_told=around.sources is not None,
        )

        def make() -> Path:
            made, source = (Path(mkdtemp(dir=folder)) for _ in range(2))
            sdist = run_backend("sdist", tree, made, environments, on_line)
            normalise(sdist, around.epoch)
            run_backend("wheel", unpacked(sdist, source), made, environments, on_line)
            return made

        made = environments.settled(make, partial(clean, Clone(root=tree, env=env)))
        for wheel in made.glob("*.whl"):
            if around.sources:
                sbom.add(wheel, around.sources, environments.installed(tree))
            normalise(wheel, around.epoch)
        names = sorted(path.name for path in made.iterdir() if not path.name.startswith("."))
        paths = [Path(shutil.move(made / name, out / name)) for name in names]
    wheels = [path for path in paths if path.suffix == ".whl"]
    others = [path for path in paths if path not in wheels]
    return tuple(map(distribution, [*wheels, *others]))


def clean(here: Clone) -> None:
    """Take away from a worktree what a build has left in it."""
    here("clean", "-ffdxq", "--", ".")
    here("checkout", "--quiet", "--force", "--", ".")


@contextmanager
def trying(env: Mapping[str, str], *, wanted: bool = True) -> Iterator[Trial | None]:
    """Make the environment in which a wheel is tried, beside all else; yield None for none."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, ThreadPoolExecutor() as pool:
        yield pool.submit(_tried_in, Path(folder, "environment"), env) if wanted else None


def _tried_in(place: Path, env: Mapping[str, str]) -> Environment:
    here = Environment.fresh(place, env)
    here.warm_up()
    return here


def check(
    paths: Sequence[Path], old: str, import_names: tuple[str, ...] | None, trial: Trial | None
) -> list[str]:
    """Hold built files to what an index and an installer expect; return what they are warned of.

    `twine check`, and the wheel that fits this interpreter is installed into the environment of the
    `trial`, if there is any, where its modules import and none is `old` still. `ReleaseError` says
    what fails.
    """
    with ThreadPoolExecutor() as pool:
        described = pool.submit(check_descriptions, paths)
        if trial:
            install_and_import(_insist_on_fitting(paths), old, import_names, trial.result())
        return described.result()


def check_descriptions(paths: Iterable[Path]) -> list[str]:
    """Return what `twine check` warns of; `ReleaseError` for a description that doesn't render."""
    from logging import WARNING
    from logging.handlers import BufferingHandler

    import rich
    from twine.commands.check import check, logger

    rich.get_console().quiet = True
    words = BufferingHandler(capacity=sys.maxsize)
    logger.setLevel(WARNING)  # the uploads silence twine
    logger.addHandler(words)
    try:
        is_refused = check([str(path) for path in _by_description(paths)])
    finally:
        logger.removeHandler(words)
    told = list(dict.fromkeys(record.getMessage() for record in words.buffer))
    if is_refused:
        raise ReleaseError(
            "`twine check` refuses the description:\n" + "\n".join(told),
            "mend the readme, commit and push it, and type the command again",
        )
    return told


def _by_description(paths: Iterable[Path]) -> list[Path]:
    """Return the smallest file with each description: twine hashes what it checks."""
    found = {}
    for path in sorted(paths, key=lambda path: path.stat().st_size, reverse=True):
        found[_described(path)] = path
    return list(found.values())


def _described(path: Path) -> tuple[str | None, str | None]:
    from packaging.metadata import parse_email
    from twine.package import DIST_TYPES

    kind = "bdist_wheel" if path.suffix == ".whl" else "sdist"
    metadata, _ = parse_email(DIST_TYPES[kind](str(path)).read())
    return metadata.get("description"), metadata.get("description_content_type")


def install_and_import(
    wheel: Path, old: str, import_names: tuple[str, ...] | None, here: Environment
) -> None:
    """Install a wheel into a fresh environment and import its modules; none may be `old` still.

    `import_names` None: all that are at the top level. What it requires may lie beside it.
    """
    if import_names is None and is_empty(wheel):
        raise ReleaseError(
            f"{wheel.name} holds no file but its metadata",
            "look at what the build backend is told to pack; import-names = [] in "
            "[tool.nox-release] says that this is meant",
        )
    modules = top_level_modules(wheel) if import_names is None else import_names
    with TemporaryDirectory() as folder:
        here.install([str(wheel)], Path(folder), links=wheel.parent)
        smoke = Path(folder, "smoke.py")
        smoke.write_text(f"STALE = {STALE}{SMOKE}", encoding="utf-8")
        argv = [str(here.python), "-I", str(smoke), old, *modules]
        try:
            capture(argv, cwd=Path(folder), env=here.env)
        except ProgramFailed as error:
            stale = """version-files = ['PATH:__version__ = "{version}"'] in [tool.nox-release]"""
            broken = (
                "python -m release build tries it again; `import-names` in [tool.nox-release] says "
                "which modules to import; import-names = [] imports none"
            )
            raise ReleaseError(
                f"{wheel.name} was installed, but:\n{error.output.strip()}",
                stale if error.returncode == STALE else broken,
            ) from error


def is_empty(wheel: Path) -> bool:
    """Say whether a wheel holds nothing but its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        folders = {PurePosixPath(name).parts[0] for name in archive.namelist()}
    return all(folder.endswith(".dist-info") for folder in folders)


def top_level_modules(wheel: Path) -> tuple[str, ...]:
    """Return what a wheel lets one import: its top-level modules, stub packages left out."""
    with zipfile.ZipFile(wheel) as archive:
        paths = [PurePosixPath(name) for name in archive.namelist()]
    names: set[str] = set()
    for path in paths:
        parts = path.parts
        if parts[0].endswith(".data"):  # acme-1.0.data/purelib/acme/…: installed one level up
            parts = parts[2:] if parts[1:2] in (("purelib",), ("platlib",)) else ()
        is_module = path.suffix in {".py", ".so", ".pyd"}
        if parts and is_module and not parts[0].endswith(".dist-info"):
            names.add(parts[0].partition(".")[0])
    return tuple(sorted(name for name in names if name.isidentifier()))


def distribution(path: Path) -> Distribution:
    """Return a file as a plan has it."""
    return Distribution(filename=path.name, sha256=sha256_of(path), size=path.stat().st_size)


def fitting(paths: Iterable[Path]) -> Path | None:
    """Return the wheel that this interpreter would install, None where there is none."""
    wheels = [path for path in paths if path.suffix == ".whl"]
    tags = {tag: wheel for wheel in wheels for tag in parse_wheel_filename(wheel.name)[3]}
    return next((tags[tag] for tag in sys_tags() if tag in tags), None)


def _insist_on_fitting(paths: Sequence[Path]) -> Path:
    if wheel := fitting(paths):
        return wheel
    names = ", ".join(path.name for path in paths if path.suffix == ".whl")
    raise ReleaseError(f"no wheel can be installed here to try it: {names}")
