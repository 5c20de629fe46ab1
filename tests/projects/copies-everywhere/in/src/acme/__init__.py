'''1.2.3'''
__version__ = "1.2.3"
version_info = (1, 2, 3)
PROTOCOL = '1.2.3'
