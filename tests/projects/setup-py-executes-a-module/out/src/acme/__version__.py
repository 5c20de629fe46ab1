__title__ = 'acme'
__version__ = "1.10.0"
__build__ = 0x010a00
__license__ = 'MIT'
