import re
from setuptools import setup

with open("acme/__init__.py") as module:
    match = re.search(r'__version__ = "(.+?)"', module.read())
VERSION = match.group(1)

setup(name="acme", version=VERSION, packages=["acme"])
