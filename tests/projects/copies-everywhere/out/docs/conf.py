version = '1.10'
release = '1.10.0'
extension = '1.2.3'
