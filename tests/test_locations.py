"""Where the version lives: it is found in every place, and nothing around it changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release import ReleaseError
from release.project import Project
from tests.stage import Sources

Files = dict[str, bytes]
OLD, NEW = "1.9.9", "1.10.0"  # one is longer
AT = "@"  # stands for the version in a sample


def backend(name: str, table: str = "") -> dict[str, str]:
    """Return a pyproject.toml that leaves the version to its backend."""
    text = (
        f'[build-system]\nbuild-backend = "{name}"\n'
        '[project]\nname = "acme-tools"\ndynamic = ["version"]\n'
        f'dependencies = ["other==1.9.9"]\n{table}\n'
    )
    return {"pyproject.toml": text}


def named(*entries: str, version: str = AT) -> dict[str, str]:
    """Return a pyproject.toml that names further files."""
    text = f'[project]\nname = "acme"\nversion = "{version}"\n'
    return {"pyproject.toml": f"{text}[tool.nox-release]\nversion-files = {list(entries)}\n"}


def at(sample: dict[str, str], version: str) -> Files:
    return {path: text.replace(AT, version).encode() for path, text in sample.items()}


def released(before: Files, version: str = NEW) -> Files:
    """Return all files as a release of `version` leaves them."""
    edits = Project.load(Sources(before)).edits(Version(version))
    assert all(edit.before == before[edit.path] for edit in edits)
    return before | {edit.path: edit.after or b"" for edit in edits}


MODULE = f"""\
'''Tools, since 1.9.9.'''
import other  # other.__version__ is 1.9.9

__version__ = "{AT}"  # not __version__ = "1.9.9"

def version():
    __version__ = "1.9.9"
    return __version__
"""
REGEX = f"# version 1.9.9\nimport x\n\n__version__ = '{AT}'  # was 1.9.9\n__all__ = ['1.9.9']\n"
HATCH = "[tool.hatch.version]\npath = 'about.py'\n"
FLIT = backend("flit_core.buildapi")
FLIT_OLD = (
    "[build-system]\nbuild-backend = 'flit.buildapi'\n[tool.flit.metadata]\nmodule = 'acme'\n"
)
ATTR = "[tool.setuptools.dynamic]\nversion = {attr = 'acme.__version__'}\n[tool.setuptools]\n"
SETUPTOOLS = backend("setuptools.build_meta", ATTR)
PDM = backend("pdm.backend", "[tool.pdm.version]\nsource = 'file'\npath = 'src/acme.py'")


def setuptools(table: str) -> dict[str, str]:
    return backend("setuptools.build_meta", ATTR + table)


PLACES: dict[str, dict[str, str]] = {
    "project": {"pyproject.toml": f'[project]\nname = "acme"\nversion = "{AT}"\n'},
    "project-with-v": {"pyproject.toml": f'[project]\nname = "acme"\nversion = "v{AT}"\n'},
    "project-bom": {"pyproject.toml": f"\ufeffproject = {{name = 'é', version = '{AT}'}}"},
    "project-with-spaces": {"pyproject.toml": f'project = {{name = "a", version = " v{AT} "}}\n'},
    "project-with-decoys": {
        "pyproject.toml": '[tool.acme]\nversion = "1.9.9"\n[project.urls]\nversion = "1.9.9"\n'
        f'[project]\nversion = "{AT}"\nname = "acme"\n[[tool.more]]\nversion = "1.9.9"\n'
    },
    "project-with-a-table-out-of-use": {
        "pyproject.toml": "[build-system]\nbuild-backend = 'hatchling.build'\n"
        f"[project]\nname = 'acme'\nversion = '{AT}'\n{HATCH}",
        "about.py": "VERSION = '1.9.9'\n",
    },
    "project-dotted": {"pyproject.toml": f"project.name = 'acme'\nproject.version = '{AT}'\n"},
    "project-inline": {"pyproject.toml": f"project = {{name = 'acme', version = '{AT}'}}\n"},
    "poetry": {"pyproject.toml": f'[tool.poetry]\nname = "acme"\nversion = "{AT}"\n'},
    "poetry-dotted": {"pyproject.toml": f"[tool]\npoetry.name='a'\npoetry.version='{AT}'\n"},
    "poetry-out-of-order": {
        "pyproject.toml": "[tool.poetry.dependencies]\nx = '1.9.9'\n[tool.other]\n[[more]]\n"
        f"[tool.poetry]\nname = 'acme'\nversion = '{AT}'\n"
    },
    "poetry-dynamic": backend("poetry.core.masonry.api", f"[tool.poetry]\nversion = '{AT}'"),
    "hatch": {**backend("hatchling.build", HATCH), "about.py": REGEX},
    "hatch-v": {**backend("hatchling.build", HATCH), "about.py": f'Version = "v{AT}"\n'},
    "hatch-inline": {
        **backend("hatchling.build", "[tool.hatch]\nversion = {path = 'about.py'}"),
        "about.py": REGEX,
    },
    "hatch-regex": {
        **backend("hatchling.build", f"{HATCH}source = 'regex'"),
        "about.py": f"VERSION='{AT}'",
    },
    "hatch-pattern": {
        **backend("hatchling.build", f"{HATCH}pattern = 'release (?P<version>[^ ]+) of'"),
        "about.py": f"1.9.9\nthe release {AT} of 1.9.9",
    },
    "hatch-pattern-of-a-line": {
        **backend("hatchling.build", f"{HATCH}pattern = '^Number: (?P<version>.+)$'"),
        "about.py": f"Other: 1.9.9\nNumber: {AT}\nOther: 1.9.9\n",
    },
    "hatch-pattern-of-a-line-crlf": {
        **backend("hatchling.build", f"{HATCH}pattern = '^Number: (?P<version>.+)$'"),
        "about.py": f"Other: 1.9.9\r\nNumber: {AT}\r\nOther: 1.9.9\r\n",
    },
    "hatch-pattern-over-the-end-of-the-line": {
        **backend("hatchling.build", f"{HATCH}pattern = '\\A(?P<version>[^#]+)'"),
        "about.py": f"{AT}\n# 1.9.9\n",
    },
    "hatch-pattern-over-the-end-of-the-line-crlf": {
        **backend("hatchling.build", f"{HATCH}pattern = '\\A(?P<version>[^#]+)'"),
        "about.py": f"{AT}\r\n# 1.9.9\r\n",
    },
    "hatch-pattern-between-lines-crlf": {
        **backend("hatchling.build", f"{HATCH}pattern = '<(?P<version>[^<]+)<'"),
        "about.py": f"1.9.9\r\n<\r\n{AT}\r\n<\r\n",
    },
    "hatch-pattern-of-a-file-crlf": {
        **backend("hatchling.build", f"{HATCH}pattern = '(?P<version>.+)'"),
        "about.py": f"{AT}\r\n",
    },
    "flit-module": {**FLIT, "acme_tools.py": MODULE},
    "flit-package": {**FLIT, "acme_tools/__init__.py": MODULE, "acme_tools/x.py": MODULE[:9]},
    "flit-src-module": {**FLIT, "src/acme_tools.py": MODULE},
    "flit-src-package": {**FLIT, "src/acme_tools/__init__.py": MODULE},
    "flit-named": {
        **backend("flit_core.buildapi", "[tool.flit.module]\nname = 'acme'"),
        "acme.py": MODULE,
        "acme_tools.py": '__version__ = "1.9.9"\n',
    },
    "flit-namespace": {
        **backend("flit_core.buildapi", "[tool.flit.module]\nname = 'org.acme'"),
        "src/org/acme/__init__.py": MODULE,
    },
    "flit-old": {"pyproject.toml": FLIT_OLD, "acme.py": MODULE},
    "flit-old-src": {"pyproject.toml": FLIT_OLD, "src/acme/__init__.py": MODULE},
    "setuptools-flat": {**SETUPTOOLS, "acme/__init__.py": MODULE},
    "setuptools-module": {**SETUPTOOLS, "acme.py": MODULE},
    "setuptools-src": {**SETUPTOOLS, "src/acme/__init__.py": MODULE},
    "setuptools-src-module": {**SETUPTOOLS, "src/acme.py": MODULE},
    "setuptools-package-dir": {
        **setuptools("package-dir = {'' = 'lib'}"),
        "lib/acme/__init__.py": MODULE,
        "acme/__init__.py": '__version__ = "1.9.9"\n',
    },
    "setuptools-package-dir-with-dot": {
        **setuptools("package-dir = {'' = './lib'}"),
        "lib/acme.py": MODULE,
    },
    "setuptools-package-dir-of-one": {
        **setuptools("package-dir = {acme = 'lib/tools'}"),
        "lib/tools/__init__.py": MODULE,
        "acme/__init__.py": '__version__ = "1.9.9"\n',
    },
    "setuptools-package-dir-flat": {
        **setuptools("package-dir = {acme = 'tools'}"),
        "tools/__init__.py": MODULE,
    },
    "setuptools-package-dir-is-the-root": {
        **setuptools("package-dir = {acme = '.'}\npackages = ['acme']"),
        "__init__.py": MODULE,
    },
    "setuptools-package-dir-of-a-subpackage": {
        **backend(
            "setuptools.build_meta",
            "[tool.setuptools.dynamic]\nversion = {attr = 'acme.sub.about.VERSION'}\n"
            "[tool.setuptools.package-dir]\n'acme.sub' = 'lib/sub'\nacme = 'lib/acme'\n",
        ),
        "lib/sub/about.py": f"VERSION = '{AT}'\n",
        "lib/acme/__init__.py": "",
    },
    "setuptools-where": {
        **setuptools("[tool.setuptools.packages.find]\nwhere = ['lib']"),
        "lib/acme/__init__.py": MODULE,
    },
    "setuptools-packages-list": {
        **setuptools("packages = ['acme']"),
        "acme/__init__.py": MODULE,
    },
    "setuptools-about": {
        **backend(
            "setuptools.build_meta",
            "[tool.setuptools.dynamic]\nversion = {attr = 'acme.about.VERSION'}\n"
            "[tool.setuptools.package-dir]\nacme = 'lib/acme'\n",
        ),
        "lib/acme/about.py": f"__version__ = '1.9.8'\nVERSION: str = '{AT}'\n",
        "lib/acme/__init__.py": "from acme.about import VERSION\n",
    },
    "setuptools-imported": {
        **SETUPTOOLS,
        "src/acme/__init__.py": "from .x import y\nfrom ._version import __version__\n",
        "src/acme/_version.py": MODULE,
    },
    "setuptools-imported-by-another-name": {
        **SETUPTOOLS,
        "acme/__init__.py": "from .about.number import VERSION as __version__\n",
        "acme/about/number.py": f"__version__ = '1.9.8'\nVERSION = '{AT}'\n",
    },
    "flit-imported": {
        **FLIT,
        "acme_tools/__init__.py": "from .about import x, __version__ as __version__\n",
        "acme_tools/about/__init__.py": MODULE,
    },
    "setuptools-by-default": {
        "pyproject.toml": f"[project]\nname = 'acme'\ndynamic = ['version']\n{ATTR}",
        "acme.py": MODULE,
    },
    "pdm": {**PDM, "src/acme.py": MODULE},
    "pdm-bom": {**PDM, "src/acme.py": f"\ufeff__version__ = '{AT}'\n"},
    "pdm-bom-above": {**PDM, "src/acme.py": f"\ufeff# é\r\n__version__ = '{AT}'\r\n"},
    "pdm-inline": {
        **backend("pdm.backend", "[tool.pdm]\nversion = {source = 'file', path = 'acme.py'}"),
        "acme.py": MODULE,
    },
    "pdm-pep517": {
        **backend("pdm.pep517.api", "[tool.pdm]\nversion = {source = 'file', path = 'acme.py'}"),
        "acme.py": MODULE,
    },
    "named": {
        **named("docs/conf.py"),
        "docs/conf.py": f"x = '11.9.9 py1.9.9'\nrelease = 'v{AT}'\n",
    },
    "named-with-a-dot": {**named("./conf.py"), "conf.py": AT},
    "named-with-text": {
        **named("conf.py:release = '{version}'"),
        "conf.py": f"since = '1.9.9'\nrelease = '{AT}'\n",
    },
    "named-with-text-before": {
        **named("README.md:acme {version}"),
        "README.md": f"other 1.9.9, acme {AT}, acme 1.9.99, acme 1.9.9.1, acme 1.9.9rc1.\n",
    },
    "named-with-text-behind": {
        **named("README.md:{version} is out"),
        "README.md": f"Not 11.9.9 is out, nor 1.9.9. But {AT} is out\n",
    },
    "named-with-a-colon": {**named("x.yaml:tag: {version}"), "x.yaml": f"a: 1.9.9\ntag: {AT}\n"},
    "named-with-signs": {**named("x:(?P<a>[{version}"), "x": f"1.9.9 (?P<a>[{AT}]"},
    "named-twice": {
        **named("x.md:acme {version}", "x.md:acme=={version}", "y"),
        "x.md": f"acme=={AT}, acme {AT}, {OLD}\n",
        "y": AT,
    },
    "named-is-the-place": named("pyproject.toml"),
    "named-is-the-place-with-text": named('pyproject.toml:version = "{version}"'),
    "named-from-both-sides": {
        **named("x:acme {version}", "x:{version} is out"),
        "x": f"""\
acme {AT} is out
""",
    },
    "named-and-dynamic": {
        **backend(
            "hatchling.build",
            f"{HATCH}[tool.nox-release]\nversion-files = ['about.py:# {{version}}']",
        ),
        "about.py": f"# {AT}\nVERSION = '{AT}'\n",
    },
}


@pytest.mark.parametrize("sample", PLACES.values(), ids=PLACES)
def test_only_the_version_changes(sample: dict[str, str]) -> None:
    assert released(at(sample, OLD)) == at(sample, NEW)
    assert released(at(sample, NEW), OLD) == at(sample, OLD)


@pytest.mark.parametrize("sample", PLACES.values(), ids=PLACES)
def test_a_version_that_is_there_already_edits_nothing(sample: dict[str, str]) -> None:
    project = Project.load(Sources(at(sample, OLD)))
    assert project.version == Version(OLD)
    assert project.edits(Version(OLD)) == ()


def test_a_version_is_edited_in_the_spelling_of_the_file_and_written_normalized() -> None:
    sample = {**named("README"), "README": f"acme {AT}\n"}
    assert released(at(sample, "1.9.0-RC.1"), "1.9.0") == at(sample, "1.9.0")


@pytest.mark.parametrize("text", ["1.2-1", "v1.2.0", "1.2-PREVIEW_1", "2026.08.17", "1.2.0-dev"])
def test_a_version_in_any_spelling_is_there_already(text: str) -> None:
    project = Project.load(Sources(at(PLACES["project"], text)))
    assert project.edits(Version(text)) == ()


def test_two_names_on_one_line_are_one_assignment() -> None:
    sample = {**PDM, "src/acme.py": f"VERSION = __version__ = '{AT}'\n"}
    assert released(at(sample, OLD)) == at(sample, NEW)


def test_a_declared_type_is_no_assignment() -> None:
    sample = {**PDM, "src/acme.py": f"__version__: str\n__version__ = '{AT}'\n"}
    assert released(at(sample, OLD)) == at(sample, NEW)


def test_a_file_without_the_version_stays_out_of_the_edits() -> None:
    files = at({**PDM, "src/acme.py": MODULE}, OLD)
    assert [edit.path for edit in Project.load(Sources(files)).edits(Version(NEW))] == [
        "src/acme.py"
    ]


@pytest.mark.parametrize(
    ("coding", "letter"), [("latin-1", "é"), ("cp1252", "€"), ("shift_jis", "ソ"), ("utf-8", "é")]
)
def test_the_columns_of_a_module_are_counted_in_its_own_encoding(coding: str, letter: str) -> None:
    sample = f"# coding: {coding}\n'{letter * 9}'; __version__ = '{AT}'; '1.9.9'\n"
    before, after = (
        {**at(PDM, OLD), "src/acme.py": sample.replace(AT, version).encode(coding)}
        for version in (OLD, NEW)
    )
    assert released(before) == after


# Errors


def module(text: str) -> dict[str, str]:
    return {**PDM, "src/acme.py": text}


def hatch(pattern: str, text: str) -> dict[str, str]:
    return {**backend("hatchling.build", f"{HATCH}pattern = '{pattern}'"), "about.py": text}


WRONG: dict[str, tuple[dict[str, str], list[str]]] = {
    "none": ({"pyproject.toml": "[project]\nname = 'acme'\n"}, ["nowhere"]),
    "none-dynamic": (backend("hatchling.build"), ["nowhere", "hatchling.build"]),
    "none-other-backend": (backend("maturin"), ["nowhere", "maturin"]),
    "none-from-a-call": (
        {
            **backend("pdm.backend", "[tool.pdm.version]\nsource = 'call'\npath = 'x.py'"),
            "x.py": "",
        },
        ["nowhere"],
    ),
    "several": (
        {
            "pyproject.toml": "[project]\nname = 'acme'\nversion = '1.2'\n"
            "[tool.poetry]\nversion = '1.3'\n"
        },
        ["2 places", "[project] version (1.2)", "[tool.poetry] version (1.3)"],
    ),
    "static-and-dynamic": (
        {
            **backend("hatchling.build", f"version = '1.2'\n{HATCH}"),
            "about.py": "VERSION = '1.3'",
        },
        ["2 places", "[project] version (1.2)", "about.py (1.3)"],
    ),
    "a-number": ({"pyproject.toml": "[project]\nname = 'a'\nversion = 1.2\n"}, ["project.version"]),
    "a-list": ({"pyproject.toml": "[project]\nversion = ['1.2']\n"}, ["project.version"]),
    "a-table": ({"pyproject.toml": "[project.version]\nfile = '1.2'\n"}, ["project.version"]),
    "escaped": ({"pyproject.toml": '[project]\nversion = "1\\u002e2"\n'}, ["project.version"]),
    "not-pep-440": (
        {"pyproject.toml": "[project]\nname = 'a'\nversion = '1.x'\n"},
        ["[project] version", "'1.x'", "PEP 440"],
    ),
    "empty": ({"pyproject.toml": "[project]\nname = 'a'\nversion = ''\n"}, ["version"]),
    "not-pep-440-module": (module("__version__ = 'one'"), ["src/acme.py", "'one'", "PEP 440"]),
    "hatch-file-not-there": (backend("hatchling.build", HATCH), ["about.py"]),
    "hatch-zero": (hatch("v(?P<version>.+)", "x"), ["about.py", "0 matches"]),
    "hatch-two": (
        {**backend("hatchling.build", HATCH), "about.py": "VERSION = '1'\n__version__ = '1'\n"},
        ["about.py", "2 matches"],
    ),
    "hatch-not-a-pattern": (hatch("(?P<version>", "1.2"), ["tool.hatch.version", "pattern"]),
    "hatch-no-group": (hatch("VERSION = (.+)", "VERSION = 1.2"), ["tool.hatch.version", "version"]),
    "hatch-group-is-left-out": (hatch("v(?P<version>[0-9])?", "v"), ["about.py"]),
    "flit-not-there": (FLIT, ["acme_tools"]),
    "flit-two": (
        {**FLIT, "acme_tools.py": MODULE, "src/acme_tools/__init__.py": MODULE},
        ["2 places", "acme_tools.py", "src/acme_tools/__init__.py"],
    ),
    "setuptools-not-there": (SETUPTOOLS, ["acme"]),
    "setuptools-two": (
        {**SETUPTOOLS, "acme.py": MODULE, "acme/__init__.py": MODULE},
        ["2 places", "acme.py", "acme/__init__.py"],
    ),
    "pdm-not-there": (PDM, ["src/acme.py"]),
    "module-zero": (module("version = '1.2'"), ["src/acme.py", "__version__", "0 times"]),
    "module-two": (
        module("__version__ = '1'\n__version__ = '2'"),
        ["src/acme.py", "__version__", "2 times"],
    ),
    "module-only-declared": (module("__version__: str"), ["src/acme.py", "__version__"]),
    "module-inside": (module("if 1:\n  __version__ = '1'"), ["src/acme.py", "__version__"]),
    "module-call": (module("__version__ = version('a')"), ["src/acme.py", "plain string"]),
    "module-number": (module("__version__ = 1.2"), ["src/acme.py", "plain string"]),
    "module-bytes": (module("__version__ = b'1.2'"), ["src/acme.py", "plain string"]),
    "module-f-string": (module("__version__ = f'1.{2}'"), ["src/acme.py", "plain string"]),
    "module-name": (module("V = f()\n__version__ = V"), ["src/acme.py", "plain string"]),
    "module-name-twice": (module("V='1'\nV = '1.2'\n__version__ = V"), ["src/acme.py", "plain"]),
    "module-sum": (module("__version__ = '1.' + '2'"), ["src/acme.py", "plain string"]),
    "module-in-two-strings": (
        module("__version__ = '1.' '2'  # '1.2'"),
        ["src/acme.py", "__version__"],
    ),
    "module-escaped": (module("__version__ = '\\x31.2'  # '1.2'"), ["src/acme.py", "__version__"]),
    "module-syntax": (module("__version__ = '1.2'\ndef f(:\n"), ["src/acme.py", "line 2"]),
    "module-null": (module("__version__ = '1.2'\n\0"), ["src/acme.py"]),
    "module-coding": (module("# coding: klingon\n__version__ = '1.2'"), ["src/acme.py", "klingon"]),
    "imported-and-assigned": (
        {
            **SETUPTOOLS,
            "acme/__init__.py": "from ._v import __version__\n__version__ = '1.3'\n",
            "acme/_v.py": "__version__ = '1.2'\n",
        },
        ["acme/__init__.py", "__version__"],
    ),
    "imported-twice": (
        {
            **SETUPTOOLS,
            "acme/__init__.py": "from ._v import __version__\nfrom ._w import __version__\n",
            "acme/_v.py": "__version__ = '1.2'\n",
            "acme/_w.py": "__version__ = '1.3'\n",
        },
        ["acme/__init__.py", "__version__"],
    ),
    "imported-from-nowhere": (
        {**SETUPTOOLS, "acme/__init__.py": "from ._v import __version__\n"},
        ["_v", "__version__"],
    ),
    "imported-from-outside": (
        {**SETUPTOOLS, "acme.py": "from ...other import __version__\n"},
        ["acme.py", "__version__"],
    ),
    "named-above": (named("../x", version="1.2"), ["../x"]),
    "named-from-the-root": (named("/x", version="1.2"), ["/x"]),
    "named-not-there": (named("docs/conf.py", version="1.2"), ["docs/conf.py"]),
    "named-zero": ({**named("x.md", version="1.2"), "x.md": "1.2.1 11.2 1.2rc1"}, ["x.md", "0 m"]),
    "named-two": ({**named("x.md", version="1.2"), "x.md": "1.2 or 1.2."}, ["x.md", "2 matches"]),
    "named-text-two": (
        {**named("x.md:acme {version}", version="1.2"), "x.md": "acme 1.2, acme 1.2"},
        ["x.md:acme {version}", "2 matches"],
    ),
    "named-no-place": ({**named("x.md:acme", version="1.2"), "x.md": "acme 1.2"}, ["x.md:acme"]),
}


@pytest.mark.parametrize(("sample", "evidence"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_edited_is_refused_with_its_evidence(
    sample: dict[str, str], evidence: list[str]
) -> None:
    with pytest.raises(ReleaseError) as refused:
        Project.load(Sources(at(sample, OLD)))
    for one in evidence:
        assert one in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "data"), [(r"\S+", b"\xe9"), (".+", b"1.2 \xe9\n"), ("[^v]+", b"v1.2\xff")]
)
def test_a_match_that_is_no_text_is_refused(pattern: str, data: bytes) -> None:
    files = {**at(hatch(f"(?P<version>{pattern})", ""), OLD), "about.py": data}
    with pytest.raises(ReleaseError, match=r"about\.py"):
        Project.load(Sources(files))


# Any text around it

relaxed = settings(deadline=None, max_examples=100)
old_version = st.sampled_from(
    ["1.9.9", "1.9", "1!2.0", "2.0.0rc1", "1.post1", "1.2-rc.1", "7.dev0"]
)
new_version = st.builds("{}.{}.{}".format, *[st.integers(8, 9999)] * 3)
with_v = st.sampled_from([AT, f"v{AT}", f"V{AT}"])
bom = st.sampled_from(["\ufeff", ""])
unquoted = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=f"\"'\\{AT}\ufeff")
some_text = st.text(unquoted | st.just("\t"), max_size=8)
comment = st.sampled_from(["", " # 1.9.9", "\t#"]) | some_text.map(" # {}".format)
quotes = st.sampled_from(['"', "'", '"""', "'''"])
equals = st.sampled_from([" = ", "=", "\t=\t", "  ="])
indent = st.sampled_from(["", "  ", "\t"])

TOML = [
    "[project]\nname='acme'\nversion=VALUE",
    "[ project ]\n'version'=VALUE\nname='acme'\n\n[project.urls]\nversion='1.9.9'\n\n[project.x]",
    "['project']\nname='acme'\n\"version\"=VALUE\n\n[project.'optional-dependencies']\nversion=['x']",
    "project.name='acme'\nproject.version=VALUE",
    "project . version=VALUE\nproject . name='acme'",
    "project={name='acme', version=VALUE, readme='1.9.9'}",
    "[tool.poetry]\nname='acme'\nversion=VALUE\n\n[tool.poetry.dependencies]\nversion='1.9.9'",
    "[tool]\npoetry.version=VALUE\npoetry.name='acme'",
    "[tool]\npoetry={version=VALUE,name='acme'}",
]
OTHERS = [
    "[tool.other]\nversion='1.9.9'",
    "[[tool.more]]\nversion='1.9.9'\n[[tool.more]]\nversion='1.9.9'",
    "[more-of-it]\na=[\n'1.9.9',\n]\nb={version='1.9.9'}",
]


@st.composite
def lines(draw: st.DrawFn, rows: list[str], ends: tuple[str, ...] = ("\n", "\r\n")) -> str:
    """Put comments and blank lines before the rows, and ends of any kind behind them, or none."""
    more = st.lists(st.just("") | some_text.map("#{}".format), max_size=1)
    every = [one for row in rows for one in (*draw(more), row)]
    ended = [row + draw(st.sampled_from(ends)) for row in every[:-1]]
    return "".join(ended) + every[-1] + draw(st.sampled_from(["", *ends]))


@st.composite
def toml(draw: st.DrawFn) -> str:
    """Draw a pyproject.toml, its tables in any order."""
    quote = draw(quotes)
    value = quote + draw(with_v) + quote
    tables = draw(st.permutations([*draw(st.sampled_from(TOML)).split("\n\n"), *OTHERS]))
    tables = sorted(tables, key=lambda table: table.startswith("["))
    rows = "\n".join(tables).replace("=", draw(equals)).replace("VALUE", value).split("\n")
    return draw(bom) + draw(lines([draw(indent) + row + draw(comment) for row in rows]))


BEFORE = [
    "VERSION = '1.9.9'",
    '"""TEXT\n__version__ = \'1.9.9\'\n"""',
    "def version():\n\t__version__ = '1.9.9'  # TEXT\n\treturn __version__",
    "if True:\n    __version__ = '1.9.9'",
    "\x0c",
    "class Version: __version__ = '1.9.9'; text = 'TEXT'",
    "__version__.x = {'__version__': '1.9.9'}",
]
ASSIGN = [
    "__version__ = VALUE",
    "__version__=VALUE # TEXT",
    "__version__: str = VALUE",
    "__version__ : 'Final[\"TEXT\"]'=VALUE;",
    "__version__ = (VALUE)",
    "__version__ = \\\n  VALUE",
    "__version__ = (  # TEXT\n    VALUE\n)",
    "__version__ = VERSION = VALUE; OTHER = '1.9.9'",
    "text = 'TEXT'; __version__ = VALUE; more = '1.9.9'",
]
CODING = ["", "latin-1", "cp1252", "iso-8859-15", "utf-8"]


@st.composite
def python(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a Python module and its encoding."""
    quote = draw(quotes)
    value = draw(st.sampled_from(["", "u", "r", "R"])) + quote + draw(with_v) + quote
    around = st.lists(st.sampled_from(BEFORE), max_size=2)
    rows = [*draw(around), draw(st.sampled_from(ASSIGN)).replace("VALUE", value), *draw(around)]
    module = draw(lines([row.replace("TEXT", draw(some_text)) for row in rows]))
    coding = draw(st.sampled_from(CODING))
    if not coding:
        return draw(bom) + module, "utf-8"
    cookie = draw(st.sampled_from(["# -*- coding: {} -*-", "#!python\r\n# vim: fileencoding={}"]))
    return cookie.format(coding) + draw(st.sampled_from(["\n", "\r\n"])) + module, coding


@relaxed
@given(toml(), old_version, new_version)
def test_only_the_version_in_any_toml_changes(text: str, old: str, new: str) -> None:
    before, after = at({"pyproject.toml": text}, old), at({"pyproject.toml": text}, new)
    assert released(before, new) == after
    assert Project.load(Sources(after)).version == Version(new)


@relaxed
@given(python(), old_version, new_version)
def test_only_the_version_in_any_module_changes(
    module: tuple[str, str], old: str, new: str
) -> None:
    text, coding = module
    before, after = (
        {**at(PDM, old), "src/acme.py": text.replace(AT, version).encode(coding, "replace")}
        for version in (old, new)
    )
    assert released(before, new) == after
    assert Project.load(Sources(after)).version == Version(new)


@relaxed
@given(bom, lines(["import x", f"__VERSION__  =  '{AT}' # it"]), old_version, new_version)
def test_only_the_version_that_hatch_matches_changes(
    mark: str, text: str, old: str, new: str
) -> None:
    sample = {**backend("hatchling.build", HATCH), "about.py": mark + text}
    assert released(at(sample, old), new) == at(sample, new)


no_digits = st.binary(max_size=12).filter(lambda data: not any(48 <= one < 58 for one in data))


@relaxed
@given(no_digits, no_digits, old_version, new_version)
def test_only_the_version_in_any_bytes_changes(
    head: bytes, tail: bytes, old: str, new: str
) -> None:
    for entry, mark, behind in (("x", b" v", b"\r\n"), ("x:'{version}'", b"'", b"'")):
        before, after = (
            {**at(named(entry), version), "x": head + mark + version.encode() + behind + tail}
            for version in (old, new)
        )
        assert released(before, new) == after


@relaxed
@given(st.binary(max_size=40) | some_text.map(str.encode))
def test_any_module_has_a_version_or_is_refused(data: bytes) -> None:
    files = at(PDM, OLD) | {"src/acme.py": b"__version__ = " + data}
    try:
        project = Project.load(Sources(files))
    except ReleaseError:
        return
    place = project.places[0]
    assert files["src/acme.py"][place.start : place.end] == place.text.encode()


def test_a_plugin_takes_the_newest_version_that_is_tagged() -> None:
    files = Sources(at(backend("hatchling.build", "[tool.hatch.version]\nsource = 'vcs'"), OLD))
    assert Project.load(files).version == Version("0.0.0")
    files.tags = ("v1.10.0rc1", "v1.9.0", "v1.10.0.dev-nightly", "other-3.0", "v1", "v1.9.1")
    project = Project.load(files)
    assert (project.vcs, project.version) == ("hatch-vcs", Version("1.10.0rc1"))
    assert Project.load(files, before=Version("1.10.0rc1")).version == Version("1.9.1")
    files.tags = ("2024.1.15", "v1", "v1.9.1")
    assert Project.load(files).version == Version("1.9.1")
    files.tags = ("v9.0.0", "acme-tools-1.2.3")
    assert Project.load(files).version == Version("1.2.3")
    files["pyproject.toml"] += b'\n[tool.nox-release]\ntag = "core-v{version}"\n'
    files.tags = ("v9.0.0", "core-v1.4.0")
    assert Project.load(files).version == Version("1.4.0")
    assert project.edits(Version("1.10.0")) == ()
