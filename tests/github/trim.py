"""Cut GitHub's description of its REST API down to what the stand-in answers.

npm pack @octokit/openapi && tar -xzf octokit-openapi-*.tgz package/generated/api.github.com.json
python tests/github/trim.py package/generated/api.github.com.json
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPO = "/repos/{owner}/{repo}"
OPERATIONS = {
    "/rate_limit": ["get"],
    "/user": ["get"],
    REPO: ["get"],
    f"{REPO}/actions/runs": ["get"],
    f"{REPO}/actions/runs/{{run_id}}": ["get"],
    f"{REPO}/actions/runs/{{run_id}}/approvals": ["get"],
    f"{REPO}/commits/{{ref}}/check-runs": ["get"],
    f"{REPO}/commits/{{ref}}/status": ["get"],
    f"{REPO}/commits/{{ref}}/statuses": ["get"],
    f"{REPO}/pulls": ["get", "post"],
    f"{REPO}/pulls/{{pull_number}}": ["get"],
    f"{REPO}/releases": ["get", "post"],
    f"{REPO}/releases/assets/{{asset_id}}": ["get", "delete"],
    f"{REPO}/releases/latest": ["get"],
    f"{REPO}/releases/tags/{{tag}}": ["get"],
    f"{REPO}/releases/{{release_id}}": ["get", "patch", "delete"],
    f"{REPO}/releases/{{release_id}}/assets": ["get", "post"],
}
# What undescribed errors look like: https://docs.github.com/rest/using-the-rest-api/troubleshooting
ERRORS = ("basic-error", "validation-error")
PROSE = {"description", "summary", "title", "example", "examples", "externalDocs", "tags"}
HALF_UPLOADED = "starter"
REFERENCE = re.compile(r'"#/components/(\w+)/([^"]+)"')


def trimmed(full: dict[str, Any]) -> dict[str, Any]:
    """Return the description of `OPERATIONS` and of all that they refer to, without its prose."""
    paths = {
        path: {method: full["paths"][path][method] for method in methods}
        for path, methods in OPERATIONS.items()
    }
    components: dict[str, dict[str, Any]] = {"schemas": {}}
    pending = [("schemas", name) for name in ERRORS]
    pending += REFERENCE.findall(json.dumps(plain(paths)))
    while pending:
        kind, name = pending.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = plain(full["components"][kind][name])
            pending += REFERENCE.findall(json.dumps(components[kind][name]))
    admit_half_uploaded(paths, components)
    head = {key: full[key] for key in ("openapi", "info", "servers")}
    return {**head, "paths": plain(paths), "components": components}


def plain(node: Any, *, named: bool = False) -> Any:
    """Return a part of the description without its prose; `named`: its keys are names."""
    if isinstance(node, list):
        return [plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: plain(value, named=key in {"properties", "responses"} and not named)
        for key, value in node.items()
        if named or (key not in PROSE and not key.startswith("x-"))
    }


def admit_half_uploaded(paths: dict[str, Any], components: dict[str, Any]) -> None:
    """Add the state of an asset that GitHub's prose tells of and its schema forgets."""
    upload = paths[f"{REPO}/releases/{{release_id}}/assets"]["post"]
    if f"`{HALF_UPLOADED}`" not in upload["description"]:
        raise SystemExit(f"{upload['operationId']} no longer speaks of `{HALF_UPLOADED}`")
    components["schemas"]["release-asset"]["properties"]["state"]["enum"].append(HALF_UPLOADED)


if __name__ == "__main__":
    description = trimmed(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    text = json.dumps(description, ensure_ascii=False, sort_keys=True, indent=1)
    (HERE / "openapi.json").write_text(f"{text}\n", encoding="utf-8", newline="\n")
