"""Stopped: what was merged and is not published is seen, blocks its branch, and has three ways out."""

from __future__ import annotations

import pytest

from bot.core.intent import Abandon, Adopt
from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.flows.test_new import LINE, files_at, make_tracking
from tests.stage import MANIFEST

TAG = "refs/tags/v115.0.1"
BRANCH = "release-bot/v115.0.1"
OTHER_ETCD = "1" * 40
LOOSE = (
    b'<manifest><remote name="o" fetch="https://github.com"/>'
    b'<project name="a/b" remote="o" revision="refs/heads/master"/></manifest>'
)


def read(play: Play, ref: str, path: str) -> bytes:
    return play.stage.seeded.manifest.git.read("cat-file", "blob", f"{ref}:{path}")


def reviewer_pushes(play: Play, path: str, data: bytes, subject: str) -> str:
    """A commit of a reviewer on the release branch of the bot."""
    commit = commit_files(play.stage.seeded.manifest, BRANCH, {path: ("100644", data)}, subject)
    repository = play.stage.sandbox.world.repositories[play.repository.id]
    play.stage.sandbox.pushed(repository, {}, play.stage.sandbox.user("octocat"))
    return commit


def another_pin(play: Play) -> bytes:
    """The planned manifest with etcd at another commit."""
    planned = read(play, BRANCH, "build-115.xml")
    return planned.replace(play.stage.seeded.etcd_release_head.encode(), OTHER_ETCD.encode())


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_an_admin_adopts_what_a_reviewer_changed_however_it_was_merged(play: Play, method: str) -> None:
    pull = play.propose()
    reviewer_pushes(play, "build-115.xml", another_pin(play), "build-115: another etcd")
    merged = play.stage.person("hubot").merge(MANIFEST, pull, method)
    assert play.publish(pull).state == "stopped"
    (told,) = play.stage.said(pull, "stopped")
    assert all(way in told for way in ("`/release resume`", "`/release adopt`", "`/release abandon`"))

    told = play.type("/release adopt", "hubot", on=pull)
    assert told.startswith("Taken for the release: the merged tree, which changes"), told
    assert "**Projects: 1 changed, 0 added, 0 removed, 11 unchanged**" in told
    assert "| `1111111` |" in told
    refs = play.stage.refs()
    assert refs[TAG + "^{}"] == refs["refs/heads/dev-channel"] == merged
    message = play.stage.seeded.manifest.git.read("cat-file", "tag", "v115.0.1").decode()
    assert "\nAdopted-by: hubot at " in message
    (now,) = play.stage.said(pull, "stopped")
    assert now.startswith("### v115.0.1: was stopped, and is published now")
    assert play.type("/release adopt", "hubot", on=pull).startswith("There is nothing to adopt")


def test_adopting_is_for_admins(play: Play) -> None:
    pull = play.propose()
    reviewer_pushes(play, "build-115.xml", another_pin(play), "build-115: another etcd")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    assert "`/release adopt` is for" in play.type("/release adopt", "octocat", on=pull)
    assert TAG not in play.stage.refs()


@pytest.mark.parametrize(
    ("path", "data", "why"),
    [
        ("master.xml", b"<manifest/>", "it also changes `master.xml`"),
        ("version.txt", b"COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH=2\nCOREOS_SDK_VERSION=110.0.0\n", "115.0.2"),
        ("version.txt", b"COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH=1\n", "no SDK version"),
        ("build-115.xml", b"<manifest>", "not well-formed XML"),
        (
            "build-115.xml",
            LOOSE,
            "`a/b` is not pinned to a commit",
        ),
    ],
)
def test_what_is_no_valid_release_is_never_adopted(play: Play, path: str, data: bytes, why: str) -> None:
    pull = play.propose()
    reviewer_pushes(play, path, data, "a change of mine")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    told = play.type("/release adopt", "hubot", on=pull)
    assert told.startswith("`v115.0.1` cannot be adopted"), told
    assert why in told
    assert TAG not in play.stage.refs()


def test_a_rebase_that_hides_a_commit_before_ours_is_not_adopted(play: Play) -> None:
    pull = play.propose()
    manifest = play.stage.seeded.manifest
    planned = {path: ("100644", read(play, BRANCH, path)) for path in ("version.txt", "build-115.xml")}
    manifest.git.update("refs/heads/" + BRANCH, manifest.git.refs()["refs/heads/build-115"])
    commit_files(manifest, BRANCH, {"master.xml": ("100644", b"<manifest/>")}, "first this")
    commit_files(manifest, BRANCH, planned, "then the release")
    repository = play.stage.sandbox.world.repositories[play.repository.id]
    play.stage.sandbox.pushed(repository, {}, play.stage.sandbox.user("octocat"))
    play.stage.person("hubot").merge(MANIFEST, pull, "rebase")
    assert play.publish(pull).state == "stopped"
    assert "it also changes `master.xml`" in play.type("/release adopt", "hubot", on=pull)


def test_a_tag_made_by_hand_at_the_merge_is_adopted_and_stays_what_it_is(play: Play) -> None:
    pull = play.propose()
    merged = play.stage.person("hubot").merge(MANIFEST, pull)
    play.stage.seeded.manifest.git.run("tag", "v115.0.1", merged)
    assert play.publish(pull).state == "stopped"
    (told,) = play.stage.said(pull, "stopped")
    assert "`/release adopt`" in told
    assert "`/release abandon`" not in told
    assert "The tag `v115.0.1` that stands there is kept." in play.type("/release adopt", "hubot", on=pull)
    refs = play.stage.refs()
    assert refs[TAG] == merged == refs["refs/heads/dev-channel"]
    assert play.publish(pull).state == "done"


def test_a_tag_made_by_hand_elsewhere_is_not_adopted(play: Play) -> None:
    pull = play.propose()
    play.stage.seeded.manifest.git.run("tag", "v115.0.1", "build-115")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    assert "not at the merge" in play.type("/release adopt", "hubot", on=pull)


def test_abandoning_takes_the_merge_back_and_frees_the_number(play: Play) -> None:
    pull = play.propose()
    before = read(play, "build-115", "version.txt"), read(play, "build-115", "build-115.xml")
    reviewer_pushes(play, "build-115.xml", another_pin(play), "build-115: another etcd")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    assert f"#{pull} (115.0.1) was merged" in play.type("/release patch build-115 --allow-empty")

    told = play.type("/release abandon", on=pull)
    number = int(told.split("#")[1].split(" ")[0])
    assert play.type("/release abandon", on=pull).startswith(f"#{number} takes the merge")
    assert play.type("/release resume", on=pull).startswith(f"#{number} would take")
    assert play.check(number).startswith("success: not a release")
    play.stage.person("hubot").merge(MANIFEST, number)
    assert (read(play, "build-115", "version.txt"), read(play, "build-115", "build-115.xml")) == before
    assert play.publish(pull).state == "stopped"
    told = play.type("/release patch build-115 --allow-empty")
    assert "**115.0.1**" in told
    again = int(told.split("#")[1].split(" ")[0])
    for way in ("resume", "adopt", "abandon"):
        told = play.type(f"/release {way}", "hubot", on=pull)
        assert told == f"There is nothing to {way}: `v115.0.1` is proposed by #{again} now."
    assert play.publish(pull).state == "ignored"
    assert TAG not in play.stage.refs()
    merged = play.stage.person("hubot").merge(MANIFEST, again)
    assert play.publish(again).state == "done"
    assert play.stage.refs()[TAG + "^{}"] == merged


def test_what_is_published_is_neither_adopted_nor_abandoned(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    assert "nothing to adopt: `v115.0.1` is building" in play.type("/release adopt", "hubot", on=pull)
    assert "nothing to abandon: `v115.0.1` is building" in play.type("/release abandon", on=pull)


def test_a_file_that_was_changed_since_is_not_taken_back(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    commit_files(play.stage.seeded.manifest, "build-115", {"version.txt": ("100644", b"COREOS_BUILD=9\n")}, "mine")
    assert play.publish(pull).state == "stopped"
    assert "`version.txt` was changed on `build-115` since" in play.type("/release abandon", on=pull)


def test_the_operator_adopts_and_abandons_without_a_comment(play: Play) -> None:
    pull = play.propose()
    reviewer_pushes(play, "build-115.xml", another_pin(play), "build-115: another etcd")
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    assert play.do(Abandon(play.repository, pull, "octocat")).state == "done"
    (told,) = play.stage.said(pull, "abandoned")
    number = int(told.split("#")[1].split(" ")[0])
    play.stage.person("hubot").close(MANIFEST, number)
    assert play.do(Adopt(play.repository, pull, "hubot")).state == "done"
    assert TAG in play.stage.refs()
    assert play.stage.said(pull, "adopted")[0].startswith("Taken for the release")


@pytest.mark.parametrize(("tracking", "method"), [(False, "merge"), (False, "rebase"), (True, "squash")])
def test_an_adopted_release_opens_its_line_as_if_it_had_been_planned_so(
    play: Play, tracking: bool, method: str
) -> None:
    if tracking:
        make_tracking(play)
    pull = play.propose("/release new 116")
    branch = "release-bot/v116.0.0"
    manifest = play.stage.seeded.manifest
    name = "release.xml" if tracking else "build-116.xml"
    planned = read(play, branch, name)
    etcd = play.stage.seeded.projects["coreos/etcd"].git.refs()["refs/heads/master"]
    assert etcd.encode() in planned
    changes = {file: ("100644", planned.replace(etcd.encode(), OTHER_ETCD.encode())) for file in (name,)}
    if tracking:
        changes["build-116.xml"] = ("100644", read(play, branch, "build-116.xml").replace(etcd.encode(), b"1" * 40))
    commit_files(manifest, branch, changes, "another etcd")
    repository = play.stage.sandbox.world.repositories[play.repository.id]
    play.stage.sandbox.pushed(repository, {}, play.stage.sandbox.user("octocat"))
    merged = play.stage.person("hubot").merge(MANIFEST, pull, method)
    assert play.publish(pull).state == "stopped"
    assert play.type("/release adopt", "hubot", on=pull).startswith("Taken for the release")
    refs = play.stage.refs()
    assert refs["refs/tags/v116.0.0^{}"] == merged
    if tracking:
        assert manifest.git.read("rev-parse", f"{refs[LINE]}^").decode().strip() == merged
        assert b'revision="refs/heads/build-116"' in files_at(play, refs[LINE])["build-116.xml"]
    else:
        assert refs[LINE] == merged
    assert OTHER_ETCD.encode() in files_at(play, merged)[name]
