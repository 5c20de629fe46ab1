__version__ = '1.0'
VERSION = '1.10.0'
