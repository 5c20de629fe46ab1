__version__: 'Final[str]' = '1.3.0'
