"""A hundred and twenty wheels on their way to an index that goes wrong at random.

`nox -s torture -- --runs 120` sends them thirty times, `--seed S --only N` once more; the suite
does it once. The command is repeated, as a workflow's last job is, until all of it is published.
"""

from __future__ import annotations

import random
import re
import sys
import time
from itertools import repeat
from typing import TYPE_CHECKING

import pytest

from release.archives import sha256_of
from tests import faults as faults_of_the_index
from tests import forged
from tests.faults import LISTING, PASS, PROBE, UPLOAD, hostile
from tests.stage import FILES, PYPROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults import Proxy
    from tests.stage import Stage

SETTINGS = """
[tool.nox-release]
artifacts = ["*.tar.gz", "*-win*.whl", "*-macosx_*.whl"]
patience = 4
"""
PLATFORMS = ("win32", "win_amd64", "win_arm64", "macosx_11_0_arm64", "macosx_10_12_x86_64")
VERSION, SDIST, COUNT = "1.3.0", "acme-1.3.0.tar.gz", 121
METADATA = f"Metadata-Version: 2.4\nName: acme\nVersion: {VERSION}\n"
FAULTS = (
    *faults_of_the_index.BEFORE, *faults_of_the_index.AFTER, faults_of_the_index.SLOW, "500",
    "502", "503", "503 1", "429 1",
)  # fmt: skip
FINAL = ("503 60", "403", faults_of_the_index.REFUSE)  # the command gives up
MOST = 12  # times that it is repeated


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the builders of this platform and that have built, in one folder."""
    folder = tmp_path_factory.mktemp("many")
    project = PYPROJECT.replace("1.2.3", VERSION) + SETTINGS
    files = {name: text.encode() for name, text in {**FILES, "pyproject.toml": project}.items()}
    forged.sdist(
        folder, filename=SDIST, top=SDIST.removesuffix(".tar.gz"), files=files, metadata=METADATA
    )
    for minor in range(10, 34):
        for platform in PLATFORMS:
            tag = f"cp3{minor}-cp3{minor}-{platform}"
            forged.wheel(
                folder,
                filename=f"acme-{VERSION}-{tag}.whl",
                files={"acme.py": FILES["acme.py"].encode(), "data": tag.encode()},
                about=f"acme-{VERSION}.dist-info",
                metadata=METADATA,
                told=forged.WHEEL.replace("py3-none-any", tag),
            )
    return folder


def schedule(rng: random.Random, share: float) -> Iterator[str]:
    for _ in repeat(None):
        choice = FINAL if rng.random() < 0.02 else FAULTS
        yield rng.choice(choice) if rng.random() < share else PASS


def trouble(proxy: Proxy, rng: random.Random) -> None:
    """Let the index go wrong from now on, when nothing is on its way to it any more."""
    while proxy.busy:
        time.sleep(0.02)
    proxy.mend()
    shares = {PROBE: 0.05, UPLOAD: 0.15, LISTING: 0.05}
    proxy.faults = {kind: schedule(rng, share) for kind, share in shares.items()}


def publish(stage: Stage, plan: Path, dist: Path, proxy: Proxy, deadly: int) -> tuple[int, str]:
    """Publish in a process of its own, which is killed when more than `deadly` files arrived."""
    process = stage.fork("publish", "--plan", str(plan), "--dist", str(dist))
    while process.poll() is None:
        if len(proxy.uploads) > deadly:
            process.kill()
        time.sleep(0.02)
    out, err = process.communicate()
    return process.returncode or 0, out + err


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_every_file_arrives_once_and_the_sdist_last(
    stage: Stage,
    tmp_path: Path,
    dist: Path,
    upload_seed: str,
    record_property: Callable[[str, object], None],
) -> None:
    rng, plan = random.Random(upload_seed), tmp_path / "plan.json"  # noqa: S311
    deadly = rng.choice([rng.randrange(COUNT), COUNT])
    kills, log = 0, list[str]()
    stage.commit({"pyproject.toml": PYPROJECT + SETTINGS})
    before = stage.remote_refs()
    with hostile(stage.url) as proxy:
        stage.monkeypatch.setenv("TWINE_REPOSITORY_URL", proxy.url)
        assert stage.run("prepare", "minor", "--skip-tests", "--out", str(plan)).code == 0
        code = -1
        while code != 0 and len(log) < MOST:
            trouble(proxy, rng)
            code, said = publish(stage, plan, dist, proxy, deadly)
            log.append(said)
            if code == -9:
                deadly, kills = COUNT, 1
            assert code in {0, 1, 3, -9}, said
            assert "Traceback" not in said
            rows = [row for row in said.splitlines() if not row.startswith("  files ")]
            assert max(map(len, rows), default=0) < 1000, "nobody reads all names"
            assert stage.password not in said
    assert code == 0, "\n".join(log)
    books(stage, before, dist)
    faults = [one for one in proxy.requests if one.fault != PASS]
    assert {one.name: {sha256_of(one)} for one in dist.iterdir()} == proxy.taken()
    assert list(proxy.taken())[-1] == SDIST
    assert len(proxy.uploads) == COUNT, "what has arrived isn't sent again"
    record_property("files sent through faults", COUNT)
    record_property("faults survived", len(faults))
    record_property("kills survived", kills)
    record_property("commands repeated", len(log) - 1)


def books(stage: Stage, before: dict[str, str], dist: Path) -> None:
    """One commit, one tag, no intent; and the tag, the index and the builders have one account."""
    files = {one.name: sha256_of(one) for one in dist.iterdir()}
    assert {one.name: sha256_of(one) for one in stage.files.iterdir()} == files
    assert len(files) == COUNT
    refs = stage.remote_refs()
    assert refs.keys() == {*before, "refs/tags/v1.3.0"}
    rows = stage.git("cat-file", "-p", "v1.3.0", at=stage.remote)
    recorded = re.findall(r"^([0-9a-f]{64})  (\S+)$", rows, re.MULTILINE)
    assert {name: sha256 for sha256, name in recorded} == files
    subjects = stage.git("log", "--format=%s", "main", at=stage.remote).splitlines()
    assert subjects[0] == "Release 1.3.0"
    assert stage.git("rev-parse", "main^", at=stage.remote) == before["refs/heads/main"]
