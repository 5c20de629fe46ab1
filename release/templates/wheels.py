"""Further sessions of a project whose wheels are built on many machines."""

import nox

from noxfile import release


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def prepare(session: nox.Session) -> None:
    """Prepare a release that other machines build: nox -s prepare -- minor --out plan.json."""
    release(session, "prepare")


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def checkout(session: nox.Session) -> None:
    """Put a fresh clone on the commit of a plan: nox -s checkout -- plan.json."""
    release(session, "checkout")


@nox.session(default=False)
def sdist(session: nox.Session) -> None:
    """Build the sdist into a folder: nox -s sdist -- dist."""
    session.install("build")
    session.run("python", "-m", "build", "--sdist", "--outdir", *session.posargs)


@nox.session(default=False)
def wheels(session: nox.Session) -> None:
    """Build the wheels of this machine into a folder: nox -s wheels -- dist."""
    session.install("cibuildwheel")
    env = {"CIBW_ENVIRONMENT_PASS_LINUX": "SOURCE_DATE_EPOCH"}
    session.run("cibuildwheel", "--output-dir", *session.posargs, env=env)


@nox.session(default=False, reuse_venv=True, venv_backend="uv|virtualenv")
def try_wheels(session: nox.Session) -> None:
    """Install and import what fits this machine: nox -s try_wheels -- plan.json --dist dist."""
    release(session, "try")
