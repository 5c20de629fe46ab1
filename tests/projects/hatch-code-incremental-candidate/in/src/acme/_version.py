"""Use `incremental` to change this file."""

from incremental import Version

__version__ = Version("acme", 24, 11, 0, release_candidate=1)
__all__ = ["__version__"]
