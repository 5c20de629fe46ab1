"""Acme."""

INFO = Version(major=1, minor=2, micro=3, releaselevel="final", serial=0, release=True)
__version__ = INFO.text()
