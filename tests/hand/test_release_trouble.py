"""`release`, when the world does something in the middle of it: what is on the server then, and what is said."""

from __future__ import annotations

from tests.hand.seeded import Desk, desk as desk

LINE, TAG, CHANNEL = "refs/heads/build-115", "refs/tags/v115.0.1", "refs/heads/dev-channel"
ETCD = ("patch", "build-115", "coreos/etcd=release-0.1")


def hook(desk: Desk, name: str, script: str) -> None:
    """Have the server run this at each push."""
    path = desk.bare().path / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def led_on(ref: str) -> str:
    """A script that puts a commit on top of what was pushed to the ref, or (at any other push) does nothing."""
    who = "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b"
    made = f"$({who} git commit-tree -p $new -m more $new^{{tree}})"
    return f"while read old new ref; do [ $ref != {ref} ] || git update-ref $ref {made}; done"


def test_a_branch_on_which_somebody_commits_right_after_the_push_was_pushed_all_the_same(desk: Desk) -> None:
    hook(desk, "post-receive", led_on(LINE))
    done = desk.release("--yes", *ETCD)
    refs = desk.refs()
    tagged = refs[f"{TAG}^{{}}"]
    assert (done.status, done.err) == (0, "")
    assert f"v115.0.1 is released: {tagged}\n" in done.out
    assert desk.bare().git.run("rev-parse", f"{LINE}^@") == tagged == refs[CHANNEL]
    assert "Left to do:\n  gh workflow run" in done.out


def test_a_branch_that_somebody_sets_elsewhere_right_after_the_push_is_not_taken_for_pushed(desk: Desk) -> None:
    before = desk.refs()[CHANNEL]
    hook(desk, "post-receive", f"git update-ref {LINE} {desk.refs()['refs/heads/master']}")
    done = desk.release("--yes", *ETCD)
    assert done.status == 3
    assert done.err.startswith(f"The server took only {TAG}, and somebody moved another ref. To push the very same")
    assert desk.refs()[CHANNEL] == before
