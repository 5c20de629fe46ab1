"""Acme."""

__version__ = '0.23'
__version_details__ = ''

__version_info__ = VersionInfo(
    major=0,
    minor=23,
    micro=0,
    releaselevel='final',  # one of 'alpha', 'beta', 'candidate', 'final'
    serial=0,
    release=True  # True for official releases and pre-releases
    )
