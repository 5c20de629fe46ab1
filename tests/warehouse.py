"""PyPI as a job of a workflow finds it, over TLS of its own, with the runner's issuer beside it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import trustme
from pypi_attestations import Attestation, AttestationBundle, GitHubPublisher, Provenance
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from sigstore.errors import VerificationError
from sigstore.verify import Verifier
from twine.utils import DEFAULT_REPOSITORY

from release.rehearsal import USER
from tests.test_actions import PUBLISH
from tests.test_secrets import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message
    from pathlib import Path

    from sigstore.models import ClientTrustConfig

    from tests.github.forge import Forge
    from tests.stage import Stage

UPLOADS, PAGES = (urlsplit(url).netloc for url in (DEFAULT_REPOSITORY, PYPI_SIMPLE_ENDPOINT))
OF_RUNNER, MINTED = "canary-of-runner", "pypi-" + "canary" * 12
INTEGRITY = "integrity"
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


def content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


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
    trust: ClientTrustConfig | None = None  # attestations are taken, and verified by this
    refused: str = ""  # file that isn't taken
    publisher: str = "release.yaml"  # workflow that is trusted
    kept: dict[str, bytes] = field(default_factory=dict)  # who built a file, by filename
    serve: Callable[[str], bytes] | None = None  # tells that otherwise, b"" not at all
    asked: list[str] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)  # to which the runner has vouched
    strangers: list[str] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)  # audiences to which the runner doesn't vouch now

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Proxy)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(UPLOADS, PAGES).configure_cert(self.context)

    @property
    def served(self) -> dict[str, bytes]:
        """What is told of who built a file, by filename."""
        return {name: self.serve(name) if self.serve else kept for name, kept in self.kept.items()}


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
        self.server.audiences.append(audience)
        is_ours = self.headers["Authorization"].lower() == f"bearer {OF_RUNNER}"
        if audience in self.server.deaf:
            self.say(503, b"not now")
            return
        self.say(200 if is_ours else 401, {"value": vouched(audience, self.server.claims)})


class Index(Answering):
    """Answers like PyPI where tokens are concerned; files and listings are another index's."""

    def do_GET(self) -> None:
        if self.path == "/_/oidc/audience":
            self.say(200, {"audience": "pypi"})
        elif self.path.startswith(f"/{INTEGRITY}/"):
            self.say(200, self.server.served[self.path.rpartition("/")[2]])
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
        if problem := self.attested(kind, body):
            self.say(400, problem.encode())
            return
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

    def attested(self, kind: str, body: bytes) -> str:
        """Keep the attestations that come with a file, and say what is wrong with them."""
        form = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = {part.get_param("name", header="Content-Disposition"): part for part in form.walk()}
        if not (given := parts.get("attestations")) or not (trust := self.server.trust):
            return ""
        name = str(parts["content"].get_filename())
        if name == self.server.refused:
            return "not now"
        publisher = GitHubPublisher(repository="acme/acme", workflow=self.server.publisher)
        attestations = [Attestation.model_validate(one) for one in json.loads(content(given))]
        sha256 = hashlib.sha256(content(parts["content"])).hexdigest()
        for one in attestations:
            try:
                Verifier(trusted_root=trust.trusted_root).verify_dsse(
                    one.to_bundle(),
                    publisher._as_policy(),  # noqa: SLF001 - as the index does
                )
            except VerificationError as error:
                return f"Invalid attestations supplied during upload: {error}"
            assert one.statement["subject"] == [{"name": name, "digest": {"sha256": sha256}}]
        bundle = AttestationBundle(publisher=publisher, attestations=attestations)
        provenance = Provenance(attestation_bundles=[bundle])
        self.server.kept[name] = provenance.model_dump_json().encode()
        return ""

    def pass_on(self, body: bytes | None, headers: dict[str, str]) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.server.target).netloc, timeout=30)
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        page = answer.read()
        for name in filter(self.server.served.get, self.server.served):
            address = f'data-provenance="https://{PAGES}/{INTEGRITY}/{name}">{name}<'
            page = page.replace(f">{name}<".encode(), f" {address}".encode())
        self.say(answer.status, page)
        connection.close()


@contextmanager
def warehouse(stage: Stage, hub: Forge, folder: Path) -> Iterator[Warehouse]:
    """Let a release be a job that has no password; what it tells its runner is in `folder`."""
    assert hub.repositories.keys() == {"acme/acme"}
    with Warehouse(stage.url, stage.password) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        authority = folder / "authority.pem"
        server.authority.cert_pem.write_to_path(str(authority))
        for key in ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"):
            stage.monkeypatch.delenv(key)
        for key, value in {
            "HTTPS_PROXY": server.url,
            "REQUESTS_CA_BUNDLE": str(authority),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
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
