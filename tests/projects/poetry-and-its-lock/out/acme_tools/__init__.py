__version__ = '1!1.10.0'
