"""A proxy on this machine that goes wrong as told, in front of a real index."""

from __future__ import annotations

import http.client
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

PASS = "pass"
LOSE = "lose"  # the index takes the request, and its answer gets lost
DROP = "drop"  # the request never arrives


class _Handler(BaseHTTPRequestHandler):
    target: str
    faults: list[str]
    seen: list[str]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.forward(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if b'name="content"' in body:
            self.seen.extend(re.findall(r'name="content"; filename="([^"]+)"', str(body)))
        fault = self.faults.pop(0) if self.faults and b'name="content"' in body else PASS
        if fault.isdigit():
            self.send_error(int(fault), "because the test says so")
        elif fault == PASS:
            self.forward(body)
        else:
            if fault == LOSE:
                self.ask(body)
            self.close_connection = True

    def ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=30)
        connection.request(self.command, self.path, body or None, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def forward(self, body: bytes) -> None:
        answer, content = self.ask(body)
        self.send_response(answer.status, answer.reason)
        self.send_header("Content-Type", answer.getheader("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def faulty(
    target: str,
    faults: list[str],
    seen: list[str] | None = None,
    asked: list[str] | None = None,
) -> Iterator[str]:
    """Forward to `target`; each upload takes the next of `faults`, a name or a status to answer.

    Uploads are POST requests with a file; when `faults` is empty all pass. `seen` gets the names
    of the files in the order in which they came, `asked` the paths of GET requests.
    """
    own = {"target": target, "faults": faults, "seen": [] if seen is None else seen}
    own |= {"asked": [] if asked is None else asked}
    handler = type("Handler", (_Handler,), own)
    with serving(handler) as url:
        yield url


@contextmanager
def yanking(target: str, prefix: str, reason: str) -> Iterator[str]:
    """Forward to `target`, and list some files as yanked (PEP 592), which pypiserver can't."""

    class Yanking(_Handler):
        def ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
            answer, content = super().ask(body)
            mark = f' data-yanked="{reason}">{prefix}'.encode()
            return answer, content.replace(f">{prefix}".encode(), mark)

    with serving(type("Handler", (Yanking,), {"target": target, "asked": []})) as url:
        yield url


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with `handler` on a free port of this machine, and yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
