"""What people are told: every refusal, in the place where it is met."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clock import now
from bot.core.version import Version
from sandbox.seed import advance, commit_files
from tests.flows.conftest import Play
from tests.stage import MANIFEST


def test_a_patch_is_opened_and_told_in_one_sentence_each(play: Play) -> None:
    told = play.type(f"/release patch build-115 coreos/etcd={play.stage.seeded.etcd_release_head}")
    assert told == (
        "Opened #2 for **115.0.1** (was 115.0.0) on `build-115`. 1 project changes. "
        "Merging it tags `v115.0.1`, moves `dev-channel` and starts the image build."
    )


def test_without_projects_those_that_follow_the_line_move(play: Play) -> None:
    head = advance(play.stage.seeded.projects["coreos/coreos-overlay"], "build-115", "fix: a bug on the line")
    pull = play.propose("/release patch build-115")
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{pull}")["body"]
    assert f"[`{head[:7]}`]" in body
    assert "**Projects: 1 of 12 changes**" in body


@pytest.mark.parametrize("word", ["coreos/etcd", "etcd", "src/third_party/etcd"])
@pytest.mark.parametrize("length", [40, 8])
def test_a_project_is_known_by_name_path_or_last_part_and_a_commit_by_its_beginning(
    play: Play, word: str, length: int
) -> None:
    commit = play.stage.seeded.etcd_release_head
    assert play.type(f"/release patch build-115 {word}={commit[:length]}").startswith("Opened #2")


def test_a_branch_name_is_a_revision(play: Play) -> None:
    assert play.type("/release patch build-115 etcd=release-0.1").startswith("Opened #2")


REFUSALS = {
    "/release pach build-115": "I do not know `/release pach`. Did you mean **`/release patch build-115`**?",
    "/release patch": "`/release patch` needs a release line: `build-115`, `build-109`.",
    "/release patch build-151": "There is no release branch `build-151`. Near it: `build-115`",
    "/release patch build-115": "No project that follows `refs/heads/build-115` moved since `v115.0.0`.",
    "/release patch build-115 nothing=abc1234": "None of the 12 projects is called `nothing`.",
    "/release patch build-115 etcdd=abc1234": "None of the 12 projects is called `etcdd`. Near it: `coreos/etcd`.",
    "/release patch build-115 etcd=abcdef1": "`abcdef1` is on no branch or tag of `coreos/etcd`.",
    "/release patch build-115 etcd=" + "ab" * 20: "is on no branch or tag of `coreos/etcd`.",
    "/release patch build-115 etcd=nosuch": "`nosuch` is on no branch or tag of `coreos/etcd`.",
    "/release patch build-115 --alow-empty": "I do not know `--alow-empty` here. Did you mean `--allow-empty`?",
    "/release resume": "`/release resume` works on a merged release pull request.",
    "/release plan new": "`/release plan` is not available yet.",
}


@pytest.mark.parametrize(("command", "told"), REFUSALS.items())
def test_a_refusal_says_why_and_what_to_type_next(play: Play, command: str, told: str) -> None:
    before = play.stage.refs()
    assert told in play.type(command)
    assert play.stage.refs() == before
    assert play.stage.person("octocat").pulls(MANIFEST) == []


def test_a_commit_on_several_other_branches_is_asked_about(play: Play) -> None:
    etcd = play.stage.seeded.projects["coreos/etcd"]
    etcd.git.update("refs/heads/next", play.stage.seeded.etcd_release_head)
    told = play.type(f"/release patch build-115 etcd={play.stage.seeded.etcd_release_head}")
    assert "is on `next`, `release-0.1` of `coreos/etcd`, not on `master`" in told
    assert "Say which: `coreos/etcd.upstream=refs/heads/next`." in told
    again = f"etcd={play.stage.seeded.etcd_release_head} etcd.upstream=release-0.1"
    assert play.type(f"/release patch build-115 {again}").startswith("Opened #")


def test_going_back_needs_to_be_meant(play: Play) -> None:
    etcd = play.stage.seeded.projects["coreos/etcd"]
    older = etcd.git.run("rev-parse", f"{play.stage.seeded.etcd_pin}~2")
    told = play.type(f"/release patch build-115 etcd={older}")
    assert told.startswith("`coreos/etcd` would go BACK 2 commits")
    assert play.type(f"/release patch build-115 etcd={older} --allow-rewind").startswith("Opened #")


def test_asking_again_for_what_is_open_is_answered_with_it(play: Play) -> None:
    pull = play.propose()
    same = f"/release  patch build-115 coreos/etcd={play.stage.seeded.etcd_release_head}"
    assert play.type(same).startswith(f"#{pull} already proposes 115.0.1 for `build-115`.")
    assert play.type("/release patch build-115 --allow-empty").startswith(f"#{pull} (115.0.1) is open on `build-115`")


def test_while_a_merged_release_is_not_published_another_waits(play: Play) -> None:
    pull = play.propose()
    text = b"version: 1\nchannels: {}\nbuild: {repository: coreos/scripts}\n"
    commit_files(play.stage.seeded.manifest, "master", {".github/manifest-release.yml": ("100644", text)}, "ci: other")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    told = play.type("/release patch build-115 --allow-empty")
    assert told.startswith(f"#{pull} (115.0.1) was merged into `build-115` and is not published yet")


def test_somebody_without_the_right_is_told_who_has_it_and_only_once_an_hour(play: Play) -> None:
    issue, comment = play.stage.ask("/release patch build-115", "mallory")
    play.answer(issue, comment, "/release patch build-115", "mallory")
    (told,) = play.stage.said(issue, "reply")
    assert told.startswith(
        "`/release patch` is for people with write access to this repository. "
        "You can use: `/release status`, `/release help`, `/channel show`."
    )
    assert play.type("/release patch build-115", "mallory", on=None) != ""
    again = play.stage.person("mallory").comment(MANIFEST, issue, "/release patch build-115")
    play.answer(issue, again, "/release patch build-115", "mallory")
    assert len(play.stage.said(issue, "reply")) == 1


def test_help_shows_what_this_person_can_use_in_this_place(play: Play) -> None:
    assert "/release patch" in play.type("/release help")
    assert "/release patch" not in play.type("/release help", "mallory")
    assert "/release resume" not in play.type("/release help")


def test_a_command_that_was_edited_or_is_late_is_to_be_posted_again(play: Play) -> None:
    command = "/release patch build-115 --allow-empty"
    assert "I was away when this was posted" in play.type(command, at=now() - timedelta(hours=2))
    issue, comment = play.stage.ask(command)
    play.stage.person("octocat").edit_comment(MANIFEST, comment, "/release patch build-109 --allow-empty")
    play.answer(issue, comment, command, "octocat")
    (told,) = play.stage.said(issue, f"reply {comment} ")
    assert "it was edited since" in told


def test_a_command_that_was_deleted_gets_no_answer(play: Play) -> None:
    issue, comment = play.stage.ask("/release help")
    play.stage.person("octocat").delete_comment(MANIFEST, comment)
    assert play.answer(issue, comment, "/release help", "octocat").state == "ignored"
    assert play.stage.said(issue, "reply") == []


def test_a_project_that_cannot_be_read_is_named_and_nothing_changes(play: Play) -> None:
    (play.stage.seeded.projects["coreos/portage-stable"].path / "HEAD").rename(play.stage.root / "HEAD")
    before = play.stage.refs()
    told = play.type("/release patch build-115")
    assert "could not be read (`coreos/portage-stable`:" in told
    assert "Nothing was changed" in told
    assert play.stage.refs() == before


def test_a_configuration_that_does_not_read_is_named_with_its_line(play: Play) -> None:
    bad = {".github/manifest-release.yml": ("100644", b"version: 1\nchanels: {}\n")}
    commit_files(play.stage.seeded.manifest, "master", bad, "ci: oops")
    told = play.type("/release patch build-115 --allow-empty")
    assert "manifest-release.yml" in told
    assert "channels" in told


def test_commits_of_others_on_the_bots_branch_are_not_overwritten(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    branch = "release-bot/v115.0.1"
    manifest.git.update(f"refs/heads/{branch}", manifest.git.refs()["refs/heads/build-115"])
    theirs = commit_files(manifest, branch, {"NOTES": ("100644", b"x\n")}, "my notes")
    assert "holds commits that are not mine" in play.type("/release patch build-115 --allow-empty")
    assert manifest.git.refs()[f"refs/heads/{branch}"] == theirs


def test_a_version_that_another_command_is_about_to_propose_is_waited_for(play: Play) -> None:
    pull = play.propose()
    release = play.desk.store.release(play.repository.id, "115.0.1")
    assert release is not None
    play.stage.person("octocat").close(MANIFEST, pull)
    play.desk.store.withdrawn(play.repository.id, "115.0.1", pull)
    other = replace(release.plan, comment=1)
    assert play.desk.store.reserve(play.repository.id, other, Version(115, 0, 1))
    assert play.type("/release patch build-115 --allow-empty").startswith("Another command is on its way")


def test_a_comment_that_led_to_a_pull_request_leads_to_no_second_one(play: Play) -> None:
    command = "/release patch build-115 --allow-empty"
    began = now()
    issue, comment = play.stage.ask(command)
    play.answer(issue, comment, command, "octocat", at=began)
    (told,) = play.stage.said(issue, "reply")
    play.stage.person("hubot").merge(MANIFEST, 2)
    play.publish(2)
    play.answer(issue, comment, command, "octocat", at=began)
    assert len(play.stage.person("octocat").pulls(MANIFEST, "all")) == 1
    assert len(play.stage.said(issue, "reply")) == 1
    assert told.startswith("Opened #2")
