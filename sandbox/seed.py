"""A world to release in: a manifest repository of 2013 with its projects, and the people around it.

The manifest repository has the shape that the hand-written procedure describes: build-109.xml, build-115.xml,
master.xml with an include, version.txt, default.xml -> master.xml, release.xml -> build-115.xml. Dates and people
are fixed, so that every commit has the same id wherever this runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox import seed_files as files
from sandbox.bare import Git
from sandbox.seed_files import FILE, LINK, Files
from sandbox.server import RepositoryHandle, Sandbox

WHO = "CoreOS Developer <dev@coreos.example>"
BEGIN = datetime(2013, 10, 1, 9, 0, tzinfo=UTC)
HEADS = "refs/heads/"
MANIFEST = "coreos/manifest"
PEOPLE = {"octocat": "write", "hubot": "maintain", "mallory": "read"}


@dataclass(frozen=True)
class Seeded:
    """What was made, and the commits that the stories are about."""

    manifest: RepositoryHandle
    projects: Mapping[str, RepositoryHandle]
    pins: Mapping[str, str]
    etcd_pin: str
    etcd_release_head: str


@dataclass(frozen=True)
class Step:
    """One commit of a history: the branch it lands on, its subject, its files (all of them, or what changes)."""

    branch: str
    subject: str
    changes: Files
    tag: str | None = None


class History:
    """Writes commits to a bare repository in one `git fast-import`, each a day after the one before."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._stream: list[bytes] = []
        self._mark = 0
        self._tips: dict[str, int] = {}

    def commit(self, step: Step) -> int:
        """Add a commit to a branch; its mark."""
        self._mark += 1
        when = _when(self._mark)
        lines = [f"commit {HEADS}{step.branch}", f"mark :{self._mark}", f"committer {WHO} {when}"]
        self._stream.append("\n".join(lines).encode() + b"\n" + _data(step.subject.encode() + b"\n"))
        if step.branch in self._tips:
            self._stream.append(f"from :{self._tips[step.branch]}\n".encode())
        for path, change in step.changes.items():
            self._stream.append(b"D %s\n" % path.encode() if change is None else _file(path, change))
        self._tips[step.branch] = self._mark
        if step.tag:
            self._tag(step.tag, when)
        return self._mark

    def branch(self, name: str, mark: int) -> None:
        """Begin a branch at a commit."""
        self._stream.append(f"reset {HEADS}{name}\nfrom :{mark}\n\n".encode())
        self._tips[name] = mark

    def write(self) -> None:
        """Make the commits."""
        self._git.run("fast-import", "--quiet", data=b"".join(self._stream))

    def _tag(self, name: str, when: str) -> None:
        head = f"tag {name}\nfrom :{self._mark}\ntagger {WHO} {when}\n"
        self._stream.append(head.encode() + _data(f"CoreOS {name}\n".encode()))


def _when(day: int) -> str:
    return f"{int((BEGIN + timedelta(days=day)).timestamp())} +0000"


def _data(text: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(text), text)


def _file(path: str, change: tuple[str, bytes]) -> bytes:
    mode, text = change
    return b"M %s inline %s\n%s" % (mode.encode(), path.encode(), _data(text))


def seed(sandbox: Sandbox) -> Seeded:
    """Make all of it: people, projects, manifest repository."""
    sandbox.create_organization("coreos")
    for login in PEOPLE:
        sandbox.create_user(login)
    projects = {name: sandbox.create_repository(name, default_branch="master") for name in files.PATHS}
    for name, handle in projects.items():
        _seed_project(name, handle.git)
    pins = {name: _pin(handle.git) for name, handle in projects.items()}
    manifest = sandbox.create_repository(MANIFEST, default_branch="master")
    for login, role in PEOPLE.items():
        sandbox.set_role(MANIFEST, login, role)
    _seed_manifest(manifest.git, pins)
    etcd = projects["coreos/etcd"].git
    return Seeded(manifest, projects, pins, pins["coreos/etcd"], etcd.refs()[f"{HEADS}release-0.1"])


def _seed_project(name: str, git: Git) -> None:
    """Eight commits on master; the sixth is what the release of 115.0.0 pinned."""
    history = History(git)
    marks = [history.commit(Step("master", subject, _text(name, n, subject))) for n, subject in enumerate(SUBJECTS, 1)]
    if name == "coreos/scripts":
        workflow = {".github/workflows/image-build.yml": (FILE, files.WORKFLOW)}
        history.commit(Step("master", "ci: build images from a release tag", workflow))
    history.branch("pinned", marks[PINNED - 1])
    if name in files.BRANCHED:
        history.branch("build-115", marks[PINNED - 1])
    if name == "coreos/etcd":
        history.branch("release-0.1", marks[PINNED - 1])
        for number, subject in enumerate(FIXES, 1):
            history.commit(Step("release-0.1", subject, _text("release-0.1", number, subject)))
    history.write()


PINNED = 6
SUBJECTS = (
    "feat: first version",
    "docs: say what this is for",
    "fix: close the file on error",
    "test: cover the empty case",
    "chore: bump the year",
    "fix: do not lose the last line",
    "feat: read the settings from a file",
    "refactor: one loop instead of two",
)
FIXES = (
    "fix(raft): do not vote twice in one term",
    "fix(store): keep the index over a restart",
    "fix(server): answer 503 while there is no leader",
    "bump: 0.1.2",
)


def _text(name: str, number: int, subject: str) -> Files:
    return {"README": (FILE, f"{name}\n".encode()), f"change-{number}": (FILE, f"{subject}\n".encode())}


def _pin(git: Git) -> str:
    """The commit that the release pinned; the helper branch that marked it goes."""
    commit = git.refs()[f"{HEADS}pinned"]
    git.update(f"{HEADS}pinned", None)
    return commit


RELEASES = ((109, "106.0.0", None), (110, "109.0.0", None), (115, "110.0.0", 110))
"""Build number, SDK version, and the build whose old manifest went."""


def _seed_manifest(git: Git, pins: Mapping[str, str]) -> None:
    """Three releases off master, then the configuration of the bot, on master only."""
    history = History(git)
    main = files.main_manifest()
    history.commit(Step("master", "Start the manifest", {**main, "default.xml": (LINK, b"master.xml")}))
    for build, sdk, removed in RELEASES:
        changes: dict[str, tuple[str, bytes] | None] = {
            f"build-{build}.xml": (FILE, files.release_manifest(pins, build)),
            "version.txt": (FILE, files.version_file(build, sdk)),
            "release.xml": (LINK, f"build-{build}.xml".encode()),
        }
        if removed:
            changes[f"build-{removed}.xml"] = None
        subject = f"add(build-{build}): Add manifest for v{build}.0.0"
        mark = history.commit(Step("master", subject, changes, tag=f"v{build}.0.0"))
        if build != 110:
            history.branch(f"build-{build}", mark)
    history.branch("dev-channel", mark)
    configuration = {".github/manifest-release.yml": (FILE, files.CONFIGURATION)}
    history.commit(Step("master", "ci: say where images are built", configuration))
    history.write()


def advance(handle: RepositoryHandle, branch: str, subject: str) -> str:
    """A further commit on a branch of a repository, as a developer would push it; its id."""
    return commit_files(handle, branch, {f"change {subject}": (FILE, f"{subject}\n".encode())}, subject)


def commit_files(handle: RepositoryHandle, branch: str, changes: Files, subject: str) -> str:
    """A commit that sets files and (None) removes others, straight onto a branch; its id."""
    git, ref = handle.git, HEADS + branch
    tip = git.refs()[ref]
    count = int(git.run("rev-list", "--count", tip))
    lines = [f"commit {ref}", f"committer {WHO} {_when(count + 1)}"]
    stream = "\n".join(lines).encode() + b"\n" + _data(subject.encode() + b"\n") + f"from {tip}\n".encode()
    for path, change in changes.items():
        quoted = f'"{path}"' if " " in path else path
        stream += b"D %s\n" % quoted.encode() if change is None else _file(quoted, change)
    git.run("fast-import", "--quiet", data=stream)
    return git.refs()[ref]
