"""A plan's record, sealed into a pull request's text and read back."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from bot.core.record import (
    BuildOrder,
    ChannelOrder,
    Choices,
    LineOrder,
    ProjectBranch,
    Record,
    Sealed,
    from_json,
    seal,
    unseal,
)

KEY = b"0123456789abcdef0123456789abcdef"
RECORD = Record(
    repository=7,
    version="115.0.1",
    previous="115.0.0",
    tag="v115.0.1",
    subject="CoreOS v115.0.1",
    base="build-115",
    base_commit="a" * 40,
    sdk="110.0.0",
    group="alpha",
    files={"version.txt": ("100644", "b" * 40), "build-109.xml": None},
    inputs={"version.txt": "c" * 40, "release.xml": None},
    channels=(ChannelOrder("dev-channel", "refs/heads/dev-channel", "newer", "115.0.0", True),),
    build=BuildOrder("coreos/scripts", "image-build.yml", "master", "prod", ("qemu", "vmware")),
    config="sha256:" + "d" * 64,
    requested_by="octocat",
    request="sha256:" + "e" * 64,
    issue=40,
    comment=4000,
    asked_at="2013-10-25T12:01:00+00:00",
)
SEALED = Sealed(RECORD, "f" * 40, 42)


def test_a_record_survives_json() -> None:
    assert from_json(RECORD.to_json()) == RECORD


def test_a_sealed_record_is_read_back_from_the_text_around_it() -> None:
    assert unseal(f"### Release\n\nwords\n{seal(SEALED, KEY)}\nmore words", KEY) == SEALED


def test_the_seal_is_the_same_every_time() -> None:
    assert seal(SEALED, KEY) == seal(SEALED, KEY)


def test_a_record_sealed_with_another_key_is_not_read() -> None:
    assert unseal(seal(SEALED, b"another key, thirty-two bytes long"), KEY) is None


def test_two_sealed_records_in_one_text_are_as_good_as_none() -> None:
    assert unseal(seal(SEALED, KEY) + seal(replace(SEALED, number=43), KEY), KEY) is None


@pytest.mark.parametrize("text", ["", "no marker", "<!-- manifest-release-bot:plan abc.def -->", "<!-- -->"])
def test_a_text_without_a_whole_seal_holds_no_record(text: str) -> None:
    assert unseal(text, KEY) is None


@given(st.data())
def test_no_changed_character_of_a_seal_goes_unnoticed(data: st.DataObject) -> None:
    text = seal(SEALED, KEY)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[at]))
    assert unseal(text[:at] + other + text[at + 1 :], KEY) is None


def test_two_records_that_differ_have_different_digests() -> None:
    assert RECORD.digest != replace(RECORD, group="stable").digest
    assert RECORD.digest == replace(RECORD).digest


BRANCHES = (ProjectBranch("coreos/scripts", "src/scripts", "https://github.com/coreos/scripts", "9" * 40),)
LINES = [
    None,
    LineOrder("build-116", "refs/heads/build-116", None),
    LineOrder("build-116", "refs/heads/build-116", "8" * 40, {"build-116.xml": ("100644", "7" * 40)}, BRANCHES),
]
CHOICES = [Choices(), Choices("beta", ("iso", "pxe"), "keep", False), Choices(build=True)]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("choices", CHOICES)
@pytest.mark.parametrize("last_group", [None, "lts"])
def test_every_part_of_a_record_survives_the_seal(
    line: LineOrder | None, choices: Choices, last_group: str | None
) -> None:
    whole = Sealed(replace(RECORD, line=line, choices=choices, last_group=last_group, build=None), "f" * 40, 42)
    assert unseal(seal(whole, KEY), KEY) == whole
    assert from_json(json.loads(json.dumps(whole.record.to_json()))) == whole.record


def test_a_record_that_was_sealed_before_lines_and_choices_existed_is_read() -> None:
    old = {name: value for name, value in RECORD.to_json().items() if name not in ("line", "choices", "last_group")}
    assert from_json(old) == RECORD


def test_any_part_that_differs_makes_another_digest() -> None:
    others = [
        *(replace(RECORD, line=line) for line in LINES[1:]),
        *(replace(RECORD, choices=choices) for choices in CHOICES[1:]),
        replace(RECORD, last_group="lts"),
    ]
    assert len({RECORD.digest, *(other.digest for other in others)}) == len(others) + 1
