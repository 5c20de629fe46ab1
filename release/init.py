"""Adopt nox-release: the sessions and workflows that a project needs, written beside its own."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from release import ReleaseError
from release.edits import Edit
from release.tables import BOM, parse, tomllib, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from release.console import Console

NOXFILE = "noxfile.py"
WORKFLOWS = ("alpha-release.yaml", "release.yaml")
MATRIX = "release-matrix.yaml"  # in place of both, where many machines build
WHEELS = "wheels.py"  # and the sessions that it calls
TESTS = "tests.yaml"  # where no workflow tests what is pushed or proposed
FOLDER = ".github/workflows"
NOX, LOCKED = "nox.txt", ".github/nox.txt"  # what jobs with rights install, with hashes
HELPER, OTHER_HELPER = "release", "nox_release"  # where a project has a `release` of its own
DEFAULT_PYTHON = "3.13"
PACKAGE = """\
      package:
        description: What is released; siblings in lockstep come along
        required: true
        type: choice
        options: []
"""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A function of a module with its decorators, as text."""

    name: str
    text: str


# Decide


def proposals(
    read: Callable[[str], bytes | None],
    *,
    is_on_github: bool,
    packages: Sequence[str] = (),
    workflows: Iterable[str] = (),
    wheels: bool = False,
) -> tuple[Edit, ...]:
    """Return what is missing, as edits of files; none where all is there.

    With `wheels` it is what a project needs whose wheels are built on many machines.

    `read` gives a file's bytes by its path, None where there is none. Workflows that exist, whose
    texts are `workflows`, stay as they are; new ones ask which of several `packages` is meant.
    Raises `ReleaseError` for a noxfile that can't be read.
    """
    edits = [_edit(NOXFILE, read(NOXFILE), partial(with_sessions, wheels=wheels))]
    tests = () if any(map(tests_changes, workflows)) else (TESTS,)
    wanted = ((MATRIX,) if wheels else WORKFLOWS) + tests
    for name in wanted if is_on_github else ():
        path = f"{FOLDER}/{name}"
        if read(path) is None:
            text = template(name).replace('["3.13"] # PYTHONS', _list(pythons(read)))
            text = asking(packages, text) if len(packages) > 1 else text
            edits.append(Edit(path=path, before=b"", after=text.encode()))
    if is_on_github and read(LOCKED) is None:
        edits.append(Edit(path=LOCKED, before=b"", after=template(NOX).encode()))
    return tuple(edit for edit in edits if edit.before != edit.after)


def asking(packages: Sequence[str], workflow: str) -> str:
    """Return a workflow that asks which package is meant, and tells the session."""
    question = PACKAGE.replace("[]", _list(packages))
    text = workflow.replace("      level:\n", f"{question}      level:\n")
    text = text.replace('-- "$LEVEL"', '-- "$LEVEL" --package "$PACKAGE"')
    return text.replace(" LEVEL: ", " PACKAGE: ${{ inputs.package }}\n          LEVEL: ")


def tests_changes(workflow: str) -> bool:
    """Say whether a workflow runs on pushes or pull requests, as far as its text tells."""
    events = re.search(r"""^(["']?)on\1:(.*?)(?=^[\w"']|\Z)""", workflow, re.MULTILINE | re.DOTALL)
    return bool(events and re.search(r"\b(push|pull_request)\b", events[2]))


def with_sessions(own: str, *, wheels: bool = False) -> str:
    """Return a noxfile's text with the sessions that it lacks, and nothing else changed."""
    wanted = template(NOXFILE)
    if wheels:
        wanted = "\n\n\n".join([wanted.rstrip(), *(one.text for one in blocks(template(WHEELS)))])
        wanted += "\n"
    if not own.strip():
        return wanted
    try:
        there = {block.name: block for block in blocks(own)}
    except SyntaxError as error:
        raise ReleaseError(f"{NOXFILE} can't be read: {error}", "mend it first") from error
    is_taken = HELPER in there and '"release"' not in there[HELPER].text
    helper = OTHER_HELPER if is_taken else HELPER
    own_names = {helper if block.name == HELPER else block.name: block for block in blocks(wanted)}
    missing = [block.text for name, block in own_names.items() if name not in there]
    if not missing:
        return own
    text = "\n\n\n".join(missing)
    return _inserted(own, re.sub(rf"\b{HELPER}\((?=session)", f"{helper}(", text))


def lacks_tests(read: Callable[[str], bytes | None]) -> str:
    """Say that there are no tests which a release could run, "" where there are.

    A session may also have its name from a decorator, or be imported.
    """
    with suppress(ValueError):  # broken TOML: the release itself says so
        pyproject = parse(read("pyproject.toml") or b"")
        if value_at(pyproject, "tool", "nox-release", "test-command"):
            return ""
    noxfile = (read(NOXFILE) or b"").decode("utf-8", "replace")
    if re.search(r"\bdef tests\(|[\"']tests[\"']|import .*(\btests\b|\*)", noxfile):
        return ""
    return (
        f"There is no session `tests` in {NOXFILE}, which a release runs. Write one that runs your "
        'tests,\nor name another command: test-command = ["pytest"] in [tool.nox-release]; '
        "--skip-tests runs none."
    )


def pythons(read: Callable[[str], bytes | None]) -> list[str]:
    """Return the Python versions that a project's classifiers name, the oldest first."""
    try:
        pyproject = tomllib.loads((read("pyproject.toml") or b"").removeprefix(BOM).decode())
    except ValueError:  # broken TOML, or not UTF-8: the release itself says so
        return [DEFAULT_PYTHON]
    project: Any = pyproject.get("project", {})
    classifiers = project.get("classifiers", []) if isinstance(project, dict) else []
    found = [
        re.fullmatch(r"Programming Language :: Python :: 3\.(\d+)", one) for one in classifiers
    ]
    minors = sorted(int(one[1]) for one in found if one)
    try:
        fits = SpecifierSet(project.get("requires-python", ""))
    except (AttributeError, InvalidSpecifier):
        fits = SpecifierSet()
    return [f"3.{minor}" for minor in minors if fits.contains(f"3.{minor}")] or [DEFAULT_PYTHON]


# Text


def template(name: str) -> str:
    """Return one of the files that this package brings."""
    return (resources.files("release") / "templates" / name).read_text(encoding="utf-8")


def blocks(text: str) -> Iterator[Block]:
    """Return the functions at the top level of a module."""
    rows = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield Block(name=node.name, text="\n".join(rows[first - 1 : node.end_lineno]))


def _inserted(own: str, text: str) -> str:
    """Put functions behind the ones that are there, and `import nox` where the name is missing."""
    rows = own.rstrip().splitlines()
    body = ast.parse(own).body
    ends = [node for node in body if isinstance(node, ast.If) and "__main__" in ast.unparse(node)]
    at = ends[-1].lineno - 1 if ends else len(rows)
    before, after = "\n".join(rows[:at]).rstrip(), "\n".join(rows[at:])
    whole = f"{before}\n\n\n{text}\n" + (f"\n\n{after}\n" if after else "")
    imports = [node for node in body if isinstance(node, ast.Import)]
    if any(one.name == "nox" and not one.asname for node in imports for one in node.names):
        return whole
    first = _first_statement(body)
    rows = whole.splitlines()
    return "\n".join([*rows[:first], "import nox", *rows[first:]]) + "\n"


def _first_statement(body: list[ast.stmt]) -> int:
    """Return the number of rows that must stay in front: docstring and `__future__`."""
    ahead = [
        node.end_lineno or 0
        for node in body
        if (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        or (node is body[0] and isinstance(node, ast.Expr))
    ]
    return max(ahead, default=body[0].lineno - 1 if body else 0)


def _edit(path: str, data: bytes | None, change: Callable[[str], str]) -> Edit:
    """Change a text file; its byte order mark and its ends of lines stay."""
    before = data or b""
    mark = BOM if before.startswith(BOM) else b""
    try:
        text = before.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{path} is not UTF-8: {error}", "mend it first") from error
    own = text.replace("\r\n", "\n")
    changed = change(own)
    if changed == own:
        return Edit(path=path, before=before, after=before)
    if "\r\n" in text:
        changed = changed.replace("\n", "\r\n")
    return Edit(path=path, before=before, after=mark + changed.encode())


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


# Act


def initialise(
    root: Path,
    console: Console,
    *,
    is_on_github: bool,
    packages: Sequence[str] = (),
    wheels: bool = False,
    dry_run: str = "",
) -> None:
    """Show what is missing in the working tree at `root`, ask, and write it.

    With `dry_run`, the command that writes it, it is only shown.
    """

    def read(path: str) -> bytes | None:
        file = root / path
        return file.read_bytes() if file.is_file() else None

    there = [path.read_text("utf-8", "replace") for path in (root / FOLDER).glob("*.y*ml")]
    edits = proposals(
        read, is_on_github=is_on_github, packages=packages, workflows=there, wheels=wheels
    )
    lacking = lacks_tests(read)
    console.document.update(edits={edit.path: edit.diff() for edit in edits}, lacking=lacking)
    if not edits:
        console.say(lacking or "Everything is there.", style="yellow" if lacking else "")
        return
    for edit in edits:
        console.diff(edit.diff())
        console.say()
    if lacking:
        console.say(f"{lacking}\n", style="yellow")
    if dry_run:
        console.show_dry_run(dry_run)
        return
    console.confirm(f"Write {', '.join(edit.path for edit in edits)}?")
    for edit in edits:
        path = root / edit.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(edit.after or b"")
    console.say("Written. Commit it, then try: nox -s rehearse -- patch")
