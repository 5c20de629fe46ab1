"""What the command line understands: verbs with their options."""

from __future__ import annotations

import argparse
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Verbs: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no other name

DAY = 24 * 60  # minutes
WAIVABLE = ("test-run", "pull-requests", "release-candidate", "notes", "stakeholders")


SESSIONS = {
    "prepare": "prepare",
    "publish": "publish_release",
    "publish-rc": "publish_rc",
    "yank": "yank",
}


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """Return verb and options; `again` is the command that does what a dry run shows."""
    root = parser()
    options, unknown = root.parse_known_args(argv)
    kept = [word for word in argv[1:] if word not in {"--dry-run", "--json"}]
    session = SESSIONS.get(options.verb)
    start = ["nox", "-s", session, "--"] if session else ["python", "-m", "release", options.verb]
    if unknown:
        help_ = shlex.join([*start, "--help"])
        root.error(f"{options.verb} doesn't know {shlex.join(unknown)}; see {help_}")
    options.again = shlex.join([*start, *kept])
    return options


@cache
def parser() -> argparse.ArgumentParser:
    """Return what parses the command line; a verb's name comes as `verb`."""
    parser = argparse.ArgumentParser(
        prog="python -m release",
        allow_abbrev=False,
        description="Release a Python package so that a release is never half done.",
    )
    text = "print the version, and exit"
    parser.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help=text)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _verbs_that_publish(verbs)
    _verbs_around_builders(verbs)
    _verbs_that_look(verbs)
    return parser


class _Version(argparse.Action):
    """Says which version is installed, and looks for it no sooner."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"nox-release {version('nox-release')}\n")
        parser.exit()


def _verbs_that_publish(verbs: Verbs) -> None:
    publish = _verb(verbs, "publish", "test, commit, tag, build, upload and push a release")
    _bump_arguments(publish)
    _publishing_arguments(publish)
    publish.add_argument("--skip-tests", action="store_true", help="don't run the tests")
    _readiness_arguments(publish)
    go_on = publish.add_mutually_exclusive_group()
    go_on.add_argument("--resume", action="store_true", help="finish the unfinished release")
    go_on.add_argument("--abandon", action="store_true", help="give the unfinished release up")
    publish.set_defaults(pre=None)

    rc = _verb(verbs, "publish-rc", "build and upload the next pre-release")
    _bump_arguments(rc)
    _publishing_arguments(rc)
    rc.add_argument("--pre", default="rc", help="rc (the default), a, b or dev")
    rc.add_argument("--ref", default="", help="the commit, tag or branch to build; default: HEAD")
    for one in (publish, rc):
        _build_arguments(one)
        one.add_argument("--plan", type=Path, metavar="PLAN", help="what `prepare` has written")
        text = "the folder with the files that were built by it, in place of a build"
        one.add_argument("--dist", type=Path, metavar="FOLDER", help=text)


def _verbs_around_builders(verbs: Verbs) -> None:
    text = "decide, check, make the commit and test it; write a plan for the jobs that build"
    prepare = _verb(verbs, "prepare", text)
    _bump_arguments(prepare)
    prepare.add_argument("--pre", help="prepare a pre-release: rc, a, b or dev")
    prepare.add_argument("--ref", default="", help="of a pre-release: what to build; default: HEAD")
    prepare.add_argument("--out", type=Path, required=True, metavar="PLAN", help="where it goes")
    either = argparse.BooleanOptionalAction
    text = "check, print the plan, and stop"
    prepare.add_argument("--dry-run", action=either, default=False, help=text)
    prepare.add_argument("--skip-tests", action="store_true", help="don't run the tests")
    _questions_arguments(prepare)
    _repository_argument(prepare)
    text = "put this fresh clone on the commit of a plan, to build that"
    _verb(verbs, "checkout", text).add_argument("plan", type=Path, metavar="PLAN")
    trial = _verb(verbs, "try", "install and import the wheels of a plan that fit this machine")
    trial.add_argument("plan", type=Path, metavar="PLAN")
    text = "the folder with the wheels; default: dist"
    trial.add_argument("--dist", type=Path, default=Path("dist"), metavar="FOLDER", help=text)
    text = "add an SBOM to each wheel that was built of HEAD"
    sbom = _verb(verbs, "sbom", text)
    sbom.add_argument("dist", type=Path, metavar="FOLDER", help="with the wheels")


def _verbs_that_look(verbs: Verbs) -> None:
    text = "what is released, unfinished and unreleased, and where index, tags and main disagree"
    _repository_argument(_verb(verbs, "status", text))

    yank = _verb(verbs, "yank", "yank a bad version: what to do, and whether it is done")
    yank.add_argument("version", metavar="VERSION", help="as the index has it")
    yank.add_argument("--reason", default="", help="what installers show to users")
    only = yank.add_mutually_exclusive_group()
    only.add_argument("--dry-run", action="store_true", help="print what to do, and stop")
    only.add_argument("--check", action="store_true", help="say what is done, and change nothing")
    _repository_argument(yank)

    check = _verb(verbs, "verify", "build a published version from its tag, and compare")
    check.add_argument("version", metavar="VERSION", help="as the index has it")
    _repository_argument(check)

    build = _verb(verbs, "build", "build and check sdist and wheel of the committed HEAD")
    build.add_argument("--out", type=Path, default=Path("dist"), help="default: dist")
    _build_arguments(build)

    rehearse = _verb(verbs, "rehearse", "a whole release on this machine; nothing leaves")
    _bump_arguments(rehearse)
    rehearse.add_argument("--pre", help="rehearse a pre-release: rc, a, b or dev")
    rehearse.add_argument("--skip-tests", action="store_true", help="don't run the tests")

    text = "where the version was found and why, what a release would edit, and what it goes by"
    _verb(verbs, "explain", text)

    init = _verb(verbs, "init", "write the sessions and workflows that are missing")
    init.add_argument("--dry-run", action="store_true", help="show them, and stop")
    init.add_argument("--yes", action="store_true", help="don't ask before writing")
    text = "for a project whose wheels are built on many machines"
    init.add_argument("--wheels", action="store_true", help=text)


def _verb(verbs: Verbs, name: str, text: str) -> argparse.ArgumentParser:
    description = text.capitalize() + "."
    parser = verbs.add_parser(name, help=text, description=description, allow_abbrev=False)
    parser.set_defaults(verb=name)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    if name not in {"init", "checkout", "try"}:
        text = "a package by folder or name, where there are several; may be said again"
        parser.add_argument("--package", action="append", default=[], metavar="FOLDER", help=text)
    return parser


def _bump_arguments(parser: argparse.ArgumentParser) -> None:
    text = "major, minor, patch, current, or a version"
    parser.add_argument("bump", nargs="?", metavar="LEVEL", help=text)


def _publishing_arguments(parser: argparse.ArgumentParser) -> None:
    text = "check, print the plan, and stop"
    either = argparse.BooleanOptionalAction  # a workflow says one of them, and never nothing
    parser.add_argument("--dry-run", action=either, default=False, help=text)
    parser.add_argument("--yes", action="store_true", help="don't ask before publishing")
    _repository_argument(parser)


def _build_arguments(parser: argparse.ArgumentParser) -> None:
    text = "build twice, in two folders, and compare; default: in CI"
    either = argparse.BooleanOptionalAction
    parser.add_argument("--reproducible", action=either, help=text)


def _readiness_arguments(parser: argparse.ArgumentParser) -> None:
    text = "say what `acknowledge` wants somebody to say"
    parser.add_argument("--acknowledge", action="store_true", help=text)
    _questions_arguments(parser)


def _questions_arguments(parser: argparse.ArgumentParser) -> None:
    text = "questions not to ask, separated by commas: " + ", ".join(WAIVABLE)
    parser.add_argument(
        "--waive", action="extend", type=_questions, default=[], metavar="QUESTION", help=text
    )
    text = "how long to wait for tests on GitHub that haven't ended; default: 0"
    parser.add_argument("--wait", type=_minutes, default=0.0, metavar="MINUTES", help=text)


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 <= minutes <= DAY:
        raise argparse.ArgumentTypeError(f"{text} isn't between 0 and {DAY}")
    return minutes


def _questions(text: str) -> list[str]:
    """Return the names of questions in `text`; "" has none."""
    names = text.replace(",", " ").split()
    for name in names:
        if name not in WAIVABLE:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(WAIVABLE)}")
    return names


def _repository_argument(parser: argparse.ArgumentParser) -> None:
    text = "pypi, testpypi, an upload URL, or a section of ~/.pypirc"
    parser.add_argument("--repository", default="", metavar="INDEX", help=text)
