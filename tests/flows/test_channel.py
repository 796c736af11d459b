"""Channels by command: shown with who and when, moved with a reason and a record, never over somebody else's move."""

from __future__ import annotations

from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.stage import MANIFEST

CHANNEL = "refs/heads/dev-channel"
LOG = "refs/manifest-release-bot/channels/dev-channel"
SECOND = b"version: 1\npermissions: {second_person: true}\nbuild: {repository: coreos/scripts}\n"
BACK = "/channel set dev-channel 110.0.0 115.0.0 does not boot"


def record(play: Play) -> str:
    return play.stage.seeded.manifest.git.read("cat-file", "commit", LOG).decode()


def test_a_channel_is_shown_with_its_version_and_who_merged_it(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    told = play.type("/channel show", "mallory")
    at = play.stage.refs()[CHANNEL][:7]
    assert f"| `dev-channel` | 115.0.1 | `{at}` |" in told
    assert "| @hubot | of a higher version |" in told


def test_an_admin_moves_a_channel_back_with_a_reason_and_a_record(play: Play) -> None:
    before = play.stage.refs()
    told = play.type(BACK, "hubot")
    refs = play.stage.refs()
    assert "Its users go BACK from 115.0.0 to 110.0.0." in told
    assert refs[CHANNEL] == refs.get("refs/tags/v110.0.0^{}", refs["refs/tags/v110.0.0"])
    assert "\n115.0.0 does not boot\n" in record(play)
    assert f"\nFrom: {before[CHANNEL]}\nTo: {refs[CHANNEL]}\nSet-by: hubot\nComment: " in record(play)
    assert "@hubot: `115.0.0 does not boot`" in play.type("/channel show")
    assert play.type(BACK, "hubot") == "`dev-channel` is at 110.0.0 already."
    assert "unchanged" not in play.type("/channel set dev-channel 115.0.0 it boots again", "hubot")
    assert record(play).count("\nparent ") == 1


def test_a_move_by_hand_is_undone_by_the_next_higher_release(play: Play) -> None:
    play.type(BACK, "hubot")
    pull = play.propose()
    merged = play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    assert play.stage.refs()[CHANNEL] == merged


def test_moving_a_channel_is_for_admins_and_issues(play: Play) -> None:
    before = play.stage.refs()
    assert "`/channel set` is for" in play.type(BACK, "octocat")
    pull = play.propose()
    assert play.type(BACK, "hubot", on=pull).startswith("`/channel set` works on")
    assert play.stage.refs()[CHANNEL] == before[CHANNEL]


def test_a_channel_leads_to_published_releases_only(play: Play) -> None:
    assert "There is no channel `betta`. Configured: `dev-channel`." in play.type(
        "/channel set betta 110.0.0 x", "hubot"
    )
    told = play.type("/channel set dev-channel 115.0.7 x", "hubot")
    assert told.startswith("115.0.7 is no published release")
    assert "The newest: `115.0.0`" in told


def test_where_a_second_person_is_wanted_another_admin_confirms(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    commit_files(manifest, "master", {".github/manifest-release.yml": ("100644", SECOND)}, "ci: two persons")
    play.stage.sandbox.set_role(MANIFEST, "octocat", "admin")
    before = play.stage.refs()[CHANNEL]
    issue, comment = play.stage.ask(BACK, "hubot")
    play.answer(issue, comment, BACK, "hubot")
    assert "another admin has to comment `/channel confirm`" in play.stage.reply(issue, comment)
    assert play.stage.refs()[CHANNEL] == before

    def confirm(login: str) -> str:
        _, number = play.stage.ask("/channel confirm", login, issue)
        play.answer(issue, number, "/channel confirm", login)
        return play.stage.reply(issue, number)

    assert confirm("hubot").startswith("You asked for `dev-channel` to be moved yourself")
    assert "Its users go BACK" in confirm("octocat")
    assert "\nSet-by: hubot\nConfirmed-by: octocat\n" in record(play)
    assert play.stage.refs()[CHANNEL] != before
    assert confirm("octocat").startswith("No move of a channel waits")


def test_a_channel_that_moved_before_the_second_word_stays(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    commit_files(manifest, "master", {".github/manifest-release.yml": ("100644", SECOND)}, "ci: two persons")
    play.stage.sandbox.set_role(MANIFEST, "octocat", "admin")
    issue, comment = play.stage.ask(BACK, "hubot")
    play.answer(issue, comment, BACK, "hubot")
    elsewhere = commit_files(manifest, "dev-channel", {"NOTES": ("100644", b"x\n")}, "mine")
    _, number = play.stage.ask("/channel confirm", "octocat", issue)
    play.answer(issue, number, "/channel confirm", "octocat")
    assert play.stage.reply(issue, number).startswith("`dev-channel` was moved by somebody else just now")
    assert play.stage.refs()[CHANNEL] == elsewhere


def test_a_command_that_is_carried_out_again_moves_nothing_again(play: Play) -> None:
    issue, comment = play.stage.ask(BACK, "hubot")
    play.answer(issue, comment, BACK, "hubot")
    first = play.stage.refs()
    play.answer(issue, comment, BACK, "hubot")
    assert play.stage.refs() == first
    assert "Its users go BACK" in play.stage.reply(issue, comment)
