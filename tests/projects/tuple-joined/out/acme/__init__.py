'''Acme 1.2.3'''
VERSION = (1, 10, 0)  # VERSION
__version__ = '.'.join(map(str, VERSION))
