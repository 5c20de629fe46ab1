"""A release from beginning to end, and continued after it stopped."""

from __future__ import annotations

import hashlib

from tests.stage import Stage

FILES = ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]


def test_a_release_is_on_the_index_and_on_the_remote(stage: Stage) -> None:
    base = stage.git("rev-parse", "HEAD")
    done = stage.run("publish", "minor")
    assert done.code == 0, done.err + done.out
    assert stage.published() == FILES
    refs = stage.remote_refs()
    assert sorted(refs) == ["refs/heads/main", "refs/tags/v1.2.3", "refs/tags/v1.3.0"]
    commit = stage.git("rev-parse", "v1.3.0^{commit}", at=stage.remote)
    assert refs["refs/heads/main"] == commit == stage.git("rev-parse", "HEAD")
    assert stage.git("rev-parse", f"{commit}^") == base
    assert stage.git("diff", "--stat", base, commit).splitlines()[-1].strip() == (
        "1 file changed, 1 insertion(+), 1 deletion(-)"
    )
    assert (
        'version = "1.3.0"  # kept by the release' in (stage.clone / "pyproject.toml").read_text()
    )
    message = stage.git("cat-file", "tag", "v1.3.0")
    for name in FILES:
        assert hashlib.sha256((stage.files / name).read_bytes()).hexdigest() in message
    assert stage.git("status", "--porcelain") == ""
    assert stage.install("1.3.0") == "1.3.0"
