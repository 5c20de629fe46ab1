MAJOR = 1
MINOR = 10  # 2
PATCH = 0
SUFFIX = ''
__version__ = f'{MAJOR}.{MINOR}.{PATCH}{SUFFIX}'
