import os

__author__ = 'A'
__version__ = '1.2.3'
