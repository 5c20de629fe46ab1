"""A proxy on this machine that goes wrong as told, in front of a real index.

Every request is of one kind, and takes the next fault from the schedule of its kind. A fault is
one of `FAULTS`, or a status to answer, which may be followed by a Retry-After: `503 120`.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import http.client
import re
import socket
import struct
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

KINDS = PROBE, UPLOAD, LISTING, DOWNLOAD = ("probe", "upload", "listing", "download")

PASS = "pass"
# The request never arrives:
REFUSE = "refuse"  # nobody listens from now on
DROP = "drop"  # the connection ends without an answer
RESET = "reset"  # … with RST, before the body
RESET_DURING = "reset-during"
RESET_AFTER = "reset-after"
SILENCE = "silence"
HELD = "held"  # it is kept back until `Proxy.gate` opens, and then dropped
LATE = "late"  # … and then arrives
SLOW = "slow"  # … for a second, and then arrives
LOGIN = "login"  # a page for people, with status 200
REDIRECT = "redirect"
ECHO = "echo"  # a refusal that repeats the credentials
# It arrives, and its answer …
LOSE = "lose"  # … is lost
CUT = "cut"  # … ends before its end
MUTE = "mute"  # … never comes
# It arrives, and its answer is …
SKEW = "skew"  # … of another year
GZIP = "gzip"
CHUNKED = "chunked"
STALE = "stale"  # … as it was before any upload came this way; for a listing
WRONG = "wrong"  # … one with other hashes; for a listing
BARE = "bare"  # … one without hashes; for a listing

BEFORE = (DROP, RESET, RESET_DURING, RESET_AFTER, SILENCE, LOGIN, REDIRECT)
AFTER = (LOSE, CUT, MUTE)
HARMLESS = (PASS, SLOW, SKEW, GZIP, CHUNKED)
FAULTS = (*BEFORE, *AFTER, *HARMLESS, REFUSE, STALE, WRONG, BARE, ECHO)
SAID = "because the test says so"
PAGE = "<!DOCTYPE html><title>Index</title><form>Who&#x27;s there? Log in &amp; try again</form>"

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came, and how it was treated; `filename` for an upload whose body was read."""

    kind: str
    path: str
    fault: str
    headers: Mapping[str, str]
    filename: str


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What the index got, and the status that it answered."""

    filename: str
    sha256: str
    status: int


class Proxy:
    """Stands before the index at `target`; `faults` has schedules by kind, at whose end all passes.

    `requests` has everything that came, `uploads` every file that the index got.
    """

    def __init__(self, target: str, faults: Mapping[str, Iterable[str]]) -> None:
        self.target = urlsplit(target)
        self.faults = {kind: iter(schedule) for kind, schedule in faults.items()}
        self.requests: list[Request] = []
        self.uploads: list[Upload] = []
        self.busy: list[str] = []  # the kinds of requests that are being answered
        self.gate = threading.Event()
        self.rewrite: Callable[[bytes], bytes] = lambda page: page
        self.headers: dict[str, str] = {}  # that the index's answers get
        self.lock = threading.Lock()
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.target.path}"

    def open(self) -> None:
        handler = type("Handler", (_Handler,), {"proxy": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def mend(self) -> None:
        """End all faults."""
        self.faults = {}
        if self.server.fileno() < 0:
            self.open()

    def next_fault(self, kind: str) -> str:
        with self.lock:
            return next(self.faults.get(kind, iter(())), PASS)

    def wait_for(self, kind: str) -> None:
        """Return when a request of this kind has come."""
        while all(request.kind != kind for request in self.requests):
            time.sleep(0.02)

    def sent(self) -> list[str]:
        """The names of the files that were sent, in order."""
        return [request.filename for request in self.requests if request.filename]

    def taken(self) -> dict[str, set[str]]:
        """The sha256 of everything that the index took, by name."""
        taken: dict[str, set[str]] = {}
        for one in self.uploads:
            if one.status < http.HTTPStatus.MULTIPLE_CHOICES:
                taken.setdefault(one.filename, set()).add(one.sha256)
        return taken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    proxy: Proxy

    def do_GET(self) -> None:
        self.handle_kind(LISTING if self.path.endswith("/") else DOWNLOAD)

    def do_POST(self) -> None:
        is_form = self.headers.get("Content-Type", "").startswith("multipart/")
        self.handle_kind(UPLOAD if is_form else PROBE)

    def handle_kind(self, kind: str) -> None:
        self.proxy.busy.append(kind)
        try:
            self.handle_request(kind)
        finally:
            self.proxy.busy.remove(kind)

    def handle_request(self, kind: str) -> None:
        self.close_connection = True
        fault = self.proxy.next_fault(kind)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read({RESET: 0, RESET_DURING: length // 2}.get(fault, length))
        filename, content = _content(body)
        request = Request(
            kind=kind, path=self.path, fault=fault, headers=dict(self.headers), filename=filename
        )
        self.proxy.requests.append(request)
        if fault == REFUSE:
            self.proxy.close()
        if fault in {HELD, LATE}:
            self.proxy.gate.wait(120)
        if fault == SLOW:
            time.sleep(1)
        if fault == SILENCE:
            self.keep_silent()
        elif fault == REFUSE or fault.startswith(RESET):
            self.reset()
        elif fault == ECHO:
            self.say((403, {"Content-Type": "text/plain"}, self.headers["Authorization"].encode()))
        elif own := _own_answer(fault):
            self.say(own)
        elif fault not in {DROP, HELD}:
            answer = self.ask(body, fault)
            if filename:
                sha256 = hashlib.sha256(content).hexdigest()
                stored = Upload(filename=filename, sha256=sha256, status=answer[0])
                self.proxy.uploads.append(stored)
            self.tell(answer, fault)

    def ask(self, body: bytes, fault: str) -> Answer:
        """Pass the request on, and return the index's answer."""
        headers = dict(self.headers)
        del headers["Accept-Encoding"]
        if fault in {STALE, WRONG, BARE}:
            headers["Accept"] = "text/html"
        connection = http.client.HTTPConnection(self.proxy.target.netloc, timeout=30)
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        content = self.proxy.rewrite(answer.read())
        connection.close()
        kept = {"Content-Type": answer.getheader("Content-Type", "text/plain")}
        return answer.status, {**kept, **self.proxy.headers}, content

    def tell(self, answer: Answer, fault: str) -> None:
        """Hand the index's answer back, as the fault wants it."""
        status, headers, content = answer
        if fault == LOSE:
            self.reset()
        elif fault == MUTE:
            self.keep_silent()
        elif fault == CUT:
            self.say((status, {**headers, "Content-Length": str(len(content) + 100)}, content))
        elif fault == SKEW:
            self.say((status, {**headers, "Date": "Fri, 01 Jan 1999 00:00:00 GMT"}, content))
        elif fault == GZIP:
            self.say((status, {**headers, "Content-Encoding": "gzip"}, gzip.compress(content)))
        elif fault == CHUNKED:
            chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
            self.say((status, {**headers, "Transfer-Encoding": "chunked"}, chunks))
        elif fault == STALE:
            names = {one.filename for one in self.proxy.uploads}
            self.say(_without(names, answer))
        elif fault == WRONG:
            self.say((status, headers, re.sub(rb"(?<=sha256=)\w+", b"0" * 64, content)))
        elif fault == BARE:
            self.say((status, headers, re.sub(rb"#sha256=\w+", b"", content)))
        else:
            self.say(answer)

    def say(self, answer: Answer) -> None:
        status, headers, content = answer
        self.send_response_only(status, SAID if content == PAGE.encode() else None)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            if name != "Content-Length" or "Transfer-Encoding" not in headers:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def reset(self) -> None:
        """End the connection with RST."""
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        socket.close(self.connection.detach())

    def keep_silent(self) -> None:
        """Wait until the other side gives up."""
        with suppress(OSError):
            while self.connection.recv(1 << 16):
                pass

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _content(body: bytes) -> tuple[str, bytes]:
    """The name and the bytes of the file in an upload form; both empty where there is none."""
    boundary = re.escape(body.partition(b"\r\n")[0])
    part = rb'name="content"; filename="([^"]+)".*?\r\n\r\n(.*?)\r\n' + boundary
    match = re.search(part, body, re.DOTALL)
    return (match[1].decode(), match[2]) if match else ("", b"")


def _own_answer(fault: str) -> Answer | None:
    """What the proxy answers by itself."""
    page = {"Content-Type": "text/html"}
    status, _, retry_after = fault.partition(" ")
    if fault == LOGIN:
        return 200, page, PAGE.encode()
    if fault == REDIRECT:
        return 302, {**page, "Location": "/login?next=here"}, PAGE.encode()
    if status.isdigit():
        later = {"Retry-After": retry_after} if retry_after else {}
        return int(status), {**page, **later}, PAGE.encode()
    return None


def _without(names: set[str], listing: Answer) -> Answer:
    """A listing without some files; a project without files is unknown."""
    status, headers, content = listing
    for name in names:
        content = re.sub(rb"<a [^>]*>\s*" + re.escape(name.encode()) + rb"\s*</a>", b"", content)
    return (status, headers, content) if b"<a " in content else (404, headers, b"")


@contextmanager
def hostile(target: str, **faults: Iterable[str]) -> Iterator[Proxy]:
    """Stand a proxy before `target`; each keyword is a kind of request with its faults."""
    proxy = Proxy(target, faults)
    try:
        yield proxy
    finally:
        proxy.mend()
        proxy.close()


@contextmanager
def faulty(target: str, faults: list[str], seen: list[str] | None = None) -> Iterator[str]:
    """Forward to `target`; each upload takes the next of `faults` away, then all pass.

    `seen` gets the names of the files in the order in which they came.
    """
    schedule = (faults.pop(0) for _ in iter(lambda: len(faults), 0))
    with hostile(target, upload=schedule) as proxy:
        yield proxy.url
        if seen is not None:
            seen.extend(proxy.sent())


@contextmanager
def yanking(target: str, prefix: str, reason: str) -> Iterator[str]:
    """Forward to `target`, and list some files as yanked (PEP 592), which pypiserver can't."""
    with hostile(target) as proxy:
        proxy.rewrite = partial(yanked, prefix, reason)
        yield proxy.url


def yanked(prefix: str, reason: str, page: bytes) -> bytes:
    """A listing in which the files whose names begin like this are yanked."""
    mark = f' data-yanked="{html.escape(reason)}">{prefix}'
    return page.replace(f">{prefix}".encode(), mark.encode())


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with `handler` on a free port of this machine, and yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
