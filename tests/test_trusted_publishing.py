"""Twine's own exchange of tokens, unmodified: a workflow is trusted, and nobody sees a token."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from twine.repository import WAREHOUSE_WEB
from twine.utils import DEFAULT_REPOSITORY

from release.rehearsal import USER
from tests.runner import assigned
from tests.test_actions import PUBLISH
from tests.test_secrets import everything

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.github.forge import Forge
    from tests.stage import Stage

UPLOADS, PAGES = (urlsplit(url).netloc for url in (DEFAULT_REPOSITORY, PYPI_SIMPLE_ENDPOINT))
CLAIMS = base64.urlsafe_b64encode(b'{"aud": "pypi", "sub": "canary"}').decode()
OF_RUNNER, OF_ISSUER, MINTED = (
    "canary-of-runner",
    f"canary.{CLAIMS}.issuer",
    "pypi-" + "canary" * 12,
)
NOBODY = {
    "message": "Token request failed",
    "errors": [
        {
            "code": "invalid-publisher",
            "description": "valid token, but no corresponding publisher",
        }
    ],
}


@dataclass
class Warehouse(ThreadingHTTPServer):
    """A proxy that knows two hosts and their keys, and is the index and the issuer behind it."""

    target: str  # index that has the files
    password: str
    authority: trustme.CA = field(default_factory=trustme.CA)
    is_trusting: bool = True
    is_echoing: bool = False  # a file is refused with what came beside it
    asked: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Proxy)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(UPLOADS, PAGES).configure_cert(self.context)


class Answering(BaseHTTPRequestHandler):
    server: Warehouse

    def say(self, status: int, content: object) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = "text/html" if isinstance(content, bytes) else "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Proxy(Answering):
    """Ends TLS in the name of the two hosts; beside that the issuer of the runner."""

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0]
        if host not in {UPLOADS, PAGES}:
            self.server.strangers.append(host)
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            tls = self.server.context.wrap_socket(self.connection, server_side=True)
            Index(tls, self.client_address, self.server)
        self.close_connection = True

    def do_GET(self) -> None:
        self.server.asked.append("issuer")
        audience = parse_qs(urlsplit(self.path).query)["audience"]
        is_ours = self.headers["Authorization"].lower() == f"bearer {OF_RUNNER}"
        self.say(200 if is_ours and audience == ["pypi"] else 401, {"value": OF_ISSUER})


class Index(Answering):
    """Answers like PyPI where tokens are concerned; files and listings are another index's."""

    def do_GET(self) -> None:
        if self.path == "/_/oidc/audience":
            self.say(200, {"audience": "pypi"})
        else:
            self.pass_on(None, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        if self.path == "/_/oidc/mint-token":
            assert json.loads(body) == {"token": OF_ISSUER}
            minted = {"success": True, "token": MINTED, "expires": int(time.time()) + 900}
            self.say(*((200, minted) if self.server.is_trusting else (422, NOBODY)))
            return
        scheme, _, given = self.headers["Authorization"].partition(" ")
        assert (scheme, base64.b64decode(given).decode()) == ("Basic", f"__token__:{MINTED}")
        kind = self.headers["Content-Type"]
        if self.server.is_echoing and kind.startswith("multipart/"):
            self.say(403, f"not with {MINTED}, {given}".encode())
            return
        own = base64.b64encode(f"{USER}:{self.server.password}".encode()).decode()
        self.path = "/"
        self.pass_on(body, {"Content-Type": kind, "Authorization": f"Basic {own}"})

    def pass_on(self, body: bytes | None, headers: dict[str, str]) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.server.target).netloc, timeout=30)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        self.say(answer.status, answer.read())
        connection.close()


@pytest.fixture
def warehouse(stage: Stage, hub: Forge, tmp_path: Path) -> Iterator[Warehouse]:
    """PyPI, as a job of a workflow finds it; the job has no password."""
    assert hub.repositories.keys() == {"acme/acme"}
    with Warehouse(stage.url, stage.password) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        authority = tmp_path / "authority.pem"
        server.authority.cert_pem.write_to_path(str(authority))
        for key in ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"):
            stage.monkeypatch.delenv(key)
        for key, value in {
            "HTTPS_PROXY": server.url,
            "REQUESTS_CA_BUNDLE": str(authority),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "GITHUB_WORKFLOW_REF": "acme/acme/.github/workflows/release.yaml@refs/heads/main",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{server.url}/token?version=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": OF_RUNNER,
        }.items():
            stage.monkeypatch.setenv(key, value)
        yield server
        server.shutdown()
        assert not server.strangers, "nothing else was asked for"


def publish(stage: Stage) -> tuple[int, str]:
    """The exit code of a release, and everything that is seen of it."""
    done = stage.run(*PUBLISH)
    texts = [done.out, done.err, everything(stage)]
    texts += [(stage.clone.parents[1] / name).read_text() for name in ("summary", "output")]
    return done.code, "\n".join(texts)


def assert_hidden(text: str) -> None:
    basic = base64.b64encode(f"__token__:{MINTED}".encode()).decode()
    for canary in (OF_RUNNER, OF_ISSUER, MINTED, basic):
        assert canary not in text


def test_a_token_is_minted_used_and_never_shown(stage: Stage, warehouse: Warehouse) -> None:
    code, text = publish(stage)
    assert code == 0, text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
    assert warehouse.asked.index("issuer") < warehouse.asked.index("/_/oidc/mint-token")
    assert warehouse.asked.index("/_/oidc/mint-token") < warehouse.asked.index("/legacy/")
    said = assigned((stage.clone.parents[1] / "output").read_text())
    assert said["index-url"] == f"{WAREHOUSE_WEB}project/acme/1.3.0/"
    assert_hidden(text)


def test_a_token_that_the_index_repeats_is_not_shown(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.is_echoing = True
    code, text = publish(stage)
    assert code == 1, text
    assert "not with ***, ***" in text
    assert_hidden(text)


def test_a_workflow_that_is_not_trusted_is_told_what_to_enter(
    stage: Stage, warehouse: Warehouse
) -> None:
    warehouse.is_trusting = False
    before = stage.state()
    code, text = publish(stage)
    assert code == 1, text
    assert "`invalid-publisher`: valid token, but no corresponding publisher" in text
    assert (
        f"at {WAREHOUSE_WEB}manage/account/publishing/, add a GitHub publisher: owner acme, "
        "repository acme, workflow release.yaml, and the job's environment"
    ) in text
    assert "/legacy/" not in warehouse.asked
    assert stage.state() == before
    assert_hidden(text)
