"""A stateful stand-in for GitHub's REST API on this machine.

Every request and every answer is held to GitHub's own description; what differs is answered 500
and ends in `Forge.violations`, and with them in an AssertionError.

    forge = Forge()
    acme = forge.repository("acme/acme")
    forge.token("secret", pushes="acme/acme")
    acme.check_run("tests", sha)  # green; "failure", "in_progress", …
    acme.pull("Fix", labels=["release-blocker"], milestone="1.3.0")
    forge.fault("POST", "*/assets", HALF_UPLOADED)
    with serve(forge) as url:
        ...
    assert [one.tag_name for one in acme.releases if not one.draft] == ["v1.3.0"]
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.faults import serving
from tests.github.call import Answer, Call, Refusal, Request
from tests.github.description import find
from tests.github.forge import (
    CUT_AFTER,
    CUT_BEFORE,
    HALF_UPLOADED,
    PRIMARY,
    SECONDARY,
    SILENCE,
    TOO_MANY,
)
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
    wbufsize = -1  # head and content in one packet, or the other side is slow to acknowledge

    def __init__(self, forge: Forge, prefix: str, *args: Any) -> None:
        self.forge, self.prefix = forge, prefix
        super().__init__(*args)

    def do_GET(self) -> None:
        request, forge = self.read(), self.forge
        if "json" in request.content_type and not request.is_whole:
            return self.cut()  # whoever sends it was stopped in between
        with forge.lock:
            forge.requests.append(f"{request.method} {request.path}")
            forge.watch(forge.requests[-1])
            fault, _, seconds = forge.next_fault(request.method, request.path).partition(" ")
            operation = find(request.method, request.path)
        if not operation:
            return self.violation("request", ["no such operation"])
        if objections := [*operation.objections(request.query, request.content), *self.accepted()]:
            return self.violation("request", objections)
        if fault == SILENCE:
            self.keep_silent(float(seconds) if seconds else None)
        if fault in {SILENCE, CUT_BEFORE}:
            return self.cut()
        if fault == HALF_UPLOADED:
            request = replace(request, is_whole=False)
        with forge.lock:
            answer = failed(fault, float(seconds or 1)) or self.answer(operation, request)
        if objections := list(operation.objections_to_answer(answer.status, answer.content)):
            return self.violation(f"answer {answer.status}", objections)
        forge.operations.add(operation.name)
        return self.cut() if fault == CUT_AFTER else self.send(answer)

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815

    def read(self) -> Request:
        """Return the request with as much of its content as comes."""
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        url = urlsplit(self.path.removeprefix(self.prefix))
        return Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            content=content,
            content_type=self.headers.get("Content-Type", ""),
            is_whole=len(content) == length,
        )

    def accepted(self) -> Iterator[str]:
        """Yield what is wrong with the answer that is wished for."""
        wish = self.headers.get("Accept", "*/*")
        if "json" not in wish and "*/*" not in wish:
            yield f"the answer is described as JSON, not as {wish}"

    def answer(self, operation: Operation, request: Request) -> Answer:
        """Do what is asked, or say why not."""
        try:
            call = Call(
                forge=self.forge,
                base=f"http://{self.headers['Host']}{self.prefix}",
                request=request,
                token=self.token(),
                arguments=operation.arguments(request.path, request.query),
                body=json.loads(request.content or b"{}") if operation.body else {},
            )
            return ANSWERS[operation.name](call)
        except Refusal as refusal:
            return refusal.answer
        except Exception as error:  # noqa: BLE001
            return Answer(status=500, content=f"{type(error).__name__}: {error}")

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

    def cut(self) -> None:
        """End the connection without an answer."""
        self.close_connection = True

    def keep_silent(self, seconds: float | None) -> None:
        """Say nothing until the other side gives up, or for so long."""
        self.connection.settimeout(seconds)
        with suppress(OSError):
            self.connection.recv(1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def failed(fault: str, seconds: float) -> Answer | None:
    """Return the answer that takes the place of the right one."""
    reset = str(int(time.time() + seconds))
    exhausted = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    later = {"Retry-After": f"{seconds:.0f}"}
    answers = {
        SECONDARY: (403, SECONDARY_MESSAGE, later),
        PRIMARY: (403, PRIMARY_MESSAGE, exhausted),
        TOO_MANY: (429, PRIMARY_MESSAGE, exhausted),
    }
    if fault not in answers and not fault.isdigit():
        return None
    status, message, headers = answers.get(fault) or (int(fault), "Server Error", {})
    return replace(Refusal(status, message).answer, headers=headers)
