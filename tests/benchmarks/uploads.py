"""Many files to an index that is far away, few to one that is near, and a large one in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.benchmarks.turns import Measured, Run, Turns, table
from tests.test_uploads import Sink, sink, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROUND_TRIP, THINKING = 0.05, 0.1  # seconds
MANY, SIZE = 64, 200_000  # wheels, and bytes of each
LARGE = 500 << 20
# As every release has before, this process has asked the index for its listing and credentials.
OURS = """
import resource, sys, time
from pathlib import Path
from release.index import Index
from tests.test_uploads import send
url, *paths = sys.argv[1:]
if url.endswith("#warm"):
    url = url.removesuffix("#warm")
    index = Index(repository=url, credentials=("ada", "secret"))
    index.check_credentials()
    index.files("acme")
idle, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
send(url, [Path(path) for path in paths], 16)
print(time.perf_counter() - began)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle)
"""
FAR = f"{MANY} wheels, far away: "


class Slow(Sink):
    """An index with a round trip for each connection and each request, that thinks as long."""

    delay = ROUND_TRIP + THINKING
    handshake = ROUND_TRIP


def measure(_cache: Path, turns: Turns) -> dict[str, Measured]:
    many = 4 if turns.is_quick else MANY
    with TemporaryDirectory() as folder, far() as slow, sink() as near:
        place = Path(folder)
        wheels = [wheel(place, number, SIZE) for number in range(many)]
        things = ways(FAR, slow, wheels)
        for count in (1, 2):
            things |= ways(f"{count} near: ", near, wheels[:count])
        return turns.take(things)


@contextmanager
def far() -> Iterator[Sink]:
    with sink(Slow) as server:
        yield server


def ways(title: str, server: Sink, paths: Sequence[Path]) -> dict[str, Callable[[], object]]:
    """Ours as a process, ours as a part of a release, and the peers, as processes."""
    files = [str(path) for path in paths]
    own = [sys.executable, "-c", OURS]
    twine = [sys.executable, "-I", "-m", "twine", "upload", "--disable-progress-bar"]
    uv = [shutil.which("uv") or "uv", "publish", "--quiet", "--publish-url", server.url]
    alone = {f"{title}**as a process**": partial(call, server, [*own, server.url, *files])}
    return {
        f"{title}**as in a release**": partial(stage, server, [*own, f"{server.url}#warm", *files]),
        **(alone if title == FAR else {}),
        f"{title}twine upload": partial(call, server, [*twine, "--repository-url", server.url,
                                                      "-u", "ada", "-p", "secret", *files]),
        f"{title}uv publish": partial(call, server, [*uv, "-u", "ada", "-p", "secret", *files]),
    }  # fmt: skip


def call(server: Sink, argv: Sequence[str]) -> str:
    server.files.clear()
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        argv, env={**env, "NO_PROXY": "127.0.0.1"}, cwd=root, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    sent = [word for word in argv if word.endswith(".whl")]
    assert {*server.files} == {Path(path).name for path in sent}
    return done.stdout


def stage(server: Sink, argv: Sequence[str]) -> Run:
    """Count only the seconds that uploading took in that process."""
    return Run(wall=float(call(server, argv).split()[0]), cpu=0)


def memory() -> int:
    """Return how many MiB a process needs above idle to send a large wheel."""
    with TemporaryDirectory() as folder, sink() as near:
        path = wheel(Path(folder), 17, LARGE)
        said = call(near, [sys.executable, "-c", OURS, f"{near.url}#warm", str(path)])
    return int(said.split()[1]) >> 10


def show(measured: Mapping[str, Measured]) -> str:
    rows = []
    for title in (FAR, "1 near: ", "2 near: "):
        group = {name: one for name, one in measured.items() if name.startswith(title)}
        peers = {word: f"{title}{word}" for word in ("twine upload", "uv publish")}
        rows.append(table(group, {f"to {word}": name for word, name in peers.items()}))
    began = time.perf_counter()
    mib, seconds = memory(), time.perf_counter() - began
    return "\n\n".join(
        [*rows, f"a wheel of {LARGE >> 20} MiB: {mib} MiB above idle, {seconds:.1f} s"]
    )
