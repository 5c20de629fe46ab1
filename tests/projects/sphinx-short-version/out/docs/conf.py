project = "acme"
version = "1.3"
release = "1.3.0"
