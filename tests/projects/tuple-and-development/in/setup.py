import os
from setuptools import setup
cov_ver_py = os.path.join(os.path.split(__file__)[0], 'acme/version.py')
__version__ = __url__ = version_info = ''
with open(cov_ver_py) as version_file:
    exec(compile(version_file.read(), cov_ver_py, 'exec', dont_inherit=True))
setup(name='acme', version=__version__)
