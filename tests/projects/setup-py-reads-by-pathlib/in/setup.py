from pathlib import Path
from setuptools import setup

PACKAGE = 'acme'
text = (Path(__file__).parent / 'src' / f'{PACKAGE}' / 'consts.py').read_text()
version = text.split('VERSION = ')[1].split()[0].strip('"')
setup(name=PACKAGE, version=version)
