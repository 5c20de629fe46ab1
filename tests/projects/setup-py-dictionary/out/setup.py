from setuptools import setup
meta = dict(
    name='acme',
    version='1.10.0')
if __name__ == '__main__':
    setup(**meta)
