from setuptools import setup
setup(version = "1.3.0")
