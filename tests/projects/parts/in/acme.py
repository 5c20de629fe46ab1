MAJOR = 1
MINOR = 2  # 2
PATCH = 3
SUFFIX = '.dev0'
__version__ = f'{MAJOR}.{MINOR}.{PATCH}{SUFFIX}'
