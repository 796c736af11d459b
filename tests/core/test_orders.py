"""What publishing sets in motion: which channels move, whose group it is, which image build starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.config import Build, Channel, Line
from bot.core.plan.orders import channel_moves
from bot.core.record import BuildOrder, ChannelOrder, Choices
from bot.core.version import Version
from tests.core import world
from tests.core.world import made, planned, request, snapshot


@pytest.mark.parametrize(
    ("mode", "seen", "moves"),
    [
        ("newer", None, True),
        ("newer", Version(115, 0, 0), True),
        ("newer", Version(115, 0, 1), False),
        ("newer", Version(116, 0, 0), False),
        ("ff", Version(115, 0, 0), True),
        ("always", Version(116, 0, 0), True),
        ("never", None, False),
    ],
)
def test_a_channel_moves_by_version_not_by_ancestry(mode: str, seen: Version | None, moves: bool) -> None:
    assert channel_moves(mode, seen, Version(115, 0, 1)) is moves


def test_a_channel_off_the_tags_is_at_what_its_version_file_says() -> None:
    newer = planned(
        refs={**snapshot().refs, world.CHANNEL: "ce" * 20}, channel_files={world.CHANNEL: Version(120, 0, 0)}
    )
    (order,) = newer.record.channels
    assert (order.seen, order.moves) == ("120.0.0", False)


@pytest.mark.parametrize(
    ("releases", "concerned"), [("all", True), ("new", False), (("build-115",), True), (("build-109",), False)]
)
def test_a_channel_is_for_the_releases_that_the_configuration_names(releases: Any, concerned: bool) -> None:
    config = replace(world.CONFIG, channels={"dev-channel": Channel(releases=releases)})
    assert bool(planned(config=config).record.channels) is concerned


@pytest.mark.parametrize("choice", [None, "move", "keep"])
def test_a_channel_that_is_moved_by_hand_only_never_moves_with_a_release(choice: Any) -> None:
    config = replace(world.CONFIG, channels={"dev-channel": Channel(mode="never"), "beta": Channel()})
    orders = made(snapshot(config=config), request(choices=Choices(channel=choice))).record.channels
    by_hand = ChannelOrder("dev-channel", world.CHANNEL, "never", "115.0.0", moves=False)
    assert [(order.name, order.moves) for order in orders if order != by_hand] == [("beta", choice != "keep")]
    assert by_hand in orders


def test_the_group_is_the_lines_own_or_the_repositorys() -> None:
    assert (planned().record.group, planned().group_source) == ("alpha", "default of this repository")
    stable = planned(config=replace(world.CONFIG, lines={115: Line(group="stable", formats=("qemu",))}))
    assert (stable.record.group, stable.group_source) == ("stable", "line build-115")
    assert stable.record.build is not None
    assert stable.record.build.formats == ("qemu",)


def test_without_a_named_place_images_are_built_in_the_owners_scripts() -> None:
    build = planned(config=replace(world.CONFIG, build=Build())).record.build
    assert build is not None
    assert build.repository == "coreos/scripts"
    assert planned(config=replace(world.CONFIG, build=Build()), owner="mallory").record.build is None
    assert planned(config=replace(world.CONFIG, build=Build(trigger="none"))).record.build is None


def test_a_channel_that_does_not_exist_yet_moves_and_has_no_version() -> None:
    refs = {ref: commit for ref, commit in snapshot().refs.items() if ref != world.CHANNEL}
    assert planned(refs=refs).record.channels == (ChannelOrder("dev-channel", world.CHANNEL, "newer", None, True),)


def test_a_channel_at_two_releases_is_at_the_higher() -> None:
    refs = {**snapshot().refs, "refs/tags/v120.0.0": world.BASE}
    (order,) = planned(refs=refs).record.channels
    assert (order.seen, order.moves) == ("120.0.0", False)


def test_the_tag_at_a_channel_is_believed_before_its_version_file() -> None:
    (order,) = planned(channel_files={world.CHANNEL: Version(120, 0, 0)}).record.channels
    assert (order.seen, order.moves) == ("115.0.0", True)


def test_channels_are_ordered_by_name() -> None:
    config = replace(world.CONFIG, channels={name: Channel() for name in ("stable", "alpha", "beta")})
    assert [order.name for order in planned(config=config).record.channels] == ["alpha", "beta", "stable"]


def test_the_build_of_the_story_is_ordered_whole() -> None:
    assert planned().record.build == BuildOrder(
        "coreos/scripts", "image-build.yml", "master", "prod", ("qemu", "vmware")
    )


def test_a_line_without_its_own_words_is_built_as_the_others() -> None:
    record = planned(config=replace(world.CONFIG, lines={115: Line(), 109: Line(group="stable")})).record
    assert record.group == "alpha"
    assert record.build == planned().record.build


def test_images_that_a_push_starts_are_not_ordered() -> None:
    assert planned(config=replace(world.CONFIG, build=Build(trigger="push", repository="a/b"))).record.build is None


def test_a_channel_whose_version_cannot_be_read_is_left_alone_unless_it_moves_always() -> None:
    at = snapshot(refs={**snapshot().refs, world.CHANNEL: "ce" * 20})
    (found,) = made(at, request()).record.channels
    assert (found.seen, found.moves) == (None, False)
    (moved,) = made(at, request(choices=Choices(channel="move"))).record.channels
    assert (moved.seen, moved.moves) == (None, True)
