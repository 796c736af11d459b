"""Version files from the file, read from a tree and written again: area "version.txt"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.core.plan.base import Base, read_base
from bot.core.plan.sdk import ChosenSdk, choose_sdk
from bot.core.refusal import Refusal, SdkEqual, SdkMissing, UnknownSdk
from bot.core.snapshot import Snapshot
from bot.core.tree import FILE, LINK, Entry, Tree
from bot.core.version import BadVersionFile, VersionFile
from tests.bad_inputs.rows import Check, Outcome, Row
from tests.core import world

PATH = "version.txt"
SDKS = {"vers-037", "vers-038"}
"""The rows whose file is well written and whose SDK must not be used: what the planner says is asked."""


def work(row: Row) -> Callable[[], Outcome]:
    """Read the version file from a commit that has it as the row says."""
    tree = tree_of(row)
    if row.id in SDKS:
        main = world.on_main(tree=world.main_tree().with_changes(tree.entries))
        return lambda: sdk_of(main)
    return lambda: outcome(tree)


def tree_of(row: Row) -> Tree:
    """A commit with this version file: a text, a link, a file of another mode, or none."""
    given = row.input
    beside = {"build-115.xml": Entry(FILE, b"COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH=0\n")}
    if given is None:
        return Tree(beside)
    if isinstance(given, dict) and "symlink" in given:
        return Tree(beside | {PATH: Entry(LINK, given["symlink"].encode())})
    if isinstance(given, dict) and "mode" in given:
        return Tree(beside | {PATH: Entry(given["mode"], given["content"].encode())})
    return Tree(beside | {PATH: Entry(FILE, row.data())})


def outcome(tree: Tree) -> Outcome:
    """What reading makes of it."""
    try:
        return Outcome("accept", value=VersionFile.read(tree, PATH))
    except BadVersionFile as bad:
        return Outcome("refuse", str(bad))


def sdk_of(main: Snapshot) -> Outcome:
    """What the planner makes of the SDK that the file says, for the version that the file says."""
    base, asked = read_base(main), world.new(sdk="keep")
    if not isinstance(base, Base):
        return Outcome("refuse", f"{base}.")
    sdk = choose_sdk(base, main, asked, base.versions.version)
    return Outcome("accept", value=sdk) if isinstance(sdk, ChosenSdk) else Outcome("refuse", f"{sdk}.", sdk)


def needs_an_sdk(came: Outcome) -> bool:
    """It is read without an SDK, is not released until somebody says one, and then has the line."""
    files = world.main_tree(version_txt=came.value.data)
    said = came.value.updated(came.value.version, "2.0.0")
    unsaid = choose(world.on_main(tree=files))
    return isinstance(unsaid, SdkMissing) and said.endswith(b"COREOS_SDK_VERSION=2.0.0\n")


def choose(main: Snapshot) -> ChosenSdk | Refusal:
    """The SDK of a release that nobody said anything about."""
    base = read_base(main)
    return choose_sdk(base, main, world.new(), base.versions.version) if isinstance(base, Base) else base


def is_kept(came: Outcome) -> bool:
    """What is taken can be written: line ends, names and comments stay, and it reads back as the next version."""
    if isinstance(came.value, ChosenSdk):
        return True
    if came.kind != "accept":
        return came.said.isprintable() and came.said.endswith(".")
    before: VersionFile = came.value
    written = before.updated(before.version.next_patch(), before.sdk)
    after = VersionFile.parse(written)
    lines = len(before.data.removesuffix(b"\n").split(b"\n"))
    same = (after.prefix, after.dialect, after.sdk) == (before.prefix, before.dialect, before.sdk)
    return (
        same
        and after.version == before.version.next_patch()
        and written.endswith(b"\n")
        and lines == len(written.removesuffix(b"\n").split(b"\n"))
    )


def says(*words: str) -> Check:
    """The sentence holds these words."""
    return lambda came: all(word in came.said for word in words)


CHECKS: Mapping[str, Check] = {
    "vers-002": needs_an_sdk,
    "vers-004": lambda came: came.value.prefix == "FLATCAR_",
    "vers-006": says("1000.1.0", "1000.0.0"),
    "vers-017": lambda came: str(came.value.version) == "115.0.0",
    "vers-031": lambda came: came.value.updated(came.value.version.next_branch(), None).endswith(b"\n# comment\n"),
    "vers-033": says("LD_PRELOAD"),
    "vers-037": lambda came: isinstance(came.value, SdkEqual),
    "vers-038": lambda came: isinstance(came.value, UnknownSdk),
    "vers-053": lambda came: str(came.value.version) == "115.0.0",
}
