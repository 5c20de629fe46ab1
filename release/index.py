"""A package index: what it has, by file and sha256, and how to give it another file."""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release import ReleaseError
from release.archives import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import requests
    from pypi_simple import DistributionPackage, ProjectPage
    from twine.package import PackageFile
    from twine.settings import Settings

    from release.plan import Distribution
    from release.upload import Progress, Sender

FRESH = {"Cache-Control": "no-cache"}
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before an upload is tried again
SILENCE = 60  # seconds without a byte


class IndexUnreadable(ReleaseError):
    """The index gave no answer that can be believed, which is never the same as «empty»."""


class Conflict(ReleaseError):
    """The index has other bytes under the name of a file of this release."""


@dataclass(frozen=True, kw_only=True)
class IndexFile:
    """A file as the index lists it."""

    filename: str
    version: Version | None  # None: the name can't be parsed
    sha256: str  # "" where the index doesn't say
    url: str
    yanked: str | None = None  # why, "" where nobody said; None: it isn't
    provenance: str = ""  # where it is told who built it (PEP 740), "" where that isn't


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index, known by what uploading needs (`repository`, `username`…) and where it lists files.

    `repository` is a name from .pypirc or a URL; "" leaves it to TWINE_REPOSITORY and
    TWINE_REPOSITORY_URL, and to twine's own default. `index_url` is the root of its Simple API
    (PEP 503, 691); "" derives it.
    """

    repository: str = ""
    index_url: str = ""
    interactive: bool = False
    credentials: tuple[str, str] | None = field(default=None, repr=False)  # instead of twine's
    patience: int = 600  # seconds that it may take to list a file that it has accepted
    uploads: int = 16  # files that are sent at once
    lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    # What it is

    @property
    def silence(self) -> int:
        """Return how many seconds a request may be silent, and the index may ask to wait."""
        return min(SILENCE, self.patience)

    @property
    def timeout(self) -> tuple[float, float]:
        """Return the seconds to connect, and without a byte."""
        return (min(10.0, self.silence), self.silence)

    @cached_property
    def upload_url(self) -> str:
        """Return where files are sent, without credentials."""
        parts = urlsplit(str(self._settings.repository_config["repository"]))
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @cached_property
    def simple_url(self) -> str:
        """Return the root of the Simple API."""
        from release.upload import simple_url

        return self.index_url or simple_url(self.upload_url)

    @property
    def largest_file(self) -> int | None:
        """Return how many MiB a file may have, None where nobody knows: no index tells that.

        PyPI's default is in warehouse: forklift/legacy.py, MAX_FILESIZE.
        """
        from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

        return 100 if self.upload_url in {DEFAULT_REPOSITORY, TEST_REPOSITORY} else None

    def pip_install(self, *requirements: str) -> str:
        """Return the command with which users install from this index."""
        from pypi_simple import PYPI_SIMPLE_ENDPOINT

        is_default = self.simple_url == PYPI_SIMPLE_ENDPOINT
        source = [] if is_default else ["--index-url", self.simple_url]
        return " ".join(["pip install", *source, *requirements])

    # What it has

    def files(self, name: str) -> tuple[IndexFile, ...]:
        """Ask for all files of a project, yanked ones included; a project it doesn't know has none.

        Raises `IndexUnreadable` for every answer but a listing and 404.
        """
        page = self._page(name)
        return tuple(_listed(package) for package in page.packages) if page else ()

    def manage_url(self, name: str, version: Version) -> str:
        """Return the page on which people manage a version; "" where no Warehouse answers.

        A Warehouse has it beside its Simple API, and tells the serial of a project's last change.
        """
        from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

        if self.upload_url in {DEFAULT_REPOSITORY, TEST_REPOSITORY}:
            simple_url = replace(self, index_url="").simple_url  # the one configured may mirror it
        elif (page := self._page(name)) and page.last_serial:
            simple_url = self.simple_url
        else:
            return ""
        root, _, folder = simple_url.rstrip("/").rpartition("/")
        path = f"/manage/project/{canonicalize_name(name)}/release/{version}/"
        return root + path if folder == "simple" else ""

    def _page(self, name: str) -> ProjectPage | None:
        """Ask for the listing of a project; None where the index doesn't know it."""
        import requests
        from pypi_simple import (
            NoSuchProjectError,
            PyPISimple,
            UnsupportedContentTypeError,
            UnsupportedRepoVersionError,
        )

        from release.upload import reason

        client = PyPISimple(self.simple_url, session=self._reader)
        try:
            page = client.get_project_page(name, timeout=self.timeout, headers=FRESH)
        except NoSuchProjectError:
            return None
        except (
            requests.RequestException,
            UnsupportedContentTypeError,
            UnsupportedRepoVersionError,
            ValueError,
        ) as error:
            raise IndexUnreadable(
                f"the index at {self.simple_url} can't be read: {reason(error)}",
                "try again; if the address is wrong, set `index-url` in [tool.nox-release]",
            ) from error
        own = [
            one
            for one in page.packages
            if canonicalize_name(one.project or "") == canonicalize_name(name)
        ]
        if not own and page.repository_version is None:
            # A log-in page or an error page with status 200 (PEP 629: real ones say their version).
            raise IndexUnreadable(
                f"{client.get_project_url(name)} answers with a page that lists no files",
                "set `index-url` in [tool.nox-release] to the root of the index's Simple API",
            )
        return page

    def sha256_of(self, file: IndexFile) -> str:
        """Return a file's sha256; where the index doesn't say it, the file is downloaded."""
        if file.sha256:
            return file.sha256
        digest = hashlib.sha256()
        for chunk in self._content(file):
            digest.update(chunk)
        return digest.hexdigest()

    def download(self, name: str, one: Distribution, path: Path) -> None:
        """Write a file of project `name` to `path`; `ReleaseError` where that one isn't there."""
        for file in self.files(name):
            if file.filename == one.filename and self.has(one, [file]):
                self.fetch(file, path)
                if sha256_of(path) == one.sha256:
                    return
        raise IndexUnreadable(f"{self.simple_url} doesn't list {one.filename} any more")

    def fetch(self, file: IndexFile, path: Path) -> None:
        """Write a file to `path`."""
        with path.open("wb") as target:
            target.writelines(self._content(file))

    def provenance(self, file: IndexFile) -> bytes:
        """Return what the index tells of who built a file, nothing where it doesn't."""
        if not file.provenance:
            return b""
        return b"".join(self._content(replace(file, url=file.provenance)))

    def _content(self, file: IndexFile) -> Iterator[bytes]:
        import requests

        from release.upload import reason

        try:
            with self._reader.get(file.url, stream=True, timeout=self.timeout) as answer:
                answer.raise_for_status()
                yield from answer.iter_content(1 << 16)
        except requests.RequestException as error:
            raise IndexUnreadable(f"{file.url} can't be downloaded: {reason(error)}") from error

    @cached_property
    def _reader(self) -> requests.Session:
        from requests.adapters import HTTPAdapter
        from twine.utils import make_requests_session

        from release.upload import Again

        session = make_requests_session()
        again = Again(
            total=4, read=2, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504),
            raise_on_status=False, backoff_max=self.silence, retry_after_max=self.silence,
        )  # fmt: skip
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=again))
        if urlsplit(self.simple_url).netloc == urlsplit(self.upload_url).netloc:
            session.auth = self._static_credentials()
        return session

    # Giving it a file

    def check_credentials(self) -> None:
        """Find the credentials, or raise `ReleaseError`; then ask the index if it takes them."""
        from release.upload import try_credentials

        try_credentials(self._new_sender, self.upload_url, self.silence)

    def is_trusting(self) -> bool:
        """Say whether it trusts this workflow, and wants no password; what isn't known is asked."""
        from release.upload import is_trusting

        return is_trusting(self._settings)

    def upload(
        self,
        path: Path,
        name: str,
        one: Distribution,
        progress: Progress,
        hold: Callable[[], object] = lambda: None,
    ) -> None:
        """Make the index have this file of project `name`; done where it has it already.

        After an answer that leaves the outcome open, the index is asked before the file is sent
        again. Raises `UploadRefused` after a plain no, else `UploadUncertain`. `hold` is called
        before anything is sent, and raises when it mustn't be.
        """
        from release.upload import UploadRefused, UploadUncertain

        package = self._package(path, one)
        doubt: UploadUncertain | None = None
        for pause in (*PAUSES, None):
            hold()
            try:
                with self._sender() as sender:
                    return sender.send(package, progress)
            except UploadUncertain as error:
                if self._has_after(error, one, name):
                    return None
                if pause is None or error.pause > self.silence:
                    raise
                doubt = error
                time.sleep(max(error.pause, min(pause, self.silence)))
            except UploadRefused as error:
                if self._has_after(error, one, name):
                    return None
                if doubt:  # what was sent before may still turn up
                    raise UploadUncertain(f"{doubt}; then {error}") from error
                raise
        return None

    def _package(self, path: Path, one: Distribution) -> PackageFile:
        """Return what twine sends, which is read once for that; it must be the file of the plan."""
        from release.upload import packaged

        package = packaged(path) if path.exists() else None
        if package is None or package.sha2_digest != one.sha256:
            raise IndexUnreadable(
                f"{self.simple_url} listed {one.filename} a moment ago, and not now; it wasn't "
                "sent, because building it again made other bytes, or none",
            )
        return package

    def _has_after(self, error: ReleaseError, one: Distribution, name: str) -> bool:
        """Ask whether the index has a file in spite of `error`."""
        try:
            return self.has(one, self.files(name))
        except IndexUnreadable as blind:
            raise IndexUnreadable(f"{error}; then {blind}", *blind.hints) from blind

    def has(self, one: Distribution, files: Iterable[IndexFile]) -> bool:
        """Say whether a file is among `files`; another one by its name is a `Conflict`."""
        for file in files:
            if file.filename != one.filename:
                continue
            if (found := self.sha256_of(file)) == one.sha256:
                return True
            message = (
                f"{self.simple_url} has another {one.filename}: its sha256 is {found}, "
                f"that of this release is {one.sha256}"
            )
            if found in one.builds:
                raise ReleaseError(f"{message}; it is an earlier build, which turned up late")
            raise Conflict(message)
        return False

    @contextmanager
    def _sender(self) -> Iterator[Sender]:
        """Lend one that nobody else uses: requests doesn't promise that a session may be shared."""
        sender = self._idle.pop() if self._idle else self._new_sender()
        yield sender
        self._idle.append(sender)  # with its connection; one that failed is given up

    def _new_sender(self) -> Sender:
        from release.upload import Sender

        return Sender(self._settings, self.timeout, self.lock)

    @cached_property
    def _idle(self) -> deque[Sender]:
        return deque()

    def secrets(self) -> list[str]:
        """Return the passwords that are known without a question, for nobody to see."""
        known = self._static_credentials() or ("", "")
        basic = b64encode(":".join(known).encode()).decode()  # RFC 7617
        return [known[1], basic, self._settings.repository_config.get("password") or ""]

    def _static_credentials(self) -> tuple[str, str] | None:
        """Return user and password for reading a private index, if they need no question."""
        from twine.exceptions import TwineException

        settings = self._settings_for(interactive=False)
        with suppress(TwineException):
            if not settings.auth.is_pypi():
                return (settings.username or "", settings.password or "")
        return None

    @property
    def _settings(self) -> Settings:
        """Return twine's settings, the same to each thread: they remember an answer."""
        with self.lock:
            return self._own_settings

    @cached_property  # which itself lets several threads in, from Python 3.12 on
    def _own_settings(self) -> Settings:
        return self._settings_for(interactive=self.interactive)

    def _settings_for(self, *, interactive: bool) -> Settings:
        from release.upload import settings

        return settings(self.repository, self.credentials, interactive=interactive)


def _listed(package: DistributionPackage) -> IndexFile:
    if {"/", "\\"} & {*package.filename}:
        raise IndexUnreadable(
            f"the index lists a file with a path for a name: {package.filename!r}"
        )
    try:
        version = Version(package.version or "")
    except InvalidVersion:
        version = None
    return IndexFile(
        filename=package.filename,
        version=version,
        sha256=package.digests.get("sha256", ""),
        url=package.url,
        yanked=(package.yanked_reason or "") if package.is_yanked else None,
        provenance=package.provenance_url or "",
    )
