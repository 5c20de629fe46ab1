from os import environ

__version__ = '.'.join(environ['VERSION'])
