version = '9.0'
release = '8.1.0'
