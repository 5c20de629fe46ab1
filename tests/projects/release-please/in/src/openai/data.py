a = '3.3.1'
b = '3.3.1'  # x-release-please-version
