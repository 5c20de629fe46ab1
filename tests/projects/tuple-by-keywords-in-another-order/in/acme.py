"""Acme."""

__version__ = Version(minor=2, major=1, micro=3)
