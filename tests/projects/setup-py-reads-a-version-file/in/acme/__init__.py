__version__ = 'git'
