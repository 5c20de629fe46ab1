import os
from setuptools import setup

with open(os.path.join(os.path.dirname(__file__), 'VERSION'), encoding='utf-8') as ver_file:
    VERSION = ver_file.readline().strip()

setup(name='acme', version=VERSION)
