import os
from setuptools import setup, find_packages

here = os.path.abspath(os.path.dirname(__file__))
about = {}
with open(os.path.join(here, 'src', 'acme', '__version__.py'), 'r', 'utf-8') as f:
    exec(f.read(), about)
with open('README.md') as f:
    readme = f.read()
setup(name='acme', version=about['__version__'], long_description=readme)
