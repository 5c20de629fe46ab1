"""Python modules as text: what is assigned at the top level, and at which bytes."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from release import ReleaseError
from release.tables import BOM

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Module:
    """A Python module: its bytes, and what they parse to."""

    path: str
    data: bytes
    encoding: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, data: bytes) -> Module:
        """Parse a module; `ReleaseError` where it is none."""
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
            return cls(
                path=path,
                data=data,
                encoding=encoding.removesuffix("-sig"),
                tree=ast.parse(data),
            )
        except (SyntaxError, ValueError, RecursionError) as error:
            raise ReleaseError(f"{path} is no Python module that can be read: {error}") from error

    @cached_property
    def assigned(self) -> dict[str, list[ast.expr]]:
        """Return the values that statements at the top level assign, by name."""
        values: dict[str, list[ast.expr]] = {}
        for statement in self.tree.body:
            for name, value in assignments(statement):
                values.setdefault(name, []).append(value)
        return values

    @cached_property
    def changed(self) -> set[str]:
        """Return the names that get a value in another way too: in an `if`, a `try`, by `+=`."""
        outer = set(self.tree.body)
        names = set()
        for statement in _same_scope(self.tree):
            if statement not in outer:
                names |= {name for name, _ in assignments(statement)}
            if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                names.add(statement.target.id)
        return names

    def start(self, node: ast.expr) -> int:
        """Return the offset of a node's first byte."""
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr) -> int:
        """Return the offset behind a node's last byte."""
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def _offset(self, line: int, column: int) -> int:
        """Turn line and column into an offset; ast counts columns in bytes of UTF-8, always."""
        rows = self.data.splitlines(keepends=True)
        row = rows[line - 1]
        mark = len(BOM) if row.startswith(BOM) and line == 1 else 0
        before = row[mark:].decode(self.encoding).encode()[:column].decode()
        return sum(map(len, rows[: line - 1])) + mark + len(before.encode(self.encoding))


def assignments(statement: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Find the names that a statement assigns, with their values."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            yield from ((one.id, value) for one in targets if isinstance(one, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value


def _same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the statements, but not those inside of functions and classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _same_scope(child)
