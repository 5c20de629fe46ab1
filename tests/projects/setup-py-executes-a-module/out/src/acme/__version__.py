__title__ = 'acme'
__version__ = "1.10.0"
__build__ = 0x011000
__license__ = 'MIT'
