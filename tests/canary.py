"""A keyring that holds one password, for keyringrc.cfg: `canary.Keyring`."""

from __future__ import annotations

import os

from keyring.backend import KeyringBackend


class Keyring(KeyringBackend):
    """Knows one password, which is that of everybody everywhere."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        """Return what the test has put into it."""
        return os.environ["CANARY"] if service and username else None

    def set_password(self, service: str, username: str, password: str) -> None:  # noqa: ARG002
        """Nobody should."""
        raise AssertionError
