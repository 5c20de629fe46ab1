from typing import NamedTuple

class version_info(NamedTuple):
    major: int

__version_info__ = version_info(3, 3, 3, "final", 1)
__version__ = __version_info__.__version__
