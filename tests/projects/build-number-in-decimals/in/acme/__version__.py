__version__ = "2.34.2"
__build__ = 0x023402
