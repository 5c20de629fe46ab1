"""A git remote over HTTP on this machine, with Basic authentication, that goes wrong as told."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

CREDENTIALS = "ada:canary-token"


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with requests: plain data, to be changed at any time."""

    kind: str  # "down" | "cut" (done, and answered by half) | "delay" | the status to answer
    where: str = ""  # a part of the request line, like "POST" or "service=git-upload-pack"
    skip: int = 0  # so many such requests pass first
    times: int = 1_000_000  # so many go wrong
    seconds: float = 0.0  # of a delay


@dataclass
class GitServer(ThreadingHTTPServer):
    """A bare repository, what goes wrong with it, and the requests that came."""

    repository: Path
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)  # requests that are being answered

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://{CREDENTIALS}@127.0.0.1:{self.server_port}/{self.repository.name}"

    def fault(self, request: str) -> Fault:
        self.seen.append(request)
        for fault in self.faults:
            if fault.where in request and fault.times > 0:
                fault.skip -= 1
                if fault.skip < 0:
                    fault.times -= 1
                    return fault
        return Fault(kind="")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # with an answer to `Expect: 100-continue`
    server: GitServer

    def do_GET(self) -> None:
        self.server.busy.append(self.requestline)
        try:
            self.handle_git()
        finally:
            self.server.busy.remove(self.requestline)

    def handle_git(self) -> None:
        fault, self.close_connection = self.server.fault(self.requestline), True
        time.sleep(fault.seconds)
        given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic "))
        with tempfile.TemporaryFile() as body:
            for part in self.parts():
                body.write(part)
            body.seek(0)
            if fault.kind.isdigit() or given.decode() != CREDENTIALS:
                status = fault.kind if fault.kind.isdigit() else "401"
                self.answer(status, {"WWW-Authenticate": "Basic", "Content-Length": "0"})
            elif fault.kind != "down":
                self.serve(body, is_cut=fault.kind == "cut")

    do_POST = do_GET  # noqa: N815

    def parts(self) -> Iterator[bytes]:
        """Read the request's body, chunked or not."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size + 2)[:-2]
        else:
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: str, headers: dict[str, str]) -> None:
        self.send_response(int(status.split(maxsplit=1)[0]))
        for key, value in {**headers, "Connection": "close"}.items():
            self.send_header(key, value)
        self.end_headers()

    def serve(self, body: IO[bytes], *, is_cut: bool) -> None:
        """Hand the request to `git http-backend`, a CGI program, and its answer on as it comes."""
        path, _, query = self.path.partition("?")
        env = {
            "GIT_PROJECT_ROOT": str(self.server.repository.parent), "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query,
            "CONTENT_LENGTH": str(os.fstat(body.fileno()).st_size), "REMOTE_USER": "ada",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        command, out = ["git", "http-backend"], subprocess.PIPE
        with subprocess.Popen(command, env=os.environ | env, stdin=body, stdout=out) as backend:
            output = cast("io.BufferedReader", backend.stdout)
            rows = [row.decode().strip() for row in iter(output.readline, b"\r\n")]
            headers = {"Status": "200", **dict(row.split(": ", 1) for row in rows)}
            self.answer(headers.pop("Status"), headers | {"Transfer-Encoding": "chunked"})
            while part := output.read1(1 << 16):
                sent = part[: len(part) // 2] if is_cut else part + b"\r\n"
                self.wfile.write(b"%x\r\n%b" % (len(part), sent))
            self.wfile.write(b"" if is_cut else b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def git_over_http(repository: Path) -> Iterator[GitServer]:
    """Serve a bare repository on a free port; its URL has the credentials in it."""
    with GitServer(repository) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
