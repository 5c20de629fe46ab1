# version_info: same semantics as sys.version_info.
# _dev: the .devN suffix if any.
version_info = (7, 11, 4, "alpha", 0)
_dev = 1


def _make_version(major, minor, micro, releaselevel='final', serial=0, dev=0):
    return ''


__version__ = _make_version(*version_info, _dev)
