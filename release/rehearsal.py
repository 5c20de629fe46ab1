"""A world on this machine: a throw-away remote and an embedded index under the real classes.

The project's checkout, its remote and the real index are only read, or not even that.
"""

from __future__ import annotations

import os
import secrets
import socketserver
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from release import ReleaseError
from release.index import Index
from release.intent import IntentRef
from release.isolation import Environment
from release.plan import Said
from release.prerelease import build_all, prepare_all, publish_all, show_all
from release.process import capture
from release.publish import prepare, proofs, prove, proving, publish, story
from release.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from release.configuration import Configuration
    from release.console import Console
    from release.git import Git
    from release.plan import Release
    from release.project import Project
    from release.version import Bump

USER = "rehearsal"
# A user's hooks and signing take part in a rehearsal; nothing else of their configuration does.
TAKES_PART = r"^(user|author|committer|commit|tag|gpg)\."


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """Where a rehearsal takes place."""

    world: World
    remote: Path  # a bare repository
    files: Path  # what the index has

    def installed(self, release: Release) -> str:
        """Install the release from the index with pip, and return the version that came."""
        # No index of the user's own may stand in: neither from variables nor from pip's files.
        env = {**self.world.programs_env(), "PIP_CONFIG_FILE": os.devnull}
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            python = str(Environment.fresh(Path(folder, "environment"), env).python)
            pip = [sys.executable, "-I", "-m", "pip", "--isolated", "--python", python, "install"]
            source = ["--quiet", "--no-deps", "--index-url", self.world.index.simple_url]
            wanted = f"{release.name}=={release.version}"
            capture([*pip, *source, wanted], cwd=Path(folder), env=env)
            tell = f"from importlib.metadata import version; print(version({release.name!r}))"
            return capture([python, "-c", tell], cwd=Path(folder), env=env).decode().strip()


def rehearse(
    bump: Bump, projects: Sequence[Project], git: Git, console: Console, *, skip_tests: bool
) -> None:
    """Release the commit that is checked out in `git` to a world on this machine, and show it."""
    console.asks = False  # nothing is published
    projects = [project.alone() for project in projects]
    with rehearsal(git, projects[0].config) as stage:
        world = stage.world
        subjects = world.subjects(projects)
        if bump.pre:
            base = world.git.resolve("HEAD")
            prepared = prepare_all(bump, subjects, world, base=base)
            build = partial(build_all, bump, subjects, prepared, world, console, base=base)
            show_all(prepared, world, console, proofs)
            built = publish_all(build, world, console)
            drafts = [draft for draft, _ in built]
        else:
            drafts = [prepare(bump, subjects, world, Said(skip_tests=skip_tests))]
            console.show_draft(drafts[0], story(drafts[0], world, proving(drafts[0], projects)))
            publish(drafts[0], projects, world, console, prove)
        installed = []
        for one in (one for draft in drafts for one in draft.all):
            with console.step(f"Install {one.name} from the index with pip"):
                installed.append(f"{one.name} {stage.installed(one)}")
        tag = drafts[0].tag
        console.show_rehearsed(drafts, installed, world.git.told(tag) if tag else "")


@contextmanager
def rehearsal(git: Git, config: Configuration) -> Iterator[Rehearsal]:
    """Set the stage for the commit that is checked out in `git`; all of it is gone afterwards."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        remote, files = Path(folder, "remote.git"), Path(folder, "index")
        files.mkdir()
        branch = config.branch or git.branch() or "main"
        _make_remote(git, remote, branch)
        clone = _clone(git, remote, Path(folder, git.root.name))
        with serve(files) as (url, password):
            index = Index(repository=url, credentials=(USER, password))
            intent = IntentRef(git=clone, name=config.intent_ref)
            world = World(git=clone, index=index, intent=intent, asks=True, rehearsed=git)
            yield Rehearsal(world=world, remote=remote, files=files)


def _make_remote(git: Git, remote: Path, branch: str) -> None:
    """Make a bare repository whose only branch is `branch`, at HEAD, with the project's tags."""
    head = git.resolve("HEAD")
    git("clone", "--quiet", "--bare", str(git.root), str(remote))
    bare = replace(git, root=remote, said={})
    keep = () if git.is_shallow() else ("refs/tags",)
    if git.is_shallow():  # nothing can be pushed on top of history that ends nowhere
        head = bare.commit_tree(f"{head}^{{tree}}", "The tree to rehearse with")
        (remote / "shallow").unlink(missing_ok=True)
    bare("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    refs = bare("for-each-ref", "--format=%(refname)").splitlines()
    rows = "".join(f"delete {ref}\n" for ref in refs if not ref.startswith(keep))
    bare("update-ref", "--stdin", stdin=rows.encode())
    bare("update-ref", f"refs/heads/{branch}", head)


def _clone(git: Git, remote: Path, place: Path) -> Git:
    """Clone `remote`, with the hooks and the identity that `git` has."""
    git("clone", "--quiet", str(remote), str(place))
    clone = replace(git, root=place, remote="origin", said={})
    for key, value in git.settings(TAKES_PART):
        clone("config", "--add", key, value)
    clone("config", "core.hooksPath", git.hooks())
    try:
        clone.committer()
    except ReleaseError:
        clone("config", "user.name", "Rehearsal")
        clone("config", "user.email", "rehearsal@localhost")
    return clone


@contextmanager
def serve(files: Path) -> Iterator[tuple[str, str]]:
    """Serve the folder as an index on a free port of this machine; yield its URL and a password."""
    try:
        import pypiserver
    except ImportError as error:
        raise ReleaseError(
            "a rehearsal needs its embedded index", "pip install 'nox-release[rehearsal]'"
        ) from error
    password = secrets.token_urlsafe()
    app = pypiserver.app(
        roots=[files],
        authenticate=["update"],
        auther=lambda user, given: (user, given) == (USER, password),
        disable_fallback=True,
        hash_algo="sha256",
    )
    server = make_server("127.0.0.1", 0, app, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", password
    finally:
        server.shutdown()
        server.server_close()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the steps tell the story."""
