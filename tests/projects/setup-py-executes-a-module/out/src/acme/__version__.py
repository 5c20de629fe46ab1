__title__ = 'acme'
__version__ = "1.3.0"
__build__ = 0x010300
__license__ = 'MIT'
