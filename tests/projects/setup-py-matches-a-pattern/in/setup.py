import os
import re
from setuptools import setup

ROOT = os.path.dirname(__file__)
VERSION_RE = re.compile(r'''__version__ = ['"]([0-9.]+)['"]''')


def get_version():
    init = open(os.path.join(ROOT, 'acme', '__init__.py')).read()
    return VERSION_RE.search(init).group(1)


setup(name='acme', version=get_version())
