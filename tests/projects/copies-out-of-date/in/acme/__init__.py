
__version__ = '0.1'
VERSION = '3'
