"""A receiver for Slack's incoming webhooks on this machine."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from tests.faults import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "T0/B0/canary"


@dataclass(kw_only=True)
class Channel:
    """What was said in it; `faults` come first: a status, or `lose`, when the answer gets lost."""

    texts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    posts: int = 0
    url: str = ""


@contextmanager
def channel() -> Iterator[Channel]:
    """Serve a channel on a free port."""
    one = Channel()
    with serving(partial(Handler, one)) as url:
        one.url = f"{url}services/{SECRET}"
        yield one


class Handler(BaseHTTPRequestHandler):
    def __init__(self, channel: Channel, *args: Any) -> None:  # noqa: ANN401
        self.channel = channel
        super().__init__(*args)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.channel.posts += 1
        fault = self.channel.faults.pop(0) if self.channel.faults else "200"
        if fault in {"200", "lose"}:
            self.channel.texts.append(body["text"])
        if fault == "lose":
            return
        self.send_response(int(fault))
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(b"ok" if fault == "200" else b"no_service")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
