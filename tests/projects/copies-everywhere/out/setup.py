from setuptools import setup
setup(version = "1.10.0")
