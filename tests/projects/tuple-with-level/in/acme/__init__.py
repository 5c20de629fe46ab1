from acme.v import get_version

VERSION = (1, 2, 3, "candidate", 2)

__version__ = get_version(VERSION)
