from typing import Final

__version__: Final = '9.2.0'
#: for external use
version_info: Final = (9, 2, 0, 'final', 0)
