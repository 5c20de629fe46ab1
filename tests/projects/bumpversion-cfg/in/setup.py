import re
from setuptools import setup
NAME = 'acme'
def parse_dist_meta():
    with open(f'{NAME}/__init__.py') as f:
        return dict(re.findall(r'__(\w+?)__\s*=\s*(.*)', f.read()))
meta = parse_dist_meta()
setup(name=NAME, version=meta['version'])
