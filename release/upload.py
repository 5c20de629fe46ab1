"""Sending a file: twine's settings and `Repository`, with a timeout, progress, and no prints."""

from __future__ import annotations

import argparse
import html
import logging
import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import requests
import rich
from requests.adapters import HTTPAdapter
from requests_toolbelt import MultipartEncoderMonitor
from twine.auth import TrustedPublishingAuthenticator
from twine.exceptions import TrustedPublishingFailure, TwineException
from twine.package import PackageFile
from twine.repository import TEST_WAREHOUSE, WAREHOUSE_WEB
from twine.settings import Settings
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY
from urllib3 import Retry
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError

from release import ReleaseError, UsageError
from release.identity import identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Lock

    from twine.repository import Repository

    Progress = Callable[[int], object]  # told how many bytes have been sent

SERVER_ERROR = 500
UNCERTAIN = {408, 425, 429}  # 4xx answers that another attempt may change
# A page for people, such as one to log in. An index says less of what it takes; devpi has one for
# a file that it had before.
PAGE = re.compile(r"\s*<(!doctype|html)", re.IGNORECASE)
DAY = 86400  # seconds
ATTESTATION = ".publish.attestation"  # behind a file's name: what twine uploads with it


class UploadRefused(ReleaseError):
    """The index said no: the same request will not do better."""


class UploadUncertain(ReleaseError):
    """The index gave no answer, or one that leaves open whether it took the file."""

    def __init__(self, message: str, pause: float = 0) -> None:
        super().__init__(message)
        self.pause = pause  # seconds that the index asks for


def settings(
    repository: str, credentials: tuple[str, str] | None, *, interactive: bool
) -> Settings:
    """Make twine's settings; twine itself reads the environment, .pypirc and keyring."""
    parser = argparse.ArgumentParser()
    Settings.register_argparse_arguments(parser)
    words = ["--disable-progress-bar"]
    if "://" in repository:
        words += ["--repository-url", repository]
    elif repository:  # a name given here beats TWINE_REPOSITORY_URL
        words += ["--repository", repository, "--repository-url", ""]
    if credentials:
        words += [f"--username={credentials[0]}", f"--password={credentials[1]}"]
    options = parser.parse_args(words)
    options.non_interactive |= not interactive
    try:
        made = Settings.from_argparse(options)
        made.check_repository_url()
    except TwineException as error:
        raise UsageError(
            f"there is no index {repository!r}: {reason(error)}",
            "use pypi, testpypi, an upload URL, or a section of ~/.pypirc",
        ) from error
    return made


def packaged(path: Path) -> PackageFile:
    """Read a file as twine does: its metadata, its hashes in pieces, and what attests it."""
    package = PackageFile.from_filename(str(path), comment=None)
    if (beside := path.with_name(path.name + ATTESTATION)).exists():
        package.add_attestations([str(beside)])
    return package


class Sender:
    """One connection to an index. Not to be shared between threads: a `Session` mustn't be."""

    def __init__(self, settings: Settings, timeout: tuple[float, float], lock: Lock) -> None:
        # What twine prints and logs isn't cleaned of secrets; what we show is, by our console.
        rich.get_console().quiet = True
        logging.getLogger("twine").setLevel(logging.CRITICAL)
        self.adapter = _Adapter()
        self.adapter.timeout = timeout
        self.settings, self.lock = settings, lock

    @cached_property
    def repository(self) -> Repository:
        """Find the credentials; `TwineException` where there are none."""
        with self.lock:  # asks for a password at most once, however many threads want one
            repository = self.settings.create_repository()
        if repository.session.auth:  # trusted publishing: mints anew before a token expires
            repository.session.auth = self.settings.auth.authenticator
        for scheme in ("http://", "https://"):
            repository.session.mount(scheme, self.adapter)
        return repository

    def send(self, package: PackageFile, progress: Progress) -> None:
        """Send a file once; `UploadRefused` after a no, `UploadUncertain` after no clear answer."""
        self.adapter.progress, name = progress, package.basefilename
        url = str(self.settings.repository_config["repository"])
        try:
            # twine counts attempts here, whatever the name says, and makes no pause between them.
            answer = self.repository.upload(package, max_redirects=1)
        except (requests.RequestException, TrustedPublishingFailure) as error:
            raise UploadUncertain(f"sending {name} to {url} failed: {reason(error)}") from error
        except TwineException as error:
            raise UploadRefused(
                f"{name} wasn't sent to {url}: {reason(error)}", what_lets_in(error, url)
            ) from error
        if answer.ok and not (answer.is_redirect or PAGE.match(answer.text)):
            return  # PyPI says 200; others 201 or 202
        message = f"{url} didn't take {name}: {status(answer)}"
        code = answer.status_code
        if code in UNCERTAIN or code >= SERVER_ERROR or answer.ok:
            raise UploadUncertain(message, asked_pause(answer))
        raise UploadRefused(message, "see what the index says, mend it, and type the command again")


def try_credentials(sender: Callable[[], Sender], url: str, longest: float) -> None:
    """Find the credentials, or raise `ReleaseError`; then ask the index whether it takes them.

    The question is an upload form without a file: an index looks at who asks before it looks
    at the form, so 401 and 403 speak of the credentials. A redirect, or a pause of more than
    `longest` seconds, is the answer that a file would get; nothing else is conclusive.
    """
    form = {":action": "file_upload", "protocol_version": "1"}
    try:
        answer = sender().repository.session.post(url, data=form, allow_redirects=False)
    except requests.RequestException as error:
        raise ReleaseError(
            f"{url} can't be reached: {reason(error)}",
            "try again; is that where files are uploaded? see --repository",
        ) from error
    except TwineException as error:
        raise ReleaseError(
            f"there are no credentials for {url}: {reason(error)}",
            what_lets_in(error, url),
        ) from error
    if answer.status_code in {401, 403}:
        raise ReleaseError(
            f"{url} refuses these credentials: {status(answer)}",
            "look at TWINE_USERNAME and TWINE_PASSWORD, ~/.pypirc and the keyring",
        )
    if answer.is_redirect or asked_pause(answer) > longest:
        raise ReleaseError(
            f"{url} takes no files now: {status(answer)}",
            "is that where files are uploaded? see --repository"
            if answer.is_redirect
            else "type the command again then",
        )


class _Adapter(HTTPAdapter):
    """Gives twine's uploads the timeout that they lack, and tells how far they are."""

    timeout: tuple[float, float]  # seconds to connect, and without a byte
    progress: Progress

    def send(
        self, request: requests.PreparedRequest, *args: object, **options: object
    ) -> requests.Response:
        if isinstance(request.body, MultipartEncoderMonitor):
            request.body.callback = lambda sent: self.progress(sent.bytes_read)
        return super().send(request, *args, **{**options, "timeout": self.timeout})  # type: ignore[arg-type]


class Again(Retry):
    """Tries again after pauses, but not where the index asks for more than `retry_after_max`."""

    def increment(self, *args: Any, **options: Any) -> Again:  # noqa: ANN401 - urllib3's own
        """Count a failure; `MaxRetryError` ends it."""
        answer = options.get("response")
        if answer is not None and asked_pause(answer) > self.retry_after_max:
            raise MaxRetryError(options["_pool"], None, ResponseError("asks for a long pause"))
        return super().increment(*args, **options)

    def parse_retry_after(self, retry_after: str) -> float:
        """Return the seconds to wait, 0 for words that mean none."""
        with suppress(InvalidHeader, OverflowError, ValueError):
            return super().parse_retry_after(retry_after)
        return 0.0


def asked_pause(answer: Any) -> float:  # noqa: ANN401 - of requests or urllib3
    """Return the seconds that an answer asks to wait, 0 where it asks for none."""
    return Again(retry_after_max=366 * DAY).get_retry_after(answer) or 0.0


def is_trusting(settings: Settings) -> bool:
    """Say whether an index is given tokens of trusted publishing, and no password."""
    try:
        return isinstance(settings.auth.authenticator, TrustedPublishingAuthenticator)
    except TwineException:
        return False


def simple_url(upload_url: str) -> str:
    """Return the root of the Simple API of an index.

    Every index known keeps it beside the upload URL: `…/legacy/` → `…/simple/` (Warehouse, Pulp),
    `…/upload/` → `…/simple/` (Azure), else `…/simple/` below it (pypiserver, Nexus, GitLab,
    Artifactory, CodeArtifact). Only PyPI has a host of its own for uploads.
    """
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    if upload_url == DEFAULT_REPOSITORY:
        return PYPI_SIMPLE_ENDPOINT
    parts = urlsplit(upload_url)
    folders = [folder for folder in parts.path.split("/") if folder]
    if folders[-1:] in (["legacy"], ["upload"]):
        folders.pop()
    return urlunsplit(parts._replace(path="/".join(["", *folders, "simple", ""])))


def website(upload_url: str) -> str:
    """Return where people see what is uploaded there; "" for any index but PyPI and its twin."""
    pages = {DEFAULT_REPOSITORY: WAREHOUSE_WEB, TEST_REPOSITORY: TEST_WAREHOUSE}
    return pages.get(upload_url, "")


def what_lets_in(error: TwineException, upload_url: str) -> str:
    """Return what to do after twine found no credentials.

    In a workflow no password is meant, but an entry on the index. That doesn't say which claim of
    the job doesn't fit, so all are told.
    """
    if not isinstance(error, TrustedPublishingFailure):
        return "set TWINE_USERNAME=__token__ and TWINE_PASSWORD, or write them to ~/.pypirc"
    if job := identity():
        page = f"{website(upload_url)}manage/account/publishing/"
        return f"at {page}, a GitHub publisher must say exactly this: {job.publisher}"
    return "give the job `id-token: write` below `permissions`"


def status(answer: requests.Response) -> str:
    """Return status and reason; PyPI says why in the reason phrase, others in the page."""
    page = re.sub(r"<(style|script|title).*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    why, text = _plain(answer.reason or ""), _plain(page)
    said = f"{answer.status_code} {why}" + (f" ({text[:300]})" if text not in why else "")
    if answer.is_redirect:
        said += f" to {answer.headers['Location'].partition('?')[0]}"
    if seconds := asked_pause(answer):
        then = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        said += f"; the index wants to be asked again at {then:%Y-%m-%d %H:%M} UTC"
    return said


def _plain(text: str) -> str:
    """Return what HTML says, on one line, without what would steer a terminal."""
    shown = (one if one.isprintable() else " " for one in html.unescape(text))
    return " ".join("".join(shown).split())


def reason(error: BaseException) -> str:
    """Return why a request failed: the innermost cause, without addresses of objects."""
    inner = (*error.args, getattr(error, "reason", None), error.__cause__)
    causes = [one for one in inner if isinstance(one, BaseException)]
    if isinstance(error, requests.HTTPError):
        return status(error.response)
    if causes and not isinstance(causes[0], TimeoutError):  # it doesn't say after how long
        return reason(causes[0])
    words = getattr(error, "strerror", None) or str(error)
    objects = r"<?[\w.]+ object at 0x[0-9a-f]+>:? ?|\w+Connection(Pool)?\([^)]*\): ?"
    return re.sub(objects, "", words) or type(error).__name__
