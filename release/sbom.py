"""An SBOM in each wheel (PEP 770): what the wheel is, what came along in it, and what built it.

A component is what is in the wheel, and nothing else: what it requires is told in its own words,
as ranges; what was there when it was built is the formulation, which no scanner takes for
something that is installed. What nobody has looked at is said to be unknown.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZipFile

from packaging.utils import (
    InvalidWheelFilename,
    canonicalize_name,
    parse_wheel_filename,
)

from release import ReleaseError
from release.archives import AGAIN, CHUNK, some
from release.metadata import REQUIRES, Metadata
from release.wheels import BROKEN, SBOMS, SIGNATURES, Wheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from zipfile import ZipInfo

    from cyclonedx.model import ExternalReference
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

    from release.git import Git
    from release.project import Project

# Each tool has a file of its own name there, as auditwheel has, and leaves others alone.
FILE = "nox-release.cdx.json"
NOTHING: Mapping[str, str] = {}
PROPERTY = "nox-release"  # the namespace of our properties
# What the labels of URLs mean (PEP 753), as CycloneDX calls it.
LABELS = {
    "website": {"homepage", "home"},
    "vcs": {"source", "repository", "sourcecode", "github"},
    "issue-tracker": {"issues", "bugs", "issue", "tracker", "issuetracker", "bugtracker"},
    "release-notes": {"changelog", "changes", "whatsnew", "history", "releasenotes"},
    "documentation": {"documentation", "docs"},
    "distribution": {"download"},
}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a wheel is built from: a commit, and where others find it."""

    commit: str
    time: int  # of the commit, in seconds since the epoch
    remote: str = ""  # URL of the repository, as git has it
    folder: str = ""  # in the repository

    @classmethod
    def of(cls, here: Git, project: Project, remote: str) -> Sources:
        """Return what a project is built from that is checked out in the worktree `here`."""
        commit, time = here.resolve("HEAD"), here.time()
        return cls(commit=commit, time=time, remote=remote, folder=project.folder)

    @property
    def url(self) -> str:
        """Return a URL of the commit, as installers take it; "" where there is none to be told.

        That is a folder of this machine, or a URL with credentials.
        """
        scp = re.fullmatch(r"((?:[^@/:]+@)?[^@/:]{2,}):(?!//)/?(.+)", self.remote)
        remote = f"ssh://{scp[1]}/{scp[2]}" if scp else self.remote
        parts = urlsplit(remote)
        is_named = parts.username is not None and parts.scheme != "ssh"
        is_public = parts.scheme in {"https", "http", "ssh", "git"} and not parts.query
        if not is_public or is_named or parts.password is not None:
            return ""
        return f"git+{remote}@{self.commit}" + f"#subdirectory={self.folder}" * bool(self.folder)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A package: in a wheel, at a place, or in the environment that built it."""

    name: str  # normalised
    version: str
    sha256: str = ""  # of its file, as far as it is known
    place: str = ""

    @classmethod
    def pinned(cls, pin: str, sha256: str) -> Part:
        """Return a package that is told as NAME==VERSION."""
        name, _, known = pin.partition("==")
        return cls(name=canonicalize_name(name), version=known, sha256=sha256)

    @property
    def purl(self) -> str:
        """Return its name and version as SBOMs have them."""
        from packageurl import PackageURL

        return str(PackageURL("pypi", name=self.name, version=self.version))


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a wheel says of itself, and the packages that came along in it."""

    filename: str
    part: Part
    metadata: Metadata
    generator: str  # the build backend, with its version
    bundled: tuple[Part, ...]

    @classmethod
    def of(cls, filename: str, wheel: Wheel) -> Contents:
        """Return the contents of an open wheel."""
        return cls(
            filename=filename,
            part=Part(name=wheel.name, version=str(wheel.version)),
            metadata=Metadata.read(wheel.read("METADATA")),
            generator=str(wheel.told["Generator"] or ""),
            bundled=tuple(_bundled(wheel)),
        )

    def field(self, name: str) -> str:
        """Return a field of the metadata, "" where it isn't there."""
        return next(iter(self.metadata.fields.get(name, ())), "")


def insist_on_library() -> None:
    """Raise `ReleaseError` where nothing here can write an SBOM."""
    if not find_spec("cyclonedx"):
        raise ReleaseError(
            "wheels can't get an SBOM: nox-release[sbom] isn't installed",
            "pip install 'nox-release[sbom]'; let the noxfile install it, too",
        )


# Write


def add(path: Path, sources: Sources, tools: Mapping[str, str] = NOTHING) -> bool:
    """Add the SBOM to a wheel, and to its RECORD; nothing else in it changes. Say whether it was.

    `tools` is what was there when it was built, as NAME==VERSION, with the sha256 of its file, ""
    where nobody knows it. A wheel that has it is left alone, and so is one that no release takes,
    with more or less than one .dist-info folder.
    """
    parts = [Part.pinned(*one) for one in tools.items()]
    try:
        name, release, _, tags = parse_wheel_filename(path.name)
        with ZipFile(path) as archive:
            wheel = Wheel(archive=archive, name=name, version=release, tags=tags)
            if not wheel.about or f"{SBOMS}/{FILE}" in wheel.sboms:
                return False
            if signed := [one for one in SIGNATURES[1:] if wheel.read(one)]:
                words = f"{path.name} has {some(signed)}, which an SBOM would make wrong"
                raise ReleaseError(words, "sign it after `python -m release sbom FOLDER`")
            told = document(Contents.of(path.name, wheel), sources, parts)
            _rewrite(wheel, told, new := path.with_name(f".{path.name}.new"))
    except (*BROKEN, InvalidWheelFilename) as error:
        raise ReleaseError(f"{path.name} can't be read: {error}", AGAIN) from error
    new.replace(path)
    return True


def _rewrite(wheel: Wheel, told: bytes, new: Path) -> None:
    """Copy a wheel, its RECORD with a further row, and the SBOM right before that."""
    record = f"{wheel.about}/RECORD"
    with ZipFile(new, "w") as copied:
        for info in wheel.archive.infolist():
            if info.filename == record:
                added = copy(info)
                added.filename = f"{wheel.about}/{SBOMS}/{FILE}"
                rows = _row(added.filename, told) + wheel.read("RECORD")
                _write(copied, added, BytesIO(told))
                _write(copied, copy(info), BytesIO(rows))
            else:
                with wheel.archive.open(info) as file:
                    _write(copied, copy(info), file)


def _write(archive: ZipFile, info: ZipInfo, file: IO[bytes]) -> None:
    mode = info.external_attr  # zipfile writes another one for none
    with archive.open(info, "w") as place:
        copyfileobj(file, place)
    info.external_attr = mode


def _row(name: str, data: bytes) -> bytes:
    """Return the row of a file as RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(data)}\n".encode()


def _bundled(wheel: Wheel) -> Iterator[Part]:
    """Find packages that others have made: those with metadata of their own, and whole wheels."""
    for place in sorted(wheel.files):
        folder, file = posixpath.split(place)
        if file == "METADATA" and folder.endswith(".dist-info") and folder != wheel.about:
            name, _, version = posixpath.basename(folder).removesuffix(".dist-info").partition("-")
            if name and version:
                yield Part(name=canonicalize_name(name), version=version, place=folder)
        elif file.endswith(".whl"):
            with suppress(InvalidWheelFilename), wheel.archive.open(wheel.files[place]) as data:
                name, known, *_ = parse_wheel_filename(file)
                digest = hashlib.sha256()
                while piece := data.read(CHUNK):
                    digest.update(piece)
                yield Part(name=name, version=str(known), sha256=digest.hexdigest(), place=place)


# The document


def document(about: Contents, sources: Sources, tools: Iterable[Part]) -> bytes:
    """Return an SBOM as CycloneDX 1.6: the same bytes for the same contents, commit and tools."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
    from cyclonedx.model.tool import ToolRepository

    own = Part(name="nox-release", version=version("nox-release"))
    package = _package(about, sources)
    bundled = [_component(one, f"{one.purl}#{one.place}") for one in about.bundled]
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"{about.part.purl} {about.filename} {sources.commit}"),
        metadata=BomMetaData(
            timestamp=datetime.fromtimestamp(sources.time, timezone.utc),
            tools=ToolRepository(components=[_component(own, f"tool:{own.purl}")]),
            lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
            component=package,
        ),
        components=bundled,
    )
    bom.register_dependency(package, bundled)
    # The library has no model of what follows.
    parts = [one.bom_ref.value for one in (package, *bundled)]
    unknown = {"aggregate": "unknown", "assemblies": parts, "dependencies": parts}
    told = {**_rendered(bom), "compositions": [unknown], "formulation": [_formula(about, tools)]}
    return (json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _rendered(bom: Bom) -> dict[str, Any]:
    from cyclonedx.output.json import JsonV1Dot6

    rendered: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return rendered


def _formula(about: Contents, tools: Iterable[Part]) -> dict[str, Any]:
    """Return how the wheel was made: by which build backend, and what else was there."""
    from cyclonedx.model.bom import Bom

    there = Bom(components=[_component(one, f"build:{one.purl}") for one in tools])
    generator = {"name": f"{PROPERTY}:generator", "value": about.generator}
    told = {"components": _rendered(there).get("components"), "properties": [generator]}
    return {key: value for key, value in told.items() if value}


def _package(about: Contents, sources: Sources) -> Component:
    """Return the package as its metadata tell it."""
    from cyclonedx.model import Property
    from cyclonedx.model.license import LicenseAcknowledgement, LicenseExpression

    package = _component(about.part, about.part.purl)
    package.description = about.field("summary") or None
    if license_ := about.field("license-expression"):
        said = LicenseAcknowledgement.DECLARED
        package.licenses = [LicenseExpression(license_, acknowledgement=said)]
    package.external_references = _references(about, sources)
    package.properties = [
        Property(name=f"{PROPERTY}:{REQUIRES}", value=value)
        for value in about.metadata.fields.get(REQUIRES, ())
    ]
    return package


def _component(part: Part, ref: str) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component
    from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
    from packageurl import PackageURL

    found = ComponentEvidence(occurrences=[Occurrence(location=part.place)])
    return Component(
        name=part.name,
        version=part.version,
        purl=PackageURL.from_string(part.purl),
        bom_ref=ref,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] * bool(part.sha256),
        evidence=found if part.place else None,
    )


def _references(about: Contents, sources: Sources) -> Iterator[ExternalReference]:
    """Return the URLs in the metadata, and that of the commit; none that is no URL."""
    from cyclonedx.exception.model import InvalidUriException
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from requests.utils import requote_uri

    told = [value.partition(",")[::2] for value in about.metadata.fields.get("project-url", ())]
    told += [("Homepage", about.field("home-page")), ("Source", sources.url)]
    for label, url in told:
        name = re.sub(r"[\W_]", "", label).lower()
        kind = next((kind for kind, names in LABELS.items() if name in names), "other")
        with suppress(InvalidUriException):
            if (place := XsUri(requote_uri(url.strip()))).uri:
                yield ExternalReference(type=ExternalReferenceType(kind), url=place, comment=label)
