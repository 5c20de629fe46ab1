from setuptools import setup
from helpers import find_version
setup(name='acme', version=find_version())
