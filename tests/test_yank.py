"""A bad version is yanked by people; the verb says how, and believes nothing but the index."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from twine.utils import TEST_REPOSITORY

from release.index import Index
from tests.faults import LISTING, hostile, yanked
from tests.stage import QUICK, stopped_at_the_push
from tests.test_resume import INTENT
from tests.test_status import BOTH, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults import Proxy
    from tests.stage import Result, Stage

WHEEL, SDIST = (form.format("acme-1.3.0") for form in BOTH)
REASON = "breaks on <Windows>"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


def yank(stage: Stage, proxy: Proxy, *args: str, reason: str = REASON) -> Result:
    """Ask for it, and insist that nothing has changed."""
    before = stage.state()
    words = args or ("1.3.0",)
    done = stage.run("yank", *words, "--reason", reason, "--repository", proxy.url)
    assert stage.state() == before
    return done


@contextmanager
def index(stage: Stage, *versions: str, patience: int = 20) -> Iterator[Proxy]:
    """An index with these versions, and a project that waits so many seconds for it."""
    table = f"patience = {patience}\n"
    stage.commit({"pyproject.toml": QUICK + table})
    for version in versions or ("1.2.3", "1.3.0"):
        put(stage, version)
    with hostile(stage.url) as proxy:
        yield proxy


def after(looks: int, proxy: Proxy, prefix: str = "acme-1.3.0", reason: str = REASON) -> None:
    """Yank some files, once the index has been asked so often."""
    asked = count()
    is_late = partial(lambda: next(asked) >= looks)
    proxy.rewrite = lambda page: yanked(prefix, reason, page) if is_late() else page


# What to do, and the wait


def test_it_waits_until_every_file_is_yanked(stage: Stage) -> None:
    with index(stage) as proxy:
        after(5, proxy)
        done = yank(stage, proxy)
        assert done.code == 0, done.err
    assert f"files      {WHEEL}, {SDIST}" in done.out
    assert "users get  1.2.3" in done.out
    assert f"reason     {REASON}\n" in done.out
    assert f"1. At {proxy.url}simple/: yank it in the index's own interface\n" in done.out
    assert "waiting until" in done.out
    assert f"doesn't show as yanked: {WHEEL}, {SDIST}\n" in done.out
    shown = done.out.partition("acme 1.3.0 is yanked\n")[2]
    assert f"reason     {REASON}\n" in shown
    assert f"next       nox -s publish_release -- patch --repository {proxy.url}\n" in shown
    assert "doesn't show the reason" not in shown
    assert "browser" not in done.out


def test_it_is_said_where_nothing_tells_that_the_index_knows_yanking(stage: Stage) -> None:
    words = "is not of PyPI's kind, and shows no file of acme as yanked"
    with index(stage) as proxy:
        vain = yank(stage, proxy, "1.3", "--dry-run").out
        assert f"{proxy.url}simple/ {words}.\nIf it knows no yanking, waiting is in vain" in vain
        assert f"a successor: nox -s publish_release -- patch --repository {proxy.url}\n" in vain
        after(0, proxy, prefix="acme-1.2.3")
        assert words not in yank(stage, proxy, "1.3", "--dry-run").out
        proxy.rewrite = bytes
        proxy.headers["X-PyPI-Last-Serial"] = "7"
        assert words not in yank(stage, proxy, "1.3", "--dry-run").out


def test_a_listing_is_believed_when_it_says_so_twice(stage: Stage) -> None:
    with index(stage, patience=3) as proxy:
        asked = count()
        proxy.rewrite = lambda page: yanked("acme-1.3.0", REASON, page) if next(asked) % 2 else page
        assert yank(stage, proxy).code == 3


@pytest.mark.parametrize(("reason", "shown"), [("broken", "broken"), ("", "none on the index")])
def test_another_reason_than_the_given_one_is_told(stage: Stage, reason: str, shown: str) -> None:
    with index(stage) as proxy:
        after(3, proxy, reason=reason)
        done = yank(stage, proxy)
    assert done.code == 0, done.err
    assert f"is yanked\n  reason     {shown}\n" in done.out
    assert f"The index doesn't show the reason given here: {REASON}\n" in done.out


def test_when_patience_ends_it_says_which_files_are_not_yanked(stage: Stage) -> None:
    with index(stage, patience=2) as proxy:
        after(0, proxy, prefix=WHEEL)
        done = yank(stage, proxy)
    assert done.code == 3
    assert f"doesn't show as yanked: {SDIST}\n" in done.err
    (command,) = (row for row in done.err.splitlines() if "same command again" in row)
    words = shlex.split(command.partition("nox -s yank -- ")[2])
    assert words == ["1.3.0", "--reason", REASON, "--repository", proxy.url]


def test_a_deleted_file_is_not_a_yanked_one(stage: Stage) -> None:
    with index(stage, patience=2) as proxy:
        asked = count()

        def rewrite(page: bytes) -> bytes:
            page = yanked(WHEEL, REASON, page)
            return page.replace(SDIST.encode(), b"acme-0.1.tar.gz") if next(asked) > 2 else page

        proxy.rewrite = rewrite
        done = yank(stage, proxy)
    assert done.code == 3
    assert f"doesn't show as yanked: {SDIST} (not there any more)\n" in done.err


def test_an_index_that_fails_meanwhile_is_waited_for(stage: Stage) -> None:
    with index(stage) as proxy:
        after(3, proxy)
        proxy.faults[LISTING] = iter(["pass", "pass", *["404"] * 2, "login"])
        done = yank(stage, proxy)
        assert done.code == 0, done.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches no single process there")
def test_ctrl_c_says_how_to_go_on(stage: Stage) -> None:
    with index(stage) as proxy:
        process = stage.spawn("yank", "1.3.0", "--reason", REASON, "--repository", proxy.url)
        assert process.stdout
        for row in process.stdout:
            if "waiting until" in row:
                process.send_signal(signal.SIGINT)
                break
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; type the same command again to see whether it is done" in errors


def test_a_dry_run_does_not_wait(stage: Stage) -> None:
    with index(stage, "1.3.0", "1.4.0rc1") as proxy:
        done = yank(stage, proxy, "1.3.0", "--dry-run", "--json")
    assert done.code == 0, done.err
    assert done.document == {
        "index": {"upload": proxy.url, "simple": f"{proxy.url}simple/"},
        "name": "acme",
        "version": "1.3.0",
        "files": [WHEEL, SDIST],
        "reason": REASON,
        "instead": None,
        "page": None,
        "shown": None,
        "is_unfinished": False,
        "is_vain": True,
        "state": "not yanked",
        "steps": [],
        "exit_code": 0,
    }
    assert "users get  nothing: the index has no other final version" in done.err
    again = f"nox -s yank -- 1.3.0 --reason {shlex.quote(REASON)} --repository {proxy.url}"
    assert f"Nothing was changed. To do it: {again}\n" in done.err


def test_users_get_the_newest_final_version_that_is_left(stage: Stage) -> None:
    with index(stage, "1.2.3", "1.3.0", "1.3.1", "1.4.0rc1") as proxy:
        after(0, proxy, prefix="acme-1.3.1")
        assert "users get  1.2.3\n" in yank(stage, proxy, "1.3", "--dry-run").out


# The page


def test_the_page_of_a_warehouse(stage: Stage) -> None:
    with index(stage) as proxy:
        proxy.headers["X-PyPI-Last-Serial"] = "7"
        done = yank(stage, proxy, "1.3", "--dry-run")
    assert f"1. Open {proxy.url}manage/project/acme/release/1.3.0/ as an owner" in done.out
    assert '3. Type 1.3.0 to confirm, and press "Yank release" again' in done.out
    assert "own interface" not in done.out


def test_the_pages_of_the_known_indexes_need_no_question() -> None:
    path = "manage/project/acme-core/release/1.3.0/"
    for name, root in (
        ("pypi", PYPI_SIMPLE_ENDPOINT.removesuffix("simple/")),
        ("testpypi", TEST_REPOSITORY.removesuffix("legacy/")),
    ):
        for mirror in ("", "http://127.0.0.1:9/simple/"):
            known = Index(repository=name, index_url=mirror)
            assert known.manage_url("Acme_Core", Version("1.3.0")) == root + path


def test_a_mirror_whose_listing_is_elsewhere_has_no_page(stage: Stage) -> None:
    with index(stage) as proxy:
        proxy.headers["X-PyPI-Last-Serial"] = "7"
        for path, page in (
            ("simple", f"{proxy.url}manage/project/acme/release/1.3.0/"),
            ("simple/acme/..", ""),
        ):
            found = Index(repository=proxy.url, index_url=proxy.url + path)
            assert found.manage_url("acme", Version("1.3.0")) == page


# Refused


@pytest.mark.parametrize(
    ("version", "reason", "words"),
    [
        ("1.3.0", " \n", "'' is no reason"),
        ("1.3.0", "…", "'…' is no reason"),
        ("v1.x", REASON, "'v1.x' is no version (PEP 440)"),
        ("1.5.0", REASON, "acme 1.5.0 isn't on http://127.0.0.1"),
    ],
)
def test_what_makes_no_sense(stage: Stage, version: str, reason: str, words: str) -> None:
    with index(stage, *(f"1.{minor}.0" for minor in range(8) if minor != 5)) as proxy:
        done = yank(stage, proxy, version, reason=reason)
    assert done.code == 2
    assert words in done.err
    if reason == REASON:
        assert "the newest there: 1.7.0, 1.6.0, 1.4.0, 1.3.0, 1.2.0\n" in done.err


def test_nothing_is_on_the_index(stage: Stage) -> None:
    done = stage.run("yank", "1.3.0", "--reason", REASON)
    assert done.code == 2
    assert "is it the right index? see --repository" in done.err


def test_an_index_that_cannot_be_read(stage: Stage) -> None:
    with index(stage) as proxy:
        proxy.faults[LISTING] = iter(["login"] * 9)
        done = yank(stage, proxy)
    assert done.code == 1
    assert "answers with a page that lists no files" in done.err


def test_what_is_yanked_already(stage: Stage) -> None:
    with index(stage) as proxy:
        after(0, proxy, reason="no good")
        done = yank(stage, proxy, "1.3.0", "--json")
        assert done.code == 0, done.err
    assert (done.document["state"], done.document["shown"]) == ("yanked", "no good")
    assert done.document["steps"] == []
    assert "acme 1.3.0 is yanked\n  reason     no good\n" in done.err


def test_an_unfinished_release_is_yanked_at_once_and_finished_afterwards(stage: Stage) -> None:
    with hostile(stage.url) as proxy:
        stopped_at_the_push(stage, "--skip-tests", "--repository", proxy.url)
        proxy.rewrite = partial(yanked, "acme-1.3.0", REASON)
        done = yank(stage, proxy)
        assert done.code == 0, done.err
        resume, patch = "--resume --repository", "; nox -s publish_release -- patch --repository"
        assert resume in done.out
        assert patch in done.out
        assert INTENT in stage.remote_refs()
        elsewhere = stage.run("yank", "1.3.0", "--reason", REASON, "--dry-run")
        assert elsewhere.code == 0, "it is unfinished on the other index"
        assert "--resume" not in elsewhere.out
        assert stage.run("publish", "--resume", "--repository", proxy.url).code == 0
