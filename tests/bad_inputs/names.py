"""Names of branches and tags, versions and moments from the file: area "ref/version"."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bot.core.command import Mistake, parse
from bot.core.config import BadConfig, Config, read
from bot.core.manifest import ref_problem
from bot.core.plan import Base, Request, read_base
from bot.core.plan.number import Number, choose_number
from bot.core.refs import RefName
from bot.core.snapshot import Snapshot, release_lines, released, version_of_tag
from bot.core.version import Version, build_number
from tests.bad_inputs.rows import Check, Kind, Outcome, Row
from tests.core import world

COMMIT = "0a" * 20
_LIKE_A_TAG = re.compile(r"[vV].+|[0-9.]+|refs/tags/.*", re.DOTALL)


def work(row: Row) -> Callable[[], Outcome]:
    """A name is tried as what it looks like; a version is counted up; a moment becomes a day number."""
    given = row.input
    if isinstance(given, dict) and "now" in given:
        return lambda: day(given)
    if isinstance(given, dict) and "existing" in given:
        at, asked = released_already(given)
        return lambda: number(at, asked)
    if isinstance(given, dict) and "from" in given:
        return lambda: Outcome("accept", value=str(Version.parse(given["from"]).next_branch()))
    name = row.text()
    if row.id == "ref-044":
        return lambda: beside_a_channel(name)
    return lambda: as_tag(name) if _LIKE_A_TAG.fullmatch(name) and len(name) < 40 else as_branch(name)


def as_branch(name: str) -> Outcome:
    """A name is taken that every gate takes: that of release lines, that of git, that of manifests."""
    config = Config()
    if name.startswith("build") and config.build_number_of(name) is None:
        return Outcome("refuse", f"no release line, and {len(release_lines([name], config))} of it listed")
    problem = ref_problem("refs/heads/" + name)
    try:
        taken = RefName("refs/heads/" + name)
    except ValueError as refused:
        return Outcome("refuse", f"{refused} / {problem}") if problem else Outcome("accept", "by manifests only")
    return Outcome("accept", "by git only") if problem else Outcome("accept", value=taken)


def beside_a_channel(name: str) -> Outcome:
    """A name that differs from a channel's by case only: no release line, and no second channel."""
    line = parse(f"/release patch {name}")
    try:
        read(f"version: 1\nchannels: {{dev-channel: {{}}, {name}: {{}}}}\n".encode())
    except BadConfig as bad:
        return Outcome("refuse", str(bad)) if isinstance(line, Mistake) else Outcome("accept", "as a line")
    return Outcome("accept", "as a second channel")


def as_tag(name: str) -> Outcome:
    """A name is taken that is the tag of a version; all others are left out when releases are listed."""
    version = version_of_tag(name, Config())
    listed = released({"refs/tags/" + name: COMMIT}, Config())
    if version is None:
        return Outcome("accept", "by the listing only") if listed else Outcome("refuse", "no release tag")
    return Outcome("accept", value=version)


def day(given: Mapping[str, Any]) -> Outcome:
    """The day number of a moment, in the time zone that the machine is set to."""
    with zone(given.get("TZ")):
        try:
            return Outcome("accept", value=build_number(datetime.fromisoformat(given["now"])))
        except ValueError as refused:
            return Outcome("refuse", str(refused))


def released_already(given: Mapping[str, Any]) -> tuple[Snapshot, Request]:
    """A server that has these tags, and the release that is asked for there."""
    tags = {f"refs/tags/{tag}": COMMIT for tag in given["existing"]}
    if "new_major" in given:
        return world.on_main(refs=tags), world.new(build=given["new_major"])
    build, branch, patch = given["version.txt"].split(".")
    file = f"COREOS_BUILD={build}\nCOREOS_BRANCH={branch}\nCOREOS_PATCH={patch}\nCOREOS_SDK_VERSION=110.0.0\n"
    return world.snapshot(refs=tags, tree=world.tree(version_txt=file.encode())), world.request(kind=given["bump"])


def number(at: Snapshot, asked: Request) -> Outcome:
    """The version that the planner gives to a release, or why it gives none."""
    base = read_base(at)
    found = choose_number(base, at, asked) if isinstance(base, Base) else base
    return Outcome("accept", value=str(found.version)) if isinstance(found, Number) else Outcome("refuse", str(found))


@contextmanager
def zone(name: str | None) -> Iterator[None]:
    """The machine's time zone, for a while."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name or "UTC"
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def is_(value: object) -> Check:
    """It comes to this."""
    return lambda came: bool(came.value == value)


WANTED: Mapping[str, Kind] = {
    "ref-048": "refuse",
    "ref-049": "refuse",
    "ref-062": "accept",
    "ref-066": "accept",
    "ref-068": "accept",
    "ref-064": "refuse",
    "ref-071": "accept",
    "ref-073": "accept",
    "ref-075": "accept",
}
CHECKS: Mapping[str, Check] = {
    "ref-062": is_("115.10.0"),
    "ref-066": is_(114),
    "ref-068": is_(114),
    "ref-071": is_(8968),
    "ref-073": is_(4654),
    "ref-075": is_("4893.1.0"),
}
ELSEWHERE: Mapping[str, str] = {
    "ref-046": "tests/core/test_audit.py::test_our_own_tag_from_an_earlier_try_is_no_obstacle",
}
PENDING: Mapping[str, str] = {}
