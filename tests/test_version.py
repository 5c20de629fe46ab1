"""What comes after a version: every form that PEP 440 has, and every answer or refusal."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release import ReleaseError, UsageError
from release.version import (
    LEVELS,
    Bump,
    finished,
    line,
    next_development,
    next_version,
    objection,
    outcomes,
    remade,
)

PRES = ("rc", "a", "b", "dev")

# What each level makes of a version; "A or B" is refused, with both answers.
TABLE = """
current              major             minor                 patch                 current
1                    2                 1.1                   1.0.1                 1
1.2                  2.0               1.3                   1.2.1                 1.2
1.2.3                2.0.0             1.3.0                 1.2.4                 1.2.3
1.9.9                2.0.0             1.10.0                1.9.10                1.9.9
1.2.3.4              2.0.0.0           1.3.0.0               1.2.4.0               1.2.3.4
0                    1                 0.1                   0.0.1                 0
0.0.0                1.0.0             0.1.0                 0.0.1                 0.0.0
2026.7               2027.0            2026.8                2026.7.1              2026.7
1!1.2.3              1!2.0.0           1!1.3.0               1!1.2.4               1!1.2.3
1!2                  1!3               1!2.1                 1!2.0.1               1!2
1.2.post1            2.0               1.3                   1.2.1                 1.2.post1
1.2.3.post1          2.0.0             1.3.0                 1.2.4                 1.2.3.post1
1!1.2.3.post4        1!2.0.0           1!1.3.0               1!1.2.4               1!1.2.3.post4
1.2.3.dev0           2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.3.0.dev7           2.0.0             1.3.0_or_1.4.0        1.3.0_or_1.3.1        1.3.0
1.2.3a1              2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.2.3b2              2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.2.3rc1             2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.3.0rc1             2.0.0             1.3.0_or_1.4.0        1.3.0_or_1.3.1        1.3.0
2.0.0rc1             2.0.0_or_3.0.0    2.0.0_or_2.1.0        2.0.0_or_2.0.1        2.0.0
2rc1                 2_or_3            2_or_2.1              2_or_2.0.1            2
1.2rc1               2.0               1.2_or_1.3            1.2_or_1.2.1          1.2
1!1.3.0rc1           1!2.0.0           1!1.3.0_or_1!1.4.0    1!1.3.0_or_1!1.3.1    1!1.3.0
1.2.3.4rc1           2.0.0.0           1.3.0.0               1.2.4.0               1.2.3.4
1.2.3.0rc1           2.0.0.0           1.3.0.0               1.2.3.0_or_1.2.4.0    1.2.3.0
1.2.3rc1.dev2        2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.2.3rc1.post1       2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.2.3rc1.post1.dev2  2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.2.3.post1.dev2     2.0.0             1.3.0                 1.2.4                 1.2.3.post1
1.2.3+local          2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
1.3.0+local.4        2.0.0             1.3.0_or_1.4.0        1.3.0_or_1.3.1        1.3.0
1.2.3.post1+local    2.0.0             1.3.0                 1.2.4                 1.2.3.post1
1.2.3rc1+local       2.0.0             1.3.0                 1.2.3_or_1.2.4        1.2.3
"""
HEAD, *ROWS = [row.split() for row in TABLE.strip().splitlines()]
ANSWERS = [
    (current, level, answer)
    for current, *answers in ROWS
    for level, answer in zip(HEAD[1:], answers, strict=True)
]


def bump(text: str) -> Bump:
    """Read what a maintainer types behind the session's name."""
    target, _, pre = text.partition(" --pre ")
    return Bump.parse(target, pre or None)


def versions(text: str) -> list[Version]:
    return [Version(one) for one in text.split()]


@st.composite
def any_version(draw: st.DrawFn) -> Version:
    """Draw from every form; the numbers are small, so that versions meet."""
    number = st.integers(0, 3)
    parts = draw(st.lists(number, min_size=1, max_size=4))
    text = draw(st.sampled_from(["", "1!"])) + ".".join(map(str, parts))
    for suffix in ("{}{}", ".post{}", ".dev{}", "+local.{}"):
        if draw(st.integers(0, 3)) == 0:
            kind = [draw(st.sampled_from(["rc", "a", "b"]))] * (suffix == "{}{}")
            text += suffix.format(*kind, draw(number))
    return Version(text)


any_taken = st.lists(any_version().map(lambda version: Version(version.public)), max_size=8)
any_level = st.sampled_from(LEVELS)
any_pre = st.sampled_from(PRES)
relaxed = settings(deadline=None, max_examples=100)


# Levels


@pytest.mark.parametrize(("current", "level", "answer"), ANSWERS, ids=map(" ".join, ANSWERS))
def test_a_level_has_one_answer_or_is_refused_with_both(
    current: str, level: str, answer: str
) -> None:
    one, _, other = answer.partition("_or_")
    if not other:
        assert str(next_version(Version(current), bump(level), ())) == one
        return
    with pytest.raises(ReleaseError) as refused:
        next_version(Version(current), bump(level), ())
    assert str(refused.value) == f"from {current}, {level} can mean {one} or {other}"
    (problem,) = refused.value.problems
    assert problem.hint.splitlines() == [
        f"for {one}: nox -s publish_release -- current",
        f"for {other}: nox -s publish_release -- {other}",
    ]


@pytest.mark.parametrize("pre", PRES)
def test_an_ambiguous_pre_release_is_refused_with_both_commands(pre: str) -> None:
    with pytest.raises(ReleaseError, match=r"1\.3\.0rc1, minor can mean 1\.3\.0 or 1\.4\.0") as no:
        next_version(Version("1.3.0rc1"), bump(f"minor --pre {pre}"), ())
    assert no.value.problems[0].hint.splitlines() == [
        f"for 1.3.0: nox -s publish_rc -- current --pre {pre}",
        f"for 1.4.0: nox -s publish_rc -- 1.4.0 --pre {pre}",
    ]


@relaxed
@given(st.sampled_from(ANSWERS), st.none() | any_pre, any_taken)
def test_the_commands_of_a_refusal_give_the_answers_they_promise(
    row: tuple[str, str, str], pre: str | None, taken: list[Version]
) -> None:
    current, level = Version(row[0]), row[1]
    try:
        next_version(current, Bump.parse(level, pre), taken)
    except ReleaseError as refused:
        commands = refused.problems[0].hint.splitlines()
    else:
        commands = []
    for command in commands if "_or_" in row[2] else []:
        promised, _, typed = command.removeprefix("for ").partition(": ")
        result = next_version(current, bump(typed.partition(" -- ")[2]), taken)
        assert result.base_version == promised
        assert result.is_prerelease == bool(pre)


@pytest.mark.parametrize("level", ["minor", "patch"])
def test_a_level_has_one_answer_when_the_final_version_is_on_the_index(level: str) -> None:
    result = next_version(Version("1.3.0rc1"), bump(level), versions("1.3.0rc1 1.3.0"))
    assert str(result) == {"minor": "1.4.0", "patch": "1.3.1"}[level]


@relaxed
@given(any_version(), st.sampled_from(LEVELS[:3]), st.none() | any_pre, any_taken)
def test_a_raised_version_is_higher_and_keeps_epoch_and_length(
    current: Version, level: str, pre: str | None, taken: list[Version]
) -> None:
    try:
        result = next_version(current, Bump.parse(level, pre), taken)
    except ReleaseError:
        assume(False)  # noqa: FBT003
    part = LEVELS.index(level)
    assert result > Version(current.public)
    assert result.epoch == current.epoch
    assert len(result.release) == max(len(current.release), part + 1)
    assert result.release[:part] == (*current.release, 0, 0)[:part]
    assert not any(result.release[part + 1 :])
    assert result.pre == (None if pre in {None, "dev"} else (pre, result.pre and result.pre[1]))
    assert (result.is_devrelease, result.post, result.local) == (pre == "dev", None, None)


@relaxed
@given(any_version(), any_taken)
def test_current_is_what_main_says_without_its_suffix(
    current: Version, taken: list[Version]
) -> None:
    assume(finished(current) not in taken or finished(current) == current)
    result = next_version(current, bump("current"), taken)
    assert result == finished(current)
    assert result >= Version(current.public) or current.pre
    assert result.release == current.release
    assert not result.is_prerelease
    assert result.local is None


@pytest.mark.parametrize(
    ("current", "final"),
    [
        ("1.3.0.dev0", "1.3.0"), ("1.3.0.dev", "1.3.0"), ("1.3.0-dev", "1.3.0"),
        ("1.3.0-dev0", "1.3.0"), ("1.3.0.dev1", "1.3.0"), ("1.3.0a0.dev1", "1.3.0"),
        ("1.3.0rc0.dev0", "1.3.0"), ("1.3.0-rc0", "1.3.0"), ("1.3.0-rc.1", "1.3.0"),
        ("3.0.0-dev.38", "3.0.0"), ("1.3.0+dev", "1.3.0"), ("2026.08.17.dev0", "2026.8.17"),
    ],
)  # fmt: skip
def test_current_finishes_what_development_leads_to(current: str, final: str) -> None:
    assert str(next_version(Version(current), bump("current"), versions("1.2.3"))) == final


@pytest.mark.parametrize(
    ("current", "taken", "levels"),
    [
        ("0.34.0+dev", "0.33.0 0.34.0", "patch: 0.34.1, minor: 0.35.0, major: 1.0.0"),
        ("0.34.0+dev", "0.34 0.34.1", "minor: 0.35.0, major: 1.0.0"),
        ("24.8.0.dev0", "24.8.0", "patch: 24.8.1, minor: 24.9.0, major: 25.0.0"),
        ("1.2.post1.dev0", "1.2.post1", "patch: 1.2.1, minor: 1.3, major: 2.0"),
    ],
)
def test_development_after_a_release_is_not_finished_but_raised(
    current: str, taken: str, levels: str
) -> None:
    with pytest.raises(ReleaseError, match=r"comes after .*, which is taken") as refused:
        next_version(Version(current), bump("current"), versions(taken))
    offered = dict(pair.split(": ") for pair in levels.split(", "))
    assert refused.value.problems[0].hint.splitlines() == [
        f"for {version}: nox -s publish_release -- {level}" for level, version in offered.items()
    ]
    for level, version in offered.items():
        assert str(next_version(Version(current), bump(level), versions(taken))) == version


def test_what_each_level_makes_depends_on_what_is_taken() -> None:
    current = Version("0.34.0+dev")
    assert dict(outcomes(current, versions("0.34.0"))) == {
        "patch": "0.34.1",
        "minor": "0.35.0",
        "major": "1.0.0",
        "current": "0.34.0+dev comes after 0.34.0, which is taken",
    }
    assert dict(outcomes(current, versions("0.33.0")))["current"] == "0.34.0"


# Again


@relaxed
@given(any_version(), any_level, any_taken)
def test_what_a_bump_made_is_made_again_once_it_is_taken(
    current: Version, level: str, taken: list[Version]
) -> None:
    try:
        version = next_version(current, bump(level), taken)
    except ReleaseError:
        assume(False)  # noqa: FBT003
    assume(version not in taken)
    others = {*taken, version} - {version}
    assert remade(version, current, bump(level), others, "") == version


def test_a_bump_that_is_refused_makes_nothing() -> None:
    assert remade(Version("1.3.0"), Version("1.3.0rc1"), bump("minor"), (), "") is None


# Back to development


@pytest.mark.parametrize(
    ("released", "before", "after"),
    [
        ("1.3.0", "1.3.0.dev0", "1.3.1.dev0"),
        ("1.3.0", "1.2.3", "1.3.1.dev0"),
        ("1.3.0", "1.3.0rc2", "1.3.1.dev0"),
        ("1.3.0", "1.3.0rc2.dev1", "1.3.1.dev1"),
        ("1.3.0", "1.3.0.dev1", "1.3.1.dev1"),
        ("1.3.0", "1.3.0.dev38", "1.3.1.dev1"),
        ("1.3.0", "1.3.0a0.dev1", "1.3.1a0.dev1"),
        ("1.3.0", "1.3.0rc0.dev0", "1.3.1rc0.dev0"),
        ("1.3.0", "1.3.0rc0", "1.3.1rc0"),
        ("1.3", "1.3.dev0", "1.4.dev0"),
        ("2", "2.dev0", "3.dev0"),
        ("1!1.3.0", "1!1.3.0.dev0", "1!1.3.1.dev0"),
        ("1.2.3.post1", "1.2.3.post1.dev0", "1.2.4.dev0"),
        ("2026.12.31", "2026.12.31.dev0", "2026.12.32.dev0"),
        # +dev behind the last release, or in front of the next one
        ("0.35.0", "0.34.0+dev", "0.35.0+dev"),
        ("2.4.0", "2.4.0+dev", "2.4.1+dev"),
        # a pre-release leads to the same final version
        ("1.3.0rc1", "1.3.0.dev0", "1.3.0rc2.dev0"),
        ("1.3.0.dev1", "1.3.0.dev0", "1.3.0.dev2"),
        ("1.3.0.post1.dev1", "1.3.0", "1.3.0.post1.dev2"),
    ],
)
def test_development_follows_a_release_with_the_marker_that_it_had(
    released: str, before: str, after: str
) -> None:
    assert str(next_development(Version(released), Version(before))) == after


@relaxed
@given(any_version().map(lambda version: Version(version.public)), any_version())
def test_the_next_development_version_is_higher_and_open(
    released: Version, before: Version
) -> None:
    after = next_development(released, before)
    assert after > released
    assert after.is_prerelease or after.local
    if not (released.is_prerelease or after.local):
        assert finished(after) > released
        again = next_development(finished(after), after)
        assert str(again).removeprefix(again.base_version) == str(after).removeprefix(
            after.base_version
        )


@relaxed
@given(any_version(), any_version(), any_taken)
def test_an_explicit_version_is_taken_as_it_is(
    current: Version, wanted: Version, taken: list[Version]
) -> None:
    assert str(next_version(current, Bump.parse(wanted.public), taken)) == wanted.public


# Pre-releases


@pytest.mark.parametrize(
    ("current", "typed", "taken", "result"),
    [
        ("1.2.3", "minor --pre rc", "", "1.3.0rc1"),
        ("1.2.3", "minor --pre a", "", "1.3.0a1"),
        ("1.2.3", "minor --pre b", "", "1.3.0b1"),
        ("1.2.3", "minor --pre dev", "", "1.3.0.dev1"),
        ("1.2.3", "minor --pre rc", "1.2.3 1.3.0rc1", "1.3.0rc2"),
        ("1.2.3", "minor --pre rc", "1.3.0rc1 1.3.0rc10 1.3.0rc9", "1.3.0rc11"),
        ("1.2.3", "minor --pre rc", "1.3.0rc2 1.3.0rc5", "1.3.0rc6"),
        ("1.2.3", "minor --pre rc", "1.3.0rc0", "1.3.0rc1"),
        ("1.2.3", "minor --pre rc", "1.3.0a4 1.3.0b3 1.3.0.dev9", "1.3.0rc1"),
        ("1.2.3", "minor --pre b", "1.3.0a4 1.3.0b3 1.3.0rc2", "1.3.0b4"),
        ("1.2.3", "minor --pre a", "1.3.0a4 1.3.0b7", "1.3.0a5"),
        ("1.2.3", "minor --pre dev", "1.3.0.dev4 1.3.0a7 1.3.0a7.dev9", "1.3.0.dev5"),
        ("1.2.3", "minor --pre rc", "1.4.0rc8 2!1.3.0rc7 1.2.3rc6", "1.3.0rc1"),
        ("1.2.3", "minor --pre rc", "1.3rc3", "1.3.0rc4"),
        ("1.2", "minor --pre rc", "1.3.0rc3", "1.3rc4"),
        ("1", "major --pre rc", "2rc1", "2rc2"),
        ("1.2.3.4", "patch --pre rc", "1.2.4.0rc1", "1.2.4.0rc2"),
        ("1!1.2.3", "minor --pre rc", "1.3.0rc5 1!1.3.0rc1", "1!1.3.0rc2"),
        ("1.2.3", "minor --pre rc", "1.3.0rc1.post1 1.3.0rc2.dev3", "1.3.0rc3"),
        ("1.2.3.post1", "patch --pre rc", "", "1.2.4rc1"),
        ("1.3.0", "current --pre rc", "1.2.3", "1.3.0rc1"),
        ("1.3.0", "current --pre rc", "1.2.3 1.3.0rc1", "1.3.0rc2"),
        ("1.3.0rc1", "current --pre rc", "", "1.3.0rc2"),
        ("1.3.0rc1", "current --pre rc", "1.3.0rc1 1.3.0rc2", "1.3.0rc3"),
        ("1.3.0a1", "current --pre rc", "", "1.3.0rc1"),
        ("1.3.0.dev0", "current --pre rc", "", "1.3.0rc1"),
        ("1.3.0.dev0", "current --pre dev", "", "1.3.0.dev1"),
        ("1.3.0.dev4", "current --pre dev", "", "1.3.0.dev5"),
        ("1.3.0+local", "current --pre rc", "", "1.3.0rc1"),
        ("1.2.3", "2.0 --pre rc", "2.0rc1", "2.0rc2"),
        ("1.2.3", "1!0.1 --pre dev", "", "1!0.1.dev1"),
    ],
)
def test_a_pre_release_is_numbered_after_the_highest_known_one(
    current: str, typed: str, taken: str, result: str
) -> None:
    assert str(next_version(Version(current), bump(typed), versions(taken))) == result


@relaxed
@given(any_version(), any_level, any_pre, any_taken)
def test_the_next_pre_release_is_free_and_higher_than_all_of_its_kind(
    current: Version, level: str, pre: str, taken: list[Version]
) -> None:
    try:
        result = next_version(current, Bump.parse(level, pre), taken)
    except ReleaseError:
        assume(False)  # noqa: FBT003
    assert result not in {*taken, current}
    kind = (result.pre or (None,))[0]
    same = [
        one
        for one in taken
        if Version(one.base_version) == Version(result.base_version)
        and (one.pre or (None,))[0] == kind
        and one.post == result.post
        and (pre != "dev" or one.is_devrelease)
    ]
    assert all(result > one for one in same)


@pytest.mark.parametrize("pre", ["rc", "a", "b"])
@pytest.mark.parametrize("current", ["1.2.3.post1", "1.2.3.post1.dev0", "1!1.post2+local"])
def test_a_post_release_has_no_candidate(current: str, pre: str) -> None:
    with pytest.raises(ReleaseError, match="post"):
        next_version(Version(current), bump(f"current --pre {pre}"), ())


@pytest.mark.parametrize(
    ("current", "taken", "result"),
    [
        ("1.2.3.post1.dev0", "", "1.2.3.post1.dev1"),
        ("1.2.3.post1.dev0", "1.2.3.post1.dev1", "1.2.3.post1.dev2"),
        ("1.2.3.post1.dev4", "1.2.3.dev7", "1.2.3.post1.dev5"),
    ],
)
def test_a_dev_version_of_a_post_release_is_numbered_too(
    current: str, taken: str, result: str
) -> None:
    assert str(next_version(Version(current), bump("current --pre dev"), versions(taken))) == result


# What may be


@pytest.mark.parametrize(
    ("result", "current", "taken"),
    [
        ("1.2.4", "1.2.3", "1.2.3"),
        ("1.2.3", "1.2.3", ""),
        ("1.2.3", "1.2.3", "1.2.3rc1"),
        ("1.2.3", "1.2.3rc2", "1.2.3rc2"),
        ("1.2.3", "1.2.3+local", ""),
        ("1.2.3.post1", "1.2.3.post1.dev0", "1.2.3"),
        ("1.9.4", "1.9.3", "1.9.3 2.0.0 2.1.0"),
        ("1.9.4rc1", "1.9.3", "1.9.3 2.0.0"),
        ("1.3.0", "1.2.3", "1!0.1"),
        ("1!0.1", "1.2.3", "1.2.3"),
        ("1.3.0rc1", "1.3.0", "1.2.3"),
        ("1.3.0.dev1", "1.3.0", "1.2.3"),
        ("1.3.0rc2", "1.3.0", "1.2.3 1.3.0rc1"),
        ("1.2.3.post1.dev1", "1.2.3.post1", "1.2.3"),
        ("2", "1", "1 1.5"),
        ("1.2.1", "1.2", "1.2"),
    ],
)
def test_a_free_version_that_is_the_highest_of_its_line_may_be(
    result: str, current: str, taken: str
) -> None:
    assert objection(Version(result), Version(current), versions(taken)) is None


@pytest.mark.parametrize(
    ("result", "current", "taken", "message"),
    [
        ("1.2.4", "1.2.3", "1.2.4", "1.2.4 is on the index already"),
        ("1.3", "1.2.3", "1.3.0", "1.3 is on the index already"),
        ("1.2.3", "1.2.3", "1.2.3", "1.2.3 is on the index already"),
        ("1.9.4", "1.9.3", "1.9.5 1.9.6 2.0.0", "lower than 1.9.6, which is on the index"),
        ("1.3.0rc2", "1.2.3", "1.3.0", "lower than 1.3.0, which is on the index"),
        ("1.3.0a2", "1.2.3", "1.3.0rc1", "lower than 1.3.0rc1, which is on the index"),
        ("1.2.3", "1.2.3", "1.2.3.post1", "lower than 1.2.3.post1, which is on the index"),
        ("1.2.2", "1.2.3", "", "1.2.2 is lower than the current version 1.2.3"),
        ("1.2.3rc1", "1.2.3rc2", "", "lower than the current version 1.2.3rc2"),
        ("1.2.3.dev1", "1.2.3rc1", "", "lower than the current version 1.2.3rc1"),
        ("1.2.3rc1", "1.2.3.post1", "", "lower than the current version 1.2.3.post1"),
        ("1.2.3rc1", "1.2.4", "", "lower than the current version 1.2.4"),
        ("9.9.9", "1!0.1", "", "lower than the current version 1!0.1"),
    ],
)
def test_a_version_that_cannot_follow_is_told_with_its_evidence(
    result: str, current: str, taken: str, message: str
) -> None:
    problem = objection(Version(result), Version(current), versions(taken))
    assert problem
    assert message in problem.message
    assert problem.hint


@relaxed
@given(any_version().map(lambda version: Version(version.public)), any_version(), any_taken)
def test_without_an_objection_a_version_is_free_and_the_highest_of_its_line(
    result: Version, current: Version, taken: list[Version]
) -> None:
    assume(objection(result, current, taken) is None)
    assert result not in taken
    assert all(result > one for one in taken if line(one) == line(result))
    assert result >= Version(current.public) or finished(result) == Version(current.public)


@relaxed
@given(any_version(), st.sampled_from(LEVELS[:3]), any_taken)
def test_a_level_is_objected_to_only_for_what_is_on_the_index(
    current: Version, level: str, taken: list[Version]
) -> None:
    try:
        result = next_version(current, bump(level), taken)
    except ReleaseError:
        assume(False)  # noqa: FBT003
    of_this_line = [one for one in taken if line(one) == line(result)]
    problem = objection(result, current, taken)
    assert (problem is None) == all(result > one for one in of_this_line)


# What is typed


@pytest.mark.parametrize(
    "typed",
    [*LEVELS, "minor --pre rc", "current --pre dev", "1.4.0", "1.4.0rc2", "1.4.0 --pre a", "1!2"],
)
def test_a_bump_is_written_as_it_was_typed(typed: str) -> None:
    assert str(bump(typed)) == typed


@relaxed
@given(any_level | any_version().map(lambda one: one.base_version), st.none() | any_pre)
def test_a_bump_that_is_written_reads_the_same(target: str, pre: str | None) -> None:
    parsed = Bump.parse(target, pre)
    assert bump(str(parsed)) == parsed


@relaxed
@given(any_version().map(lambda version: Version(version.public)))
def test_an_explicit_version_reads_the_same(version: Version) -> None:
    assert bump(str(Bump.parse(str(version)))) == Bump(target=version)


@pytest.mark.parametrize(
    ("typed", "version"), [("v1.2.3", "1.2.3"), (" 1.2 ", "1.2"), ("1.2.3-RC.1", "1.2.3rc1")]
)
def test_a_version_is_read_however_it_is_spelled(typed: str, version: str) -> None:
    assert str(bump(typed)) == version


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("mayor", "major"),
        ("majour", "major"),
        ("minr", "minor"),
        ("Minor", "minor"),
        ("pach", "patch"),
        ("patches", "patch"),
        ("curent", "current"),
        ("MINOR", "minor"),
    ],
)
def test_a_misspelled_level_names_the_near_one(typed: str, near: str) -> None:
    with pytest.raises(UsageError, match=typed) as wrong:
        bump(typed)
    assert wrong.value.hints == [f"did you mean {near}?"]


@pytest.mark.parametrize("typed", ["", "x", "1.2.x", "1..2", "--", "latest"])
def test_what_is_neither_level_nor_version_is_told_the_levels(typed: str) -> None:
    with pytest.raises(UsageError) as wrong:
        bump(typed)
    assert wrong.value.hints == ["levels are major, minor, patch, current"]


@relaxed
@given(st.text(max_size=12) | st.from_regex(r"[0-9.!v+-]{0,12}(rc|post|dev)?[0-9]*"))
def test_any_text_is_a_bump_or_a_usage_error(text: str) -> None:
    try:
        parsed = Bump.parse(text)
    except UsageError:
        return
    assert bump(str(parsed)) == parsed


def test_a_number_without_end_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        Bump.parse("1." + "9" * 5000)


def test_a_local_version_is_refused_with_its_public_part() -> None:
    with pytest.raises(UsageError, match=r"1\.2\.3\+local") as wrong:
        bump("1.2.3+local")
    assert wrong.value.hints == ["use 1.2.3"]


@pytest.mark.parametrize("typed", ["1.3.0rc1", "1.3.0.dev4", "1.3.0rc1.post2"])
def test_the_number_of_a_pre_release_is_not_typed(typed: str) -> None:
    with pytest.raises(UsageError, match="isn't typed") as wrong:
        bump(f"{typed} --pre rc")
    assert wrong.value.hints == ["nox -s publish_rc -- 1.3.0 --pre rc"]


@pytest.mark.parametrize("kind", ["alpha", "RC", "post", ""])
def test_an_unknown_kind_of_pre_release_is_told_the_known_ones(kind: str) -> None:
    with pytest.raises(UsageError, match=f"kind '{kind}'") as wrong:
        Bump.parse("minor", kind)
    assert wrong.value.hints == ["use one of rc, a, b, dev"]


# Small ones


@pytest.mark.parametrize(
    ("version", "leads_to"),
    [
        ("1.2.3", "1.2.3"),
        ("1.2rc1", "1.2"),
        ("1!1.2.3.dev4", "1!1.2.3"),
        ("1.2.3+local", "1.2.3"),
        ("1.2.3.post1", "1.2.3.post1"),
        ("1.2.3.post1.dev2+local", "1.2.3.post1"),
        ("1!1.2.3.post0.dev2", "1!1.2.3.post0"),
        ("1.2.3rc1.post1", "1.2.3"),
        ("1.2.3a0.post1.dev2", "1.2.3"),
    ],
)
def test_a_version_leads_to_its_final_one(version: str, leads_to: str) -> None:
    assert str(finished(Version(version))) == leads_to


@relaxed
@given(any_version())
def test_what_is_finished_stays_so(version: Version) -> None:
    assert finished(finished(version)) == finished(version)


@pytest.mark.parametrize(
    ("version", "its_line"),
    [("1", (0, 1, 0)), ("1.2", (0, 1, 2)), ("1.2.3.4rc5", (0, 1, 2)), ("3!1.2.3.post1", (3, 1, 2))],
)
def test_a_line_is_epoch_and_two_parts(version: str, its_line: tuple[int, int, int]) -> None:
    assert line(Version(version)) == its_line


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_outcome_of_every_level_is_told(row: list[str]) -> None:
    current, *answers = row
    told = dict(outcomes(Version(current)))
    assert set(told) == set(HEAD[1:])
    for level, answer in zip(HEAD[1:], answers, strict=True):
        one, _, other = answer.partition("_or_")
        expected = f"from {current}, {level} can mean {one} or {other}" if other else one
        assert told[level] == expected


def test_outcomes_are_told_from_the_smallest_on() -> None:
    assert outcomes(Version("1.2.3")) == [
        ("patch", "1.2.4"),
        ("minor", "1.3.0"),
        ("major", "2.0.0"),
        ("current", "1.2.3"),
    ]
