"""Versions in pieces: tuples, and numbers with names of their own, each kept in its own form."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.version import Version

from release import ReleaseError
from release.places import Place, at_lines
from release.spelling import normal_suffix, spelled_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.modules import Module

# The names of sys.version_info, and shorter ones; "dev" is what projects add to them.
KINDS = {
    "alpha": "a", "beta": "b", "candidate": "rc", "a": "a", "b": "b", "c": "rc", "rc": "rc",
    "dev": ".dev", "final": "",
}  # fmt: skip
# Arguments by name: those of sys.version_info, and `release`, which is false under development.
ROLES = {
    "major": "number", "minor": "number", "micro": "number", "patch": "number",
    "releaselevel": "level", "serial": "serial", "release": "release",
}  # fmt: skip
LEVELS = {"a": "alpha", "b": "beta", "rc": "candidate", ".dev": "dev", "": "final"}
HINT = "give it more elements, or choose a version that it can hold"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A constant that is one piece of a version, and what it is worth.

    `role`: a `number`; the `level` by name, and its `serial` number; text behind the numbers, in
    one `suffix` or as `pre` and `dev`, which may be a number too; a `sign`, below 0 before the
    release; or `release`, false under development.
    """

    node: ast.expr
    role: str
    value: int | str


def structure(module: Module, what: str, value: ast.expr) -> Place | None:
    """Return the place of the version that a tuple holds, or an expression of named pieces.

    None where the expression isn't made of constants that are assigned exactly once.
    """
    slots = _tuple(value) or _named(module, value)
    try:
        Version(_composed(slots))
    except ValueError:
        return None
    is_signed = any(slot.role == "sign" for slot in slots)
    return None if is_signed else _spanned(module, what, slots, is_whole=True)


def copied(module: Module, what: str, value: ast.expr, version: Version) -> Place | None:
    """Return the place of a tuple whose numbers are those of `version`, None for any other.

    It may hold less than the version: only its numbers.
    """
    slots = _tuple(value)
    numbers = [str(slot.value) for slot in slots if slot.role == "number"]
    if len(numbers) < 2 or numbers != _numbers(version, len(numbers)):  # noqa: PLR2004 - no tuple
        return None
    try:
        Version(_composed(slots))
    except ValueError:
        return None
    return _spanned(module, what, slots, is_whole=False)


def _spanned(module: Module, what: str, slots: Sequence[Slot], *, is_whole: bool) -> Place:
    """Return one place from the first slot to the last; `is_whole`: it must hold all of a version.

    Raises `ReleaseError` where the text between them isn't UTF-8.
    """
    spans = sorted(
        (module.start(one.node), module.end(one.node), number) for number, one in enumerate(slots)
    )
    first, last = spans[0][0], spans[-1][1]
    try:
        text = module.data[first:last].decode()
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{module.path}: {what} can't be edited: {error}") from error

    def write(version: Version) -> str:
        new = _filled(slots, version)
        if is_whole and Version(_composed(new)) != version:
            at = at_lines(module.path, slots[0].node.lineno)
            raise ReleaseError(f"{at}: {what} can't hold {version}; it has {text}", HINT)
        data = module.data[:last]
        for start, end, number in reversed(spans):
            source = _source(data[start:end].decode(), slots[number].value, new[number].value)
            data = data[:start] + source.encode() + data[end:]
        return data[first:].decode()

    says = _composed(slots)
    return Place(path=module.path, what=what, start=first, text=text, says=says, write=write)


# Which constants there are


def _tuple(value: ast.expr) -> list[Slot]:
    """Return the slots of a tuple or list of constants, or of a call with such: `V(1, 2, 3)`.

    Incremental's `Version("acme", 1, 2, 3)` begins with a name, and arguments may have names.
    """
    named: dict[str | None, ast.expr] = {}
    if isinstance(value, ast.Call):
        nodes = value.args[_begins_with_a_name(value.args) :]
        named = {one.arg: one.value for one in value.keywords}
    elif isinstance(value, ast.Tuple | ast.List):
        nodes = value.elts
    else:
        return []
    known = [name for name in ROLES if name in named]
    nodes = [*nodes, *named.values()]
    values = [one for one in map(_constant, nodes) if one is not None]
    roles = _roles(values[: len(nodes) - len(named)]) + [ROLES[name] for name in known]
    is_clear = [*named] == known and len(values) == len(nodes) == len(roles)
    if not is_clear or roles[:1] != ["number"]:
        return []
    slots = zip(nodes, roles, values, strict=True)
    return [Slot(node=node, role=role, value=value) for node, role, value in slots]


def _begins_with_a_name(nodes: Sequence[ast.expr]) -> bool:
    """Say whether a name is in front of at least two numbers."""
    kinds = [type(_constant(node)) for node in nodes[:3]]
    return kinds == [str, int, int] and not _is_number(str(_constant(nodes[0])))


def _roles(values: Sequence[int | str]) -> list[str]:
    """Name the elements of a tuple; fewer names than elements where they are of no known order."""
    count = next((at for at, one in enumerate(values) if not _is_number(one)), len(values))
    rest = values[count:]
    if not rest:
        return ["number"] * count
    if len(rest) == 1:
        level, sign = rest[0] in KINDS, type(rest[0]) is int
        return ["number"] * count + ["sign" if sign else "level" if level else "suffix"]
    both = ["level", "serial"] if isinstance(rest[1], int) else ["pre", "dev"]
    return ["number"] * count + both * (len(rest) == len(both) and isinstance(rest[0], str))


def _named(module: Module, value: ast.expr) -> list[Slot]:
    """Return the slots of the names in an expression, in its order; none where one is unclear."""
    names = [one for one in ast.walk(value) if isinstance(one, ast.Name)]
    names.sort(key=lambda one: (one.lineno, one.col_offset))
    slots: list[Slot] = []
    for name in dict.fromkeys(one.id for one in names if one.id in module.assigned):
        values = module.assigned[name]
        found = _piece(module, name, values[0])
        if len(values) > 1 or name in module.changed or not found:
            return []
        slots += found
    return slots


def _piece(module: Module, name: str, value: ast.expr) -> list[Slot]:
    """Return the slots that one name stands for: a number, a suffix, or all of a tuple."""
    constant = _constant(value)
    if constant is None:
        return _tuple(value) or _named(module, value)
    is_early = re.search(r"(?i)dev|rc|pre|alpha|beta|serial", name)
    if _is_number(constant):
        role = "dev" if is_early and is_early[0].lower() == "dev" else "number"
        return (
            [] if is_early and role == "number" else [Slot(node=value, role=role, value=constant)]
        )
    return [Slot(node=value, role="suffix", value=constant)]


def _constant(node: ast.expr) -> int | str | None:
    """Return a whole number, a string or a truth value, None for anything else."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if type(value) in {bool, int, str} else None


def _is_number(value: int | str) -> bool:
    return str(value).isdecimal()


# What they say, and what another version makes of them


def _composed(slots: Sequence[Slot]) -> str:
    """Return the version that the slots say."""
    text = ".".join(str(slot.value) for slot in slots if slot.role == "number")
    level = ""
    for slot in slots:
        if slot.role == "level":
            level = KINDS.get(str(slot.value), str(slot.value))
            text += level
        elif slot.role in {"pre", "suffix"} or (slot.role == "serial" and level):
            text += str(slot.value)
        elif (slot.role == "sign" and int(slot.value) < 0) or (
            slot.value is False and ".dev" not in text
        ):
            text += ".dev0"
        elif slot.role == "dev" and slot.value:
            text += (
                f".dev{slot.value}" if isinstance(slot.value, int) else "." + slot.value.lstrip(".")
            )
    return text


def _filled(slots: Sequence[Slot], version: Version) -> list[Slot]:
    """Put `version` into the slots; what has no slot is left out."""
    old = {slot.role: slot.value for slot in slots}
    pre: tuple[str, int] = version.pre or ("", 0)
    is_dev = not version.pre and version.dev is not None and "dev" not in old
    kind, number = (".dev", version.dev or 0) if is_dev else pre
    was_final = KINDS.get(str(old.get("level", ""))) == ""
    suffix = spelled_like(f"0{old.get('suffix', '')}", Version(f"0{normal_suffix(version)}"))
    new: dict[str, int | str] = {
        "level": _level(str(old.get("level", "")), kind),
        "serial": number if kind or not was_final else old.get("serial", 0),
        "sign": old.get("sign", 0) if version.is_prerelease else 0,
        "release": version.dev is None,
        "pre": f"{kind}{number}" if version.pre else "",
        "suffix": suffix[1:],
        "dev": _dev(old.get("dev", 0), version.dev),
    }
    digits = iter(_numbers(version, len(slots)))
    values = [next(digits) if one.role == "number" else new[one.role] for one in slots]
    pairs = zip(slots, values, strict=True)
    return [replace(slot, value=type(slot.value)(value)) for slot, value in pairs]


def _level(old: str, kind: str) -> str:
    """Return the name of a pre-release kind, short where the old one is."""
    is_short = old in {"a", "b", "c", "rc"} and kind in {"a", "b", "rc"}
    return old if KINDS.get(old) == kind else kind if is_short else LEVELS[kind]


def _dev(old: int | str, number: int | None) -> int | str:
    """Return the number of a development version, as text where the old one is."""
    if isinstance(old, int):
        return number or 0
    return "" if number is None else f"dev{number or ''}"


def _numbers(version: Version, length: int) -> list[str]:
    """Return the numbers of a version, as many as there is room for."""
    return list(map(str, (*version.release, *(0,) * length)[:length]))


def _source(old: str, before: int | str, after: int | str) -> str:
    """Return a constant's source with another value, in the quotes that it has."""
    if before == after:
        return old
    match = re.match(r"[a-zA-Z]*(\"{3}|'{3}|\"|')", old)
    return f"{match[0]}{after}{match[1]}" if match else str(after)
