__title__ = "openai"
__version__ = "3.4.0"  # x-release-please-version
