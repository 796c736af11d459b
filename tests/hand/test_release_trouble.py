"""`release`, when the world does something in the middle of it: what is on the server then, and what is said."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from sandbox.seed import advance
from sandbox.seed_files import FILE
from tests.git_server import Asked, Reply
from tests.hand.seeded import NOW, PATIENCE, Desk, Done, desk as desk

LINE, TAG, CHANNEL = "refs/heads/build-115", "refs/tags/v115.0.1", "refs/heads/dev-channel"
ETCD = ("patch", "build-115", "coreos/etcd=release-0.1")
ON_TERMINAL = ("release", "--now", NOW, *ETCD)
PUSHED = "coreos/pushed"


def hook(desk: Desk, name: str, script: str) -> None:
    """Have the server run this at each push."""
    path = desk.bare().path / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def typed(desk: Desk, command: str) -> int:
    """How a command that was printed ends when the person types it."""
    return subprocess.run(["/bin/sh", "-c", command], env=desk.env(), capture_output=True, check=False).returncode


def into(desk: Desk, redirected: str, *more: str) -> subprocess.CompletedProcess[str]:
    """One release, its output redirected as a shell does it."""
    words = shlex.join(desk.words("release", "--now", NOW, "--yes", *ETCD, *more))
    return subprocess.run(
        ["/bin/sh", "-c", f"{words} {redirected}"],
        cwd=desk.clone,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=desk.env(),
        check=False,
        timeout=PATIENCE,
    )


def deaf_from_the_push_on(desk: Desk, err: int) -> tuple[int, str]:
    """One release whose output is read until the push begins, and then no more; its status and what it says else."""
    reader, writer = os.pipe()

    def rule(asked: Asked) -> Reply | None:
        if "git-receive-pack" in asked.path and open_ends:
            os.close(open_ends.pop())
        return None

    open_ends = [reader]
    desk.server.rules.append(rule)
    words = desk.words("release", "--now", NOW, "--yes", *ETCD)
    with subprocess.Popen(
        words, cwd=desk.clone, stdin=subprocess.DEVNULL, stdout=writer, stderr=err or writer, env=desk.env(), text=True
    ) as process:
        os.close(writer)
        told = process.communicate(timeout=PATIENCE)[1]
    return process.returncode, told or ""


def interrupted_at(desk: Desk, push: int) -> Done:
    """One release to which somebody types Ctrl-C while the server has this push (1: the first) and says nothing."""
    pushes: list[str] = []

    def rule(asked: Asked) -> Reply | None:
        if "git-receive-pack" not in asked.path or asked.method != "POST":
            return None
        pushes.append(asked.path)
        if len(pushes) < push:
            return None
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        return Reply(503)

    desk.server.rules.append(rule)
    words = desk.words("release", "--now", NOW, "--yes", *ETCD)
    process = subprocess.Popen(
        words,
        cwd=desk.clone,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=desk.env(),
        text=True,
    )
    out, err = process.communicate(timeout=PATIENCE)
    desk.server.rules.clear()
    return Done(process.returncode, out, err)


def push_elsewhere(desk: Desk) -> str:
    """Set the clone to push to a copy of the repository; its address."""
    shutil.copytree(desk.bare().path, desk.bare(PUSHED).path, symlinks=True)
    address = f"{desk.server.origin}/{PUSHED}"
    desk.git("remote", "set-url", "--push", "origin", address)
    return address


def follow(desk: Desk, mode: str) -> None:
    """Have the channel move in this mode."""
    text = desk.bare().git.run("show", "master:.github/manifest-release.yml")
    changed = text.replace("dev-channel: {mode: newer}", f"dev-channel: {{mode: {mode}}}")
    assert changed != text
    desk.commit("coreos/manifest", "master", {".github/manifest-release.yml": (FILE, f"{changed}\n".encode())})


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


def test_the_question_names_where_it_is_pushed_and_where_that_is_not_where_it_was_read_both(desk: Desk) -> None:
    address, before = push_elsewhere(desk), desk.refs()
    done = desk.at_terminal(*ON_TERMINAL, answer="y")
    assert done.status == 0
    assert f"Push {LINE}, {TAG} to {address} (read at {desk.url}), all or nothing, then move " in done.out
    assert desk.refs() == before
    assert TAG in desk.bare(PUSHED).git.refs()


def test_what_is_to_be_typed_goes_where_pushes_go(desk: Desk) -> None:
    address, before = push_elsewhere(desk), desk.refs()
    cut: list[str] = []

    def rule(asked: Asked) -> Reply | None:
        if "git-receive-pack" in asked.path and asked.method == "POST":
            cut.append(asked.path)
        return Reply(503) if cut else None

    desk.server.rules.append(rule)
    done = desk.release("--yes", *ETCD)
    desk.server.rules.clear()
    again = re.search(r"To push the very same again, type `(git .*)`\.", done.err)
    assert again
    command = next(line for line in done.err.splitlines() if "--force-with-lease" in line)
    assert address in again[1]
    assert address in command
    assert [typed(desk, again[1]), typed(desk, command)] == [0, 0]
    assert desk.refs() == before
    refs = desk.bare(PUSHED).git.refs()
    assert refs[LINE] == refs[CHANNEL] == refs[f"{TAG}^{{}}"]


@pytest.mark.parametrize("more", [(), ("--diff",), ("--dry-run",)])
def test_output_that_cannot_be_written_is_found_out_before_anything_is_pushed(desk: Desk, more: list[str]) -> None:
    before = desk.refs()
    done = into(desk, ">/dev/full", *more)
    sentence = "The output cannot be written: No space left on device. Nothing was pushed.\n"
    assert (done.returncode, done.stderr) == (1, sentence)
    assert desk.refs() == before


def test_without_standard_output_nothing_is_pushed(desk: Desk) -> None:
    before = desk.refs()
    done = into(desk, ">&-")
    assert (done.returncode, done.stderr) == (1, "There is no standard output to write to. Nothing was pushed.\n")
    assert desk.refs() == before


def test_who_reads_no_more_once_it_is_pushed_stops_nothing_and_is_told_on_standard_error(desk: Desk) -> None:
    status, told = deaf_from_the_push_on(desk, subprocess.PIPE)
    refs = desk.refs()
    commit = refs[f"{TAG}^{{}}"]
    assert status == 0
    assert refs[LINE] == refs[CHANNEL] == commit
    head, left = told.split("Left to do:\n")
    assert head == f"v115.0.1 is released: {commit}\ndev-channel: moved to {commit}\n"
    assert left.startswith("  gh workflow run ")


def test_where_nothing_can_be_told_any_more_the_channels_move_and_the_status_is_1(desk: Desk) -> None:
    status, _ = deaf_from_the_push_on(desk, 0)
    refs = desk.refs()
    assert (status, refs[CHANNEL]) == (1, refs[f"{TAG}^{{}}"])


def test_a_channel_that_was_deleted_meanwhile_is_left_so_with_the_command_that_makes_it(desk: Desk) -> None:
    def meanwhile() -> str:
        desk.bare().git.run("update-ref", "-d", CHANNEL)
        return "y"

    done = desk.at_terminal(*ON_TERMINAL, answer=meanwhile)
    assert done.status == 6
    assert "dev-channel: somebody deleted it meanwhile; it was left so\n" in done.out
    assert CHANNEL not in desk.refs()
    command = next(line for line in done.out.splitlines() if "--force-with-lease" in line)
    assert typed(desk, command) == 0
    assert desk.refs()[CHANNEL] == desk.refs()[LINE]


def test_a_channel_on_which_somebody_commits_right_after_it_moved_has_moved(desk: Desk) -> None:
    hook(desk, "post-receive", led_on(CHANNEL))
    done = desk.release("--yes", *ETCD)
    refs = desk.refs()
    assert done.status == 0
    assert f"dev-channel: moved to {refs[LINE]}, and somebody led it on to {refs[CHANNEL]}\n" in done.out


def test_a_channel_whose_move_nobody_knows_the_end_of_is_not_said_to_be_anywhere(desk: Desk) -> None:
    before, pushes = desk.refs()[CHANNEL], []

    def rule(asked: Asked) -> Reply | None:
        pushes.extend([asked.path] if "git-receive-pack" in asked.path and asked.method == "POST" else [])
        return Reply(503) if len(pushes) > 1 else None

    desk.server.rules.append(rule)
    done = desk.release("--yes", *ETCD)
    assert done.status == 6
    assert f"; whether it still is at {before} is unknown\n" in done.out
    desk.server.rules.clear()
    assert typed(desk, next(line for line in done.out.splitlines() if "--force-with-lease" in line)) == 0
    assert desk.refs()[CHANNEL] == desk.refs()[LINE]


def test_the_question_says_which_channel_stays_and_where(desk: Desk) -> None:
    done = desk.at_terminal(*ON_TERMINAL, "channel=keep", answer="y")
    assert done.status == 0
    assert f"to {desk.url}, all or nothing (dev-channel stays at 115.0.0)? [y/N] " in done.out


def test_the_question_says_that_a_channel_moves_by_fast_forward(desk: Desk) -> None:
    follow(desk, "ff")
    done = desk.at_terminal(*ON_TERMINAL, answer="y")
    assert done.status == 0
    assert "all or nothing, then move dev-channel (a fast-forward)? [y/N] " in done.out
    assert desk.refs()[CHANNEL] == desk.refs()[LINE]


def test_the_question_says_that_a_channel_stays_which_could_not_move_by_fast_forward(desk: Desk) -> None:
    follow(desk, "ff")
    aside = advance(desk.bare(), "dev-channel", "aside")
    done = desk.at_terminal(*ON_TERMINAL, answer="y")
    assert done.status == 0
    assert "all or nothing (dev-channel stays: it would be no fast-forward)? [y/N] " in done.out
    assert "dev-channel: stays: it would be no fast-forward\n" in done.out
    assert desk.refs()[CHANNEL] == aside


def test_ctrl_c_during_the_push_tells_how_to_end_what_may_have_begun(desk: Desk) -> None:
    done = interrupted_at(desk, 1)
    assert (done.status, "Traceback" in done.err) == (130, False)
    said = done.err.splitlines()
    again = re.fullmatch(
        r"Interrupted. Nobody knows whether v115.0.1 was pushed. To push the very same again, type `(git .*)`\.",
        said[0],
    )
    assert again
    assert said[1:4] == [
        "Channels that may not have moved: dev-channel",
        "`verify 115.0.1` shows what is there.",
        "Left to do:",
    ]
    assert [typed(desk, again[1]), typed(desk, said[4])] == [0, 0]
    refs = desk.refs()
    assert refs[LINE] == refs[CHANNEL] == refs[f"{TAG}^{{}}"]
    assert said[5].startswith("  gh workflow run ")
    assert desk.run("verify", "115.0.1").status == 0


def test_ctrl_c_while_a_channel_moves_tells_that_it_is_released_and_what_moves_the_channel(desk: Desk) -> None:
    done = interrupted_at(desk, 2)
    commit = desk.refs()[f"{TAG}^{{}}"]
    assert (done.status, desk.refs()[LINE]) == (130, commit)
    said = done.err.splitlines()
    assert said[:3] == [
        f"Interrupted. v115.0.1 is released: {commit}",
        "Channels that may not have moved: dev-channel",
        "`verify 115.0.1` shows what is there.",
    ]
    assert typed(desk, said[4]) == 0
    assert desk.refs()[CHANNEL] == commit
