__version__ = '1!1.3.0'
