import sys
sys.path.insert(0, 'src')
from setuptools import setup
from acme import VERSION as v
setup(name='acme', version=v, package_dir={'': 'src'})
