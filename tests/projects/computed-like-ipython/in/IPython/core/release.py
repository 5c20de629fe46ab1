_version_major = 9
_version_minor = 6
_version_patch = 0
_version_extra = ".dev"
# _version_extra = "b2"
# _version_extra = ""  # Uncomment this for full releases

_ver = [_version_major, _version_minor, _version_patch]

__version__ = '.'.join(map(str, _ver))
if _version_extra:
    __version__ = __version__ + _version_extra
