'''Acme 1.2.3'''
VERSION = (1, 2, 3)  # VERSION
__version__ = '.'.join(map(str, VERSION))
