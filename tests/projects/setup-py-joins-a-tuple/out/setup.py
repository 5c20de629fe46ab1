from setuptools import setup
VERSION = (1, 10, 0)
setup(name='acme', version='.'.join(str(one) for one in VERSION))
