__version__ = 'v2026.09.03'
