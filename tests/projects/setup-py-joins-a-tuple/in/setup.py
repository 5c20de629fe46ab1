from setuptools import setup
VERSION = (1, 2, 3)
setup(name='acme', version='.'.join(str(one) for one in VERSION))
