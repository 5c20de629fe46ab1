from setuptools import setup
meta = dict(
    name='acme',
    version='1.2.3')
if __name__ == '__main__':
    setup(**meta)
