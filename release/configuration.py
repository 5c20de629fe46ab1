"""`[tool.nox-release]`: what may be configured, with its defaults."""

from __future__ import annotations

import difflib
import posixpath
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from release import ReleaseError, UsageError, calver
from release.calver import Calendar
from release.tables import parse, table_at
from release.tags import TagStyle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import date

    from release.places import Files

TABLE = "[tool.nox-release]"
# One repository, one release at a time.
OF_THE_TOP = {
    *("branch", "main", "remote", "intent-ref"),
    *("required-checks", "candidate-branches", "acknowledge"),
    *("attestations", "sigstore-trust-config"),
}
# What packages below the top of a repository share.
INHERITED = {
    *OF_THE_TOP,
    *("repository", "index-url", "patience", "uploads"),
    *("message", "scheme", "next-dev", "test-command"),
    *("install-check", "build-environment", "build-constraints", "reproducible", "sbom"),
}

CHOICES = {
    "main": ("push", "pull-request"),
    "build_environment": ("kept", "fresh"),
    "reproducible": ("auto", "required", "never"),
    "attestations": ("auto", "required", "never"),
}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """`[tool.nox-release]`; a key is the field's name with dashes."""

    branch: str = ""  # default: the one that the remote's HEAD points to
    main: str = "push"  # or "pull-request": how a release gets onto the branch
    remote: str = "origin"
    repository: str = ""  # default: TWINE_REPOSITORY, else pypi
    index_url: str = ""  # default: derived from the repository's upload URL
    tag: str = ""  # default: the style of the highest release tag, else v{version}
    scheme: str = ""  # of calendar versions, like YYYY.MM.DD
    message: str = "Release {version}"
    test_command: tuple[str, ...] = ()  # default: nox -s tests
    version_files: tuple[str, ...] = ()
    version_command: tuple[str, ...] = ()  # prints the version, where no file says it
    bump_command: tuple[str, ...] = ()  # writes {version}, where this can't be done as it is done
    changelog: str | bool = True  # a path, or true: the one that is kept; false: none is stamped
    next_dev: bool = False  # whether a commit with the next development version follows a release
    import_names: tuple[str, ...] | None = None  # default: the wheel's top-level modules
    install_check: bool = True  # whether the wheel is installed and imported
    build_environment: str = "kept"  # or "fresh": made for each build
    reproducible: str = "auto"  # or "required", "never": whether files are built twice, to compare
    build_constraints: str = ""  # a path: versions, and hashes, of what a build may install
    sbom: bool = False  # whether wheels have one (PEP 770), made here where nobody else does
    artifacts: tuple[str, ...] = ()  # patterns: each is the name of a file, and no file has another
    generated: tuple[str, ...] = ()  # patterns: what the build makes or rewrites in the sdist
    max_file_size: int | None = None  # MiB that the index takes; default: what is known of it
    attestations: str = "auto"  # or "required", "never": whether files are signed by Sigstore
    sigstore_trust_config: str = ""  # a path; default: the public Sigstore
    required_checks: tuple[str, ...] | None = None  # on GitHub; default: all that ran, at least one
    candidate_branches: str = "release-candidate/*"  # that a major needs to be merged
    acknowledge: tuple[str, ...] = ()  # what somebody has to say before a release
    intent_ref: str = "refs/release/intent"
    patience: int = 600  # seconds that an index may take to list a file that it has accepted
    uploads: int = 16  # files that are sent to it at once

    @classmethod
    def load(cls, table: dict[str, Any]) -> Configuration:
        """Check and convert the table; unknown keys and wrong types are a `UsageError`."""
        kinds = get_type_hints(cls)
        known = {one.name.replace("_", "-"): one.name for one in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                raise UsageError(
                    f"{TABLE} has an unknown key {key!r}",
                    f"did you mean {near[0]}?" if near else f"its keys are {', '.join(known)}",
                )
            wanted, fits = WANTED[kinds[known[key]]]
            if not fits(value):
                wanted = _words(CHOICES.get(known[key], ())) or wanted
                raise UsageError(f"{TABLE} {key} must be {wanted}, not {value!r}")
            values[known[key]] = tuple(value) if isinstance(value, list) else value
        _insist(values)
        return cls(**values)

    def calendar(self, today: date) -> Calendar | None:
        """Return the calendar that versions follow, None where they follow none."""
        return Calendar(scheme=self.scheme, today=today) if self.scheme else None


def insist_on_the_top(own: dict[str, Any], folder: str) -> None:
    """Raise `UsageError` for what a package below the top can't have for itself."""
    if folder and (found := sorted(own.keys() & OF_THE_TOP)):
        raise UsageError(
            f"{TABLE} {found[0]} counts for the whole repository",
            "move it to the pyproject.toml at the top",
        )


def inherited(files: Files, own: Collection[str] = ()) -> dict[str, Any]:
    """Return what a package below the top, which has `own` keys, takes from that at the top."""
    top = posixpath.relpath(".", files.folder or ".")
    data = files.read(f"{top}/pyproject.toml") if files.folder else None
    try:
        table = table_at(parse(data or b""), "tool", "nox-release")
    except ValueError as error:
        raise ReleaseError(f"pyproject.toml is broken: {error}", "mend and commit it") from error
    # Another index isn't read where the one at the top is.
    keys = INHERITED - ({"index-url"} if "repository" in own else set())
    taken = {key: value for key, value in table.items() if key in keys}
    if isinstance(path := taken.get("build-constraints"), str):
        taken["build-constraints"] = f"{top}/{path}" if path else ""
    return taken


def _insist(values: dict[str, Any]) -> None:
    """Raise `UsageError` for values of the right type that can't be meant."""
    _insist_on_forms(values)
    for key in ("message", "bump_command"):
        given = values.get(key, "{version}")
        if not any("{version}" in one for one in ([given] if isinstance(given, str) else given)):
            name = key.replace("_", "-")
            raise UsageError(f"{TABLE} {name} must contain {{version}}, not {given!r}")
    if "tag" in values:
        TagStyle.of(values["tag"])
    if "scheme" in values:
        calver.check_scheme(values["scheme"])
    if "scheme" in values and values.get("next_dev"):
        raise UsageError(f"{TABLE} next-dev has no meaning beside scheme: a date isn't foreseen")
    for key, choices in CHOICES.items():
        if (given := values.get(key, choices[0])) not in choices:
            name = key.replace("_", "-")
            raise UsageError(f"{TABLE} {name} must be {_words(choices)}, not {given!r}")
    for key, value in values.items():  # git would take it for an option
        if isinstance(value, str) and value.startswith("-"):
            raise UsageError(f"{TABLE} {key.replace('_', '-')} can't be {value!r}")


def _words(choices: Iterable[str]) -> str:
    return " or ".join(f'"{one}"' for one in choices)


def _insist_on_forms(values: dict[str, Any]) -> None:
    for key in ("test_command", "version_command", "bump_command"):
        if values.get(key) == ():
            raise UsageError(f"{TABLE} {key.replace('_', '-')} names no program")
    if not (ref := values.get("intent_ref", "refs/")).startswith(("refs/", "-")):
        raise UsageError(f"{TABLE} intent-ref must begin with refs/, not {ref!r}")


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_positive(value: object) -> bool:
    return type(value) is int and value > 0  # true and false are numbers to isinstance


WANTED: dict[object, tuple[str, Callable[[object], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool)),
    str: ("a string", lambda value: isinstance(value, str)),
    str | bool: ("a path, or true or false", lambda value: isinstance(value, str | bool)),
    int: ("a whole number above 0", _is_positive),
    int | None: ("a whole number above 0", _is_positive),
    tuple[str, ...]: ("a list of strings", _is_list_of_text),
    tuple[str, ...] | None: ("a list of strings", _is_list_of_text),
}
