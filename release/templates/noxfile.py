"""Sessions of this project; a bare `nox` never publishes."""

import nox


def release(session: nox.Session, verb: str) -> None:
    """Call one verb of nox-release with the session's arguments."""
    session.install("--no-deps", "nox-release")
    # -I: a release.py in the project is not what is meant.
    if lock := session.run_install("python", "-Im", "release.locked", silent=True, log=False):
        wheels = ("--no-deps", "--only-binary=:all:", "--require-hashes")
        session.install(*wheels, "-r", str(lock).strip())
    command = ["python", "-I", "-m", "release", verb, *session.posargs]
    session.run(*command, interrupt_timeout=60.0)


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def rehearse(session: nox.Session) -> None:
    """Release to a world on this machine: nox -s rehearse -- minor."""
    release(session, "rehearse")


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def publish_rc(session: nox.Session) -> None:
    """Publish the next release candidate: nox -s publish_rc -- minor."""
    release(session, "publish-rc")


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def publish_release(session: nox.Session) -> None:
    """Publish a release: nox -s publish_release -- minor."""
    release(session, "publish")


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def status(session: nox.Session) -> None:
    """Tell what is released, unfinished and unreleased; change nothing."""
    release(session, "status")


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def yank(session: nox.Session) -> None:
    """Walk through yanking a version: nox -s yank -- 1.4.0 --reason "breaks on Windows"."""
    release(session, "yank")
