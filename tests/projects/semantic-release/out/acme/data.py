other = '1.2.3'
release_number = '1.10.0'
