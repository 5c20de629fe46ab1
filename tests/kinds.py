"""Kinds of projects that are released, each with the end that every release of it has."""

from __future__ import annotations

import hashlib
import re
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests import test_vcs
from tests.hub import assert_told, told
from tests.stage import PYPROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from tests.stage import Stage

FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
BRANCH = "release/1.3.0"
# Its tests are quick.
SETTINGS = f'\n[tool.nox-release]\ntest-command = ["{sys.executable}", "-c", "import acme"]\n'
SETTINGS = SETTINGS.replace("\\", "/")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A project, what `git log` shows of its release, and effects that a release of it must have.

    `runs` is how often the command is typed; people merge the release branch in between. What
    `differing` matches, as «RUN NAME», is done in another state than in the plain project.
    """

    files: Mapping[str, str]
    log: tuple[str, ...]
    words: tuple[str, ...]
    runs: int = 1
    differing: str = ""
    around: Callable[[Stage], AbstractContextManager[None]] = lambda _: nullcontext()

    def prepare(self, stage: Stage) -> None:
        stage.commit({**self.files})

    def assert_released(self, stage: Stage) -> None:
        """The same end, whatever happened before."""
        refs = stage.remote_refs()
        assert sorted(refs) == ["refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"]
        subjects = stage.git("log", "--topo-order", "--format=%s", "v1.2.3..main", at=stage.remote)
        assert tuple(subjects.splitlines()) == self.log
        on_top = stage.git("log", "--format=%s", "v1.3.0^{commit}..main", at=stage.remote)
        assert on_top == (f"Merge {BRANCH}" if self.runs > 1 else "")
        stage.git("merge-base", "--is-ancestor", "v1.3.0", "main", at=stage.remote)
        assert stage.published() == FILES
        tag = stage.git("cat-file", "-p", "v1.3.0", at=stage.remote)
        recorded = re.findall(r"^([0-9a-f]{64})  (\S+)$", tag, re.MULTILINE)
        there = [
            (hashlib.sha256((stage.files / name).read_bytes()).hexdigest(), name) for name in FILES
        ]
        assert recorded == there
        if stage.hub and stage.slack:
            contents = {name: (stage.files / name).read_bytes() for name in FILES}
            assert_told(stage.hub, stage.slack, contents)


PROVING = ("worktree add", "_in_process.py", "tag ", "push", "POST", "rmtree")
PLAIN = Kind(
    files={"pyproject.toml": PYPROJECT + SETTINGS},
    log=("Release 1.3.0", "Change", "Add something"),
    words=(*PROVING, "commit --quiet", "merge --quiet"),
)
VCS = Kind(  # the version is the tag, so there is nothing to commit, and nothing to merge
    files={"pyproject.toml": test_vcs.PYPROJECT + SETTINGS, "backend.py": test_vcs.BACKEND},
    log=("Change", "Add something"),
    words=(*PROVING, "update-ref", "os.rename .git by alone", "open .git by alone"),
    differing="_in_process.py build_",
)
PULL_REQUEST = Kind(
    files={"pyproject.toml": PYPROJECT + SETTINGS + 'main = "pull-request"\n'},
    log=(f"Merge {BRANCH}", "Release 1.3.0", "Change", "Add something"),
    words=(*PROVING, "commit --quiet", "merge --quiet", "refs*1.3.0:"),
    runs=2,
    differing="^1 .* (push|merge) ",
)
TOLD = Kind(  # on GitHub and in Slack
    files={
        "pyproject.toml": PYPROJECT + SETTINGS + "required-checks = []\n",
        "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- New.\n\n## 1.2.3\n",
    },
    log=PLAIN.log,
    words=(*PROVING, "POST *releases", "POST *assets?", "PATCH *", "POST *canary"),
    around=told,
)
KINDS = {"plain": PLAIN, "vcs": VCS, "pull-request": PULL_REQUEST, "told": TOLD}
