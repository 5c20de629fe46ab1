__title__ = "openai"
__version__ = "3.3.1"  # x-release-please-version
