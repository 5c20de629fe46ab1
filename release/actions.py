"""GitHub Actions: the summary of a step, its outputs, and problems as annotations."""

from __future__ import annotations

import re
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packaging.utils import canonicalize_name

from release import Unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from release.console import Console

    Document = Mapping[str, Any]  # what `--json` prints

SUMMARIZED = {"publish", "publish-rc", "status", "yank"}
FILES = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
NOT_THERE = {"planned", "refused", "abandoned"}  # nothing of it is on the index
SHORT = 9  # digits of a commit


@dataclass(frozen=True, kw_only=True)
class Actions:
    """A step of a workflow: where its runner takes summary and outputs, "" where it doesn't."""

    summary_file: str
    output_file: str
    repository_url: str  # its page

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Actions | None:
        """Return the step whose environment this is, None outside of GitHub Actions."""
        if env.get("GITHUB_ACTIONS") != "true":
            return None
        summary_file, output_file = (env.get(key, "") for key in FILES)
        url = f"{env.get('GITHUB_SERVER_URL', '')}/{env.get('GITHUB_REPOSITORY', '')}"
        return cls(summary_file=summary_file, output_file=output_file, repository_url=url)

    def tell(self, verb: str, exit_code: int, console: Console) -> None:
        """Hand the runner what `console` has shown; a runner that takes nothing is no failure."""
        document = cleaned(console.document, console.clean)
        said = state(document, exit_code)
        if verb in SUMMARIZED:
            told = outputs(document, said, self.repository_url)
            _append(self.output_file, "".join(_assigned(*one) for one in told.items()))
            text = "\n".join(summary(document, said, self.repository_url))
            _append(self.summary_file, text + "\n")
        for problem in document.get("problems", ()):
            text = "\n".join(filter(None, [problem["message"], problem["hint"]]))
            with suppress(OSError):
                sys.stderr.write(annotation(heading(document, said), text) + "\n")


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON in and out
    """Return a document whose every text is clean, before anything is written around it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: cleaned(one, clean) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(one, clean) for one in value]
    return value


# What it says


def state(document: Document, exit_code: int) -> str:
    """Return what became of it, as `published`, `unfinished`, `refused` or `planned`."""
    told = str(document.get("state", ""))
    if exit_code == Unfinished.exit_code or (document.get("is_begun") and not told):
        return "unfinished"
    if told == "released before":
        return "published"
    return told or ("refused" if exit_code else "planned")


def outputs(document: Document, state: str, repository_url: str) -> dict[str, str]:
    """Return the outputs of the step; of several packages a line for each, in the same order."""
    packages = _packages(document)
    pages = {
        "index-url": [index_page(one, document, state) for one in packages],
        "release-url": [release_page(one, state, repository_url) for one in packages],
    }
    plain = {key: [one.get(key, "") for one in packages] for key in ("version", "tag", "commit")}
    lists = {key: "\n".join(rows) for key, rows in (plain | pages).items() if any(rows)}
    return {"state": state, **lists}


def index_page(package: Document, document: Document, state: str) -> str:
    """Return the page of a version on the index, its listing where people have none; "" before."""
    from release.upload import website

    name, index = canonicalize_name(package["name"]), document.get("index", {})
    if state in NOT_THERE:
        return ""
    if root := website(index.get("upload", "")):
        return f"{root}project/{name}/{package['version']}/"
    return f"{index['simple']}{name}/" if index else ""


def release_page(package: Document, state: str, repository_url: str) -> str:
    """Return the page of a release beside its repository; "" before there is a tag."""
    is_there = state == "published" and package.get("tag")
    return f"{repository_url}/releases/tag/{quote(package['tag'], safe='')}" if is_there else ""


def _packages(document: Document) -> list[Document]:
    """Return what is known of each package that a command is about."""
    own = {key: document[key] for key in ("name", "version") if key in document}
    return [*document.get("packages", {}).values()] or ([own] if len(own) > 1 else [])


# Commands and files of the runner


def annotation(title: str, text: str) -> str:
    """Return the workflow command that shows an error on the run's page."""
    return f"::error title={_escaped(title, ':,')}::{_escaped(text)}"


def _escaped(text: str, besides: str = "") -> str:
    """Escape text for a workflow command as its toolkit does; `:` and `,` in properties only."""
    for one in "%\r\n" + besides:
        text = text.replace(one, f"%{ord(one):02X}")
    return text


def _assigned(name: str, value: str) -> str:
    """Return an output as its file takes it: no value can have the line that ends it."""
    end = secrets.token_hex(16)
    return f"{name}<<{end}\n{value}\n{end}\n"


def _append(path: str, text: str) -> None:
    with suppress(OSError):
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)


# Markdown


def heading(document: Document, state: str) -> str:
    """Return what a command was about, and what became of it."""
    names = [f"{one['name']} {one['version']}" for one in _packages(document)]
    return f"{', '.join(names) or document.get('name') or 'Release'}: {state}"


def summary(document: Document, state: str, repository_url: str) -> Iterator[str]:
    """Yield the lines of the summary: what it is about, how it went, what is left to do."""
    packages, plan = _packages(document), document.get("plan", {})
    yield f"## {heading(document, state)}\n"
    for problem in document.get("problems", ()):
        yield from _fenced("text", problem["message"])
        if problem["hint"]:
            yield from ["What to do:\n", *_fenced("text", problem["hint"])]
    if document.get("packages"):
        rows = (_row(one, document, state, repository_url) for one in packages)
        yield from _table(("package", "version", "tag", "commit", "index"), rows)
    files = [file for one in packages for file in one.get("files", ())]
    if files:
        told = ((_code(one["filename"]), one["size"], _code(one["sha256"])) for one in files)
        yield from _table(("file", "bytes", "sha256"), told)
    for name, text in _remarks(document, plan):
        yield f"- {name}: {_code(text)}"
    yield ""
    if steps := document.get("steps"):
        yield from _fenced("text", "\n".join(map(_step, steps)))
    if titles := plan.get("steps"):
        yield "<details><summary>The plan</summary>\n"
        yield from [*(f"{number}. {_code(one)}" for number, one in enumerate(titles, 1)), ""]
        yield from _fenced("diff", "\n".join(plan["edits"].values()))
        yield "</details>\n"


def _row(package: Document, document: Document, state: str, repository_url: str) -> Iterator[str]:
    commit, page = package["commit"], release_page(package, state, repository_url)
    yield _code(package["name"])
    yield _code(" → ".join(package[key] for key in ("previous", "version") if key in package))
    yield _linked(package["tag"], page) or "none"
    at = f"{repository_url}/commit/{commit}" if state == "published" else ""
    yield _linked(commit[:SHORT], at) or "none"
    yield index_page(package, document, state) or "none"


def _remarks(document: Document, plan: Document) -> Iterator[tuple[str, str]]:
    """Yield what else is worth knowing: first of all what was skipped."""
    if plan:
        yield "tests", " ".join(plan["tests"]) or "skipped"
    lists = {"waived": "waived", "acknowledged": "acknowledged", "left alone": "stale"}
    yield from ((name, one) for name, key in lists.items() for one in plan.get(key, ()))
    if plan.get("attestations"):
        yield "attested", plan["attestations"]
    said = {**document, **document.get("next", {})}
    yield from ((key, said[key]) for key in ("reason", "page", "by hand") if said.get(key))
    if unreleased := document.get("unreleased"):
        since = f" since {unreleased['since']}" if unreleased["since"] else ""
        yield "unreleased commits", f"{unreleased['count']} on {document['branch']}{since}"


def _step(step: Document) -> str:
    mark = "✓" if step["state"] == "done" else "✗"
    return f"{mark} {step['title']}  {step['seconds']:.1f} s  {step['remark'] or ''}".rstrip()


def _table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(map(str, row))} |"
    yield ""


def _linked(text: str, url: str) -> str:
    return f"[{_code(text)}]({url})" if text and url else _code(text)


def _code(text: str) -> str:
    """Show text as it is, in one line, in a table too (GitHub Flavored Markdown, 4.10 and 6.3)."""
    fence = _fence(text, shortest=1)
    pad = " " if "`" in text else ""
    inner = " ".join(text.split()).replace("|", "\\|")
    return f"{fence}{pad}{inner}{pad}{fence}" if inner else ""


def _fenced(language: str, text: str) -> Iterator[str]:
    """Show text as it is, in a block, if there is any."""
    fence = _fence(text, shortest=3)
    yield from [f"{fence}{language}", text.rstrip(), fence, ""] * bool(text.strip())


def _fence(text: str, shortest: int) -> str:
    """Return more backticks than text has in one place."""
    runs = map(len, re.findall("`+", text))
    return "`" * max(shortest, max(runs, default=0) + 1)
