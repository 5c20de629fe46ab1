"""Acme."""

INFO = Version(major=1, minor=3, micro=0, releaselevel="beta", serial=1, release=False)
__version__ = INFO.text()
