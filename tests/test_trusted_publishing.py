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
from tests.stage import PYPROJECT
from tests.test_actions import PUBLISH
from tests.test_secrets import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.github.forge import Forge
    from tests.stage import Stage

UPLOADS, PAGES = (urlsplit(url).netloc for url in (DEFAULT_REPOSITORY, PYPI_SIMPLE_ENDPOINT))
OF_RUNNER, MINTED = "canary-of-runner", "pypi-" + "canary" * 12
CLAIMS = {
    "iss": "https://token.actions.githubusercontent.com",
    "sub": "repo:acme/acme:environment:pypi",
    "repository": "acme/acme",
    "repository_owner": "acme",
    "job_workflow_ref": "acme/acme/.github/workflows/release.yaml@refs/heads/main",
    "workflow_ref": "acme/acme/.github/workflows/release.yaml@refs/heads/main",
    "ref": "refs/heads/main",
    "environment": "pypi",
}
NOBODY = {
    "code": "invalid-publisher",
    "description": "valid token, but no corresponding publisher",
}


def vouched(audience: str, claims: dict[str, str]) -> str:
    """A token of the runner, as it says who a job is."""
    now = int(time.time())
    said = {"iat": now, "exp": now + 300, "aud": audience, **claims}
    parts = [json.dumps(one, separators=(",", ":")).encode() for one in ({"alg": "none"}, said)]
    return ".".join(
        base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (*parts, b"canary of issuer")
    )


@dataclass
class Warehouse(ThreadingHTTPServer):
    """A proxy that knows two hosts and their keys, and is the index and the issuer behind it."""

    target: str  # index that has the files
    password: str
    authority: trustme.CA = field(default_factory=trustme.CA)
    trusts: Callable[[], bool] = lambda: True
    is_echoing: bool = False  # what is refused is so with what came beside it
    claims: dict[str, str] = field(default_factory=lambda: dict(CLAIMS))  # of the job
    life: float = 600  # seconds that a token is good for; twine wants another one 300 s before
    pause: float = 0  # seconds that a file takes
    minted: dict[str, float] = field(default_factory=dict)  # tokens, and when they die
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
        (audience,) = parse_qs(urlsplit(self.path).query)["audience"]
        is_ours = self.headers["Authorization"].lower() == f"bearer {OF_RUNNER}"
        self.say(200 if is_ours else 401, {"value": vouched(audience, self.server.claims)})


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
            self.mint(json.loads(body)["token"])
            return
        scheme, _, given = self.headers["Authorization"].partition(" ")
        user, _, token = base64.b64decode(given).decode().partition(":")
        assert (scheme, user) == ("Basic", "__token__")
        if self.server.minted[token] < time.monotonic():
            self.say(403, b"Invalid API Token: token is expired")
            return
        kind = self.headers["Content-Type"]
        if self.server.is_echoing and kind.startswith("multipart/"):
            self.say(403, f"not with {token}, {given}".encode())
            return
        time.sleep(self.server.pause * kind.startswith("multipart/"))
        own = base64.b64encode(f"{USER}:{self.server.password}".encode()).decode()
        self.path = "/"
        self.pass_on(body, {"Content-Type": kind, "Authorization": f"Basic {own}"})

    def mint(self, token: str) -> None:
        """Give a token for one that says who asks, if that one is for this index."""
        server, payload = self.server, token.split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(payload + "=="))["aud"] == "pypi"
        if not server.trusts():
            told = [{**NOBODY, "description": token}] if server.is_echoing else [NOBODY]
            self.say(422, {"message": "Token request failed", "errors": told})
            return
        made = f"{MINTED}{len(server.minted)}"
        server.minted[made] = time.monotonic() + server.life
        self.say(200, {"success": True, "token": made, "expires": time.time() + server.life + 298})

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
    issued = vouched("pypi", CLAIMS)
    for canary in (OF_RUNNER, issued.split(".")[0], issued.split(".")[2], MINTED, basic[:60]):
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
    warehouse.trusts = lambda: False
    before = stage.state()
    code, text = publish(stage)
    assert code == 1, text
    assert "`invalid-publisher`: valid token, but no corresponding publisher" in text
    assert (
        f"at {WAREHOUSE_WEB}manage/account/publishing/, a GitHub publisher must say exactly this: "
        "owner acme, repository acme, workflow release.yaml, environment pypi\n"
    ) in text
    assert "/legacy/" not in warehouse.asked
    assert stage.state() == before
    assert_hidden(text)


def test_a_job_without_environment_says_so(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.trusts, warehouse.is_echoing = lambda: False, True
    del warehouse.claims["environment"]
    warehouse.claims["job_workflow_ref"] = "acme/acme/.github/workflows/cd.yml@refs/heads/dev"
    code, text = publish(stage)
    assert code == 1, text
    assert "`invalid-publisher`: ***" in text
    assert "owner acme, repository acme, workflow cd.yml, no environment\n" in text
    assert_hidden(text)


def test_a_job_that_may_not_say_who_it_is_is_told_which_right_it_lacks(
    stage: Stage, warehouse: Warehouse
) -> None:
    stage.monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    code, text = publish(stage)
    assert code == 1, text
    assert "give the job `id-token: write` below `permissions`" in text
    assert not warehouse.minted


def test_a_token_that_nears_its_end_is_minted_anew(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.life, warehouse.pause = 3.0, 3.5  # each file takes longer than a token lives
    code, text = publish(stage)
    assert code == 0, text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
    sent = [one for one in warehouse.asked if one != "issuer"]
    assert sent[-2:] == ["/_/oidc/mint-token", "/legacy/"]
    assert_hidden(text)


def test_a_token_that_is_refused_in_between_leaves_a_release_to_be_continued(
    stage: Stage, warehouse: Warehouse
) -> None:
    warehouse.life, warehouse.pause = 3.0, 3.5
    warehouse.trusts = lambda: not stage.published()
    stage.commit({"pyproject.toml": PYPROJECT + "\n[tool.nox-release]\npatience = 5\n"})
    code, text = publish(stage)
    assert code == 3, text
    assert "`invalid-publisher`" in text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl"]
    warehouse.trusts = lambda: True
    code, text = publish(stage)
    assert code == 0, text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
    assert_hidden(text)
