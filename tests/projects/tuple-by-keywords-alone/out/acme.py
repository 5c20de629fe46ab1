"""Acme."""

INFO = Version(major=1, minor=3, micro=0, releaselevel="candidate", serial=1)
__version__ = INFO.text()
