import acme
from setuptools import setup
setup(name='acme', version=acme.__version__)
