"""An annotated tag that no ref points to: what a release is going to push."""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from release import ReleaseError
from release.process import ProgramFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.git import Git

NOBODY = ("-c", "user.name=nobody", "-c", "user.email=", "-c", "tag.gpgSign=false")


def tag_object(here: Git, name: str, commit: str, message: str) -> str:
    """Make an annotated tag, signed if the user signs tags, that no ref points to yet.

    `git tag` always writes refs/tags, which all worktrees share. So it runs in a repository of
    its own inside this worktree's private git directory (where `includeIf gitdir:` still sees
    the user's path), with the user's configuration and object store.
    """
    asked = ("--git-common-dir", "--git-dir")
    shared, own = map(Path, here("rev-parse", "--path-format=absolute", *asked).splitlines())
    private = own / "tagging"
    here("init", "--quiet", "--bare", "--template=", str(private))
    try:
        here.raw(
            f"--git-dir={private}", "-c", f"include.path={shared / 'config'}",
            "tag", "--annotate", "--cleanup=verbatim", "--file=-", name, commit,
            stdin=message.encode(),
            env={"GIT_OBJECT_DIRECTORY": str(shared / "objects")},
        )  # fmt: skip
    except ProgramFailed as error:
        raise ReleaseError(
            f"git couldn't make the tag {name}: {error.output.strip()}",
            "if that is about signing: git tag --sign try-it",
        ) from error
    tag = here(f"--git-dir={private}", "rev-parse", f"refs/tags/{name}")
    shutil.rmtree(private)
    wants_signature = here("config", "--type=bool", "--default=false", "tag.gpgSign") == "true"
    if wants_signature and "\n-----BEGIN " not in here("cat-file", "tag", tag):
        # git 2.39 makes an unsigned tag, and exits 0, when ssh-keygen fails.
        raise ReleaseError(
            f"tag.gpgSign is set, but git couldn't sign the tag {name}",
            "look at user.signingKey and gpg.format: git tag --sign try-it",
        )
    return tag


def tag_here(git: Git, name: str, commit: str) -> None:
    """Let a clone that only builds have a tag, the same on every machine."""
    if git.local_ref(f"refs/tags/{name}^{{commit}}") != commit:
        when = {"GIT_COMMITTER_DATE": f"{git.time(commit)} +0000"}
        git(*NOBODY, "tag", "--annotate", "--message", name, "--", name, commit, env=when)


@contextmanager
def alone(here: Git, tag: str | None) -> Iterator[None]:
    """Let the worktree `here` be, for a while, a repository of its own, whose HEAD has the `tag`.

    A build backend that takes the version from git finds that tag and no other, none where it is
    ""; None leaves all as it is. No ref of the user's repository has it; its objects are borrowed
    (gitrepository-layout: info/alternates). The file .git of a worktree is none of the project's,
    but hatchling before 1.30 puts it into sdists.
    """
    if tag is None:
        yield
        return
    tree, link = here("write-tree"), here.root / ".git"
    asked = ("HEAD", "--git-common-dir", "--show-object-format")
    commit, place, form = here("rev-parse", "--path-format=absolute", *asked).splitlines()
    shared, told = Path(place), link.read_bytes()
    filters = here.settings(r"^filter\.")  # without which files would be others than they are
    link.unlink()
    try:
        here("init", "--quiet", "--template=", f"--object-format={form}", str(here.root))
        alternates = link / "objects/info/alternates"
        alternates.parent.mkdir(exist_ok=True)
        alternates.write_text(f"{shared / 'objects'}\n", encoding="utf-8")
        if (shared / "shallow").exists():
            shutil.copy(shared / "shallow", link)
        with (link / "config").open("a", encoding="utf-8") as config:
            config.write("[core]\n\tautocrlf = false\n\teol = lf\n")
        for key, value in filters:
            here("config", "--add", key, value)
        here("update-ref", "--no-deref", "HEAD", commit)
        here("read-tree", tree)
        if tag:
            here(*NOBODY, "tag", "--annotate", "--message", tag, tag)
        yield
    finally:
        # Windows deletes no read-only file, as git's objects are; the folder above goes later.
        with suppress(FileNotFoundError):  # never made
            link.rename(here.root.parent / f"alone-{secrets.token_hex(4)}")
        link.write_bytes(told)
