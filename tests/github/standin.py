"""A stateful stand-in for GitHub's REST API on this machine.

Every request and every answer is held to GitHub's own description; what differs is answered 500
and ends in `Forge.violations`, and with them in an AssertionError.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.faults import serving
from tests.github.call import Answer, Call, Refusal
from tests.github.description import find
from tests.github.forge import CUT_AFTER, CUT_BEFORE, HALF_UPLOADED, PRIMARY, SECONDARY, SILENCE
from tests.github.operations import ANSWERS, LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.github.description import Operation
    from tests.github.forge import Forge, Token

# https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
SECONDARY_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
PRIMARY_MESSAGE = "API rate limit exceeded for user ID 1."


@contextmanager
def serve(forge: Forge, prefix: str = "") -> Iterator[str]:
    """Serve a forge on a free port, and yield the address; in the end there are no violations.

    GitHub Enterprise has its API at the prefix `/api/v3`.
    """
    with serving(partial(Handler, forge, prefix)) as url:
        yield url.rstrip("/") + prefix
    assert not forge.violations, "\n".join(forge.violations)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, forge: Forge, prefix: str, *args: Any) -> None:
        self.forge, self.prefix = forge, prefix
        super().__init__(*args)

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        url = urlsplit(self.path.removeprefix(self.prefix))
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        with self.forge.lock:
            self.forge.requests.append(f"{self.command} {url.path}")
            operation = find(self.command, url.path)
            objections = ["no such operation"]
            if operation:
                objections = list(operation.objections(query, content))
            fault, _, seconds = self.forge.next_fault(self.command, url.path).partition(" ")
        if objections or not operation:
            self.violation("request", objections)
            return
        if fault == SILENCE:
            self.keep_silent(float(seconds) if seconds else None)
        if fault in {SILENCE, CUT_BEFORE}:
            self.close_connection = True
            return
        is_whole = len(content) == length and fault != HALF_UPLOADED
        with self.forge.lock:
            answer = failed(fault, float(seconds or 1)) or self.answer(
                operation, query, content, is_whole=is_whole
            )
            if objections := list(operation.objections_to_answer(answer.status, answer.content)):
                self.violation(f"answer {answer.status}", objections)
                return
            self.forge.operations.add(operation.name)
        if fault == CUT_AFTER:
            self.close_connection = True
            return
        self.send(answer)

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815

    def answer(
        self, operation: Operation, query: dict[str, str], content: bytes, *, is_whole: bool
    ) -> Answer:
        """Do what is asked, or say why not."""
        path = urlsplit(self.path.removeprefix(self.prefix)).path
        try:
            call = Call(
                forge=self.forge,
                base=f"http://{self.headers['Host']}{self.prefix}",
                path=path,
                token=self.token(),
                arguments=operation.arguments(path, query),
                query=query,
                body=json.loads(content or b"{}") if operation.body else {},
                content=content,
                content_type=self.headers.get("Content-Type", ""),
                is_whole=is_whole,
            )
            return ANSWERS[operation.name](call)
        except Refusal as refusal:
            return refusal.answer

    def token(self) -> Token | None:
        """Return the token that came along."""
        secret = self.headers.get("Authorization", "").partition(" ")[2]
        if secret and secret not in self.forge.tokens:
            raise Refusal(401, "Bad credentials")
        return self.forge.tokens.get(secret)

    def violation(self, what: str, objections: list[str]) -> None:
        """Remember what the description doesn't allow, and answer so."""
        texts = [f"{self.command} {self.path}: {what}: {one}" for one in objections]
        self.forge.violations += texts
        self.send(Answer(status=500, content={"message": "; ".join(texts)}))

    def send(self, answer: Answer) -> None:
        """Answer; how much of the rate limit is left is told with everything."""
        content = b"" if answer.content is None else json.dumps(answer.content).encode()
        used = len(self.forge.requests)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(content)),
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(LIMIT - used),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(time.time()) + 60),
            "X-RateLimit-Resource": "core",
            **answer.headers,
        }
        with suppress(OSError):  # the other side may be gone
            self.send_response(answer.status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

    def keep_silent(self, seconds: float | None) -> None:
        """Say nothing until the other side gives up, or for so long."""
        self.connection.settimeout(seconds)
        with suppress(OSError):
            self.connection.recv(1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def failed(fault: str, seconds: float) -> Answer | None:
    """Return the answer that takes the place of the right one."""
    if fault.isdigit():
        return Refusal(int(fault), "Server Error").answer
    if fault == SECONDARY:
        refused = Refusal(403, SECONDARY_MESSAGE).answer
        return Answer(status=403, content=refused.content,
                      headers={"Retry-After": f"{seconds:.0f}"})  # fmt: skip
    if fault == PRIMARY:
        refused = Refusal(403, PRIMARY_MESSAGE).answer
        reset = str(int(time.time() + seconds))
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        return Answer(status=403, content=refused.content, headers=headers)
    return None
