__version__: 'Final[str]' = '1.2.3'
