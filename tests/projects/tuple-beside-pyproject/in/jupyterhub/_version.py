# version_info updated by running `tbump`
version_info = (6, 0, 0, "b2", "")
__version__ = ".".join(map(str, version_info[:3])) + ".".join(version_info[3:]).rstrip(".")
