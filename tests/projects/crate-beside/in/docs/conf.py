release = '9.0.1rc1'
