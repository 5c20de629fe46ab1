# The fourth is negative for a release candidate
version = "6.6.dev1"
version_info = (6, 6, 0, -100)
