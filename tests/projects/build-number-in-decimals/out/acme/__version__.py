__version__ = "2.35.0"
__build__ = 0x023500
