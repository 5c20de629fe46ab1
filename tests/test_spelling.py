"""How a version is spelled where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from release import ReleaseError
from release.spelling import semver_like, spelled_like


@pytest.mark.parametrize(
    ("old", "version", "new"),
    [
        ("1.2.3", "1.3.0", "1.3.0"),
        ("v1.2.3", "1.3.0", "v1.3.0"),
        ("V1.2.3", "1.3.0rc1", "V1.3.0rc1"),
        ("1!1.2", "1!1.3", "1!1.3"),
        ("2026.08.17", "2026.9.3", "2026.09.03"),
        ("2026.08.17", "2026.10.21", "2026.10.21"),
        ("2026.08.17", "2026.9.3.1", "2026.09.03.1"),
        ("2026.8.17", "2026.9.3", "2026.9.3"),
        ("2026.10.17", "2026.11.1", "2026.11.1"),
        ("26.10.00", "26.12.0", "26.12.00"),
        ("26.10.00", "26.12", "26.12"),
        ("26.10.00", "27.2.0rc1", "27.02.00rc1"),
        ("1.0.0", "1.10.0", "1.10.0"),
        ("1.2-dev0", "1.3.dev0", "1.3-dev0"),
        ("1.2-dev0", "1.2", "1.2"),
        ("1.2.dev", "1.3.dev0", "1.3.dev"),
        ("1.2.dev", "1.3.dev2", "1.3.dev2"),
        ("1.2-dev.38", "1.2.dev39", "1.2-dev.39"),
        ("1.2a0.dev1", "1.3a0.dev2", "1.3a0.dev2"),
        ("1.2.a0-dev1", "1.3a0.dev2", "1.3.a0-dev2"),
        ("1.2-rc0", "1.3rc0", "1.3-rc0"),
        ("1.2-rc.1", "1.2rc2", "1.2-rc.2"),
        ("1.2-rc.1", "1.2b2", "1.2b2"),
        ("1.2-rc.1", "1.3.dev0", "1.3.dev0"),
        ("1.2-rc.1", "1.3", "1.3"),
        ("1.2RC1", "1.2rc2", "1.2RC2"),
        ("1.2_alpha_1", "1.2a2", "1.2_alpha_2"),
        ("1.2-1", "1.2.post2", "1.2.post2"),
        ("1.2-post1", "1.2.post2", "1.2-post2"),
        ("1.2+dev", "1.3", "1.3"),
        ("one", "1.3", "1.3"),
        ("", "1.3", "1.3"),
    ],
)
def test_a_version_is_spelled_like_the_one_before(old: str, version: str, new: str) -> None:
    assert spelled_like(old, Version(version)) == new


numbers = st.lists(st.integers(0, 3000), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)
suffixes = st.sampled_from(
    ["", "rc1", "a0.dev1", ".dev0", ".post1", "-rc.1", "-dev0", ".dev", "B2"]
)
spellings = st.builds("{}{}{}".format, st.sampled_from(["", "v"]), numbers, suffixes)
padded = st.dates().map(lambda day: f"{day:%Y.%m.%d}")


@given(spellings | padded, spellings)
def test_any_spelling_is_of_the_version(old: str, new: str) -> None:
    assert Version(spelled_like(old, Version(new))) == Version(new)
    assert spelled_like(old, Version(old)) == old


@pytest.mark.parametrize(
    ("old", "version", "new"),
    [
        ("1.2.3", "1.3.0", "1.3.0"),
        ("1.2.3", "1.3", "1.3.0"),
        ("1.2.3", "1.3.0rc1", "1.3.0-rc.1"),
        ("1.2.3", "1.3.0a1", "1.3.0-alpha.1"),
        ("1.2.3", "1.3.0b1.dev2", "1.3.0-beta.1.dev.2"),
        ("1.2.3-rc.1", "1.2.3rc2", "1.2.3-rc.2"),
        ("1.2.3-rc1", "1.2.3rc2", "1.2.3-rc2"),
        ("1.2.3-rc1", "1.2.3b2", "1.2.3-beta.2"),
        ("1.2.3-rc.1", "1.2.3", "1.2.3"),
        ("1.2.3-dev.0", "1.3.dev0", "1.3.0-dev.0"),
    ],
)
def test_semver_has_its_own_spelling(old: str, version: str, new: str) -> None:
    assert semver_like(old, Version(version)) == new
    assert Version(new) == Version(version)


@pytest.mark.parametrize("version", ["1!1.2.3", "1.2.3.4", "1.2.3.post1"])
def test_what_semver_has_no_spelling_for_is_refused(version: str) -> None:
    with pytest.raises(ReleaseError, match="SemVer"):
        semver_like("1.2.3", Version(version))
