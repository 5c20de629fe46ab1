from setuptools import setup
meta = dict(
    name='acme',
    version='1.3.0')
if __name__ == '__main__':
    setup(**meta)
