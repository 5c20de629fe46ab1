"""Twine's own exchange of tokens, unmodified: a workflow is trusted, and nobody sees a token."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from twine.repository import WAREHOUSE_WEB

from release.identity import NOBODY
from tests import warehouse as warehouses
from tests.runner import assigned
from tests.stage import PYPROJECT, QUICK
from tests.warehouse import CLAIMS, MINTED, OF_RUNNER, publish, vouched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.github.forge import Forge
    from tests.stage import Stage
    from tests.warehouse import Warehouse

UNATTESTED = QUICK + 'attestations = "never"\n'


@pytest.fixture(scope="session")
def template(quick: Path) -> Path:
    return quick


@pytest.fixture
def warehouse(stage: Stage, hub: Forge, tmp_path: Path) -> Iterator[Warehouse]:
    """PyPI, as a job of a workflow finds it; the job has no password."""
    stage.commit({"pyproject.toml": UNATTESTED})
    with warehouses.warehouse(stage, hub, tmp_path) as server:
        yield server


def assert_hidden(text: str) -> None:
    basic = base64.b64encode(f"__token__:{MINTED}".encode()).decode()
    issued = vouched("pypi", CLAIMS)
    for canary in (OF_RUNNER, issued.split(".")[0], issued.split(".")[2], MINTED, basic[:60]):
        assert canary not in text


def test_a_token_is_minted_used_and_never_shown(stage: Stage, warehouse: Warehouse) -> None:
    code, text = publish(stage)
    assert code == 0, text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
    assert warehouse.asked.index("issuer") < warehouse.asked.index("/_/oidc/mint-token")
    assert warehouse.asked.index("/_/oidc/mint-token") < warehouse.asked.index("/legacy/")
    said = assigned((stage.clone.parents[1] / "output").read_text())
    assert said["index-url"] == f"{WAREHOUSE_WEB}project/acme/1.3.0/"
    assert_hidden(text)


def test_a_token_that_the_index_repeats_is_not_shown(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.is_echoing = True
    code, text = publish(stage)
    assert code == 1, text
    assert "not with ***, ***" in text
    assert_hidden(text)


def test_a_workflow_that_is_not_trusted_is_told_what_to_enter(
    stage: Stage, warehouse: Warehouse
) -> None:
    warehouse.trusts = lambda: False
    before = stage.state()
    code, text = publish(stage)
    assert code == 1, text
    assert "`invalid-publisher`: valid token, but no corresponding publisher" in text
    assert (
        f"at {WAREHOUSE_WEB}manage/account/publishing/, a GitHub publisher must say exactly this: "
        "owner acme, repository acme, workflow release.yaml, environment pypi\n"
    ) in text
    assert "/legacy/" not in warehouse.asked
    assert stage.state() == before
    assert_hidden(text)


def test_a_job_without_environment_says_so(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.trusts, warehouse.is_echoing = lambda: False, True
    del warehouse.claims["environment"]
    warehouse.claims["job_workflow_ref"] = "acme/acme/.github/workflows/cd.yml@refs/heads/dev"
    code, text = publish(stage)
    assert code == 1, text
    assert "`invalid-publisher`: ***" in text
    assert "owner acme, repository acme, workflow cd.yml, no environment\n" in text
    assert_hidden(text)


def test_a_job_that_may_not_say_who_it_is_is_told_which_right_it_lacks(
    stage: Stage, warehouse: Warehouse
) -> None:
    stage.monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    code, text = publish(stage)
    assert code == 1, text
    assert "give the job `id-token: write` below `permissions`" in text
    assert not warehouse.minted


def test_a_runner_that_does_not_answer_is_no_reason_to_attest_nothing(
    stage: Stage, warehouse: Warehouse
) -> None:
    stage.commit({"pyproject.toml": PYPROJECT})
    warehouse.deaf = {NOBODY}
    before = stage.state()
    code, text = publish(stage)
    assert code == 1, text
    assert "gets no token that says who it is: GitHub: OIDC token request failed (code=503" in text
    assert stage.state() == before


def test_a_token_that_nears_its_end_is_minted_anew(stage: Stage, warehouse: Warehouse) -> None:
    warehouse.life, warehouse.pause = 3.0, 3.5  # each file takes longer than a token lives
    code, text = publish(stage)
    assert code == 0, text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
    sent = [one for one in warehouse.asked if one != "issuer"]
    assert sent[-2:] == ["/_/oidc/mint-token", "/legacy/"]
    assert_hidden(text)


def test_a_token_that_is_refused_in_between_leaves_a_release_to_be_continued(
    stage: Stage, warehouse: Warehouse
) -> None:
    warehouse.life, warehouse.pause = 3.0, 3.5
    warehouse.trusts = lambda: not stage.published()
    stage.commit({"pyproject.toml": UNATTESTED + "patience = 5\n"})
    code, text = publish(stage)
    assert code == 3, text
    assert "`invalid-publisher`" in text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl"]
    warehouse.trusts = lambda: True
    code, text = publish(stage)
    assert code == 0, text
    assert stage.published() == ["acme-1.3.0-py3-none-any.whl", "acme-1.3.0.tar.gz"]
    assert_hidden(text)
