"""Release a Python package so that a release is never half done.

The tour, from the top. Each room imports only from those below it:

==============  ============================================================================
`__main__`      the command line: arguments in, exit code out
`verify`        a version that is out, built again from its tag and compared
`status`        what is released, unfinished and unreleased
`explain`       where the version was found and why, what a release would edit and goes by
`jobs`          what is done around builders: prepare a release, check it out, try the wheels
`about`         what a command is about: repository, packages, their world, and the level
`init`          the sessions and workflows that a project needs, written beside its own
`yank`          a bad version: what to click, and the wait until the index says that it is yanked
`marking`       users are told of a yank: on the release page, in the changelog, in Slack
`resume`        finish a release that was begun before
`abandon`       give one up, while nobody can have seen anything of it
`collected`     files that other machines have built, taken in place of a build
`handover`      what one job of a release tells the next: the version, and the text of its commit
`trust`         believe of an intent only what can be derived again
`rehearsal`     the world on this machine: a throw-away remote and an embedded index
`prerelease`    a pre-release: bump, build, upload, and git left alone
`publish`       the story of a release; start reading here
`readiness`     is it ready: tests, pull requests, notes and people; each may be waived, on record
`tested`        the release commit: made as the user makes commits, and tested
`continuing`    what a command that stopped says: how the release is continued
`reproducible`  the same commit, built once more in other surroundings, and compared
`checks`        the questions asked before anything happens
`steps`         what follows the intent: upload, see it there, push, clear
`attestations`  which workflow built a file: signed by Sigstore, and served by the index
`pages`         the release page on GitHub: drafted, filled with the files, published
`announcement`  what is said in Slack, at most once
`landing`       how a release gets onto its branch: pushed, or merged by people
`world`         the edges, `Git`, `Index` and `IntentRef`, built from options and environment
`agreement`     do index, tags and main agree about each version
`ahead`         what other machines are asked before it is known what comes of it
`actions`       GitHub Actions: a step's summary and outputs, problems as annotations
`console`       what the maintainer sees
`intent`        the one ref on the remote that says: a release is unfinished
`github`        what GitHub says of a repository, and its release pages
`forge`         what GitHub has, as data: test runs, pull requests, release pages
`limits`        what GitHub is asked again, and how long its rate limits are waited for
`index`         what an index has, by file and sha256; and giving it another file
`build`         worktree → distributions, tested and checked
`normal`        archives in a normal form, whoever packs them, and when
`sbom`          the SBOM in each wheel: what came along in it, and what built it
`backend`       the hooks of a build backend, which make sdist and wheel
`environments`  build environments, kept from one build of a project to the next
`isolation`     virtual environments
`changes`       what a release changes in the tree: version, changelog, what own tools do
`plan`          `Draft` and `Plan`: what is going to happen, decided purely
`packages`      the packages of a repository: which go together, and which comes first
`requirements`  what a package declares to require
`differences`   what is different between two builds of a file, member by member
`artifacts`     the files of a release, held to account: all that is wrong with any of them
`sources`       the sdist holds what git holds: what is new, changed and missing in it
`rewritten`     files that a build rewrites, and whether they mean the same
`wheels`        one wheel: its members, and whether METADATA, WHEEL and RECORD tell them
`sdists`        one sdist: its members, and PKG-INFO
`archives`      what no archive may hold, and how files are named
`metadata`      core metadata: valid, one meaning to every reader, the same in each file
`project`       name and version as committed; a new version → `Edit`s
`configuration` `[tool.nox-release]`: what may be configured, with its defaults
`constraints`   what a build may install, as the project says
`changelog`     which file tells the releases, stamping one, its section as release notes
`stamping`      the unreleased section becomes a release, written like the one before
`sections`      the sections of a changelog, and what they say
`notes`         what a release tells its users; commit subjects, where no changelog does
`titles`        what a release is called in a changelog: version, link, date or «unreleased»
`headings`      the headings of Markdown and reStructuredText, and rows exchanged in it
`fragments`     towncrier and scriv: as configured, with the command that makes a section
`copies`        second copies of the version, in well-known places and in locks
`bumpers`       what other tools that raise versions are configured to edit
`plugins`       which plugin takes the version from git tags
`locations`     where the build backend takes the version from
`setup_py`      what setup.py says about it, read and never run
`literals`      the version that a Python module assigns, or imports
`structures`    versions in pieces: tuples, and numbers with names of their own
`layout`        where a project's own modules are
`modules`       Python modules as text, parsed
`snapshot`      the files of a commit, or of one folder in it, read without a checkout
`places`        one version in one file: its bytes, and how another is written there
`tables`        TOML that others wrote
`spelling`      zero-padded, `v1.2`, `-rc.1`, SemVer
`workspace`     one folder for the temporary files of a run; clearing after killed runs
`commands`      the project's own commands, run in a worktree: what they print, what they change
`worktree`      trees, temporary worktrees and merges, which nobody else sees
`edits`         a file before and after a release
`checkout`      the user's own: what differs in it from HEAD, and how it comes to a release
`tagging`       an annotated tag that no ref points to yet; one that only a build sees
`git`           a clone and its remote: what is there, and what is pushed
`clone`         a repository on this machine; the one place that runs git
`tags`          which version each tag stands for, and how the next one is written
`version`       `Bump`: arithmetic over PEP 440 versions
`calver`        calendar versions: the one of today
`upload`        one file through twine, as twine is configured
`identity`      who this job of a workflow is, as its runner vouches for it
`arguments`     what the command line understands: verbs with their options
`process`       the one way to run a program
`locked`        which versions of its tools a session installs, with their hashes
`schema`        the JSON Schema of `[tool.nox-release]`, for editors
==============  ============================================================================

Data flows one way, every piece frozen: `Project` + `Bump` + taken versions → `Draft` → no `Problem`
→ commit + `Distribution`s → `Plan` → intent → `Step`s. Deciding is pure; the only state is the
intent ref on the remote; a step is observed (is it so?) and never recorded.
"""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """Why a release can't go ahead: what is wrong with its evidence, and the next command."""

    message: str
    hint: str = ""


class ReleaseError(Exception):
    """Refused, and nothing has changed: exit code 1."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.problems: tuple[Problem, ...] = (Problem(message, hint),)

    @property
    def hints(self) -> list[str]:
        """Return what can be done about it, one entry a problem that has any."""
        return [problem.hint for problem in self.problems if problem.hint]


class UsageError(ReleaseError):
    """The command itself makes no sense: exit code 2."""

    exit_code = 2


class Refused(ReleaseError):
    """Checks found problems; all of them are in `problems`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class Unfinished(ReleaseError):
    """The release has begun outside and isn't done: exit code 3, the same command continues."""

    exit_code = 3
