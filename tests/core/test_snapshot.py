"""Which tags are releases, and which branches are release branches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.config import Config, ManifestFiles
from bot.core.snapshot import release_lines, released, version_of_tag
from bot.core.version import Version
from tests.core import world


def named(**files: str) -> Config:
    return replace(world.CONFIG, manifest=ManifestFiles(**files))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "tag", "version"),
    [
        ("v{version}", "v115.0.1", Version(115, 0, 1)),
        ("{version}", "115.0.1", Version(115, 0, 1)),
        ("r2-v{version}", "r2-v115.0.1", Version(115, 0, 1)),
        ("coreos4/{version}-final", "coreos4/115.0.1-final", Version(115, 0, 1)),
        ("v{version}", "115.0.1", None),
        ("v{version}", "vv115.0.1", None),
        ("v{version}", "v115.0.1-rc1", None),
        ("v{version}", "v115.0.1.2", None),
        ("v{version}", "v115.0", None),
        ("v{version}", "v0115.0.1", None),
        ("v{version}", "v115.0.1\n", None),
        ("v{version}", "v115.0.\N{ARABIC-INDIC DIGIT ONE}", None),
        ("v{version}", "V115.0.1", None),
        ("v{version}", "", None),
        ("ab{version}b", "ab", None),
    ],
)
def test_a_tag_is_a_release_only_by_its_whole_name(template: str, tag: str, version: Version | None) -> None:
    assert version_of_tag(tag, named(tag=template)) == version


def test_an_annotated_tag_counts_by_its_commit_and_a_plain_one_by_itself() -> None:
    refs = {
        "refs/tags/v115.0.0": "7a" * 20,
        "refs/tags/v115.0.0^{}": "c0" * 20,
        "refs/tags/v115.0.1": "c1" * 20,
        "refs/tags/notes": "c2" * 20,
        "refs/heads/v115.0.2": "c3" * 20,
    }
    assert released(refs, world.CONFIG) == {Version(115, 0, 0): "c0" * 20, Version(115, 0, 1): "c1" * 20}


def test_the_newest_release_of_a_line_is_the_highest_by_number() -> None:
    refs = {f"refs/tags/v{name}": "c0" * 20 for name in ("115.0.9", "115.0.10", "115.1.0", "116.0.0")}
    whole = world.snapshot(refs=refs)
    assert (whole.newest(115), whole.newest(116), whole.newest(117)) == (Version(115, 1, 0), Version(116, 0, 0), None)


def test_lines_are_told_by_number_newest_first_whatever_their_branches_are_called() -> None:
    branches = ["master", "build-99", "build-115", "build-115-test", "build-0", "build-007", "Build-3", "build-1000"]
    assert release_lines(branches, world.CONFIG) == ("build-1000", "build-115", "build-99")
    assert release_lines(["r115", "build-115"], named(line_branch="r{build}")) == ("build-115",)
