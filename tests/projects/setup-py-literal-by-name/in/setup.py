from distutils.core import setup
NAME = 'acme'
VERSION = u"1.2.3"
setup(name=NAME, version=VERSION)
