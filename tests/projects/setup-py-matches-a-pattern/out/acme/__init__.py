import os

__author__ = 'A'
__version__ = '1.10.0'
