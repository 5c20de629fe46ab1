"""A tag tells a version: every style that there is, what is noise, and how the next is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release import UsageError
from release.project import Project
from release.tags import TagStyle, newest_first, release_tag, tag_style, tagged, widths
from tests.stage import Sources
from tests.test_version import any_version

relaxed = settings(deadline=None, max_examples=200)

# The newest style


@pytest.mark.parametrize(
    ("tags", "template"),
    [
        ("", "v{version}"),
        ("v1.2.3", "v{version}"),
        ("V1.2.3", "V{version}"),
        ("1.2.3", "{version}"),
        ("acme-tools-1.2.3", "acme-tools-{version}"),
        ("Acme_Tools-v1.2.3", "Acme_Tools-v{version}"),
        ("acme-tools/v1.2.3", "acme-tools/v{version}"),
        ("acme.tools@1.2.3", "acme.tools@{version}"),
        ("acme-tools==1.2.3", "acme-tools=={version}"),
        ("acme_tools_1.2.3", "acme_tools_{version}"),
        ("release-1.2.3", "release-{version}"),
        ("release/v1.2.3", "release/v{version}"),
        ("rel_1.2.3", "rel_{version}"),
        ("version-1.2.3", "version-{version}"),
        ("v1.2.3rc1", "v{version}"),
        ("1.2.3-rc1", "{version}"),
        # the newest wins, and the current one before it
        ("1.2.2 v1.2.1 v1.2.0", "{version}"),
        ("v1.2.2 1.2.1 1.2.0", "v{version}"),
        ("1.2.4 v1.2.3 1.2.2", "v{version}"),
        ("v1.2.4 acme-tools-1.2.3 v1.2.2", "acme-tools-{version}"),
        ("v1.2.3 1.2.3", "v{version}"),
        ("v11.2.3 v1.2.30 v1.2.4 rel_01_2_03 v1.2.2", "rel_{version}"),
        ("v1.2.3rc1 1.2.3", "{version}"),
        # other packages
        ("other-1.2.3 1.2.2", "{version}"),
        ("other/v1.2.3 acme-tools/v1.2.2", "acme-tools/v{version}"),
        ("tools-1.2.3 acme-1.2.3 acme-tools-x-1.2.3", "v{version}"),
        # moving tags
        ("v4 v4.2 1.2.2", "{version}"),
        ("v1 v1.2 1.2.2", "{version}"),
        ("v1 v1.2 1.2.3", "{version}"),
        # no versions
        ("latest nightly-2 stable 1.2.2", "{version}"),
        ("build-2024-01-15 2024-01-15 1.2.2", "{version}"),
        ("v2024.01.15 v20240115 release-2024-01-15 2024_01_15 1.2.2", "{version}"),
        ("v1.2.3-1 1.2.2", "{version}"),
        ("v1.x vv1.2.3 1.2.3.x 1.2.2", "{version}"),
        ("été/1.2.3 -1.2.3 1.2.2", "{version}"),
    ],
)
def test_a_new_tag_has_the_style_of_the_newest_release_tag(tags: str, template: str) -> None:
    assert tag_style(tags.split(), "Acme.Tools", Version("1.2.3")).template == template


@pytest.mark.parametrize(
    ("tags", "name", "current", "template"),
    [
        ("v4 v4.0 4.0.0", "acme", "4.0.0", "{version}"),
        ("v4 4.0.0 3.9.0", "acme", "4.0.0", "{version}"),
        ("v4.2 4.2.0", "acme", "4.2.0", "{version}"),
        ("v1 1.2", "acme", "1.3", "{version}"),
        ("v1 2", "acme", "3", "v{version}"),
        ("1!1.2.3", "acme", "1!1.2.3", "{version}"),
        # the project says more numbers than it has ever tagged
        ("1.2 1.1", "acme", "1.3.0", "{version}"),
        ("v1.4 1.3 v1.2", "acme", "1.3.0", "{version}"),
        ("v1.4 1 v1.2", "acme", "1.0.0", "{version}"),
        ("v1.4.0 1.3 v1.2", "acme", "1.3.0", "v{version}"),
        ("acme-2-1.2.3 acme-2-1.2.2", "acme-2", "1.2.3", "acme-2-{version}"),
        ("acme2-1.2.3", "acme2", "1.2.3", "acme2-{version}"),
        ("acme-2-1.2.3 v1.2.2", "acme", "1.2.3", "v{version}"),
        ("2to3-1.2.3", "2to3", "1.2.3", "2to3-{version}"),
        ("3-acme-1.2.3", "3-acme", "1.2.3", "3-acme-{version}"),
        ("v8-1.2.3", "v8", "1.2.3", "v8-{version}"),
    ],
)
def test_numbers_that_are_no_versions_are_not_mistaken_for_them(
    tags: str, name: str, current: str, template: str
) -> None:
    assert tag_style(tags.split(), name, Version(current)).template == template


def test_few_of_many_tags_are_read() -> None:
    names = [f"v1.{number}.0" for number in range(2000)][::-1]
    before = release_tag.cache_info().currsize
    assert tag_style(names, "few", Version("1.7.0")).template == "v{version}"
    assert release_tag.cache_info().currsize - before <= 3


# How the next one is written


@pytest.mark.parametrize(
    ("tags", "current", "version", "tag"),
    [
        ("v1.2.3", "1.2.3", "1.3.0", "v1.3.0"),
        ("1!1.2.3", "1!1.2.3", "1!1.3.0", "1!1.3.0"),
        ("rel_1_2_3", "1.2.3", "1.3.0", "rel_1_3_0"),
        ("REL-1-2-3", "1.2.3", "1.3.0rc1", "REL-1-3-0rc1"),
        ("acme_1_2", "1.2", "1.3.post1", "acme_1_3.post1"),
        ("2_9_9", "2.9.9", "2.9.10", "2_9_10"),
        # a pre-release, as the newest that is tagged
        ("v1.2.3 v1.2.3-rc1 v1.2.0rc1", "1.2.3", "1.3.0rc2", "v1.3.0-rc2"),
        ("v1.2.3 v1.2.0rc1 v1.1.0-rc1", "1.2.3", "1.3.0rc2", "v1.3.0rc2"),
        ("v1.2.3 1.2.0-rc.1", "1.2.3", "1.3.0b2", "v1.3.0-b.2"),
        ("v1.2.3 v1.2.0.rc-1", "1.2.3", "1.3.0a2", "v1.3.0.a-2"),
        ("v1.2.3 v1.2.0-rc1", "1.2.3", "1.3.0", "v1.3.0"),
        ("rel_1_2_3 rel_1_2_0_rc_1", "1.2.3", "1.3.0rc2", "rel_1_3_0_rc_2"),
        ("v1.2.3-rc.1", "1.2.3rc1", "1.2.3rc2.dev3", "v1.2.3-rc.2.dev3"),
        # zeros, where nothing but tags tells
        ("v2026.08.17 v2026.08.03", "2026.8.17", "2026.9.1", "v2026.09.01"),
    ],
)
def test_the_next_tag_is_written_like_the_newest(
    tags: str, current: str, version: str, tag: str
) -> None:
    style = tag_style(tags.split(), "acme", Version(current))
    assert style.write(Version(version)) == tag
    assert style.read(tag) == Version(version)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1.2.3", ()),
        ("2026.8.17", ()),
        ("2026.10.12", ()),
        ("1", ()),
        ("0.0.1", ()),
        ("", ()),
        ("(1, 2, 3)", ()),
        ("2026.08.17", (1, 2, 2)),
        ("v2026.08.17", (1, 2, 2)),
        ("2026.08.0", (1, 2, 1)),
        ("26.10.00", (1, 2, 2)),
        ("06.4", (2, 1)),
        ("2026.08.17.dev0", (1, 2, 2)),
    ],
)
def test_zeros_that_pad_one_number_tell_how_wide_they_are(
    text: str, digits: tuple[int, ...]
) -> None:
    assert widths(text) == digits


PADDED = "[project]\nname = 'acme'\nversion = '{}'\n[tool.nox-release]\n{}\n"


@pytest.mark.parametrize(
    ("said", "config", "tags", "version", "tag"),
    [
        ("2026.08.17", "", "2026.08.17", "2026.9.1", "2026.09.01"),
        ("2026.08.17", "", "2026.8.17", "2026.9.1", "2026.09.01"),
        ("2026.8.17", "", "2026.08.17", "2026.9.1", "2026.9.1"),
        ("2026.10.12", "", "2026.10.12", "2026.11.1", "2026.11.1"),
        ("2026.10.12", "scheme = 'YYYY.0M.0D'", "2026.10.12", "2026.11.1", "2026.11.01"),
        ("2026.10.12", "scheme = 'YYYY.0M.MICRO'", "2026.10.12", "2027.1.0", "2027.01.0"),
        ("2026.8.17", "scheme = 'YYYY.0M.0D'", "2026.08.17", "2026.9.1", "2026.09.01"),
        ("2026.08.17", "scheme = 'YYYY.MM.DD'", "2026.08.17", "2026.9.1", "2026.09.01"),
        ("2026.8.17", "scheme = 'YYYY.MM.DD'", "2026.8.17", "2026.9.1", "2026.9.1"),
        ("2026.08.17", "tag = 'v{version}'", "2026.08.17", "2026.9.1", "v2026.09.01"),
        ("2026.08.17", "", "v2026.08.17", "2026.8.17.post1", "v2026.08.17.post1"),
        ("26.10.00", "", "v26.08.00", "26.12.0", "v26.12.00"),
        ("1.2.3", "tag = 'rel_{major}_{minor}_{patch}'", "v1.2.3", "1.3.0rc1", "rel_1_3_0rc1"),
        ("1.2.3", "tag = 'v{version}'", "v1.2.0-rc1", "1.3.0rc1", "v1.3.0rc1"),
    ],
)
def test_zeros_follow_the_file_or_the_scheme(
    said: str, config: str, tags: str, version: str, tag: str
) -> None:
    project = Project.load(Sources({"pyproject.toml": PADDED.format(said, config).encode()}))
    assert project.tag_style(tags.split()).write(Version(version)) == tag


@pytest.mark.parametrize(
    ("said", "scheme", "version", "written"),
    [
        ("2026.10.12", "YYYY.0M.0D", "2027.1.5", "2027.01.05"),
        ("2026.10.12", "YYYY.MM.DD", "2027.1.5", "2027.1.5"),
        ("2026.8.17", "YYYY.0M.0D", "2026.9.1", "2026.9.1"),
        ("2026.08.17", "YYYY.MM.DD", "2026.9.1", "2026.09.01"),
        ("2026.08.7", "YYYY.0M.0D", "2026.9.1", "2026.09.1"),
        ("2026.08.12", "YYYY.0M.MICRO", "2026.9.0", "2026.09.0"),
        ("v2026.10.12", "YYYY.0M.0D", "2027.1.5rc1", "v2027.01.05rc1"),
        ("2026.10.12-rc.1", "YYYY.0M.0D", "2026.10.12rc2", "2026.10.12-rc.2"),
    ],
)
def test_the_scheme_pads_the_file_unless_that_is_written_differently(
    said: str, scheme: str, version: str, written: str
) -> None:
    lock = b'[[package]]\nname = "acme"\nversion = "%s"\n'
    text = PADDED.format(said, f"scheme = '{scheme}'").encode()
    json = b'{"version": "2026.10.12"}'
    files = {"pyproject.toml": text, "uv.lock": lock % said.encode(), "package.json": json}
    edits = Project.load(Sources(files)).edits(Version(version))
    after = {edit.path: (edit.after or b"").decode() for edit in edits}
    assert f"version = '{written}'\n" in after["pyproject.toml"]
    if said == "2026.10.12":
        assert f'version = "{version}"\n' in after["uv.lock"]
        assert after["package.json"] == f'{{"version": "{version}"}}'


def test_the_newest_is_the_one_with_the_highest_numbers() -> None:
    assert newest_first(["v1.9.0", "v1.10.0", "x", "v1.2.0"]) == (
        "v1.10.0",
        "v1.9.0",
        "v1.2.0",
        "x",
    )


# What is configured


@pytest.mark.parametrize(
    ("template", "version", "tag"),
    [
        ("v{version}", "1.2.3", "v1.2.3"),
        ("{version}/{version}", "1.2", "1.2/1.2"),
        ("rel_{major}_{minor}_{patch}", "1.2.3", "rel_1_2_3"),
        ("rel_{major}_{minor}_{patch}", "1.2", "rel_1_2_0"),
        ("rel_{major}_{minor}_{patch}", "2", "rel_2_0_0"),
        ("rel_{major}_{minor}_{patch}", "1!1.2.3rc4.dev5", "rel_1!1_2_3rc4.dev5"),
        ("{major}.x/v{version}", "1.2.3", "1.x/v1.2.3"),
    ],
)
def test_a_configured_tag_tells_the_version(template: str, version: str, tag: str) -> None:
    style = TagStyle.of(template)
    assert style.write(Version(version)) == tag
    assert style.read(tag) == Version(version)


@pytest.mark.parametrize(
    "template",
    ["", "v", "{major}", "{major}.{minor}", "{version", "version}", "{}", "{version}{x}",
     "{version!r}", "{version:>9}", "{version.release}", "{version} {0}"],
)  # fmt: skip
def test_a_tag_that_does_not_tell_the_version_cannot_be_configured(template: str) -> None:
    with pytest.raises(UsageError, match=r"tag must contain {version}, or {major}, {minor} and"):
        TagStyle.of(template)


def test_a_tag_that_loses_a_number_does_not_read_as_the_version() -> None:
    style = TagStyle.of("rel_{major}_{minor}_{patch}")
    assert style.read(style.write(Version("1.2.3.4"))) == Version("1.2.3")


@pytest.mark.parametrize("tag", ["1.2.3", "vx", "v", "", "w1.2.3", "v1.2.3\n.x", "vv1.2.3"])
def test_other_tags_are_not_read(tag: str) -> None:
    assert TagStyle().read(tag) is None


STYLES = st.builds(
    TagStyle,
    template=st.sampled_from(
        ["{version}", "v{version}", "acme-{version}", "acme/v{version}", "acme=={version}",
         "release-{version}", "rel_{version}", "REL-{version}"]
    ),
    pre=st.tuples(st.sampled_from(["", "-", ".", "_"]), st.sampled_from(["", "-", ".", "_"])),
)  # fmt: skip
publics = any_version().map(lambda version: Version(version.public))


@relaxed
@given(STYLES, st.sampled_from([".", "_", "-"]), st.lists(st.integers(1, 4), max_size=4), publics)
def test_a_tag_that_is_written_reads_the_same(
    style: TagStyle, point: str, digits: list[int], version: Version
) -> None:
    style = TagStyle(template=style.template, point=point, pre=style.pre, widths=tuple(digits))
    assert style.read(style.write(version)) == version


@relaxed
@given(STYLES, st.sampled_from([".", "_"]), publics)
def test_a_written_tag_is_a_release_tag_of_the_project(
    style: TagStyle, point: str, version: Version
) -> None:
    style = TagStyle(template=style.template, point=point, pre=style.pre)
    tag = style.write(version)
    found = release_tag(tag, "acme")
    assert found
    assert found[1] == version
    assert found[0].write(version) == tag


@relaxed
@given(st.lists(STYLES, max_size=4), publics, publics)
def test_a_style_is_derived_again_from_its_own_tag(
    styles: list[TagStyle], current: Version, version: Version
) -> None:
    style = tag_style([one.write(current) for one in styles], "acme", current)
    tag = style.write(version)
    assert tag_style([tag], "acme", current).write(version) == tag


@relaxed
@given(st.text(max_size=12) | st.from_regex(r"(v|acme-)?[0-9._!-]{1,9}(rc|-rc)?[0-9]*"))
def test_any_text_is_a_release_tag_or_not(tag: str) -> None:
    found = release_tag(tag, "acme")
    assert found is None or tag.startswith(found[0].template.removesuffix("{version}"))


# What is taken


@pytest.mark.parametrize(
    ("tags", "name", "current", "versions"),
    [
        ("v1.2.3 1.3.0 v1.4.0-rc1", "acme", "1.2.3", "1.2.3 1.3.0 1.4.0rc1"),
        ("release/1.4.0 acme-1.3.0 rel_1_5_0", "acme", "1.2.3", "1.3.0 1.4.0 1.5.0"),
        ("v1 v1.3 other-1.9.0 nightly 2026-08-17 v2026.08.17 x", "acme", "1.2.3", ""),
        ("2026.08.17 2026.8", "acme", "2026.8.3", "2026.8.17"),
        ("v1.2.3", "acme", "2026.8.3", "1.2.3"),
        ("acme-1.2.3 v1.3.0 1.4.0 other-1.5.0", "acme", "1.2.3", "1.2.3"),
        ("Acme_Tools==1.2.3 acme-tools-1.3.0 v1.4", "acme.tools", "1.2.3", "1.2.3 1.3.0"),
        ("v1.2.3 acme-1.3.0", "acme", "1.2.3", "1.2.3 1.3.0"),
    ],
)
def test_versions_are_taken_by_the_tags_of_the_project(
    tags: str, name: str, current: str, versions: str
) -> None:
    names, version = tags.split(), Version(current)
    found = tagged(names, tag_style(names, name, version), name, version)
    assert sorted(found.values()) == [Version(one) for one in versions.split()]
    assert found.keys() <= {*names}


def test_a_configured_style_is_read_beside_the_common_ones() -> None:
    style = TagStyle.of("x{major}y{minor}z{patch}")
    found = tagged(["x1y3z0", "v1.4.0", "x1y3"], style, "acme", Version("1.2.3"))
    assert found == {"x1y3z0": Version("1.3.0"), "v1.4.0": Version("1.4.0")}
