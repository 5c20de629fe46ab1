__version__ = 'v2026.08.17'
