"""A hostile index: whatever it does, a release ends done, or unfinished and then done, never else.

Most releases here begin with a plan that was proven once; the same code carries it out. They are
finished by the command line, which builds what the index lacks.
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler
from itertools import chain, cycle, product, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from release import ReleaseError, Unfinished
from release.console import Console
from release.git import Git
from release.index import Conflict, Index, IndexUnreadable
from release.landing import FRESH, Watch
from release.plan import Distribution, Plan, Said
from release.project import Project
from release.publish import carry_out, finish, prepare, prove
from release.rehearsal import USER, serve
from release.steps import steps
from release.version import Bump
from release.world import World, environment, secret_values
from tests.faults import (
    AFTER,
    BARE,
    BEFORE,
    CHUNKED,
    CUT,
    DOWNLOAD,
    DROP,
    ECHO,
    GZIP,
    LISTING,
    LOGIN,
    LOSE,
    MUTE,
    PASS,
    REDIRECT,
    REFUSE,
    RESET,
    RESET_AFTER,
    SILENCE,
    SKEW,
    STALE,
    UPLOAD,
    WRONG,
    hostile,
    serving,
)  # fmt: skip
from tests.stage import BACKEND, PYPROJECT, QUICK, QUICK_FILES, Result, laid_out, with_backend
from tests.test_resume import UNREPRODUCIBLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults import Proxy
    from tests.stage import Stage

WHEEL, SDIST = FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
REFS = ["refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"]
INTENT = "refs/release/intent"
# What carrying out a plan asks of the listing: before the first upload, before the second, and in
# the end, twice.
FIRST, LATER, SEEN = 2, 3, 5


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with little patience, and beside it a proven plan with its files."""
    folder = tmp_path_factory.mktemp("proven")
    files = {**QUICK_FILES, "pyproject.toml": f"{QUICK}patience = 1\n"}
    git = Git(root=laid_out(folder, files), env=environment())
    (folder / "dist").mkdir()
    (folder / "index").mkdir()
    with serve(folder / "index") as (url, password):
        index = Index(repository=url, credentials=(USER, password))
        world = replace(world_of(git), index=index)
        sample = Project.at(git, "HEAD")
        facts = world.facts(sample)
        draft = prepare(Bump.parse("minor"), [(sample, facts)], world, Said(skip_tests=True))
        plan = prove(draft, [sample], world, Console(as_json=True), folder / "dist")
    (folder / "plan.json").write_text(plan.to_json(), encoding="utf-8")
    return folder


def world_of(git: Git, url: str = "http://127.0.0.1:9/") -> World:
    project = Project.at(git, "HEAD")
    return World.of(git, project.config, repository=url)


def begin(stage: Stage, proxy: Proxy, *, is_begun: bool = False) -> Result:
    """Carry out the proven plan on the index behind `proxy`, as the command line does."""
    plan = Plan.from_json((stage.clone.parent / "plan.json").read_bytes())
    world = world_of(Git(root=stage.clone, env=environment()), proxy.url)
    dist = stage.clone.parent / "dist"
    stage.capture()
    console = Console(secrets=[*secret_values(), *world.index.secrets()])
    code = 0
    try:
        if is_begun:
            intent = world.intent.read(stage.remote_refs()[INTENT])
            finish(intent.plan, steps(Watch(intent=intent, world=world), dist), console)
        else:
            carry_out(replace(plan, repository=proxy.url), world, console, dist)
    except ReleaseError as error:
        console.problems(error)
        code = error.exit_code
    captured = stage.capture()
    result = Result(code, captured.out, captured.err)
    holds(stage, proxy, result)
    return result


def command(stage: Stage, proxy: Proxy, *args: str, at: Path | None = None) -> Result:
    """Type a command that publishes to the index behind `proxy`."""
    result = stage.run("publish", *args, "--repository", proxy.url, at=at)
    holds(stage, proxy, result)
    return result


def again(stage: Stage, proxy: Proxy) -> Result:
    return command(stage, proxy, "minor", "--skip-tests")


def holds(stage: Stage, proxy: Proxy, done: Result) -> None:
    """Assert what is true at every moment: done, unfinished, or as if nothing had been."""
    assert stage.password not in done.out + done.err
    assert "Traceback" not in done.out + done.err
    assert stage.git("status", "--porcelain") == ""
    for name, hashes in proxy.taken().items():
        assert len(hashes) == 1, f"{name} was taken twice"
    refs = sorted(stage.remote_refs())
    if done.code == 0 and "abandoned" not in done.out:
        is_complete(stage)
    elif done.code == 3:
        assert refs == [REFS[0], INTENT, REFS[1]]
        assert done.err.startswith("✗ "), done.err
        assert "nox -s publish_release -- --" in done.err
    else:
        assert done.code in {0, 1}, done.err
        assert (refs, stage.published()) == (REFS[:2], []), done.err


def is_complete(stage: Stage) -> None:
    """Assert the end of a release: the planned files, one commit, one tag, no intent."""
    assert sorted(stage.remote_refs()) == REFS
    there = {name: (stage.files / name).read_bytes() for name in stage.published()}
    rows = [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in there.items()]
    message = stage.git("cat-file", "tag", "v1.3.0", at=stage.remote)
    assert sorted(there) == FILES
    assert sorted(message.split("\n\n")[-1].splitlines()) == sorted(rows)
    subjects = stage.git("log", "--format=%s", "main", at=stage.remote).splitlines()
    assert (subjects[0], subjects.count("Release 1.3.0")) == ("Release 1.3.0", 1)
    commit = stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote)
    assert commit == stage.remote_refs()["refs/heads/main"]


def finishes(stage: Stage, proxy: Proxy) -> None:
    """Assert that the release can be finished once the index behaves."""
    proxy.mend()
    done = again(stage, proxy)
    assert done.code == 0, done.err
    assert stage.git("describe") == "v1.3.0"


def unfinished(stage: Stage, proxy: Proxy, *words: str) -> None:
    """Assert that the release ends unfinished, saying why, and is finished later."""
    done = begin(stage, proxy)
    assert done.code == 3, done.out + done.err
    for word in words:
        assert word in done.err
    if stage.published() == FILES:
        finishes(stage, proxy)
    else:  # the command would build again, which takes its time
        proxy.mend()
        assert begin(stage, proxy, is_begun=True).code == 0


def at(number: int, *faults: str) -> Iterator[str]:
    """Schedule faults from the request with this number on."""
    return chain(repeat(PASS, number), faults)


def always(fault: str, after: int = 0) -> Iterator[str]:
    return chain(repeat(PASS, after), repeat(fault))


LATER_TODAY = formatdate(time.time() + 7200, usegmt=True)
NEXT_YEAR = formatdate(time.time() + 366 * 86400, usegmt=True)
LONG_AGO = "Fri, 01 Jan 1999 00:00:00 GMT"


# Uploads


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        *product([*BEFORE, *AFTER], [0, 1]),
        *product(["500", "502", "503", "429 1", f"503 {LONG_AGO}", "503 soon"], [1]),
        *product([SKEW, GZIP, CHUNKED], [1]),
    ],
)
def test_an_upload_that_goes_wrong_once_is_made_good(stage: Stage, fault: str, number: int) -> None:
    begun = time.monotonic()
    with hostile(stage.url, upload=at(number, fault)) as proxy:
        done = begin(stage, proxy)
    assert done.code == 0, done.err
    assert time.monotonic() - begun < 30, "silence ends with patience"
    asked = [request.kind for request in proxy.requests]
    sent = asked.index(UPLOAD) if number == 0 else len(asked) - asked[::-1].index(UPLOAD) - 1
    assert asked[sent + 1] == LISTING, "the index is asked before anything is sent again"
    if fault in AFTER:
        assert proxy.sent() == FILES, "what has arrived isn't sent again"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (DROP, "closed connection without response"),
        (RESET_AFTER, "reset by peer"),
        (SILENCE, "(read timeout=1)"),
        (REDIRECT, "302 because the test says so (Who's there? Log in & try again) to /login"),
        (LOGIN, "200 because the test says so (Who's there? Log in & try again)"),
        ("503", "503 because the test says so (Who's there? Log in & try again)"),
    ],
)
def test_an_index_that_takes_no_files_leaves_the_release_unfinished(
    stage: Stage, fault: str, words: str
) -> None:
    with hostile(stage.url, upload=always(fault)) as proxy:
        unfinished(stage, proxy, words)


def test_an_index_that_is_gone_leaves_the_release_unfinished(stage: Stage) -> None:
    with hostile(stage.url, upload=at(1, REFUSE)) as proxy:
        done = begin(stage, proxy)
        assert done.code == 3
        assert "can't be read: Connection refused" in done.err
        assert f"sending {SDIST}" in done.err
        proxy.mend()
        done = command(stage, proxy, "--resume", at=stage.other_clone())
        assert done.code == 0, done.err


@pytest.mark.parametrize(
    "wanted", ["86400", LATER_TODAY, NEXT_YEAR, "9" * 30], ids=["86400", "today", "year", "long"]
)
def test_an_index_that_asks_for_a_long_pause_is_left_alone(stage: Stage, wanted: str) -> None:
    with hostile(stage.url, upload=always(f"429 {wanted}")) as proxy:
        begun = time.monotonic()
        done = begin(stage, proxy)
        assert time.monotonic() - begun < 10
        assert done.code == 3
        assert "429 because the test says so" in done.err
        assert "the index wants to be asked again at 20" in done.err
        assert proxy.sent() == [WHEEL]


def test_a_short_pause_is_made(stage: Stage) -> None:
    file = stage.clone.parent / "dist" / WHEEL
    plan = Plan.from_json((stage.clone.parent / "plan.json").read_bytes())
    with hostile(stage.url, upload=["429 2"], listing=at(1, "503 2")) as proxy:
        index = Index(repository=proxy.url, patience=3)
        begun = time.monotonic()
        index.upload(file, "acme", plan.distributions[0], lambda _: None)
        assert time.monotonic() - begun > 2
        begun = time.monotonic()
        assert index.files("acme")
        assert time.monotonic() - begun > 2


@pytest.mark.parametrize("fault", ["400", "401", "403", "409"])
def test_a_refused_first_file_leaves_nothing(stage: Stage, fault: str) -> None:
    before = stage.state()
    with hostile(stage.url, upload=[fault]) as proxy:
        done = begin(stage, proxy)
    assert done.code == 1
    assert f"didn't take {WHEEL}: {fault} because the test says so" in done.err
    assert stage.state() == before


@pytest.mark.parametrize("fault", ["400", "403"])
def test_a_refused_later_file_leaves_the_release_unfinished(stage: Stage, fault: str) -> None:
    with hostile(stage.url, upload=at(1, fault)) as proxy:
        done = begin(stage, proxy)
        assert done.code == 3
        assert f"didn't take {SDIST}: {fault} because the test says so" in done.err
        finishes(stage, proxy)


def test_credentials_that_the_index_repeats_are_not_shown(stage: Stage) -> None:
    with hostile(stage.url, upload=[ECHO]) as proxy:
        done = begin(stage, proxy)
    assert "403 Forbidden (Basic ***)" in done.err


def test_a_page_for_people_is_no_success(stage: Stage) -> None:
    with hostile(stage.url, upload=[LOGIN]) as proxy:
        assert begin(stage, proxy).code == 0
    assert proxy.sent() == [WHEEL, WHEEL, SDIST]
    assert list(proxy.taken()) == FILES, "nobody finds the sdist alone"


class Paths(BaseHTTPRequestHandler):
    """An index that lists a file whose name leads elsewhere."""

    def do_GET(self) -> None:
        page = b'<a href="x.whl#sha256=00">acme-1.3.0-py3-none-any/../../x.whl</a>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


def test_a_file_whose_name_is_a_path_is_not_believed() -> None:
    with serving(Paths) as url, pytest.raises(IndexUnreadable, match="a path for a name"):
        Index(repository=url, index_url=url, credentials=(USER, "x")).files("acme")


@pytest.mark.parametrize("answer", ["200", "400", "409"])
def test_an_index_may_answer_the_same_file_again_as_it_likes(stage: Stage, answer: str) -> None:
    faults = {"upload": [LOSE, answer], "listing": at(FIRST, STALE)}
    with hostile(stage.url, **faults) as proxy:
        assert begin(stage, proxy).code == 0
    assert proxy.sent() == [WHEEL, WHEEL, SDIST]


def test_a_refusal_after_a_lost_answer_proves_nothing(stage: Stage) -> None:
    """The first file was taken, and isn't listed yet."""
    with hostile(stage.url, upload=[LOSE, "400"], listing=always(STALE)) as proxy:
        unfinished(stage, proxy, f"sending {WHEEL} to", f"then {proxy.url} didn't take {WHEEL}")


# Listings


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        *product(["503 1", RESET, SILENCE], [0, FIRST - 1, LATER - 1, SEEN - 1]),
        *product(["500", "429", DROP, CHUNKED, GZIP, SKEW], [LATER - 1]),
    ],
)
def test_a_listing_that_goes_wrong_once_is_read_again(
    stage: Stage, fault: str, number: int
) -> None:
    with hostile(stage.url, listing=at(number, fault)) as proxy:
        assert begin(stage, proxy).code == 0
    listings = [request for request in proxy.requests if request.kind == LISTING]
    assert all(request.headers["Cache-Control"] == "no-cache" for request in listings)


@pytest.mark.parametrize(
    ("fault", "number", "words"),
    [
        ("503", LATER - 1, "can't be read: 503 because the test says so"),
        ("502", SEEN - 2, "can't be read: 502"),
        ("429 86400", FIRST, "the index wants to be asked again at 20"),
        (CUT, 0, "more expected"),
        (CUT, FIRST - 1, "more expected"),
        (LOGIN, LATER - 1, "answers with a page that lists no files"),
        (LOGIN, SEEN - 2, "set `index-url`"),
        (SILENCE, SEEN - 2, "(read timeout=1)"),
        (WRONG, LATER, "unless it is mistaken, this release can't be finished"),
        (WRONG, SEEN - 2, f"has another {WHEEL}: its sha256 is 000"),
        (STALE, 0, "indexes lag"),
    ],
)
def test_a_listing_that_stays_wrong_leaves_the_release_unfinished(
    stage: Stage, fault: str, number: int, words: str
) -> None:
    with hostile(stage.url, listing=always(fault, after=number)) as proxy:
        unfinished(stage, proxy, words)


@pytest.mark.parametrize("fault", [CUT, LOGIN])
def test_bad_pages_while_waiting_are_waited_out(stage: Stage, fault: str) -> None:
    with hostile(stage.url, listing=at(SEEN - 2, STALE, fault, fault)) as proxy:
        assert begin(stage, proxy).code == 0


def test_a_listing_that_lags_is_waited_for(stage: Stage) -> None:
    with hostile(stage.url, listing=repeat(STALE, SEEN)) as proxy:
        done = begin(stage, proxy)
    assert done.code == 0
    assert done.out.count("    waiting until ") == 1
    assert f"UTC: {proxy.url}simple/ doesn't list {WHEEL}, {SDIST}\n" in done.out


def test_waiting_is_told_about_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().step("Wait") as line:
        line.wait("waiting until noon")
        line.wait("waiting until noon")
    assert capsys.readouterr().out.count("waiting until noon") == 1


def test_a_terminal_shows_what_is_waited_for(stage: Stage) -> None:
    pytest.importorskip("pty", reason="there are no pseudo-terminals on Windows")
    from tests.test_console import on_a_terminal

    with hostile(stage.url, listing=repeat(STALE, SEEN + 2)) as proxy:
        command = ["publish", "minor", "--skip-tests", "--repository", proxy.url]
        code, shown = on_a_terminal(stage, "y", *command)
    assert code == 0, shown
    assert "See every file on the index  waiting until" in shown


def test_a_listing_is_believed_when_it_says_so_twice(stage: Stage) -> None:
    with hostile(stage.url, listing=at(SEEN - 2, PASS, STALE, PASS, PASS)) as proxy:
        assert begin(stage, proxy).code == 0
    assert [one.kind for one in proxy.requests].count(LISTING) >= SEEN + 2


def test_a_listing_that_flaps_is_neither_believed_nor_waited_for_forever(stage: Stage) -> None:
    with hostile(stage.url, listing=chain(repeat(PASS, SEEN - 2), cycle([PASS, STALE]))) as proxy:
        unfinished(stage, proxy, "doesn't list acme-1.3.0")


@pytest.mark.parametrize("fault", [PASS, "503 1", RESET, GZIP])
def test_where_a_listing_has_no_hashes_the_files_are_read(stage: Stage, fault: str) -> None:
    with hostile(stage.url, listing=repeat(BARE, 50), download=[fault]) as proxy:
        assert begin(stage, proxy).code == 0
    assert DOWNLOAD in [request.kind for request in proxy.requests]


@pytest.mark.parametrize(("fault", "words"), [(CUT, "more expected"), ("404", "404 because")])
def test_files_that_cannot_be_read_leave_the_release_unfinished(
    stage: Stage, fault: str, words: str
) -> None:
    with hostile(stage.url, listing=repeat(BARE, 50), download=always(fault)) as proxy:
        unfinished(stage, proxy, "can't be downloaded: ", words)


# Other bytes


def meanwhile(stage: Stage, number: int, *then: str) -> Iterator[str]:
    """Let somebody else be faster than the upload with this number."""
    yield from repeat(PASS, number)
    (stage.files / FILES[number]).write_bytes(b"somebody else's")
    yield from then


def test_a_first_file_whose_name_is_taken_meanwhile_is_abandoned(stage: Stage) -> None:
    with hostile(stage.url, upload=meanwhile(stage, 0, PASS)) as proxy:
        done = begin(stage, proxy)
        assert done.code == 3
        assert f"has another {WHEEL}: its sha256 is" in done.err
        assert "this release can't be finished" in done.err
        assert "the same command continues" not in done.err
        (abandon,) = (row for row in done.err.splitlines() if "--abandon" in row)
        words = abandon.partition("publish_release -- ")[2].split()
        assert stage.run("publish", *words).code == 0
    assert sorted(stage.remote_refs()) == REFS[:2]


def test_a_later_file_whose_name_is_taken_meanwhile_ends_the_release(stage: Stage) -> None:
    with hostile(stage.url, upload=meanwhile(stage, 1, PASS)) as proxy:
        assert begin(stage, proxy).code == 3
        done = stage.run("publish", "--abandon", "--repository", proxy.url)
        assert done.code == 1
        assert f"can't be abandoned: {WHEEL} is on the index for good" in done.err
        assert f"nor finished: {SDIST} has other bytes there" in done.err
        yank = f'nox -s yank -- 1.3.0 --reason "…" --repository {proxy.url}'
        assert f"git push origin :{INTENT}; {yank}; and release a higher version" in done.err
        (stage.files / SDIST).unlink()
        finishes(stage, proxy)


def unreproducible(stage: Stage) -> None:
    """Make every build another one; the proven plan is of no use then."""
    other = BACKEND.replace("# acme", "# {uuid.uuid4()}{'x' * (uuid.uuid4().int % 50)}").replace(
        "import base64", "import uuid, base64"
    )
    stage.commit({"backend.py": other.replace('METADATA += "', 'METADATA += f"')})


@pytest.mark.parametrize(
    ("lag", "words"), [(5, "it is an earlier build, which turned up late"), (50, "didn't take")]
)
def test_an_earlier_build_that_turns_up_is_what_the_tag_says(
    stage: Stage, lag: int, words: str
) -> None:
    """Its answer was lost, and it wasn't listed when the file was built again."""
    unreproducible(stage)
    first = {"upload": at(1, *repeat(LOSE, 5)), "listing": always(STALE)}
    with hostile(stage.url, **first) as proxy:
        assert again(stage, proxy).code == 3
        proxy.mend()
        proxy.faults["listing"] = repeat(STALE, lag)
        done = again(stage, proxy)
        assert done.code == 3
        assert f"Record the new sha256 of {WHEEL}, {SDIST}" in done.out
        assert words in done.err
        proxy.mend()
        done = command(stage, proxy, "--resume", "--json")
        assert done.code == 0, done.err
    for one in done.document["plan"]["distributions"]:
        assert one["size"] == (stage.files / one["filename"]).stat().st_size
        assert len(one["earlier"]) == 1


# Another index


@contextmanager
def devpi(folder: Path, password: str) -> Iterator[str]:
    """Run a devpi server with an index that keeps what it has, and yield its upload URL."""
    program = shutil.which("devpi-server", path=str(Path(sys.executable).parent))
    if not program:
        pytest.skip("there is no devpi-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = ["--serverdir", str(folder)]
    init = program.replace("devpi-server", "devpi-init")
    subprocess.run([init, *place, "--no-root-pypi"], check=True, capture_output=True)
    # What takes devpi ten seconds is to make a key that nobody guesses.
    cheap = [f"--argon2-{one}=1" for one in ("time-cost", "parallelism")]
    argv = [program, *place, "--host", "127.0.0.1", "--port", port, *cheap]
    argv.append("--argon2-memory-cost=8")
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            root = f"http://127.0.0.1:{port}"
            retry = Retry(total=900, backoff_factor=0.1, backoff_max=0.1, allowed_methods=None)
            session = requests.Session()
            session.mount(root, HTTPAdapter(max_retries=retry))
            session.put(f"{root}/{USER}", json={"password": password}).raise_for_status()
            login = {"user": USER, "password": password}
            token = session.post(f"{root}/+login", json=login).json()["result"]["password"]
            who = b64encode(f"{USER}:{token}".encode()).decode()
            index = {"bases": [], "volatile": False}
            session.headers["X-Devpi-Auth"] = who
            session.put(f"{root}/{USER}/rel", json=index).raise_for_status()
            yield f"{root}/{USER}/rel/"
        finally:
            server.terminate()


def test_those_who_look_at_a_release_together_share_a_look(stage: Stage, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    world = world_of(Git(root=stage.clone, env=environment() | {"GIT_TRACE": str(trace)}))
    plan = Plan.from_json((stage.clone.parent / "plan.json").read_bytes())
    watch = Watch(intent=world.intent.write(plan), world=world)

    def looks() -> int:
        assert watch.lately()[INTENT] == watch.intent.id
        return trace.read_text().count("built-in: git ls-remote")

    with ThreadPoolExecutor(max_workers=8) as pool:
        for one in [pool.submit(watch.lately) for _ in range(8)]:
            one.result()
    assert looks() == 1
    watch.look()
    assert looks() == 2, "what has been sent isn't left alone"
    began, answer = watch.seen or (0, watch.look())
    watch.seen = (began - FRESH, answer)
    assert looks() == 3, "what was seen gets old"
    watch.change(str)
    assert looks() == 4, "it isn't believed after a change"
    stage.git("remote", "set-url", "origin", "nowhere")
    watch.look()
    with pytest.raises(ReleaseError, match="can't be read"):
        watch.lately()
    stage.git("remote", "set-url", "origin", "../remote.git")
    assert watch.landing().intent_id == watch.intent.id, "no answer is none to share"


def test_an_index_that_speaks_json_and_answers_409(stage: Stage, tmp_path: Path) -> None:
    plan = Plan.from_json((stage.clone.parent / "plan.json").read_bytes())
    dist = stage.clone.parent / "dist"
    faults = {"upload": [LOSE, PASS, CUT], "listing": at(FIRST, STALE, PASS, CUT, CHUNKED)}
    with devpi(tmp_path / "devpi", stage.password) as url, hostile(url, **faults) as proxy:
        git = Git(root=stage.clone, env=environment())
        index = Index(repository=proxy.url, index_url=f"{proxy.url}+simple/", patience=10)
        world = replace(world_of(git, proxy.url), index=index)
        index.check_credentials()
        console = Console(as_json=True)
        with pytest.raises(Unfinished, match="more expected"):
            carry_out(plan, world, console, dist)
        intent = world.intent.read(stage.remote_refs()[INTENT])
        finish(intent.plan, steps(Watch(intent=intent, world=world), dist), console)
        assert [(one.filename, one.status) for one in proxy.uploads] == [
            (WHEEL, 200), (WHEEL, 200), (SDIST, 200),
        ]  # fmt: skip
        assert {one.filename: one.sha256 for one in index.files("acme")} == {
            one.filename: one.sha256 for one in plan.distributions
        }
        assert sorted(stage.remote_refs()) == REFS
        other = stage.clone.parent / "other" / WHEEL
        other.parent.mkdir()
        with zipfile.ZipFile(dist / WHEEL) as wheel, zipfile.ZipFile(other, "w") as copy:
            for name in wheel.namelist():
                copy.writestr(name, wheel.read(name))
        sha256 = hashlib.sha256(other.read_bytes()).hexdigest()
        build = replace(plan.distributions[0], sha256=sha256)
        with pytest.raises(Conflict, match="has another"):
            index.upload(other, "acme", build, lambda _: None)
        assert proxy.uploads[-1].status == 409


def test_every_build_keeps_its_size() -> None:
    first = Distribution(filename=WHEEL, sha256="a" * 64, size=1)
    second = first.as_built(Distribution(filename=WHEEL, sha256="b" * 64, size=2))
    assert (second.size, second.as_built(first).size) == (2, 1)
    assert second.builds.keys() == second.as_built(first).builds.keys()


# Before anything happens


@pytest.mark.parametrize(
    ("kind", "fault", "words"),
    [
        ("listing", "503", "can't be read: 503 because the test says so (Who's there?"),
        ("listing", "429 86400", "the index wants to be asked again at 20"),
        ("listing", LOGIN, "answers with a page that lists no files"),
        ("listing", CUT, "more expected"),
        ("listing", REFUSE, "Connection refused"),
        ("listing", SILENCE, "(read timeout=1)"),
        ("probe", "401", "refuses these credentials: 401"),
        ("probe", "403", "refuses these credentials: 403 because the test says so (Who's there?"),
        ("probe", "429 86400", "takes no files now: 429"),
        ("probe", REDIRECT, "takes no files now: 302 because the test says so"),
        ("probe", DROP, "can't be reached: Remote end closed connection"),
        ("probe", RESET, "can't be reached: "),
        ("probe", CUT, "more expected"),
        ("probe", MUTE, "(read timeout=1)"),
    ],
)
def test_an_index_that_is_hostile_from_the_beginning_is_refused(
    stage: Stage, kind: str, fault: str, words: str
) -> None:
    before = stage.state()
    (stage.files / "acme-1.2.3.tar.gz").write_bytes(b"")  # else a listing is 404, and has no body
    with hostile(stage.url, **{kind: always(fault)}) as proxy:
        done = stage.run("publish", "minor", "--skip-tests", "--repository", proxy.url, "--json")
    (stage.files / "acme-1.2.3.tar.gz").unlink()
    assert done.code == 1
    if fault == "429 86400":
        assert [request.kind for request in proxy.requests].count(kind) == 1
    assert words in done.err
    assert "object at 0x" not in done.err
    assert "ConnectionPool(" not in done.err
    assert stage.password not in done.out + done.err
    assert stage.state() == before


def test_the_command_is_typed_until_it_is_done(stage: Stage) -> None:
    faults = {
        "listing": ["503", PASS, CUT, STALE, LOGIN, PASS, RESET, "429 86400"],
        "upload": ["500", LOSE, SILENCE, "403", DROP],
        "probe": [RESET, "503"],
    }
    with hostile(stage.url, **faults) as proxy:
        codes = [again(stage, proxy).code for _ in range(8)]
    assert 3 in codes
    assert codes[-1] == 0
    is_complete(stage)


def test_a_file_that_was_listed_a_moment_ago_is_not_sent_as_another_build(stage: Stage) -> None:
    """The listing flaps after the other file was built again, by a backend that varies."""
    files = with_backend(UNREPRODUCIBLE)
    stage.commit({**files, "pyproject.toml": f"{files['pyproject.toml']!s}{IMPATIENT}"})
    command = ("publish", "minor", "--skip-tests", "--repository")
    with hostile(stage.url, upload=[PASS, "400"]) as proxy:
        assert stage.run(*command, proxy.url).code == 3
        proxy.faults = {LISTING: iter([PASS] * 4 + [STALE] * 3)}
        done = stage.run(*command, proxy.url)
        assert done.code == 3, done.out
        assert "listed acme-1.3.0-py3-none-any.whl a moment ago" in done.err
        done = stage.run(*command, proxy.url)
        assert done.code == 0, done.err
        sent = {(one.filename, one.sha256) for one in proxy.uploads}
    assert len(sent) == len(FILES), "never other bytes, not even to be refused"


def test_nothing_is_sent_any_more_after_somebody_has_abandoned_it(stage: Stage) -> None:
    """While the first file is tried again and again."""
    stage.commit({"pyproject.toml": PYPROJECT + IMPATIENT.replace("2", "60")})
    before = stage.remote_refs()
    other = stage.other_clone()
    with hostile(stage.url, upload=["503"] * 4) as proxy:
        slow = stage.fork("publish", "minor", "--skip-tests", "--repository", proxy.url)
        while sum(one.kind == UPLOAD for one in proxy.requests) < 3:
            assert slow.poll() is None
            time.sleep(0.05)
        done = stage.run("publish", "--abandon", "--repository", proxy.url, at=other)
        assert done.code == 0, done.err
        _, err = slow.communicate(timeout=60)
    assert slow.returncode == 3
    assert "has finished, continued or abandoned the release meanwhile" in err
    assert stage.published() == []
    assert stage.remote_refs() == before


@pytest.mark.parametrize(
    ("is_gone", "told"), [(True, "is recorded again"), (False, "somebody has finished, continued")]
)
def test_a_release_that_is_lost_with_its_last_file_is_not_pushed(
    stage: Stage, *, is_gone: bool, told: str
) -> None:
    """What has been sent isn't left alone, though the release was ours just before."""
    there = partial(stage.git, at=stage.remote)
    before = there("rev-parse", "main")

    def schedule() -> Iterator[str]:
        yield PASS
        old = there("rev-parse", INTENT)
        new = there("commit-tree", f"{old}^{{tree}}", "-p", f"{old}^1", "-p", old, "-m", "Ours")
        there("update-ref", *["-d", INTENT] if is_gone else [INTENT, new])
        yield PASS

    with hostile(stage.url, upload=schedule()) as proxy:
        done = stage.run("publish", "minor", "--skip-tests", "--repository", proxy.url)
        assert (done.code, told in done.err) == (3, True), done.err
    assert there("rev-parse", "main") == before
    assert INTENT in stage.remote_refs()
    assert "refs/tags/v1.3.0" not in stage.remote_refs()


IMPATIENT = "\n[tool.nox-release]\npatience = 2\n"
