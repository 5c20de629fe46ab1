"""The hooks of a build backend (PEP 517), run by build and pyproject-hooks: one process a kind."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from release import ReleaseError
from release.process import ProgramFailed, stream

if TYPE_CHECKING:
    from release.environments import Environments
    from release.isolation import Environment

OnLine = Callable[[str], object]
# Runs two hooks through the script of pyproject-hooks, which is made for one: what has to be
# installed for the other, and this one, unless something has to.
BOTH = """
import json, os, sys
script, hook, asking, building, *known = sys.argv[1:]
sys.path[:] = [os.path.dirname(script), *filter(None, sys.path)]
from _in_process import main
sys.argv = [script, f"get_requires_for_{hook}", asking]
main()
with open(os.path.join(asking, "output.json"), encoding="utf-8") as file:
    asked = json.load(file)["return_val"]
if set(asked or ()) <= set(known):
    sys.argv = [script, hook, building]
    main()
"""


class _MoreAsked(Exception):
    """What a hook asks for isn't there yet."""

    def __init__(self, requirements: set[str]) -> None:
        super().__init__(requirements)
        self.requirements = requirements


def run_backend(
    kind: Literal["sdist", "wheel"],
    source: Path,
    out: Path,
    environments: Environments,
    on_line: OnLine,
) -> Path:
    """Build one distribution of `source` into `out`, and return its path.

    The hooks get an environment that has `build-system.requires`; what the hook of this kind asks
    for besides brings another one.
    """
    from build import BuildBackendException, BuildException, ProjectBuilder

    def built(requirements: set[str], *, asks: bool) -> Path:
        here = environments.having(requirements, source)
        known = requirements if asks else None
        hook = _Hook(here=here, known=known, on_line=on_line, umask=environments.umask)
        builder = ProjectBuilder(source, python_executable=str(here.python), runner=hook)
        return Path(builder.build(kind, out))

    try:
        requires = ProjectBuilder(source).build_system_requires
        try:
            return built(requires, asks=True)
        except BuildBackendException as error:
            if not isinstance(error.exception, _MoreAsked):
                raise
            requires |= error.exception.requirements
        return built(requires, asks=False)
    except (BuildException, BuildBackendException) as error:
        cause = getattr(error, "exception", error)
        words = cause.output if isinstance(cause, ProgramFailed) else str(error)
        raise ReleaseError(
            f"building the {kind} failed:\n{words.strip()}",
            "python -m release build tries it again",
        ) from error


class _Hook:
    """A runner for pyproject-hooks, which asks first what the hook needs besides the `known`.

    Both run in one process: half the time of two. tox has backends serve all of their hooks so; but
    a backend that sits in the tree has to come from the tree that is built, and so has what it
    imports, so that the two kinds never share one. `known` None: nothing is asked.
    """

    def __init__(
        self, *, here: Environment, known: set[str] | None, on_line: OnLine, umask: int
    ) -> None:
        self.here, self.known = here, known
        self.stream = partial(stream, on_line=on_line, umask=umask)

    def __call__(
        self,
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        """Run one hook, whose input and output are files."""
        env = {**self.here.programs_env(), **(extra_environ or {})}
        at = Path(cwd or ".")
        if self.known is None:
            self.stream(cmd, cwd=at, env=env)
            return
        python, script, hook, building = cmd
        with TemporaryDirectory() as asking:
            told = Path(asking, "output.json")
            Path(asking, "input.json").write_text('{"kwargs": {"config_settings": null}}', "utf-8")
            argv = [python, "-c", BOTH, script, hook, asking, building, *sorted(self.known)]
            self.stream(argv, cwd=at, env=env)
            asked = set(json.loads(told.read_text("utf-8"))["return_val"] or ())
        if asked - self.known:
            raise _MoreAsked(asked)


def unpacked(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist into a new folder, and return the one folder that is in it."""
    has_filter = hasattr(tarfile, "data_filter") and not sdist.name.endswith(".zip")  # PEP 706
    safely = {"filter": "data"} if has_filter else {}
    try:
        shutil.unpack_archive(sdist, folder, **safely)  # type: ignore[arg-type]
        (source,) = folder.iterdir()
    except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ReleaseError(
            f"the build made {sdist.name}, which can't be unpacked: {error}"
        ) from error
    return source
