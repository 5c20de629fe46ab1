"""Attestations (PEP 740): which workflow built a file, signed by Sigstore in the job's identity.

They are made before anybody else can see anything of a release, as Sigstore may be down, and lie
beside the files, with which twine uploads them. What the index serves in the end is verified.
"""

from __future__ import annotations

import time
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from release import ReleaseError
from release.ahead import begin
from release.identity import Identity, identity, token
from release.index import IndexUnreadable
from release.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pypi_attestations import Attestation
    from sigstore.models import ClientTrustConfig

    from release.console import Console
    from release.plan import Distribution, Release
    from release.world import World

SIGN = "Sign the files{} in the identity of this workflow"
VERIFY = "Verify the attestations{} that the index serves"
FORGE = "https://github.com"  # as Sigstore's certificates have it, for the issuer of its Actions
AT_ONCE = 8  # files that are signed
PAUSES = (1.0, 4.0)  # seconds before it is tried again


# Whether there are any


def none_because(world: World) -> str:
    """Return why files get no attestations, "" where they do."""
    if world.attestations == "never":
        return "not wanted here"
    if not identity():
        return "nobody vouches for who releases, as GitHub does in a job with `id-token: write`"
    if not find_spec("pypi_attestations"):
        return "nox-release[attestations] isn't installed"
    if world.attestations == "auto" and not world.index.is_trusting():
        return f"{world.index.upload_url} is given a password, and takes them of publishers only"
    return ""


def attests(world: World) -> bool:
    """Say whether files get attestations; `ReleaseError` where they must, and can't."""
    why = none_because(world)
    if why and world.attestations == "required":
        raise ReleaseError(
            f"the files can't be attested: {why}",
            'release by the workflow; or set attestations = "auto" in [tool.nox-release]',
        )
    return not why


def told(world: World) -> str:
    """Return by whom files are attested, or why they aren't, for people to read."""
    why, job = none_because(world), identity()
    return f"none: {why}" if why or not job else f"by {job.publisher}"


def titles(world: World) -> tuple[list[str], list[str]]:
    """Return the titles of steps for each package: before it is sent, and after."""
    return ([SIGN], [VERIFY]) if attests(world) else ([], [])


# Sign


def sign(
    package: Release,
    distributions: Iterable[Distribution],
    dist: Path,
    world: World,
    console: Console,
) -> None:
    """Lay attestations beside those files in `dist` that the index lacks, where there are any."""
    if not attests(world):
        return
    index, files = world.index, world.index.files(package.name)
    if not (wanted := [one for one in distributions if not index.has(one, files)]):
        return
    with console.step(SIGN.format(_of(package))):
        try:
            _persist(partial(_sign_all, wanted, dist, world))
        except ReleaseError:
            raise
        except Exception as error:  # Sigstore's errors have no base of their own
            from release.upload import reason

            raise ReleaseError(
                f"Sigstore didn't sign the files of {package.title}: {reason(error)}",
                'type the command again; or go without: attestations = "never" in '
                "[tool.nox-release]",
            ) from error


def _persist(do: Callable[[], object]) -> None:
    for pause in PAUSES:
        try:
            do()
        except ReleaseError:
            raise
        except Exception:  # noqa: BLE001 - tried again, whatever it was
            time.sleep(pause)
        else:
            return
    do()


def _sign_all(distributions: Sequence[Distribution], dist: Path, world: World) -> None:
    """Sign all files, several at once. Nothing of Sigstore's client has a timeout of its own."""
    patience = world.index.silence
    trust = begin(partial(_trust, world)).result(patience)
    parts = [part for part in (distributions[at::AT_ONCE] for at in range(AT_ONCE)) if part]
    begun = [begin(partial(_signed, part, trust)) for part in parts]
    for part, answer in zip(parts, begun, strict=True):
        for one, text in answer.result(patience * len(part)):
            _beside(one, dist).write_text(text, encoding="utf-8")


def _signed(
    distributions: Iterable[Distribution], trust: ClientTrustConfig
) -> list[tuple[Distribution, str]]:
    """Return files with the attestations that were made of them just now."""
    from pypi_attestations import Attestation
    from pypi_attestations import Distribution as Attested
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    vouched, signed = token("sigstore") or "", []
    with SigningContext.from_trust_config(trust).signer(IdentityToken(vouched)) as signer:
        for one in distributions:
            made = Attestation.sign(signer, Attested(name=one.filename, digest=one.sha256))
            _verify(made, one, Identity.of(vouched), trust)
            signed.append((one, made.model_dump_json()))
    return signed


def _trust(world: World) -> ClientTrustConfig:
    """Return whom to ask and to believe: the public Sigstore, or the one that a file names."""
    from sigstore.models import ClientTrustConfig

    if path := world.sigstore:
        text = Snapshot(git=world.git, commit="HEAD").read(path)
        if text is None:
            raise ReleaseError(
                f"HEAD has no {path}, which sigstore-trust-config names",
                "commit it, or take sigstore-trust-config out of [tool.nox-release]",
            )
        trust = ClientTrustConfig.from_json(text.decode())
    else:
        trust = ClientTrustConfig.production()
    trust.force_tlog_version = 1  # an attestation has no room for the timestamps that 2 wants
    return trust


# Verify


def attested(distributions: Iterable[Distribution], dist: Path) -> list[Distribution]:
    """Return the files that have been signed in this run."""
    return [one for one in distributions if _beside(one, dist).exists()]


def _beside(one: Distribution, dist: Path) -> Path:
    from release.upload import ATTESTATION

    return dist / (one.filename + ATTESTATION)


def unread(
    package: Release, distributions: Sequence[Distribution], world: World
) -> IndexUnreadable | None:
    """Return why attestations can't be read yet, None when the index serves all of them.

    Raises `ReleaseError` where the index has none of a file, or what it serves isn't ours.
    """
    job, trust = identity(), _trust(world)
    try:
        files = {one.filename: one for one in world.index.files(package.name)}
        if absent := [one.filename for one in distributions if one.filename not in files]:
            return IndexUnreadable(f"{world.index.simple_url} doesn't list {', '.join(absent)}")
        served = {one: world.index.provenance(files[one.filename]) for one in distributions}
    except IndexUnreadable as error:
        return error
    for one, provenance in served.items():
        try:
            _verify_served(provenance, one, job, trust)
        except Exception as error:
            from release.upload import reason

            raise ReleaseError(
                f"{world.index.simple_url} doesn't say as we do who built {one.filename}: "
                f"{reason(error)}",
                f"look at {files[one.filename].provenance or files[one.filename].url}; "
                "the file can't be replaced, so the same command goes on without this step",
            ) from error
    return None


def _verify_served(
    provenance: bytes, one: Distribution, job: Identity | None, trust: ClientTrustConfig
) -> None:
    """Raise an error unless an index serves attestations, each of which says who built a file."""
    from pypi_attestations import Provenance

    if not provenance:
        raise ValueError("it serves no attestation")
    bundles = Provenance.model_validate_json(provenance).attestation_bundles
    if not (found := [attestation for bundle in bundles for attestation in bundle.attestations]):
        raise ValueError("it serves no attestation")
    for attestation in found:
        _verify(attestation, one, job, trust)


def _verify(
    attestation: Attestation, one: Distribution, job: Identity | None, trust: ClientTrustConfig
) -> None:
    """Raise an error unless an attestation says that this very job's workflow built a file."""
    from sigstore.verify import Verifier, policy

    if not job:
        raise ValueError("nobody vouches for who this is")
    wanted = policy.AllOf(
        [
            policy.OIDCIssuerV2(job.issuer),
            policy.OIDCSourceRepositoryURI(f"{FORGE}/{job.repository}"),
            policy.OIDCBuildSignerURI(f"{FORGE}/{job.workflow}"),
        ]
    )
    Verifier(trusted_root=trust.trusted_root).verify_dsse(attestation.to_bundle(), wanted)
    if attestation.statement["subject"] != [
        {"name": one.filename, "digest": {"sha256": one.sha256}}
    ]:
        raise ValueError(f"it is of {attestation.statement['subject']}")


def _of(package: Release) -> str:
    return f" of {package.name}" if package.folder else ""
