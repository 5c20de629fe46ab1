from distutils.core import setup
NAME = 'acme'
VERSION = u"1.10.0"
setup(name=NAME, version=VERSION)
