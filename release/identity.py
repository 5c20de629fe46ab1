"""Who this job of a workflow is, as its runner vouches for it (OpenID Connect)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from release import ReleaseError

NOBODY = "nox-release"  # an audience; with such a token nothing can be done


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A job of GitHub Actions, by claims of its token.

    https://docs.github.com/en/actions/reference/security/oidc
    """

    issuer: str
    repository: str  # owner/name
    workflow: str  # as in owner/name/.github/workflows/release.yaml@refs/heads/main
    environment: str  # "" where the job has none

    @classmethod
    def of(cls, token: str) -> Identity | None:
        """Read what a token says, and don't verify it; None where another CI has made it."""
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        if not {"iss", "repository", "job_workflow_ref"} <= claims.keys():
            return None
        return cls(
            issuer=claims["iss"],
            repository=claims["repository"],
            workflow=claims["job_workflow_ref"],
            environment=claims.get("environment", ""),
        )

    @property
    def file(self) -> str:
        """Return the name of the workflow's file."""
        return self.workflow.partition("@")[0].rpartition("/")[2]

    @property
    def publisher(self) -> str:
        """Return what an index has to know of this job to trust it."""
        owner, _, name = self.repository.partition("/")
        where = f"environment {self.environment}" if self.environment else "no environment"
        return f"owner {owner}, repository {name}, workflow {self.file}, {where}"


class Unanswered(ReleaseError):
    """The runner of GitHub should vouch for this job, and gives no answer to believe."""


def token(audience: str) -> str | None:
    """Let the runner vouch for this job to `audience`; None where no CI does that.

    Raises `ReleaseError` where it could, and doesn't.
    """
    import id as vouching

    words = "this job gets no token that says who it is"
    try:
        return vouching.detect_credential(audience)
    except vouching.GitHubOidcPermissionCredentialError as error:
        hint = "give it `id-token: write` below `permissions`"
        raise ReleaseError(f"{words}: {error}", hint) from error
    except vouching.IdentityError as error:
        kind = Unanswered if str(error).startswith("GitHub: ") else ReleaseError
        raise kind(f"{words}: {error}", "type the command again") from error


def identity() -> Identity | None:
    """Return who this job is, None where nobody vouches for it; `Unanswered` where somebody may."""
    try:
        vouched = token(NOBODY)
    except Unanswered:
        raise
    except ReleaseError:
        return None
    return Identity.of(vouched) if vouched else None
