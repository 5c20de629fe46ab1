"""Acme."""

__version__ = '0.24b.dev'
__version_details__ = ''

__version_info__ = VersionInfo(
    major=0,
    minor=24,
    micro=0,
    releaselevel='beta',  # one of 'alpha', 'beta', 'candidate', 'final'
    serial=0,
    release=False  # True for official releases and pre-releases
    )
