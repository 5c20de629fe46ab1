"""Tell people in Slack what is released or yanked: at most once, and never in anything's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from release.plan import Plan
    from release.world import World

SILENCE = 10  # seconds
PAUSE = 60  # seconds that Slack may ask for
TRIES = 3


def released(plan: Plan, world: World) -> str:
    """Return the announcement of a release, in Slack's mrkdwn."""
    rows = [f"*{escaped(plan.title)}* is released"]
    for one in plan.all:
        command = world.index.pip_install(f"{one.name}=={one.version}")
        page = world.github.page_url(one.tag) if world.github else ""
        rows.append(f"`{escaped(command)}`{f'  <{page}|Release notes>' * bool(page)}")
    return "\n".join(rows)


def yanked(title: str, reason: str, advice: str, page: str) -> str:
    """Return the announcement of a yank; `page` tells more, "" where there is none."""
    link = f"  <{page}|Release notes>" * bool(page)
    return f"*{escaped(title)}* is yanked: {escaped(reason)}\n{escaped(advice)}{link}"


def escaped(text: str) -> str:
    """Return text that Slack shows as it is.

    https://docs.slack.dev/messaging/formatting-message-text/#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def announce(text: str, webhook: str) -> str:
    """Send `text` to a Slack incoming webhook; return in a few words what came of it.

    It is sent again only where it can't have been taken: without a connection, or by a 429.
    """
    if not webhook:
        return ""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    from release.upload import reason, status

    class Again(Retry):
        RETRY_AFTER_STATUS_CODES = frozenset({429})  # others may ask for a pause and have taken it

    again = Again(
        total=TRIES, read=False, other=0, status_forcelist=(429,), allowed_methods=("POST",),
        backoff_factor=0.5, retry_after_max=PAUSE, raise_on_status=False,
    )  # fmt: skip
    try:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=again))
            answer = session.post(webhook, json={"text": text}, timeout=SILENCE)
    except requests.RequestException as error:
        return f"not announced: {reason(error)}"
    return "announced in Slack" if answer.ok else f"not announced: Slack answers {status(answer)}"
