"""GitHub's runner, as far as our workflows need it: a checkout, expressions, commands in bash."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeAlias

from ruamel.yaml import YAML

Contexts: TypeAlias = "dict[str, Any]"
OURS = ("GIT_AUTHOR_", "GIT_COMMITTER_")  # a runner has no identity
BASH = ("bash", "--noprofile", "--norc", "-e")  # as for `run` without `shell`


@dataclass
class Ran:
    """What is left of a job."""

    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def annotations(self) -> list[str]:
        return [row for row in self.log.splitlines() if row.startswith("::error ")]


@dataclass(kw_only=True)
class Runner:
    """Runs jobs of one workflow: each in a folder of its own, which it checks the remote out to."""

    workflow: dict[str, Any]
    remote: str  # URL
    folder: Path
    github: dict[str, Any]
    inputs: dict[str, Any]
    secrets: dict[str, str]

    def run(self, name: str) -> Ran:
        """Run a job up to its first step that fails; every command is run, and in order."""
        job, place = self.workflow["jobs"][name], Path(mkdtemp(prefix=name, dir=self.folder))
        (work := place / "work").mkdir()
        matrix = {
            key: values[0] for key, values in job.get("strategy", {}).get("matrix", {}).items()
        }
        contexts = {
            "github": self.github, "inputs": self.inputs, "secrets": self.secrets,
            "matrix": matrix, "steps": {},
        }  # fmt: skip
        env = {**self.workflow.get("env", {}), **job.get("env", {})}
        ran = Ran()
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                self.check_out(work, step.get("with", {}), contexts)
            elif "run" in step and not ran.code:
                self.run_step(step, env | step.get("env", {}), place, contexts, ran)
        told = job.get("outputs", {})
        ran.outputs = {key: filled(text, contexts) for key, text in told.items()}
        return ran

    def run_step(
        self, step: dict[str, Any], env: dict[str, Any], place: Path, contexts: Contexts, ran: Ran
    ) -> None:
        assert "${{" not in step["run"], "nothing is interpolated into a script"
        files = {f"GITHUB_{name}": place / name.lower() for name in ("OUTPUT", "STEP_SUMMARY")}
        for path in files.values():
            path.touch()
        inherited = {key: text for key, text in os.environ.items() if not key.startswith(OURS)}
        own = {key: filled(str(text), contexts) for key, text in env.items()}
        event = {
            "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.test",
            "GITHUB_REPOSITORY": self.github["repository"],
            "GITHUB_WORKFLOW_REF": self.github["workflow_ref"],
        }  # fmt: skip
        done = subprocess.run(
            [shutil.which(BASH[0]) or BASH[0], *BASH[1:], "-c", step["run"]],
            cwd=place / "work",
            env={**inherited, **event, **{key: str(path) for key, path in files.items()}, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        ran.code, ran.log = done.returncode, ran.log + done.stdout.decode()
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        contexts["steps"][step.get("id", "")] = {
            "outputs": assigned(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))
        }

    def check_out(self, work: Path, options: dict[str, Any], contexts: Contexts) -> None:
        """Do what `actions/checkout` does: a branch is checked out at the commit of the event.

        With `ref` it is checked out where it is now. A run that is tried again has its old event.
        """
        branch, sha = self.github["ref_name"], self.github["sha"]
        if ref := filled(options.get("ref", ""), contexts):
            branch = ref
            sha = git("ls-remote", self.remote, f"refs/heads/{branch}", at=work).split()[0]
        tip = f"+{sha}:refs/remotes/origin/{branch}"
        git("init", "--quiet", "--initial-branch=unborn", at=work)
        git("remote", "add", "origin", self.remote, at=work)
        git("config", "--local", "gc.auto", "0", at=work)
        fetch = ("-c", "protocol.version=2", "fetch", "--quiet", "--prune")
        if options.get("fetch-depth") == 0:
            all_refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
            git(*fetch, "origin", *all_refs, at=work)
            git(*fetch, "origin", tip, at=work)
        else:
            git(*fetch, "--no-tags", "--depth=1", "origin", tip, at=work)
        git(
            "checkout", "--quiet", "--force", "-B", branch, f"refs/remotes/origin/{branch}", at=work
        )


def git(*args: str, at: Path) -> str:
    done = subprocess.run(["git", *args], cwd=at, check=True, capture_output=True, text=True)
    return done.stdout


def read(path: Path) -> dict[str, Any]:
    """A workflow; YAML 1.2, in which `on` is a string."""
    workflow: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return workflow


def filled(text: str, contexts: Contexts) -> str:
    """Text with the values of its expressions."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: shown(value(found[1], contexts)), text)


def value(expression: str, contexts: Contexts) -> Any:  # noqa: ANN401
    """The value of an expression of names, texts, `&&` and `||`."""
    result: Any = ""
    for alternative in expression.split("||"):
        for term in alternative.split("&&"):
            result = operand(term.strip(), contexts)
            if not result:
                break
        if result:
            return result
    return result


def operand(term: str, contexts: Contexts) -> Any:  # noqa: ANN401
    if term.startswith("'"):
        return term.strip("'")
    found: Any = contexts[term.partition(".")[0]]
    for key in term.split(".")[1:]:
        found = found.get(key, "") if isinstance(found, dict) else ""
    return found


def shown(found: Any) -> str:  # noqa: ANN401
    return str(found).lower() if isinstance(found, bool) else str(found)


def assigned(text: str) -> dict[str, str]:
    """The outputs in a file that a step has written."""
    pattern = re.compile(r"([\w-]+)<<(\w+)\n(.*?)\n\2\n", re.DOTALL)
    assert not pattern.sub("", text)
    return {name: told for name, _, told in pattern.findall(text)}
