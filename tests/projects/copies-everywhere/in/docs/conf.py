version = '1.2'
release = '1.2.3'
extension = '1.2.3'
