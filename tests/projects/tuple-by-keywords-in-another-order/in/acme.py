"""Acme."""

__version__ = str(Version(minor=2, major=1, micro=3))
