"""A merged tree that is not the planned one: when it is a release, and what the plan for it would have been."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.adopted import NotARelease, Place, adopted
from bot.core.config import Channel, Config, Line
from bot.core.fetch_policy import FetchPolicy
from bot.core.record import Adoption, Sealed, from_json, reseal, seal, unseal
from bot.core.tree import FILE, LINK, Entry, Tree
from tests.core import world

WORD = Adoption("hubot", "2013-10-26T12:00:00+00:00", "ee" * 20, world.MERGE, world.BASE)
KEY = b"k" * 32
PLACE = Place("https://github.com/coreos/manifest", FetchPolicy())
EVIL = (
    b'<remote name="evil" fetch="http://evil.example.net"/><project name="a/b" path="x" remote="evil" revision="%s"/>'
)


def merged(**files: Entry | None) -> Tree:
    return world.after().with_changes({path.replace("__", "."): entry for path, entry in files.items()})


def taken(tree: Tree, config: Config = world.CONFIG, **word: Any) -> Sealed:
    return adopted(world.sealed(), world.tree(), tree, config, replace(WORD, **word), PLACE)


def test_what_was_merged_becomes_the_plan() -> None:
    other = world.after().entries["build-115.xml"].data + b"<!-- reviewed -->\n"
    tree = merged(**{"build-115__xml": Entry(FILE, other)})
    made = taken(tree)
    assert made.head == "ee" * 20
    assert made.number == world.sealed().number
    assert made.record.files["build-115.xml"] == (FILE, tree.entries["build-115.xml"].blob)
    assert made.record.files.keys() == world.sealed().record.files.keys()
    assert made.record.adoption == WORD
    assert made.record.base_commit == world.BASE


def test_the_planned_tree_itself_stays_the_plan_it_was() -> None:
    made = taken(world.after()).record
    assert replace(made, adoption=None, base_commit=world.sealed().record.base_commit) == world.sealed().record


def test_another_sdk_than_the_planned_one_is_the_release_s() -> None:
    text = world.after().entries["version.txt"].data.replace(b"SDK_VERSION=110.0.0", b"SDK_VERSION=109.0.0")
    assert taken(merged(version__txt=Entry(FILE, text))).record.sdk == "109.0.0"


def test_channels_group_and_build_are_those_of_the_present_configuration() -> None:
    config = replace(
        world.CONFIG,
        channels={"dev-channel": Channel(mode="always"), "beta": Channel()},
        lines={115: Line(group="stable", formats=("iso",))},
    )
    record = taken(world.after(), config).record
    assert [(order.name, order.mode) for order in record.channels] == [("beta", "newer"), ("dev-channel", "always")]
    assert record.group == "stable"
    assert record.build is not None
    assert record.build.formats == ("iso",)


def with_row(row: bytes) -> bytes:
    """The line's manifest with a row more; without its first project where there is none to add."""
    planned = world.after().entries["build-115.xml"].data
    if row:
        return planned.replace(b"</manifest>", row + b"</manifest>")
    lines = planned.split(b"\n")
    first = next(number for number, line in enumerate(lines) if b"<project " in line)
    last = next(
        number for number in range(first, len(lines)) if b"/>" in lines[number] or b"</project>" in lines[number]
    )
    return b"\n".join(lines[:first] + lines[last + 1 :])


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (world.tree(), "the merge changes nothing"),
        (merged(master__xml=Entry(FILE, b"<manifest/>")), "`master.xml`, which is no part of a release"),
        (merged(evil=Entry(FILE, b"x")), "`evil`, which is no part of a release"),
        (merged(**{"build-109__xml": Entry(FILE, b"<manifest/>")}), "`build-109.xml`, which is no part of a release"),
        (merged(version__txt=None), "version.txt"),
        (merged(version__txt=Entry(FILE, b"COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH=9\n")), "115.0.9, the plan"),
        (merged(**{"build-115__xml": Entry(FILE, b"<manifest/>")}), "lists no projects"),
        (merged(release__xml=Entry(LINK, b"nowhere.xml")), "release.xml"),
        (merged(default__xml=Entry(FILE, b"<manifest/>")), "default.xml leads elsewhere"),
        (merged(default__xml=Entry(LINK, b"build-109.xml")), "default.xml leads elsewhere"),
        (merged(**{"build-115__xml": Entry(FILE, with_row(EVIL % (b"1" * 40)))}), "evil.example.net"),
        (merged(release__xml=Entry(FILE, with_row(b""))), "also has"),
    ],
)
def test_what_is_no_release_of_this_version_is_refused_with_the_place(tree: Tree, why: str) -> None:
    with pytest.raises(NotARelease, match=why.replace("(", r"\(")):
        taken(tree)


def test_an_adoption_travels_in_the_seal_and_takes_the_place_of_the_old_one() -> None:
    made = taken(world.after(), tag="ab" * 20)
    assert from_json(made.record.to_json()) == made.record
    body = f"words\n\n{seal(world.sealed(), KEY)}\nmore words\n"
    again = reseal(body, made, KEY)
    assert unseal(again, KEY) == made
    assert again.startswith("words\n\n<!-- ")
    assert again.endswith(" -->\nmore words\n")
    assert unseal(reseal("no seal", made, KEY), KEY) == made
    assert unseal(reseal(body + body, made, KEY), KEY) == made


def test_a_plan_without_an_adoption_keeps_the_name_it_had() -> None:
    record = world.sealed().record
    assert "adoption" not in record.to_json()
    assert replace(record, adoption=WORD).digest != record.digest
