__version__: 'Final[str]' = '1.10.0'
