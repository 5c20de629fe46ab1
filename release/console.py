"""What the maintainer sees: plan, steps, problems, the end; or one JSON document."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console as Terminal
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.prompt import Confirm
from rich.spinner import Spinner
from rich.text import Text

from release import ReleaseError
from release.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from packaging.version import Version

    from release.intent import Intent
    from release.plan import Distribution, Draft, Release

    SomeRelease = TypeVar("SomeRelease", bound=Release)

MINUTE = 60.0
NOTHING = "nothing has changed"
TOLD = ("name", "previous", "version", "tag")  # of each package, in the document
SHORT = 8  # characters of a secret
EXCERPT = 12  # lines of the release notes that a plan shows
# What the log of a CI would obey, not show: GitHub's runner (ActionCommand.cs) takes `::` where a
# line begins, behind space too, and `##[` anywhere in it; Azure's takes `##vso[`.
COMMANDS = re.compile(r"^\s*:(?=:)|#(?=#\w*\[)", re.MULTILINE)
# A token of PyPI's kind, the beginning of Basic credentials with one (RFC 7617), and a token that
# says who somebody is (RFC 7519): both its JSON objects begin with `{"`.
TOKENS = re.compile(
    r"\bpypi-[\w-]{40,}|\bX190b2tlbl9fOnB5cGkt[\w+/=]*|\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+"
)
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class Line:
    """A step while it runs: what it says beside its title, and its bar."""

    def __init__(self, console: Console, title: str, *, log: bool) -> None:
        self.console, self.title, self.log = console, title, log
        self.remark = ""
        self.told = -MINUTE  # when it was said that the step waits
        self.spinner = Spinner("dots", Text(title))
        columns = (TextColumn(" "), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self.sent = Progress(*columns, console=console.terminal)

    def note(self, text: str) -> None:
        """Show the latest line that a program printed, or how far the step is."""
        if self.console.terminal.is_terminal:
            row = Text(
                f"{self.title}  {self.console.clean(text)}", no_wrap=True, overflow="ellipsis"
            )
            row.truncate(self.console.terminal.width - 4, overflow="ellipsis")
            self.spinner.update(text=row)
        elif self.log:
            self.console.say(f"    {text}")

    def wait(self, text: str) -> None:
        """Show what is waited for; where there is no terminal, about once a minute."""
        if self.console.terminal.is_terminal:
            self.note(text)
        elif time.monotonic() - self.told >= MINUTE:
            self.told = time.monotonic()
            self.console.say(f"    {text}")

    def bar(self, sizes: Mapping[str, int]) -> Callable[[str, int], None]:
        """Add one bar for all files; return what moves it: a file's name, and its bytes sent."""
        sent = dict.fromkeys(sizes, 0)
        task = self.sent.add_task("", total=sum(sizes.values()))

        def move(name: str, count: int) -> None:
            sent[name] = min(count, sizes[name])  # a form is longer than its file
            self.sent.update(task, completed=sum(sent.values()))

        return move


class _Terminal(Terminal):
    def on_broken_pipe(self) -> None:
        """Go on without a reader; rich would end the program, in the middle of a release."""
        self.quiet = True


class Console:
    """The terminal. With `as_json`, words go to standard error and `document` to standard output.

    No text leaves it with a secret or a URL's credentials in it.
    """

    def __init__(
        self, *, as_json: bool = False, assume_yes: bool = False, secrets: Iterable[str] = ()
    ) -> None:
        stream = sys.stderr if as_json else sys.stdout
        self.as_json = as_json
        for one in (sys.stdout, sys.stderr):
            if isinstance(one, io.TextIOWrapper):
                one.reconfigure(errors="replace")  # programs print what no code page has
        self.terminal = _Terminal(file=stream, highlight=False, soft_wrap=True)
        self.errors = _Terminal(file=sys.stderr, highlight=False, soft_wrap=True)
        self.asks = sys.stdin.isatty() and stream.isatty() and not (assume_yes or as_json)
        self.secrets: list[str] = []
        self.hide(secrets)
        self.document: dict[str, Any] = {"steps": []}
        self.interrupted = NOTHING  # what is so when somebody stops it
        can_draw = (stream.encoding or "").lower().startswith("utf")
        self.tick, self.cross, self.arrow = ("✓", "✗", "→") if can_draw else ("ok", "x", "->")

    def hide(self, secrets: Iterable[str]) -> None:
        """Never show these."""
        spelled = {form for one in secrets for form in (one, json.dumps(one)[1:-1]) if one}
        self.secrets = sorted({*self.secrets, *spelled}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Return `text` without secrets, and what a terminal or the log of a CI would obey."""
        text = self._without_secrets(text)
        text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)
        return COMMANDS.sub(r"\g<0> ", text)

    def _without_secrets(self, text: str) -> str:
        for secret in self.secrets:
            # A short one is also a part of words, which nobody could read any more.
            edges = r"(?<!\w){}(?!\w)" if len(secret) < SHORT else "{}"
            text = re.sub(edges.format(re.escape(secret)), "***", text)
        return re.sub(r"(?<=://)[^/\s]+@", "***@", TOKENS.sub("***", text))

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line as it is."""
        self.terminal.print(Text(self.clean(text), style=style))

    def table(self, rows: Mapping[str, str]) -> None:
        """Print names and values in two columns."""
        width = max(map(len, rows))
        for name, value in rows.items():
            self.say(f"  {name:<{width}}  {value}")

    def diff(self, text: str) -> None:
        """Print a unified diff."""
        for row in text.splitlines():
            self.say(f"  {row}", style=DIFF_STYLES.get(row[:1], ""))

    def excerpt(self, text: str) -> None:
        """Print the first lines of a text."""
        rows = text.splitlines()
        self.say()
        for row in rows[:EXCERPT]:
            self.say(f"  {row}", style="dim")
        if len(rows) > EXCERPT:
            self.say(f"  ({len(rows) - EXCERPT} more lines)", style="dim")

    @contextmanager
    def step(self, title: str, *, log: bool = False) -> Iterator[Line]:
        """Show a step while it runs, then as a line with how long it took.

        `log` also shows what its programs print where there is no terminal.
        """
        line, started, state = Line(self, title, log=log), time.monotonic(), "failed"
        try:
            if self.terminal.is_terminal:
                with Live(Group(line.spinner, line.sent), console=self.terminal, transient=True):
                    yield line
            else:
                if log:
                    self.say(f"  {title}")
                yield line
            state = "done"
        finally:
            seconds = time.monotonic() - started
            mark, style = (self.tick, "green") if state == "done" else (self.cross, "red")
            remark = f", {self.clean(line.remark)}" if line.remark else ""
            row = Text.assemble((f"{mark:>3} ", style), self.clean(title))
            self.terminal.print(row.append(f"  {seconds:.1f} s{remark}", style="dim"))
            entry = {"title": title, "state": state, "seconds": round(seconds, 3)}
            self.document["steps"].append({**entry, "remark": line.remark or None})

    def show_draft(self, draft: Draft, steps: Iterable[str]) -> None:
        """Print what is going to happen."""
        titles = list(steps)
        self.say(draft.title, style="bold")
        self.table(self._decided(draft))
        for edit in draft.edits:
            self.say()
            self.diff(edit.diff())
        for one in draft.all:
            if one.notes.text:
                of = f" of {one.name} {one.version}" if draft.siblings else ""
                self.say(f"\n  Release notes{of}:", style="bold")
                self.excerpt(one.notes.text)
        if left := [text for one in draft.all for text in one.stale]:
            self.say()
        for text in left:
            self.say(f"  left alone: {text}", style="yellow")
        self.say()
        for number, title in enumerate(titles, 1):
            self.say(f"  {number}. {title}")
        self.say()
        self.document["plan"] = {**draft.to_dict(), "steps": titles}
        self.tell(draft)

    def _decided(self, draft: Draft) -> dict[str, str]:
        """Return a row for each thing that was decided."""
        folders = {row: one.folder for row, one in _rows("folder", draft) if one.folder}
        return {
            **folders,
            **self._versions(draft),
            "commit": f"{draft.message!r} on {draft.branch}, from {draft.base[:9]}"
            if draft.tag and draft.edits
            else f"none; built from {draft.base[:9]}",
            "tag": ", ".join(filter(None, draft.tags)) or "none",
            **{row: one.notes.source for row, one in _rows("notes", draft) if draft.tag},
            "files": ", ".join(edit.path for edit in draft.edits) or "none to change",
            "artifacts": draft.artifacts,
            "index": draft.repository,
            "remote": draft.remote,
            "attested": draft.attestations,
            "tests": " ".join(draft.tests) or "skipped",
            **({"waived": ", ".join(draft.waived)} if draft.waived else {}),
            **({"acknowledged": "; ".join(draft.acknowledged)} if draft.acknowledged else {}),
        }

    def tell(self, release: Release, files: Iterable[Distribution] = ()) -> None:
        """Let the document say what is known of each package by now."""
        for one in release.all:
            told = {key: str(getattr(one, key)) for key in TOLD}
            told["commit"] = one.base * (not one.tag)  # nothing is committed for a pre-release
            if isinstance(one, Plan):
                told["commit"], files = one.commit, one.distributions
            known = self.document.setdefault("packages", {})
            known[one.name] = {**told, "files": [asdict(file) for file in files]}

    def _versions(self, release: Release) -> dict[str, str]:
        """Return a row for the version of each package."""
        return {
            row: f"{one.previous} {self.arrow} {one.version} ({one.bump})"
            for row, one in _rows("version", release)
        }

    def show_pending(self, intent: Intent) -> None:
        """Print which release is going to be finished."""
        plan = intent.plan
        self.say(f"{plan.title}, unfinished", style="bold")
        self.table(
            {
                "begun": f"{intent.since:%Y-%m-%d %H:%M} UTC by {intent.author}",
                **self._versions(plan),
                "commit": plan.commit,
                "tag": ", ".join(plan.tags),
                "files": ", ".join(one.filename for one in plan.files),
                "index": plan.repository,
            }
        )
        self.say()
        self.document["plan"] = plan.to_dict()
        self.tell(plan)

    def show_released(
        self,
        release: Draft | Plan,
        next_: Mapping[str, str],
        files: Iterable[Distribution] = (),
    ) -> None:
        """Print the end of a release, and what comes next."""
        self.say(f"\n{_are([release])} released", style="bold green")
        self.table(next_)
        self.document["next"] = dict(next_)
        self.document["plan"] = {**self.document.get("plan", {}), **release.to_dict()}
        self.document["state"] = "published"
        self.tell(release, files)

    def show_dry_run(self, command: str) -> None:
        """Print that nothing has been done, and the command that does it."""
        self.say(f"Nothing was changed. To do it: {command}", style="bold")

    def show_released_before(
        self, tags: Sequence[str], commit: str, versions: Iterable[tuple[str, str, Version]]
    ) -> None:
        """Print that this very command has been done: it made these `versions` (name, tag)."""
        tag = ", ".join(tags)
        self.say(f"{tag} was released from this commit already; nothing is left to do.")
        self.say(
            "To release again without a new commit, say a higher version instead of the level."
        )
        packages = {
            name: {"name": name, "version": str(version), "tag": one, "commit": commit}
            for name, one, version in versions
        }
        self.document.update(state="released before", tag=tag, packages=packages)

    def show_built(self, distributions: Iterable[Distribution], folder: Path = Path()) -> None:
        """Print the files with their sha256."""
        self.say()
        for one in distributions:
            self.say(f"  {one.sha256}  {folder / one.filename}")
        self.document["distributions"] = [asdict(one) for one in distributions]

    def show_rehearsed(self, drafts: Sequence[Draft], installed: Sequence[str], told: str) -> None:
        """Print what a rehearsal made: what pip installed, the tags, and a tag with its commit."""
        self.say(f"\n{_are(drafts)} rehearsed; nothing left this machine", style="bold green")
        tags = dict.fromkeys(tag for draft in drafts for tag in draft.tags if tag)
        self.table({"pip installed": ", ".join(installed), "tag": ", ".join(tags) or "none"})
        self.say()
        self.diff(told)
        self.document.update(state="rehearsed", installed=installed)

    def confirm(self, question: str) -> None:
        """Ask once, on a terminal; «no» is a `ReleaseError`."""
        with suppress(EOFError):
            if not self.asks or Confirm.ask(
                self.clean(question), console=self.terminal, default=False
            ):
                return
        raise ReleaseError("not confirmed; nothing has changed")

    def problems(self, error: ReleaseError) -> None:
        """Print every problem of `error`, each with what to do about it."""
        for problem in error.problems:
            text = Text.assemble((f"{self.cross} ", "red"), self.clean(problem.message))
            self.errors.print(text)
            for row in self.clean(problem.hint).splitlines():
                self.errors.print(Text(f"  {self.arrow} {row}", style="bold"))
        self.document["problems"] = [
            {"message": problem.message, "hint": problem.hint} for problem in error.problems
        ]

    def close(self, exit_code: int) -> None:
        """End the session: with `as_json` print the one document."""
        if self.as_json:
            text = json.dumps({**self.document, "exit_code": exit_code}, indent=2)
            sys.stdout.write(COMMANDS.sub(r"\\u0023", self._without_secrets(text)) + "\n")


def _are(releases: Sequence[Release]) -> str:
    """Name what is something by now, with the verb."""
    names = [f"{one.name} {one.version}" for release in releases for one in release.all]
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _rows(what: str, release: SomeRelease) -> Iterator[tuple[str, SomeRelease]]:
    """Name a row of a table for each package of a release."""
    for one in release.all:
        yield f"{what} of {one.name}" if release.siblings else what, one
