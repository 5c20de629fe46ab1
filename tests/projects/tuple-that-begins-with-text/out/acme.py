"""Acme."""

__version__ = Version("1", 2, 4)
