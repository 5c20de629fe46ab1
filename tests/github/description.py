"""GitHub's own description of its REST API: the judge of each request and each answer.

Stricter than OpenAPI asks: what the description doesn't know is an objection, not an extension.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from jsonschema_rs import Draft4Validator, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DESCRIPTION = json.loads((Path(__file__).parent / "openapi.json").read_text(encoding="utf-8"))
SCHEMAS = DESCRIPTION["components"]["schemas"]
HERE = "urn:github"
JSON = "application/json"
# What may have slashes in it, escaped or not.
LONG = {"ref", "tag"}
SOMETHING = {"uri": "https://example.org/", "date-time": "2026-01-01T00:00:00Z"}
NOTHING = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": []}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that can be asked of the API."""

    name: str
    method: str
    path: re.Pattern[str]
    parameters: Mapping[str, Any]
    body: str  # where its schema is; "" for none, or for one that says nothing
    takes_body: bool
    answers: Mapping[int, str]  # where the schema of each status is; "" for an empty answer

    def arguments(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return what the path and the query say, typed; the query's defaults included."""
        found = self.path.fullmatch(path)
        given = {key: unquote(text) for key, text in found.groupdict().items()} if found else {}
        schemas = {name: one["schema"] for name, one in self.parameters.items()}
        defaults = {key: one["default"] for key, one in schemas.items() if "default" in one}
        typed = {key: value_of(text, schemas[key]) for key, text in {**given, **query}.items()}
        return {**defaults, **typed}

    def objections(self, query: Mapping[str, str], content: bytes) -> Iterator[str]:
        """Yield what is wrong with a request's query and body."""
        for name in query.keys() - self.parameters.keys():
            yield f"no such parameter: {name}"
        for name, one in self.parameters.items():
            if name in query:
                judge = Draft4Validator(as_draft4(one["schema"]))
                errors = judge.iter_errors(value_of(query[name], one["schema"]))
                yield from (f"{name}: {error.message}" for error in errors)
            elif one["in"] == "query" and one.get("required"):
                yield f"parameter is missing: {name}"
        if content and not self.takes_body:
            yield "takes no body"
        if self.body:
            try:
                yield from judged(self.body, json.loads(content or b"{}"))
            except ValueError as error:
                yield f"body is no JSON: {error}"

    def objections_to_answer(self, status: int, content: Any) -> Iterator[str]:
        """Yield what is wrong with an answer; undescribed errors look like all errors do."""
        schema = self.answers.get(status)
        if status >= 400 and not schema:
            name = "validation-error" if status == 422 else "basic-error"
            schema = pointer("components", "schemas", name)
        if schema is None:
            yield f"status {status} is not described"
        elif schema:
            yield from judged(schema, content)
        elif content is not None:
            yield f"status {status} has no content"


def find(method: str, path: str) -> Operation | None:
    """Return the operation that is asked for."""
    for operation in operations():
        if operation.method == method and operation.path.fullmatch(path):
            return operation
    return None


@cache
def operations() -> tuple[Operation, ...]:
    """Read all operations, those with fewer wildcards first."""
    paths = sorted(DESCRIPTION["paths"].items(), key=lambda item: item[0].count("{"))
    return tuple(
        described(path, method, one) for path, methods in paths for method, one in methods.items()
    )


def described(path: str, method: str, one: dict[str, Any]) -> Operation:
    """Read one operation."""
    place = "paths", path, method
    parameters = {each["name"]: each for each in map(resolved, one.get("parameters", []))}
    answers = {}
    for status, answer in one["responses"].items():
        where = place_of(answer) or (*place, "responses", status)
        has_schema = "schema" in resolved(answer).get("content", {}).get(JSON, {})
        answers[int(status)] = pointer(*where, "content", JSON, "schema") if has_schema else ""
    content = one.get("requestBody", {}).get("content", {})
    body = pointer(*place, "requestBody", "content", JSON, "schema") if JSON in content else ""
    return Operation(
        name=one["operationId"],
        method=method.upper(),
        path=re.compile(re.sub(r"\{(\w+)\}", lambda found: group(parameters[found[1]]), path)),
        parameters=parameters,
        body=body,
        takes_body=bool(content),
        answers=answers,
    )


def group(parameter: dict[str, Any]) -> str:
    """Return the pattern of a parameter in the path."""
    is_number, name = parameter["schema"]["type"] == "integer", parameter["name"]
    return f"(?P<{name}>{r'[0-9]+' if is_number else '.+' if name in LONG else '[^/]+'})"


def value_of(text: str, schema: dict[str, Any]) -> Any:
    """Return what a text in a path or a query means; the text itself where it can't mean that."""
    kinds: dict[str, tuple[str, Any]] = {
        "integer": (r"-?[0-9]+", int),
        "boolean": (r"true|false", "true".__eq__),
    }
    pattern, convert = kinds.get(schema.get("type", ""), (".*", str))
    return convert(text) if re.fullmatch(pattern, text) else text


def complete(name: str, /, **given: Any) -> dict[str, Any]:
    """Return an object by a schema of the description; what isn't given is there, and empty."""
    if unknown := given.keys() - SCHEMAS[name]["properties"].keys():
        raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
    return {**least(name), **given}


@cache
def least(name: str) -> dict[str, Any]:
    """Return what an object by a schema has at least."""
    schema = SCHEMAS[name]
    return {key: empty(schema["properties"][key]) for key in schema.get("required", ())}


def empty(schema: dict[str, Any]) -> Any:
    """Return the least value that fits a schema."""
    schema = resolved(schema)
    if "oneOf" in schema:
        return empty(schema["oneOf"][0])
    if schema.get("nullable"):
        return None
    if schema.get("type") == "object":
        return {key: empty(schema["properties"][key]) for key in schema.get("required", ())}
    fallback = SOMETHING.get(schema.get("format", ""), NOTHING[schema["type"]])
    return schema.get("enum", [fallback])[0]


def judged(schema: str, instance: Any) -> Iterator[str]:
    """Yield how something differs from the schema at this place of the description."""
    for error in validator(schema).iter_errors(instance):
        where = "/".join(map(str, error.instance_path))
        yield f"{where}: {error.message}" if where else error.message


@cache
def validator(schema: str) -> Draft4Validator:
    """Build the judge of one schema, once."""
    return Draft4Validator({"$ref": schema}, registry=registry(), validate_formats=True)


@cache
def registry() -> Registry:
    """Hold the description for all judges."""
    return Registry([(HERE, as_draft4(DESCRIPTION))], draft=4)


def as_draft4(node: Any) -> Any:
    """Turn schemas of OpenAPI 3.0 into JSON Schema draft 4, closed to what they don't name."""
    if isinstance(node, list):
        return [as_draft4(one) for one in node]
    if not isinstance(node, dict):
        return node
    schema = {key: as_draft4(value) for key, value in node.items()}
    if node.get("nullable") is True:
        schema["type"] = [node["type"], "null"]
        if "enum" in node:
            schema["enum"] = [*node["enum"], None]
    if node.get("type") == "object" and "properties" in node:
        schema.setdefault("additionalProperties", False)
    return schema


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference."""
    found: dict[str, Any] = DESCRIPTION
    for key in place_of(node):
        found = found[key]
    return found if "$ref" in node else node


def place_of(node: dict[str, Any]) -> tuple[str, ...]:
    """Return where a reference leads, as keys; nothing where it is none."""
    return tuple(node.get("$ref", "#").split("/")[1:])


def pointer(*keys: str) -> str:
    """Return the reference to a place of the description."""
    return HERE + "#/" + "/".join(quote(key.replace("/", "~1")) for key in keys)
