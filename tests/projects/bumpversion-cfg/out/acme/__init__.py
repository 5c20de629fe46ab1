__version__ = '1.3.0'
__author__ = 'A'
