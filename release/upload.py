"""Sending a file: twine's own `Repository`, with a timeout, a report of progress, and no prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests
import rich
from requests.adapters import HTTPAdapter
from requests_toolbelt import MultipartEncoderMonitor
from twine.package import PackageFile

from release import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twine.settings import Settings

    Progress = Callable[[int, int], object]  # told how many bytes of how many have been sent

TIMEOUT = (10.0, 60.0)  # seconds to connect, and without a byte
SERVER_ERROR = 500
UNCERTAIN = {408, 425, 429}  # 4xx answers that another attempt may change


class UploadRefused(ReleaseError):
    """The index said no: the same request will not do better."""


class UploadUncertain(ReleaseError):
    """The index gave no answer, or one that leaves open whether it took the file."""


class Sender:
    """One connection to an index. Not to be shared between threads: a `Session` mustn't be."""

    def __init__(self, settings: Settings) -> None:
        rich.get_console().quiet = True  # twine prints there; what we show has a console of its own
        self.adapter = _Adapter()
        self.repository = settings.create_repository()
        if self.repository.session.auth:  # trusted publishing: mints anew before a token expires
            self.repository.session.auth = settings.auth.authenticator
        for scheme in ("http://", "https://"):
            self.repository.session.mount(scheme, self.adapter)

    def send(self, path: Path, progress: Progress) -> None:
        """Send a file once; `UploadRefused` after a no, `UploadUncertain` after no clear answer."""
        self.adapter.progress = progress
        package = PackageFile.from_filename(str(path), comment=None)
        try:
            # twine counts attempts here, whatever the name says, and makes no pause between them.
            answer = self.repository.upload(package, max_redirects=1)
        except requests.RequestException as error:
            raise UploadUncertain(
                f"sending {path.name} to {self.repository.url} failed: {reason(error)}"
            ) from error
        if answer.ok and not answer.is_redirect:  # PyPI says 200; others 201 or 202
            return
        message = f"{self.repository.url} didn't take {path.name}: {status(answer)}"
        if answer.status_code in UNCERTAIN or answer.status_code >= SERVER_ERROR:
            raise UploadUncertain(message)
        raise UploadRefused(message, "see what the index says, mend it, and type the command again")


class _Adapter(HTTPAdapter):
    """Gives twine's uploads the timeout that they lack, and tells how far they are."""

    progress: Progress

    def send(
        self, request: requests.PreparedRequest, *args: object, **options: object
    ) -> requests.Response:
        if isinstance(request.body, MultipartEncoderMonitor):
            request.body.callback = lambda sent: self.progress(sent.bytes_read, sent.len)
        return super().send(request, *args, **{**options, "timeout": TIMEOUT})  # type: ignore[arg-type]


def status(answer: requests.Response) -> str:
    """Return status and reason; PyPI says why in the reason phrase, others in the page."""
    text = re.sub(r"<(style|script|title).*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    text = " ".join(text.split())
    more = f" ({text[:300]})" if text and text not in (answer.reason or "") else ""
    return f"{answer.status_code} {answer.reason}{more}"


def reason(error: BaseException) -> str:
    """Return what an exception says, without the addresses of objects."""
    return re.sub(r"<?[\w.]+ object at 0x[0-9a-f]+>:? ?", "", str(error)) or type(error).__name__
