"""The commands that make a release: their arguments, options and revisions, value by value."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.command import COMMANDS, Command, Mistake, Override, find, parse, render_options

COMMIT = "5c11a2f9" * 5
RELEASES = ["new", "branch", "patch"]


def accepted(line: str) -> Command:
    command = parse(line)
    assert isinstance(command, Command), command
    return command


def refused(line: str) -> Mistake:
    mistake = parse(line)
    assert isinstance(mistake, Mistake), mistake
    return mistake


VALUES = {
    "projects": (["branched", "none", "all"], ["", "some", "All", "all,none", "branched|none"]),
    "from": (["115.0.0", "0.0.0", "999999999.0.1"], ["", "115", "115.0", "115.0.0.0", "0115.0.0", "1000000000.0.0"]),
    "sdk": (
        ["110.0.0", "previous", "keep", "110.0.0+2013-10-24-1130", "110.0.0+a." + "b" * 38],
        [
            "",
            "Keep",
            "110.0",
            "110.0.0+",
            "110.0.0+a_b",
            "110.0.0+-a",
            "110.0.00",
            "110.0.0+a+b",
            "110.0.0+" + "a" * 41,
        ],
    ),
    "version": (["115.0.1"], ["", "V115.0.1", "vv115.0.1", "115.0.1-rc1", "115.0.1+2013", "-1.0.0", "115.0.x"]),
    "group": (["alpha", "a", "0-edge", "a" * 31], ["", "Alpha", "-a", "a_b", "a" * 32, "a,b"]),
    "formats": (
        ["qemu", "qemu,vmware", "qemu_uefi,oem-x,2", ",".join(["a" * 31] * 9)],
        ["", ",", "qemu,", ",qemu", "qemu,,x", "Qemu", "-qemu", "_qemu", "a" * 32],
    ),
    "channel": (["move", "keep"], ["", "yes", "dev-channel", "moved"]),
    "build": (["yes", "no"], ["", "true", "115", "Yes"]),
}
"""For each option of a release what may stand there and what may not."""


@pytest.mark.parametrize("start", ["/release new", "/release branch build-115", "/release patch build-115"])
@pytest.mark.parametrize(("key", "value"), [(key, value) for key in VALUES for value in VALUES[key][0]])
def test_an_option_of_a_release_takes_its_values(start: str, key: str, value: str) -> None:
    assert accepted(f"{start} {key}={value}").options == {key: value}
    assert accepted(f"{start} {key.upper()}='{value}'").options == {key: value}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in VALUES for value in VALUES[key][1]])
def test_any_other_value_is_answered_with_what_may_stand_there(key: str, value: str) -> None:
    mistake = refused(f"/release new {key}={value}")
    option = next(option for option in COMMANDS[0].options if option.key == key)
    assert (mistake.kind, mistake.near) == ("bad-value", (option.written,))
    assert mistake.word == f"{key}={value}"


def test_every_option_of_a_release_has_its_values_here_and_shows_one_that_is_taken() -> None:
    assert list(VALUES) == [option.key for option in COMMANDS[0].options]
    for option in COMMANDS[0].options:
        for shown in option.values.split("|"):
            assert option.read(shown) == shown


def test_the_three_releases_have_the_same_options() -> None:
    specs = [find("release", verb) for verb in RELEASES]
    assert all(spec and spec.options == COMMANDS[0].options and spec.flags == COMMANDS[0].flags for spec in specs)


def test_the_v_of_a_version_is_dropped() -> None:
    command = accepted("/release new from=v115.0.0 version=v116.0.0 sdk=v110.0.0+2013-10-24-1130 etcd=@v115.0.0")
    assert command.options == {"from": "115.0.0", "version": "116.0.0", "sdk": "110.0.0+2013-10-24-1130"}
    assert command.overrides == (Override("etcd", "=@115.0.0"),)


@pytest.mark.parametrize(
    ("line", "build"), [("", None), ("115", 115), ("1", 1), ("999999", 999_999), ("sdk=keep 4711 etcd=main", 4711)]
)
def test_a_new_release_may_name_its_build_and_has_no_line(line: str, build: int | None) -> None:
    command = accepted(f"/release new {line}")
    assert (command.verb, command.line, command.build) == ("new", None, build)


def test_a_branch_release_names_its_line_and_no_build() -> None:
    command = accepted("/release branch build-115 projects=none --draft --allow-empty --allow-rewind --allow-jump")
    assert (command.verb, command.line, command.build) == ("branch", "build-115", None)
    assert command.options == {"projects": "none"}
    assert command.flags == {"draft", "allow-empty", "allow-rewind", "allow-jump"}


REVISIONS = {
    COMMIT: COMMIT,
    "5c11a2f": "5c11a2f",
    "refs/heads/next": "refs/heads/next",
    "refs/tags/v1": "refs/tags/v1",
    "next": "next",
    "feature/x": "feature/x",
    "released": "=released",
    "=released": "=released",
    "@115.0.0": "=@115.0.0",
    "=@115.0.0": "=@115.0.0",
    "=@v115.0.0": "=@115.0.0",
    "refs/heads/released": "refs/heads/released",
    "refs/heads/@115.0.0": "refs/heads/@115.0.0",
    "Released": "Released",
}


@pytest.mark.parametrize(("typed", "revision"), REVISIONS.items())
def test_a_revision_is_a_commit_a_ref_a_branch_or_what_a_release_had(typed: str, revision: str) -> None:
    for value in (typed, f'"{typed}"'):
        assert accepted(f"/release branch build-115 coreos/etcd={value}").overrides == (
            Override("coreos/etcd", revision),
        )


def test_an_upstream_is_a_branch_whatever_its_name() -> None:
    assert accepted("/release new etcd.upstream=released b.upstream=@115.0.0").overrides == (
        Override("etcd", None, "refs/heads/released"),
        Override("b", None, "refs/heads/@115.0.0"),
    )


def test_a_project_called_like_an_option_is_named_in_full() -> None:
    command = accepted("/release new Group=main acme/group=main sdk.upstream=next")
    assert command.options == {"group": "main"}
    assert command.overrides == (Override("acme/group", "main"), Override("sdk", None, "refs/heads/next"))
    assert refused("/release new sdk=5c11a2f9").kind == "bad-value"


def test_the_options_are_a_table_of_two_columns() -> None:
    lines = render_options(COMMANDS[0]).splitlines()
    assert len(lines) == 2 + 4 + len(COMMANDS[0].options) + len(COMMANDS[0].flags)
    for line in lines:
        assert line.replace("\\|", "").count("|") == 3
    assert "| `channel=move\\|keep` | move the channels or leave them, whatever their rule says |" in lines
    assert "| `--draft` | open the pull request as a draft |" in lines
    assert parse("\n".join(lines)) is None
    resume = find("release", "resume")
    assert resume is not None
    assert render_options(resume) == ""


def test_the_page_about_commands_shows_the_options_of_a_release() -> None:
    page = (Path(__file__).parents[2] / "docs/commands.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- options -->\n")[2].partition("<!-- /options -->")[0]
    assert shown == render_options(COMMANDS[0])


@pytest.mark.parametrize("ref", ["", "=", "a=b", "=released", "refs/heads/", "refs/heads/a..b", "HEAD", "-x", COMMIT])
def test_an_upstream_that_is_no_branch_is_answered_with_one(ref: str) -> None:
    mistake = refused(f"/release new etcd.upstream={ref}")
    assert (mistake.kind, mistake.near) == ("bad-value", ("etcd.upstream=refs/heads/master",))


def test_what_a_mistake_offers_is_cut() -> None:
    assert [len(near) for near in refused(f"/release new {'x' * 200}==main").near] == [80, 80]
