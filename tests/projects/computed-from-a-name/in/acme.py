"""Acme."""

__version__ = found("acme", 1)
