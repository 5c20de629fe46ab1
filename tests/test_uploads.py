"""Many files, and large ones: as many at once as configured, over kept connections, in pieces."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from release.abandon import SETTLE, settling
from release.archives import sha256_of
from release.console import Console
from release.index import Index
from release.intent import IntentRef
from release.landing import FRESH
from release.plan import Distribution
from release.steps import take, uploads
from release.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIST_INFO = "acme-1.0.dist-info"
METADATA = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"


def wheel(folder: Path, number: int, size: int = 10) -> Path:
    """A wheel for one platform; its one data file is stored as it is."""
    path = folder / f"acme-1.0-cp311-cp311-manylinux_2_{number}_x86_64.whl"
    files = {f"{DIST_INFO}/METADATA": METADATA, f"{DIST_INFO}/WHEEL": b"Wheel-Version: 1.0\n"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        with archive.open("acme.bin", "w") as member:
            for _ in range(size >> 20):
                member.write(bytes(1 << 20))
        digest = base64.urlsafe_b64encode(hashlib.sha256(METADATA).digest()).rstrip(b"=").decode()
        archive.writestr(f"{DIST_INFO}/RECORD", f"{DIST_INFO}/METADATA,sha256={digest},\n")
    return path


@dataclass
class Sink(ThreadingHTTPServer):
    """An index that keeps names and hashes only, and connections open."""

    files: dict[str, str] = field(default_factory=dict)
    connections: set[tuple[str, int]] = field(default_factory=set)  # with an upload
    busy: list[str] = field(default_factory=list)
    together: list[int] = field(default_factory=list)  # how many were busy as each one came
    delay = 0.0  # seconds before each answer
    handshake = 0.0  # seconds before the first request of a connection

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Sink

    def setup(self) -> None:
        super().setup()
        time.sleep(self.server.handshake)

    def do_POST(self) -> None:
        sink, left, digest = self.server, int(self.headers["Content-Length"]), None
        head = b""
        name, end = "", b""
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            left -= len(piece)
            if digest is None:
                head += piece
                if not (found := re.search(rb'filename="([^"]+)".*?\r\n\r\n', head, re.DOTALL)):
                    continue
                name, digest, piece = found[1].decode(), hashlib.sha256(), head[found.end() :]
            end += piece
            digest.update(end[:-1000])
            end = end[-1000:]
        if digest is None:
            return self.answer(400)
        digest.update(end[: end.rindex(b"\r\n--")])
        sink.connections.add(self.client_address)
        sink.busy.append(name)
        sink.together.append(len(sink.busy))
        time.sleep(self.server.delay)
        sink.busy.remove(name)
        sink.files[name] = digest.hexdigest()
        return self.answer(200)

    def do_GET(self) -> None:
        time.sleep(self.server.delay)
        files = [
            {"filename": name, "url": name, "hashes": {"sha256": sha256}}
            for name, sha256 in self.server.files.items()
        ]
        page = {"meta": {"api-version": "1.0"}, "name": "acme", "files": files}
        self.answer(200 if files else 404, json.dumps(page).encode())

    def answer(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def sink(kind: type[Sink] = Sink) -> Iterator[Sink]:
    with kind() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


class Late(Sink):
    """Takes its time, so that others come meanwhile."""

    delay = 0.1


def send(url: str, paths: list[Path], at_once: int) -> None:
    index = Index(repository=url, credentials=("ada", "secret"), uploads=at_once)
    git: Any = None  # the intent isn't asked
    world = World(git=git, index=index, intent=IntentRef(git=git, name="refs/release/intent"))
    files = [
        Distribution(filename=path.name, sha256=sha256_of(path), size=path.stat().st_size)
        for path in paths
    ]
    package = cast("Any", SimpleNamespace(name="acme", folder=""))
    for step in uploads(package, files, paths[0].parent, world):
        take(step, Console(as_json=True))


@pytest.mark.parametrize("at_once", [1, 4])
def test_files_are_sent_over_few_connections(tmp_path: Path, at_once: int) -> None:
    paths = [wheel(tmp_path, number) for number in range(10)]
    with sink(Late) as server:
        send(server.url, paths, at_once)
    assert next(iter(server.files)) == paths[0].name
    assert server.files == {path.name: sha256_of(path) for path in paths}
    assert len(server.connections) == at_once
    assert server.together[0] == 1
    assert max(server.together) == at_once


@pytest.mark.parametrize(("patience", "seconds"), [(1, 2 * FRESH), (5, 5), (600, SETTLE)])
def test_whoever_gives_a_release_up_waits_longer_than_it_is_believed(
    patience: int, seconds: float
) -> None:
    assert settling(patience) == seconds > FRESH


def test_threads_share_what_remembers_a_password() -> None:
    for _ in range(20):
        index, barrier = Index(repository="http://127.0.0.1:9/"), threading.Barrier(4)

        def settings(index: Index = index, barrier: threading.Barrier = barrier) -> object:
            barrier.wait()
            return index._settings  # noqa: SLF001 - what asks, and nothing else does

        with ThreadPoolExecutor(max_workers=4) as pool:
            asked = [pool.submit(settings) for _ in range(4)]
        assert len({id(one.result()) for one in asked}) == 1


LARGE = """
import sys
from pathlib import Path
from tests.test_uploads import send, sink
def peak():
    status = Path("/proc/self/status").read_text()
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmHWM"))
import release.upload, pypi_simple
before = peak()
send(sys.argv[1], [Path(sys.argv[2])], 1)
print((peak() - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_large_file_is_not_held_in_memory(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = wheel(tmp_path, 17, 100 << 20)
    with sink() as server:
        argv = [sys.executable, "-c", LARGE, server.url, str(path)]
        done = subprocess.run(
            argv, cwd=request.config.rootpath, check=True, capture_output=True, text=True
        )
    assert server.files == {path.name: sha256_of(path)}
    assert int(done.stdout) < 50, "MiB above idle"
