"""Publishing: what stops it, what it survives, and that nothing happens twice."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.clock import now
from bot.core.intent import Publish, Reconcile
from bot.core.plan import Request
from bot.core.record import Sealed, from_json, seal
from bot.flows import propose
from bot.outage import Outage
from bot.store import tables
from sandbox.pulls import refresh
from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.stage import MANIFEST

TAG = "refs/tags/v115.0.1"


def runs(play: Play) -> int:
    return len(play.stage.sandbox.world.repositories[play.stage.seeded.projects["coreos/scripts"].id].runs)


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_each_way_to_merge_publishes_once(play: Play, method: str) -> None:
    pull = play.propose()
    merged = play.stage.person("hubot").merge(MANIFEST, pull, method)
    for _ in range(3):
        assert play.publish(pull).state == "done"
    refs = play.stage.refs()
    assert refs[TAG + "^{}"] == refs["refs/heads/dev-channel"] == refs["refs/heads/build-115"] == merged
    assert runs(play) == 1
    assert len(play.stage.said(pull, "progress")) == 1


def test_a_base_that_moved_on_in_other_files_does_not_stop_it(play: Play) -> None:
    pull = play.propose()
    commit_files(play.stage.seeded.manifest, "build-115", {"NOTES": ("100644", b"x\n")}, "docs: a note")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "done"


def test_commits_of_others_on_the_branch_stop_it(play: Play) -> None:
    pull = play.propose()
    branch = "release-bot/v115.0.1"
    commit_files(play.stage.seeded.manifest, branch, {"master.xml": ("100644", b"<manifest/>")}, "sneak this in")
    play.stage.sandbox.pushed(
        play.stage.sandbox.world.repositories[play.repository.id], {}, play.stage.sandbox.user("octocat")
    )
    assert play.check(pull).startswith("failure: its branch holds other commits")
    play.stage.person("hubot").merge(MANIFEST, pull)
    outcome = play.publish(pull)
    assert (outcome.state, TAG in play.stage.refs()) == ("stopped", False)
    (told,) = play.stage.said(pull, "stopped")
    assert "proof 3, its head is the planned commit" in told
    assert "proof 5, only the planned files changed, as planned" in told
    assert "`/release resume`" in told


def test_a_reverted_merge_stops_it_until_it_is_put_right(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    manifest = play.stage.seeded.manifest
    planned = manifest.git.read("cat-file", "blob", "build-115:version.txt")
    before = manifest.git.read("cat-file", "blob", "v115.0.0:version.txt")
    commit_files(manifest, "build-115", {"version.txt": ("100644", before)}, "Revert the release")
    assert play.publish(pull).state == "stopped"
    assert TAG not in play.stage.refs()

    commit_files(manifest, "build-115", {"version.txt": ("100644", planned)}, "Release it after all")
    assert play.type("/release resume", on=pull).startswith("I prove the merge for `v115.0.1` again")
    assert TAG in play.stage.refs()
    assert play.type("/release resume", on=pull).startswith("There is nothing to resume")


def test_a_tag_made_by_hand_is_never_touched(play: Play) -> None:
    pull = play.propose()
    play.stage.seeded.manifest.git.run("tag", "v115.0.1", "build-115")
    by_hand = play.stage.refs()[TAG]
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "stopped"
    assert play.stage.refs()[TAG] == by_hand
    assert "the tag v115.0.1 exists and is not ours" in play.stage.said(pull, "stopped")[0]


def test_a_configuration_that_changed_its_mind_stops_it(play: Play) -> None:
    pull = play.propose()
    text = b"version: 1\nchannels: {dev-channel: {mode: newer}}\nbuild: {repository: coreos/scripts, group: stable}\n"
    commit_files(play.stage.seeded.manifest, "master", {".github/manifest-release.yml": ("100644", text)}, "ci: stable")
    assert play.check(pull).startswith("failure: the configuration changed")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert "proof 8" in play.publish(pull).detail


def test_a_retargeted_pull_request_stops_it(play: Play) -> None:
    pull = play.propose()
    play.stage.person("octocat").edit_pull(MANIFEST, pull, base="build-109")
    assert play.check(pull).startswith("failure: it targets build-109")


def test_an_imitation_by_a_person_publishes_nothing(play: Play) -> None:
    real = play.propose()
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{real}")["body"]
    play.stage.person("octocat").close(MANIFEST, real)
    fake = play.stage.person("octocat").open_pull(
        MANIFEST, "release-bot/v115.0.1", "build-115", "build-115: release v115.0.1", body
    )
    play.stage.person("hubot").merge(MANIFEST, fake)
    assert play.publish(fake).state == "stopped"
    assert TAG not in play.stage.refs()
    assert "proof 2" in play.stage.said(fake, "stopped")[0]


def test_a_branch_of_that_name_without_a_plan_is_told_and_blocks_nothing(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    manifest.git.update("refs/heads/release-bot/v115.0.9", manifest.git.refs()["refs/heads/build-115"])
    commit_files(manifest, "release-bot/v115.0.9", {"NOTES": ("100644", b"x\n")}, "mine")
    fake = play.stage.person("octocat").open_pull(MANIFEST, "release-bot/v115.0.9", "build-115", "release v115.0.9")
    play.stage.person("hubot").merge(MANIFEST, fake)
    assert play.publish(fake).state == "stopped"
    assert "none of mine" in play.stage.said(fake, "stopped")[0]
    assert play.type("/release patch build-115 --allow-empty").startswith("Opened #")


def test_a_channel_that_is_at_a_newer_version_stays(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    newer = {"version.txt": ("100644", b"COREOS_BUILD=120\nCOREOS_BRANCH=0\nCOREOS_PATCH=0\n")}
    newer_commit = commit_files(manifest, "dev-channel", newer, "build-120")
    pull = play.propose()
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{pull}")["body"]
    assert "is at a newer version: stays" in body
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "done"
    assert play.stage.refs()["refs/heads/dev-channel"] == newer_commit


def test_a_build_that_cannot_start_leaves_the_release_standing(play: Play) -> None:
    pull = play.propose()
    scripts = play.stage.seeded.projects["coreos/scripts"]
    commit_files(scripts, "master", {".github/workflows/image-build.yml": None}, "ci: no more builds")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "done"
    assert TAG in play.stage.refs()
    assert "could not be started" in play.stage.said(pull, "end")[0]


def test_a_failed_build_is_told_with_the_job_that_failed(play: Play) -> None:
    play.stage.sandbox.actions.next_run("vmware", "failure")
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    play.stage.until("the end of the run", lambda: "ended" in play.follow("115.0.1").detail)
    (told,) = play.stage.said(pull, "end")
    assert "The image build of v115.0.1 failed" in told
    assert "`vmware`: `failure`" in told


def test_a_pull_request_that_is_no_release_has_a_green_check(play: Play) -> None:
    manifest = play.stage.seeded.manifest
    manifest.git.update("refs/heads/topic", manifest.git.refs()["refs/heads/build-115"])
    commit_files(manifest, "topic", {"NOTES": ("100644", b"x\n")}, "docs: a note")
    pull = play.stage.person("octocat").open_pull(MANIFEST, "topic", "build-115", "docs: a note")
    assert play.check(pull) == "success: not a release"


def test_closing_frees_the_version_and_says_so_once(play: Play) -> None:
    pull = play.propose()
    play.stage.person("octocat").close(MANIFEST, pull)
    for _ in range(2):
        play.withdraw(pull)
    assert "refs/heads/release-bot/v115.0.1" not in play.stage.refs()
    assert len(play.stage.said(pull, "withdrawn")) == 1
    assert play.propose("/release patch build-115 --allow-empty")


def test_a_merge_that_is_found_hours_later_waits_for_somebody_who_asks(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    issue = play.stage.sandbox.world.repositories[play.repository.id].issues[pull]
    assert issue.pull is not None
    issue.pull.merged_at = now() - timedelta(hours=3)
    assert play.publish(pull).state == "stopped"
    assert "more than two hours ago" in play.stage.said(pull, "stopped")[0]
    play.type("/release resume", on=pull)
    assert TAG in play.stage.refs()


def test_a_plan_whose_text_somebody_edited_away_is_known_from_the_store(play: Play) -> None:
    pull = play.propose()
    play.stage.person("octocat").edit_pull(MANIFEST, pull, body="I tidied this up")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "done"
    assert TAG in play.stage.refs()


def test_a_tag_that_the_server_forbids_stops_it_with_the_servers_words(play: Play) -> None:
    pull = play.propose()
    hook = play.stage.seeded.manifest.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'tags are protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "stopped"
    assert "the server refused" in play.stage.said(pull, "stopped")[0]
    hook.unlink()
    play.type("/release resume", on=pull)
    assert TAG in play.stage.refs()


def test_a_build_that_could_not_start_is_started_by_resume_and_not_by_itself(play: Play) -> None:
    pull = play.propose()
    scripts = play.stage.seeded.projects["coreos/scripts"]
    workflow = ".github/workflows/image-build.yml"
    text = scripts.git.read("cat-file", "blob", f"master:{workflow}")
    commit_files(scripts, "master", {workflow: None}, "ci: no more builds")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    commit_files(scripts, "master", {workflow: ("100644", text)}, "ci: builds again")
    play.do(Reconcile(play.repository))
    assert not any(isinstance(intent, Publish) for key, intents in play.submitted for intent in intents if "unf" in key)
    assert runs(play) == 0
    play.type("/release resume", on=pull)
    assert runs(play) == 1


def test_a_merge_before_the_plan_was_numbered_is_published_all_the_same(play: Play) -> None:
    command = "/release patch build-115 --allow-empty"
    issue, comment = play.stage.ask(command)
    request = Request("patch", "build-115", (), frozenset({"allow-empty"}), "octocat", command, issue, comment, now())
    made = json.loads(json.dumps(propose.plan_and_push(play.desk, play.repository, request)))
    sealed = Sealed(from_json(made["record"]), made["head"])
    body = f"{made['body']}\n\n{seal(sealed, play.desk.marker_key)}\n"
    repository = play.desk.repository(play.repository)
    opened = repository.open_pull(made["branch"], "build-115", made["title"], body)

    play.stage.person("hubot").merge(MANIFEST, opened.number)
    assert play.publish(opened.number).state == "done"
    assert TAG in play.stage.refs()
    assert propose.ensure_pull(play.desk, play.repository, made) == opened.number
    assert len(play.stage.person("octocat").pulls(MANIFEST, "all")) == 1


def test_what_is_published_stays_published_when_a_later_release_came(play: Play) -> None:
    first = play.propose()
    play.stage.person("hubot").merge(MANIFEST, first)
    play.publish(first)
    second = play.propose("/release patch build-115 --allow-empty")
    play.stage.person("hubot").merge(MANIFEST, second)
    play.publish(second)
    before = play.stage.refs()
    assert play.publish(first).state == "done"
    assert play.stage.said(first, "stopped") == []
    assert play.stage.refs() == before


def test_a_merge_commit_that_is_gone_from_the_server_stops_it(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    issue = play.stage.sandbox.world.repositories[play.repository.id].issues[pull]
    assert issue.pull is not None
    issue.pull.merge_commit = "de" * 20
    issue.pull.merged_at = now() - timedelta(minutes=5)
    assert play.publish(pull).state == "stopped"
    assert "on no branch" in play.stage.said(pull, "stopped")[0]


def test_reverting_a_stopped_release_frees_the_line(play: Play) -> None:
    pull = play.propose()
    manifest = play.stage.seeded.manifest
    commit_files(manifest, "release-bot/v115.0.1", {"NOTES": ("100644", b"x\n")}, "sneak this in")
    repository = play.stage.sandbox.world.repositories[play.repository.id]
    refresh(repository, repository.issues[pull])
    play.stage.person("hubot").merge(MANIFEST, pull, "squash")
    assert play.publish(pull).state == "stopped"
    assert "is not published yet" in play.type("/release patch build-115 --allow-empty")

    old = {path: manifest.git.read("cat-file", "blob", f"v115.0.0:{path}") for path in ("version.txt", "build-115.xml")}
    reverted = {path: ("100644", data) for path, data in old.items()}
    commit_files(manifest, "build-115", {**reverted, "default.xml": ("120000", b"master.xml")}, "Revert")
    manifest.git.update("refs/heads/release-bot/v115.0.1", None)
    assert play.type("/release patch build-115 --allow-empty").startswith("Opened #")


def test_a_channel_that_a_person_moved_back_stays_where_the_person_put_it(play: Play) -> None:
    pull = play.propose()
    before = play.stage.refs()["refs/heads/dev-channel"]
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    play.stage.seeded.manifest.git.update("refs/heads/dev-channel", before)
    play.publish(pull)
    assert play.stage.refs()["refs/heads/dev-channel"] == before


def test_a_copied_plan_in_somebodys_own_pull_request_touches_nothing_of_the_real_one(play: Play) -> None:
    real = play.propose()
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{real}")["body"]
    manifest = play.stage.seeded.manifest
    manifest.git.update("refs/heads/release-bot/zzz", manifest.git.refs()["refs/heads/master"])
    commit_files(manifest, "release-bot/zzz", {"NOTES": ("100644", b"x\n")}, "mine")
    fake = play.stage.person("octocat").open_pull(MANIFEST, "release-bot/zzz", "master", "mine", body)
    play.stage.person("octocat").merge(MANIFEST, fake)
    assert play.publish(fake).state == "stopped"
    play.stage.person("hubot").merge(MANIFEST, real)
    assert play.publish(real).state == "done"
    assert TAG in play.stage.refs()


def test_a_merge_that_github_does_not_show_yet_is_looked_for_again(play: Play) -> None:
    pull = play.propose()
    with pytest.raises(Outage, match="does not show its merge yet"):
        play.publish(pull)


def test_with_the_store_lost_a_published_release_stays_published(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    before = play.stage.refs()
    with play.desk.store.begin() as connection:
        connection.execute(tables.releases.delete())
    play.stage.person("octocat").approve(MANIFEST, pull)
    assert play.publish(pull).state == "done"
    assert play.stage.refs() == before
    assert runs(play) == 1
