"""Names of branches and tags, versions and moments from the file: area "ref/version"."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bot.core.config import Config
from bot.core.manifest import ref_problem
from bot.core.refs import RefName
from bot.core.snapshot import release_lines, released, version_of_tag
from bot.core.version import Version, build_number
from tests.bad_inputs.rows import Check, Kind, Outcome, Row

COMMIT = "0a" * 20
_LIKE_A_TAG = re.compile(r"[vV].+|[0-9.]+|refs/tags/.*", re.DOTALL)


def work(row: Row) -> Callable[[], Outcome]:
    """A name is tried as what it looks like; a version is counted up; a moment becomes a day number."""
    given = row.input
    if isinstance(given, dict) and "now" in given:
        return lambda: day(given)
    if isinstance(given, dict) and "from" in given:
        return lambda: Outcome("accept", value=str(Version.parse(given["from"]).next_branch()))
    name = row.text()
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
    "ref-071": "accept",
    "ref-073": "accept",
}
CHECKS: Mapping[str, Check] = {
    "ref-062": is_("115.10.0"),
    "ref-066": is_(114),
    "ref-068": is_(114),
    "ref-071": is_(8968),
    "ref-073": is_(4654),
}
ELSEWHERE: Mapping[str, str] = {
    "ref-046": "tests/core/test_audit.py::test_our_own_tag_from_an_earlier_try_is_no_obstacle",
}
PENDING: Mapping[str, str] = {
    "ref-044": "a name that differs from a channel's by case only is the planner's to refuse",
    "ref-064": "what a patch may not fall behind is the planner's to refuse",
    "ref-070": "the comparison with the server's clock is the planner's",
    "ref-075": "the second release of a day is the planner's to number",
}
