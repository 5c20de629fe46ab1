a = '3.3.1'
b = '3.4.0'  # x-release-please-version
