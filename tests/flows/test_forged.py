"""Forged: what somebody else wrote, pasted or pushed is never taken for the word of who may decide."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import pytest

from bot.core.record import Sealed, seal
from bot.settings.secret import Secret
from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.flows.sweeping import Clerk
from tests.flows.test_signed import key as key, sign_the_last_release
from tests.flows.test_stopped import BRANCH, TAG, read, reviewer_pushes
from tests.stage import MANIFEST

CHANNEL = "refs/heads/dev-channel"
BACK = "/channel set dev-channel 110.0.0 115.0.0 does not boot"
ELSEWHERE = (
    b'<manifest><remote name="evil" fetch="https://github.com/evil"/>'
    b'<default remote="evil" revision="refs/heads/master"/><project name="a/b" path="src/x"/></manifest>'
)


def unnumbered(play: Play, version: str) -> str:
    """The seal of a release before its pull request had a number: everybody finds it in the history of edits."""
    row = play.desk.store.release(play.repository.id, version)
    assert row is not None
    assert row.head
    return seal(Sealed(row.plan, row.head, None), play.desk.marker_key)


def holder(play: Play, version: str) -> tuple[int | None, str]:
    """The pull request that the store holds for this version's, and how far it is."""
    row = play.desk.store.release(play.repository.id, version)
    assert row is not None
    return row.pull, row.state


def merge_another_with(play: Play, body: str) -> int:
    """Another release pull request, merged under this body."""
    other = play.propose("/release new version=120.0.0")
    play.stage.person("octocat").edit_pull(MANIFEST, other, body=body)
    play.stage.person("hubot").merge(MANIFEST, other)
    play.publish(other)
    return other


def test_a_command_that_was_edited_into_an_admins_comment_is_not_carried_out_by_a_sweep(play: Play) -> None:
    clerk = Clerk(play)
    clerk.sweep()
    issue, comment = play.stage.ask("looks good to me", "hubot")
    before = play.stage.refs()[CHANNEL]
    time.sleep(1.1)  # GitHub tells when a comment was edited to the second
    play.stage.person("octocat").edit_comment(MANIFEST, comment, BACK)
    clerk.sweep()
    (told,) = clerk.replies(issue, comment)
    assert "edited" in told
    assert play.stage.refs()[CHANNEL] == before


def test_an_admins_command_that_no_delivery_brought_is_asked_for_again(play: Play) -> None:
    clerk = Clerk(play)
    clerk.sweep()
    issue, comment = play.stage.ask(BACK, "hubot")
    before = play.stage.refs()[CHANNEL]
    clerk.sweep()
    (told,) = clerk.replies(issue, comment)
    assert "post it again as a new comment" in told
    assert play.stage.refs()[CHANNEL] == before


def test_an_old_seal_in_another_pull_request_does_not_take_the_release_from_its_own(play: Play) -> None:
    real = play.propose()
    merge_another_with(play, unnumbered(play, "115.0.1"))
    assert holder(play, "115.0.1") == (real, "proposed")
    merged = play.stage.person("hubot").merge(MANIFEST, real)
    assert play.publish(real).state == "done"
    assert play.stage.refs()[TAG + "^{}"] == merged


def test_an_old_seal_in_another_pull_request_does_not_revive_a_withdrawn_release(play: Play) -> None:
    real = play.propose()
    body = unnumbered(play, "115.0.1")
    play.stage.person("octocat").close(MANIFEST, real)
    play.withdraw(real)
    merge_another_with(play, body)
    assert holder(play, "115.0.1") == (real, "withdrawn")
    assert TAG not in play.stage.refs()


def test_a_pull_request_under_the_whole_body_of_another_is_still_its_own_release(play: Play) -> None:
    real = play.propose()
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{real}")["body"]
    other = merge_another_with(play, body)
    assert holder(play, "120.0.0")[0] == other
    assert "refs/tags/v120.0.0" in play.stage.refs()
    assert holder(play, "115.0.1") == (real, "proposed")
    assert TAG not in play.stage.refs()


def no_longer_its_manifest(play: Play) -> None:
    reviewer_pushes(play, "default.xml", ELSEWHERE, "a change of mine")


def unpinned_beside_the_release(play: Play) -> None:
    whole = read(play, BRANCH, "build-115.xml")
    loose = whole.replace(play.stage.seeded.etcd_release_head.encode(), b"refs/heads/master")
    reviewer_pushes(play, "release.xml", whole, "a file of its own")
    reviewer_pushes(play, "build-115.xml", loose, "and the line's file unpinned")


def fetched_without_tls(play: Play) -> None:
    evil = b"""  <remote name="evil" fetch="http://evil.example.net"/>
  <project name="a/b" path="src/x" remote="evil" revision="2222222222222222222222222222222222222222"/>
</manifest>"""
    reviewer_pushes(play, "build-115.xml", read(play, BRANCH, "build-115.xml").replace(b"</manifest>", evil), "more")


@pytest.mark.parametrize(
    ("push", "why"),
    [
        (no_longer_its_manifest, "default.xml leads elsewhere than to the line's own manifest"),
        (unpinned_beside_the_release, "do not say the same of `src/third_party/etcd`"),
        (fetched_without_tls, "only plain https addresses on known hosts are asked"),
    ],
)
def test_what_no_plan_would_hold_is_not_adopted(play: Play, push: Callable[[Play], None], why: str) -> None:
    pull = play.propose()
    push(play)
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    told = play.type("/release adopt", "hubot", on=pull)
    assert told.startswith("`v115.0.1` cannot be adopted"), told
    assert why in told
    assert TAG not in play.stage.refs()


def test_a_commit_that_a_rebase_hides_behind_a_message_in_latin_1_is_seen(play: Play) -> None:
    pull = play.propose()
    manifest = play.stage.seeded.manifest
    git = manifest.git
    planned = {path: ("100644", read(play, BRANCH, path)) for path in ("version.txt", "build-115.xml")}
    git.update("refs/heads/" + BRANCH, git.refs()["refs/heads/build-115"])
    first = commit_files(manifest, BRANCH, {"master.xml": ("100644", b"<manifest/>")}, "first this")
    raw = git.read("cat-file", "commit", first).replace(b"first this", b"first \xe9 this")
    raw = raw.replace(b"\n\n", b"\nencoding ISO-8859-1\n\n", 1)
    hashed = ["git", "-C", str(git.path), "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(hashed, input=raw, check=True, capture_output=True).stdout.decode().strip()
    git.update("refs/heads/" + BRANCH, made)
    commit_files(manifest, BRANCH, planned, "then the release")
    repository = play.stage.sandbox.world.repositories[play.repository.id]
    play.stage.sandbox.pushed(repository, {}, play.stage.sandbox.user("octocat"))
    play.stage.person("hubot").merge(MANIFEST, pull, "rebase")
    assert play.publish(pull).state == "stopped"
    assert "it also changes `master.xml`" in play.type("/release adopt", "hubot", on=pull)
    assert TAG not in play.stage.refs()


def test_a_signature_is_not_dodged_by_a_version_that_was_raised_by_hand(play: Play, key: Secret) -> None:
    sign_the_last_release(play, key)
    raised = read(play, "build-115", "version.txt").replace(b"COREOS_PATCH=0", b"COREOS_PATCH=1")
    commit_files(play.stage.seeded.manifest, "build-115", {"version.txt": ("100644", raised)}, "by hand")
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    outcome = play.publish(pull)
    assert (outcome.state, "proof 6" in outcome.detail) == ("stopped", True)
    assert not any(ref.startswith("refs/tags/v115.0.2") for ref in play.stage.refs())
