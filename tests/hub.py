"""GitHub and Slack on this machine, where the sample is acme/acme."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.github.forge import Forge
from tests.github.standin import serve
from tests.slack import channel

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.slack import Channel
    from tests.stage import Stage

TOKEN = "s3cret-hub"


@contextmanager
def on_github(patch: pytest.MonkeyPatch) -> Iterator[Forge]:
    """Let the sample be on GitHub, with a token that may write it."""
    forge = Forge()
    forge.repository("acme/acme")
    forge.token(TOKEN, pushes="acme/acme")
    with serve(forge) as url:
        patch.setenv("GITHUB_API_URL", url)
        patch.setenv("GITHUB_REPOSITORY", "acme/acme")
        patch.setenv("GITHUB_TOKEN", TOKEN)
        yield forge


@contextmanager
def told(stage: Stage) -> Iterator[None]:
    """Let a release of the stage be told on GitHub and in Slack."""
    with on_github(stage.monkeypatch) as stage.hub, channel() as stage.slack:
        stage.monkeypatch.setenv("SLACK_WEBHOOK_URL", stage.slack.url)
        yield


def assert_told(hub: Forge, slack: Channel, files: dict[str, bytes]) -> None:
    """There is one page with these files and their sha256, and one announcement at most."""
    (page,) = hub.repositories["acme/acme"].releases
    assert (page.tag_name, page.draft) == ("v1.3.0", False)
    assert {one.name: one.content for one in page.assets if one.name != "SHA256SUMS"} == files
    assert len(page.assets) == len(files) + 1
    assert page.body.count("pip install") == 1
    assert len(slack.texts) <= 1
