from typing import Final

__version__: Final = '9.1.1'
#: for external use
version_info: Final = (9, 1, 1, 'beta', 0)
