'''1.2.3'''
__version__ = "1.10.0"
version_info = (1, 10, 0)
PROTOCOL = '1.2.3'
