"""Attestations are signed before anything is seen of a release, uploaded, served and verified.

Fulcio and Rekor are @sigstore/mock; the index verifies as PyPI does, and so does the release.
"""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pypi_attestations import Attestation, Distribution, Provenance
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext

from tests import warehouse as warehouses
from tests.stage import QUICK
from tests.warehouse import CLAIMS, publish, vouched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.github.forge import Forge
    from tests.stage import Stage
    from tests.warehouse import Warehouse

SERVER = Path(__file__).parent / "sigstore"
WHEEL, SDIST = "acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture(scope="session")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Sigstore on this machine; yields how it is reached and whom to believe."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        pytest.skip("the local Sigstore runs on Node")
    folder = shutil.copytree(
        SERVER, tmp_path_factory.mktemp("sigstore") / "it", ignore=shutil.ignore_patterns("node_*")
    )
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([npm, "ci", *quiet], cwd=folder, check=True, capture_output=True, timeout=240)
    with subprocess.Popen(
        [node, "server.mjs"], cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        yield process.stdout.readline()
        process.stdin.close()


@pytest.fixture
def warehouse(stage: Stage, hub: Forge, tmp_path: Path, sigstore: str) -> Iterator[Warehouse]:
    """PyPI, as a job of a workflow finds it, and a Sigstore that the project names."""
    configure(stage, sigstore)
    with warehouses.warehouse(stage, hub, tmp_path) as server:
        server.trust = ClientTrustConfig.from_json(sigstore)
        yield server


def configure(stage: Stage, trust: str, **settings: object) -> None:
    rows = {"sigstore-trust-config": "trust.json", **settings}
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows.items())
    pyproject = f"{QUICK}{table}"
    stage.commit({"pyproject.toml": pyproject, "trust.json": trust})


def signed(trust: str, filename: str, sha256: str, claims: dict[str, str]) -> bytes:
    """What an index serves of a file that a job with these claims has signed."""
    config = ClientTrustConfig.from_json(trust)
    token = IdentityToken(vouched("sigstore", claims))
    with SigningContext.from_trust_config(config).signer(token) as signer:
        made = Attestation.sign(signer, Distribution(name=filename, digest=sha256))
    publisher = {"kind": "GitHub", "repository": "acme/acme", "workflow": "release.yaml"}
    bundle = {"publisher": publisher, "attestations": [made.model_dump(mode="json")]}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]}).encode()


def test_files_are_signed_before_the_intent_and_verified_after_the_upload(
    stage: Stage, warehouse: Warehouse
) -> None:
    code, text = publish(stage)
    assert code == 0, text
    assert stage.published() == [WHEEL, SDIST]
    assert warehouse.served.keys() == {WHEEL, SDIST}
    done = [row for row in text.splitlines() if "✓" in row or " ok " in row]
    order = [
        next(number for number, row in enumerate(done) if title in row)
        for title in (
            "Sign the files in the identity of this workflow",
            "Record the intent",
            "Upload acme-1.3.0.tar.gz",
            "See every file on the index",
            "Verify the attestations that the index serves",
            "Push main and v1.3.0",
        )
    ]
    assert order == sorted(order)
    by = "by owner acme, repository acme, workflow release.yaml, environment pypi"
    assert f"  attested   {by}\n" in text
    assert f"- attested: `{by}`\n" in text  # in the summary


def test_a_pre_release_is_signed_too(stage: Stage, warehouse: Warehouse) -> None:
    done = stage.run("publish-rc", "minor")
    assert done.code == 0, done.err
    names = {"acme-1.3.0rc1-py3-none-any.whl", "acme-1.3.0rc1.tar.gz"}
    assert warehouse.served.keys() == names
    assert "Verify the attestations that the index serves" in done.out


def test_what_continues_signs_what_the_index_lacks(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.refused = SDIST
    code, text = publish(stage)
    assert code == 3, text
    assert warehouse.served.keys() == {WHEEL}
    first = warehouse.served[WHEEL]
    warehouse.audiences.clear()
    warehouse.refused = ""
    code, text = publish(stage)
    assert code == 0, text
    assert warehouse.served.keys() == {WHEEL, SDIST}
    assert warehouse.served[WHEEL] == first
    assert warehouse.audiences.count("sigstore") == 1  # for one file


@pytest.mark.parametrize("sigstores", ["gone", "silent"])
def test_without_sigstore_nothing_has_changed(
    stage: Stage, warehouse: Warehouse, sigstore: str, sigstores: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        trust = json.loads(sigstore)
        for kind in ("caUrls", "rekorTlogUrls"):
            trust["signingConfig"][kind][0]["url"] = url
        configure(stage, json.dumps(trust), patience=2)
        if sigstores == "gone":
            silent.close()
        before = stage.state()
        code, text = publish(stage)
    assert code == 1, text
    assert "Sigstore didn't sign the files of acme 1.3.0: " in text
    assert ("TimeoutError" in text) == (sigstores == "silent")
    assert 'or go without: attestations = "never" in [tool.nox-release]' in text
    assert stage.state() == before
    assert not warehouse.served


@pytest.mark.usefixtures("warehouse")
def test_a_sigstore_that_nobody_has_committed_is_said(stage: Stage, sigstore: str) -> None:
    configure(stage, sigstore, **{"sigstore-trust-config": "gone.json"})
    before = stage.state()
    code, text = publish(stage)
    assert code == 1, text
    assert "HEAD has no gone.json, which sigstore-trust-config names" in text
    assert stage.state() == before


def test_what_sigstore_signs_for_others_is_not_sent(
    stage: Stage, warehouse: Warehouse, sigstore: str
) -> None:
    """The authority that answers isn't the one that the project believes."""
    trust, other = json.loads(sigstore), json.loads(sigstore)
    (log,) = other["trustedRoot"]["tlogs"]
    (certificates,) = other["trustedRoot"]["ctlogs"]
    trust["trustedRoot"]["tlogs"] = [{**log, "logId": certificates["logId"],
                                      "publicKey": certificates["publicKey"]}]  # fmt: skip
    configure(stage, json.dumps(trust), patience=1)
    before = stage.state()
    code, text = publish(stage)
    assert code == 1, text
    assert "Sigstore didn't sign the files of acme 1.3.0: " in text
    assert stage.state() == before
    assert not warehouse.served


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [
        ("none", "it serves no attestation"),
        ("of another file", "it is of [{'name': 'acme-1.3.0.tar.gz'"),
        ("of other bytes", "it is of [{'name': 'acme-1.3.0-py3-none-any.whl'"),
        ("by another repository", "OIDCSourceRepositoryURI does not match"),
        ("by another workflow", "OIDCBuildSignerURI does not match"),
        ("with another signature", "erif"),
        ("broken", "Provenance"),
    ],
)
def test_what_the_index_serves_is_verified(
    stage: Stage, warehouse: Warehouse, sigstore: str, kind: str, evidence: str
) -> None:
    def serve() -> bytes:
        """What is served of the wheel instead."""
        other = f"{CLAIMS['repository']}/.github/workflows/tests.yaml@refs/heads/main"
        claims = {
            "by another repository": {**CLAIMS, "repository": "evil/acme"},
            "by another workflow": {**CLAIMS, "job_workflow_ref": other},
        }
        own = Provenance.model_validate_json(warehouse.kept[WHEEL])
        (attestation,) = own.attestation_bundles[0].attestations
        sha256 = attestation.statement["subject"][0]["digest"]["sha256"]
        if kind in claims:
            return signed(sigstore, WHEEL, sha256, claims[kind])
        if kind == "of other bytes":
            return signed(sigstore, WHEEL, "0" * 64, CLAIMS)
        if kind == "with another signature":
            attestation.envelope.statement += b" "
            return own.model_dump_json().encode()
        return {"none": b"", "broken": b"{}", "of another file": warehouse.kept.get(SDIST, b"")}[
            kind
        ]

    warehouse.serve = lambda name: serve() if name == WHEEL else warehouse.kept[name]
    code, text = publish(stage)
    assert code == 3, text
    assert f"doesn't say as we do who built {WHEEL}: " in text
    assert evidence in text
    assert "v1.3.0" not in stage.git("tag", "--list", at=stage.remote)
    code, text = publish(stage)  # nobody can change it; a person has seen it
    assert code == 0, text
    assert "v1.3.0" in stage.git("tag", "--list", at=stage.remote)


def test_an_index_that_takes_them_of_another_workflow_only_has_nothing(
    stage: Stage, warehouse: Warehouse
) -> None:
    warehouse.publisher = "cd.yaml"
    before = stage.state()
    code, text = publish(stage)
    assert code == 1, text
    assert "Invalid attestations supplied during upload" in text
    assert stage.state() == before


def test_a_password_means_none(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.minted["of-old-times"] = math.inf
    stage.monkeypatch.setenv("TWINE_PASSWORD", "of-old-times")
    done = stage.run("publish", "minor", "--dry-run", "--waive", "test-run,notes")
    assert "is given a password, and takes them of publishers only" in done.out + done.err
    assert not warehouse.served


def test_a_job_without_the_extra_has_none(stage: Stage, warehouse: Warehouse) -> None:
    stage.monkeypatch.setitem(sys.modules, "pypi_attestations", None)
    code, text = publish(stage)
    assert code == 0, text
    assert "  attested   none: nox-release[attestations] isn't installed\n" in text
    assert not warehouse.served


def test_outside_of_a_workflow_there_are_none(stage: Stage) -> None:
    done = stage.run("publish", "minor", "--dry-run")
    assert "  attested   none: nobody vouches for who releases, as GitHub does " in done.out
    assert "Sign the files" not in done.out


def test_where_they_must_be_nobody_releases_without(stage: Stage) -> None:
    table = 'attestations = "required"\n'
    stage.commit({"pyproject.toml": QUICK + table})
    before = stage.state()
    for command in (("publish", "minor"), ("publish-rc", "minor")):
        done = stage.run(*command)
        assert done.code == 1
        assert "the files can't be attested: nobody vouches for who releases" in done.err
    assert stage.state() == before
